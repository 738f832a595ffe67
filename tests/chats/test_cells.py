"""Single cells: times in every spelling, money, numbers, kinds of content, roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from xundan.chats.cells import RowError, id_of, integer_of, maybe_time_of, money_of, time_of
from xundan.chats.encoding import is_damaged
from xundan.chats.headers import CHAT, locate, platform_of
from xundan.chats.roles import content_type_of, role_of_word

MOMENT = datetime(2026, 9, 13, 4, 8, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-13 12:08:07",
        "2026/9/13 12:08:07",
        "2026.9.13 12:08:07",
        "2026年9月13日 12:08:07",
        "2026年9月13日 12时8分7秒",
        "２０２６－０９－１３　１２：０８：０７",
        "2026-09-13T04:08:07Z",
        "2026-09-13T04:08:07.000+00:00",
        "2026-09-12T23:38:07-0430",
        "20260913120807",
        "1789272487",
        "1789272487000",
        1789272487000,
        datetime(2026, 9, 13, 12, 8, 7),
        MOMENT,
    ],
)
def test_times_in_every_spelling(text: object) -> None:
    assert time_of(text, "时间") == MOMENT


@pytest.mark.parametrize(
    "text", ["昨天", "2026-13-01 12:00:00", "2026-09-13 25:00:00", "1926-09-13 12:00:00", "12:08", "42"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(RowError, match="is no date") as error:
        time_of(text, "时间")
    assert (error.value.column, error.value.value) == ("时间", text)


def test_empty_times_are_none_where_they_may_be() -> None:
    for cell in (None, "", " ", "--", "NaT", "0000-00-00 00:00:00"):
        assert maybe_time_of(cell, "时间") is None
    assert maybe_time_of("2026-09-13", "时间") == datetime(2026, 9, 12, 16, tzinfo=UTC)


def test_money_numbers_and_identifiers() -> None:
    assert money_of("¥1,280.555元", "金额") == Decimal("1280.56")
    assert money_of(0.1, "金额") == Decimal("0.10")
    assert money_of("", "金额") is None
    assert integer_of("3.0", "数量") == 3
    assert id_of('="0012"', "订单号") == "0012"
    assert id_of(12.0, "订单号") == "12"
    assert id_of("null", "订单号") is None


@pytest.mark.parametrize(
    ("read", "value", "reason"),
    [
        (money_of, "便宜", "is no number"),
        (money_of, "NaN1", "is no number"),
        (money_of, "Infinity", "is no number"),
        (money_of, "99999999999", "is no amount of money"),
        (integer_of, "1.5", "is no whole number"),
        (integer_of, "9999999999", "is no whole number"),
        (id_of, "6.5E+17", "a spreadsheet rounded this number"),
    ],
)
def test_numbers_that_are_none(read: Callable[[object, str], object], value: str, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        read(value, "列")


@pytest.mark.parametrize(
    ("word", "text", "kind"),
    [
        ("", "有货吗", "text"),
        ("TEXT", "[图片]", "image"),
        ("", "<img src=a.png>", "image"),
        ("", "[图片][图片]", "image"),
        ("", "[图片] 这个有吗", "text"),
        ("", "[语音]", "voice"),
        ("", "[商品卡片]", "card"),
        ("", "https://item.example.com/item.htm?id=1", "link"),
        ("", "看这个 https://item.example.com", "text"),
        ("PICTURE", "", "image"),
        ("视频", "", "other"),
        ("没见过的", "有货吗", "text"),
    ],
)
def test_kinds_of_content(word: str, text: str, kind: str) -> None:
    assert content_type_of(word, text) == kind


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("买家 顾客 用户 客户 Buyer C2B", "buyer"),
        ("客服 商家 卖家 人工客服 AGENT 子账号", "agent"),
        ("机器人 智能客服 自动回复 bot SYSTEM_AUTO", "bot"),
        ("系统 平台 System", "system"),
    ],
)
def test_words_for_roles(words: str, role: str) -> None:
    assert {role_of_word(word) for word in words.split()} == {role}
    assert role_of_word("路人") is None


def test_headers_are_found_whatever_their_spelling_and_the_better_name_wins() -> None:
    header = ["时间", " 发送时间 ", "Session_ID", "MESSAGE-ID", "发送内容（文本）", "ｒｏｌｅ"]
    assert locate(header, CHAT) == {"session_id": 2, "message_id": 3, "sent_at": 1, "role": 5, "text": 4}


def test_platforms() -> None:
    assert [platform_of(word) for word in ("淘宝", "天猫", "京东", "拼多多", "抖店", "微店", "")] == [
        "taobao",
        "tmall",
        "jd",
        "pdd",
        "douyin",
        "微店",
        None,
    ]


@pytest.mark.parametrize(
    "text", ["你好", "這款有貨嗎", "café", "鏟屎官の貓", "㎡ ① ★", "今天拍下明天就可以发出", "ok", "😀"]
)
def test_sound_text_is_not_called_damaged(text: str) -> None:
    assert not is_damaged(text)
