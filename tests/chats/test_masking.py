"""Masking finds private data next to anything, and leaves prices, sizes and item numbers alone."""

from __future__ import annotations

import itertools

import pytest

from xundan.chats.entities import is_bank_card, is_id_card
from xundan.chats.masking import hash_buyer, mask

CARD = "6222021234567890128"  # a UnionPay-like number made up for this test; its check digit is set below
CARD = CARD[:-1] + next(d for d in "0123456789" if is_bank_card(CARD[:-1] + d))
IDENTITY = "11010119900307123" + next(c for c in "0123456789X" if is_id_card("11010119900307123" + c))

# One written example of each kind; the number alone, then put next to every neighbour.
ALONE = [
    ("13812345678", "[手机]"),
    ("138 1234 5678", "[手机]"),
    ("138-1234-5678", "[手机]"),
    ("+86 13812345678", "[手机]"),
    ("8613812345678", "[手机]"),
    ("138****5678", "[手机]"),
    ("１３８１２３４５６７８", "[手机]"),
    ("0571-88881234", "[电话]"),
    ("(010)62345678", "[电话]"),
    ("400-123-4567", "[电话]"),
    (IDENTITY, "[身份证]"),
    (IDENTITY[:6] + " " + IDENTITY[6:14] + " " + IDENTITY[14:], "[身份证]"),
    ("110101900307123", "[身份证]"),
    (CARD, "[银行卡]"),
    (" ".join([CARD[:4], CARD[4:8], CARD[8:12], CARD[12:16], CARD[16:]]), "[银行卡]"),
    ("li.si-88@mail.example.com", "[邮箱]"),
    ("2987654321012345678", "[订单号]"),
    ("260913-123456789012345", "[订单号]"),
    ("SF1234567890123", "[快递单号]"),
    ("YT1234567890123", "[快递单号]"),
    ("JDVA12345678901", "[快递单号]"),
]
NEIGHBOURS = ["", "号", "，", "：", "（", " ", "!", "。", "\n"]

# Longer texts: what comes in, what is stored.
RECALL = [
    ("我电话13812345678麻烦改一下", "我电话[手机]麻烦改一下"),
    ("13812345678vx同号", "[手机]vx同号"),
    ("tel13812345678", "tel[手机]"),
    ("打0571-88881234转802", "打[电话]"),
    ("座机：88881234", "座机：[电话]"),
    ("身份证号是" + IDENTITY.lower(), "身份证号是[身份证]"),
    ("身份证110101199003071230", "身份证[身份证]"),
    ("银行卡号 6222 0212 3456 7890 123", "银行卡号 [银行卡]"),
    ("发到zhang_san@example.cn谢谢", "发到[邮箱]谢谢"),
    ("邮箱ｌｉｓｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "邮箱[邮箱]"),
    ("加我微信abc12345吧", "加我微信[微信]吧"),
    ("微信号：zhangsan_88", "微信号：[微信]"),
    ("ＷＸ：zhangsan", "ＷＸ：[微信]"),
    ("加v：shopfriend", "加v：[微信]"),
    ("薇信 qwe_123", "薇信 [微信]"),
    ("wxid_a1b2c3d4e5", "[微信]"),
    ("微信13812345678", "微信[手机]"),
    ("QQ123456789", "QQ[QQ]"),
    ("我的扣扣是 12345678", "我的扣扣是 [QQ]"),
    ("qq群：1234567", "qq群：[QQ]"),
    ("订单号521521942026什么时候发", "订单号[订单号]什么时候发"),
    ("订单编号：ＡＢ202609131234", "订单编号：[订单号]"),
    ("单号12345678到哪了", "单号[订单号]到哪了"),
    ("521521942026这个订单退了", "[订单号]这个订单退了"),
    ("快递单号是773012345678901", "快递单号是[快递单号]"),
    ("中通 73123456789012 没动", "中通 [快递单号] 没动"),
    ("运单JT5123456789012", "运单[快递单号]"),
    ("送到浙江省杭州市西湖区文三路12号3栋501室谢谢", "送到[地址]谢谢"),
    ("广东省 深圳市 南山区 科技园路１２号", "[地址]"),
    ("上海市浦东新区张杨路500弄6号302室", "[地址]"),
    ("北京朝阳区建国路88号", "[地址]"),
    ("改一下地址江苏省苏州市吴中区东吴大道99号", "改一下地址[地址]"),
    ("收货地址：四川省成都市高新区天府三街", "收货地址：[地址]"),
    ("阳光花园3栋2单元501室", "[地址]"),
    ("河南省新密市李家村三组12号", "[地址]"),
]

# Nothing private: must come back as typed.
KEPT = [
    "199.00",
    "¥1280元能少点吗",
    "满300减40",
    "1.8*2.2米的有吗",
    "身高165 体重110斤穿什么码",
    "165/88A和170/92A",
    "521521942026",
    "这个521521942026有货吗",
    "货号A2337有吗",
    "款号20260913",
    "型号WH-1000XM5",
    "条码6901234567892",
    "2026-09-13 12:48:07",
    "2026年9月13日下午3点",
    "20260913",
    "要12个 24个 36个",
    "3室2厅用多大的",
    "7座 200元一套",
    "三楼有货吗，2号发货？",
    "江苏省南京市 8号能到吗",
    "发到上海市浦东新区要几天",
    "地址可以改吗",
    "收货地址填错了怎么改",
    "如果和原地址是在同一个区的话",
    "支持微信支付吗",
    "微信号多少",
    "QQ糖 500克",
    "订单什么时候发货",
    "订单金额12800",
    "快递单号发我一下",
    "顺丰包邮吗",
    "京东100012345678这款",
    "15000毫安",
    "1500 2000 2500 三个价",
    "8核16G 512G",
    "@客服 在吗",
    "https://item.example.com/item.htm?id=521521942026",
    "路由器放客厅2号位置",
    "[手机] 和 [地址] 都改了",
]


@pytest.mark.parametrize(("number", "token"), ALONE)
def test_each_kind_is_masked_next_to_any_neighbour(number: str, token: str) -> None:
    for before, after in itertools.product(NEIGHBOURS, NEIGHBOURS):
        assert mask(before + number + after) == before + token + after


@pytest.mark.parametrize(("text", "stored"), RECALL)
def test_private_data_in_a_sentence_is_masked(text: str, stored: str) -> None:
    assert mask(text) == stored


@pytest.mark.parametrize("text", KEPT)
def test_what_is_not_private_is_kept(text: str) -> None:
    assert mask(text) == text


def test_masking_twice_changes_nothing_more() -> None:
    parts = [text for text, _ in ALONE + RECALL] + KEPT
    for left, right in itertools.product(parts, parts):
        once = mask(f"{left} {right}")
        assert mask(once) == once


def test_a_long_text_without_private_data_takes_no_search_of_all_splits() -> None:
    text = "市区县镇乡村路街" * 20_000 + "号"
    assert mask(text) == text


def test_a_number_with_a_wrong_check_digit_is_no_identity_number() -> None:
    wrong = IDENTITY[:-1] + ("0" if IDENTITY[-1] != "0" else "1")
    assert not is_id_card(wrong)
    assert mask(wrong) != "[身份证]"


def test_buyers_hash_alike_whatever_the_width_and_differ_by_salt() -> None:
    assert hash_buyer(" ｂｕｙｅｒ１ ", "pepper") == hash_buyer("buyer1", "pepper")
    assert hash_buyer("buyer1", "pepper") != hash_buyer("buyer1", "salt")
    assert hash_buyer("buyer1", "pepper") != hash_buyer("buyer2", "pepper")
    assert len(hash_buyer("buyer1", "x" * 500)) == 18
    assert hash_buyer("buyer1", "pepper").startswith("b_")
