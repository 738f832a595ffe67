"""Why a session was lost, in one sentence: whole sentences of hand-written sessions, in both languages.

pytest tests/inference/test_loss_reason.py
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from xundan.chats import records
from xundan.chats.records import CORRECTIONS, from_rows
from xundan.errors import BadInput
from xundan.inference.loss.reason import sentences
from xundan.inference.report.tallies import open_book
from xundan.lake import Lake
from xundan.settings import Limits, Settings, load_settings
from xundan.taxonomy.trees import Leaf, from_leaves

# 12:30 in Shanghai; the window of the default definition closes 35 h 30 min later, as the next day ends.
START = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
Said = tuple[int, str, str]  # seconds after the start, role, text
SCHEMAS = {
    name: records.SCHEMAS[name] for name in ("messages", "sessions", "orders", "attention", "action", "loss")
}


class Shop:
    """Collects judged lost sessions, and tells why each was lost."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(folder)
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}

    def lose(
        self,
        leaf: str,
        said: Sequence[Said],
        evidence: Sequence[int] = (),
        facts: Sequence[str] = (),
        *,
        name: str = "s",
        attention: dict[int, str] | None = None,
        last_attention: str | None = None,
        kinds: dict[int, str] | None = None,
        outcome: str = "lost_no_order",
        order: dict[str, datetime] | None = None,
    ) -> None:
        """Add a session; its messages are known by their place."""
        stamp = {"session_id": name, "model_version": "m", "taxonomy_version": "1"}
        for seq, (seconds, role, text) in enumerate(said):
            row = {"session_id": name, "message_id": f"{name}-{seq}", "seq": seq, "role": role, "text": text}
            sent = {"sent_at": START + timedelta(seconds=seconds)}
            self.rows["messages"].append({**row, **sent, "content_type": (kinds or {}).get(seq, "text")})
        for seq, seen in (attention or {}).items():
            self.rows["attention"].append(
                {**stamp, "message_id": f"{name}-{seq}", "leaf": seen, "score": 0.9}
            )
        judged = {"leaf": leaf, "rank": 1, "score": 0.7, "facts": list(facts)}
        self.rows["loss"].append({**stamp, **judged, "evidence": [f"{name}-{seq}" for seq in evidence]})
        session = {"session_id": name, "shop": "灯店", "started_at": START, "is_inquiry": True, "n_buyer": 1}
        session |= {"outcome": outcome, "last_attention": last_attention}
        if order:
            self.rows["orders"].append({"order_id": f"o-{name}", **order})
            session["order_id"] = f"o-{name}"
        self.rows["sessions"].append(session)

    def write(self) -> Lake:
        self.lake.write({name: from_rows(self.rows[name], schema) for name, schema in SCHEMAS.items()})
        return self.lake

    def why(self, lang: str = "zh", settings: Settings | None = None, name: str = "s") -> str:
        with open_book(self.write()) as book:
            return sentences(book, [name], settings or Settings(), lang)[name]

    def both(self) -> tuple[str, str]:
        return self.why("zh"), self.why("en")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def after(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_slow_answer_is_measured_against_the_limit(shop: Shop) -> None:
    said = ((0, "buyer", "这盏灯能调色温吗"), (2040, "agent", "可以调三档"))
    shop.lose("loss_service_slow", said, [0, 1], ["slow", "answered"])
    assert shop.both() == (
        "买家 12:30 问「这盏灯能调色温吗」，客服 13:04 才答「可以调三档」，离 12:30 的提问已过 34 分钟"
        "（限 3 分钟），到会话结束买家未再回复。",
        "The buyer asked “这盏灯能调色温吗” at 12:30; the agent answered “可以调三档” only at 13:04, 34 min "
        "after the question of 12:30 (limit 3 min); the buyer did not write again in the session.",
    )
    assert "（限 20 秒）" in shop.why(settings=Settings(limits=Limits(first_response_s=20)))


def test_what_is_no_evidence_is_told_without_its_words(shop: Shop) -> None:
    said = ((0, "buyer", "灯罩能拆吗"), (250, "agent", "能拆的"), (400, "buyer", "等得菜都凉了"))
    shop.lose("loss_service_slow", said, [2], ["slow"])
    assert shop.both() == (
        "买家 12:30 提问，客服 12:34 才答，离 12:30 的提问已过 4 分 10 秒（限 3 分钟），"
        "买家 12:36 说「等得菜都凉了」，到会话结束没有人回复。",
        "The buyer asked a question at 12:30; the agent answered only at 12:34, 4 min 10 s after the "
        "question of 12:30 (limit 3 min); the buyer said “等得菜都凉了” at 12:36; nobody answered "
        "before the session ended.",
    )


def test_a_leaf_that_no_fact_backs_rests_on_its_evidence_alone(shop: Shop) -> None:
    said = ((0, "buyer", "有暖光的吗"), (30, "agent", "有的哦"), (50, "buyer", "嗯嗯"), (60, "agent", "好"))
    for leaf in (
        "loss_service_slow",
        "loss_service_no_reply",
        "loss_service_bot",
        "loss_service_no_followup",
    ):
        shop.lose(leaf, said, [0, 1], ["answered"], name=leaf)
        expected = "买家 12:30 问「有暖光的吗」，客服 12:30 回「有的哦」，此后买家又发了 1 条消息。"
        assert shop.why(name=leaf) == expected


def test_a_fact_that_does_not_hold_any_more_is_not_claimed(shop: Shop) -> None:
    said = ((0, "buyer", "有暖光的吗"), (200, "agent", "有的哦"))
    shop.lose("loss_service_slow", said, [0, 1], ["slow"])
    assert "才答" in shop.why()
    relaxed = Settings(limits=Limits(first_response_s=600))
    assert shop.why(settings=relaxed) == (
        "买家 12:30 问「有暖光的吗」，客服 12:33 回「有的哦」，到会话结束买家未再回复。"
    )


def test_a_late_answer_in_the_evidence_shows_its_wait_whatever_the_leaf(shop: Shop) -> None:
    said = ((0, "buyer", "我再看看"), (5, "bot", "您好"), (600, "agent", "考虑好了吗"))
    shop.lose("loss_buyer_hesitate", said, [0, 2], ["hesitates"])
    assert shop.both() == (
        "买家 12:30 说「我再看看」，客服 12:40 回「考虑好了吗」（买家已等 10 分钟），"
        "到会话结束买家未再回复。",
        "The buyer said “我再看看” at 12:30; the agent replied “考虑好了吗” at 12:40, after 10 min; "
        "the buyer did not write again in the session.",
    )


def test_what_came_after_the_buyers_last_quoted_word(shop: Shop) -> None:
    said = ((0, "agent", "在的"), (10, "buyer", "有点贵"), (15, "buyer", "超预算了"), (70, "agent", "理解"))
    shop.lose("loss_price_too_high", said, [0, 1, 2])
    assert shop.both() == (
        "客服 12:30 说「在的」，买家 12:30 说「有点贵」、12:30 说「超预算了」，"
        "客服 12:31 回复后，到会话结束买家未再说话。",
        "The agent said “在的” at 12:30; the buyer said “有点贵” at 12:30, said “超预算了” at 12:30; "
        "the agent replied at 12:31 and the buyer did not write again in the session.",
    )


def test_nobody_replied(shop: Shop) -> None:
    said = ((0, "buyer", "在吗"), (4, "bot", "欢迎光临"), (1800, "buyer", "没人吗"))
    shop.lose("loss_service_no_reply", said, [0, 2], ["no_person"])
    assert shop.both() == (
        "买家 12:30 问「在吗」、13:00 问「没人吗」；整个会话没有人工回复，机器人回了 1 条；"
        "从 12:30 到最后一条消息 13:00 过了 30 分钟。",
        "The buyer asked “在吗” at 12:30, asked “没人吗” at 13:00; no person replied in the whole session, "
        "the bot did 1 time(s); 30 min passed from 12:30 to the last message at 13:00.",
    )
    shop.lose("loss_service_no_reply", said[:1], [0], ["no_person"], name="one")
    assert shop.why(name="one") == "买家 12:30 问「在吗」；整个会话没有人工回复。"


def test_the_last_question_was_left(shop: Shop) -> None:
    said = ((0, "buyer", "多少瓦"), (20, "agent", "12 瓦"), (90, "buyer", "几米高合适"), (200, "buyer", "？"))
    shop.lose("loss_service_no_reply", said, [2], ["unanswered"])
    assert shop.both() == (
        "买家 12:31 问「几米高合适」；12:31 起没有任何回复；从 12:31 到最后一条消息 12:33 过了 1 分 50 秒。",
        "The buyer asked “几米高合适” at 12:31; from 12:31 on there was no reply at all; "
        "1 min 50 s passed from 12:31 to the last message at 12:33.",
    )


def test_only_a_bot_replied(shop: Shop) -> None:
    said = (
        (0, "buyer", "灯坏了能换灯芯吗"),
        (2, "bot", "亲 满199减20"),
        (30, "buyer", "转人工"),
        (32, "bot", "请描述您的问题"),
    )
    shop.lose("loss_service_bot", said, [0, 1, 2], ["no_person", "bot_only"])
    assert shop.both() == (
        "买家 12:30 问「灯坏了能换灯芯吗」，机器人 12:30 回「亲 满199减20」，买家 12:30 说「转人工」；"
        "整个会话只有机器人回复（2 条），没有人工；从 12:30 到最后一条消息 12:30 过了 32 秒。",
        "The buyer asked “灯坏了能换灯芯吗” at 12:30; the bot replied “亲 满199减20” at 12:30; the buyer "
        "said “转人工” at 12:30; only the bot replied in the whole session (2 time(s)), no person; 32 s "
        "passed from 12:30 to the last message at 12:30.",
    )


def test_an_unpaid_order_that_nobody_urged(shop: Shop) -> None:
    said = ((-60, "buyer", "拍了"), (-40, "agent", "收到"))
    shop.lose(
        "loss_service_no_followup",
        said,
        [0],
        ["unpaid_not_urged", "answered"],
        outcome="lost_unpaid",
        order={"created_at": START, "closed_at": after(86400)},
    )
    assert shop.both() == (
        "买家 12:30 下单未付，客服 12:45 前未催付（限 15 分钟）；买家 12:29 说「拍了」，"
        "客服 12:29 回复后，到会话结束买家未再说话；订单 03-03 12:30 关闭。",
        "The buyer ordered at 12:30 and did not pay, and the agent did not ask for payment by 12:45 (limit "
        "15 min); the buyer said “拍了” at 12:29; the agent replied at 12:29 and the buyer did not write "
        "again in the session; the order was closed at 03-03 12:30.",
    )


def test_an_intent_that_was_let_pass(shop: Shop) -> None:
    said = ((0, "buyer", "下班再拍"), (20, "agent", "好的"))
    shop.lose("loss_service_no_followup", said, [0, 1], ["intent_dropped", "answered"])
    assert shop.both() == (
        "买家 12:30 说「下班再拍」，客服 12:30 回「好的」；到会话结束客服没有跟进；"
        "客服最后一次说话在 12:30，离窗口关闭还有 35 小时 29 分。",
        "The buyer said “下班再拍” at 12:30; the agent replied “好的” at 12:30; the agent did not follow up "
        "before the session ended; the agent last spoke at 12:30, 35 h 29 min before the window closed.",
    )
    shop.lose("loss_service_no_followup", said, [1], ["intent_dropped"], name="bare")
    assert shop.why(name="bare").startswith("买家 12:30 表示要买，客服 12:30 回「好的」；")


def test_a_silent_leaver_is_always_taken_apart(shop: Shop) -> None:
    said = ((0, "buyer", "灯罩直径多少"), (30, "agent", "四十公分 券后 99 元"))
    shop.lose("loss_silent_leave", said, [1], ["answered"], last_attention="product_size")
    assert shop.both() == (
        "客服 12:30 回「四十公分 券后 99 元」，到会话结束买家未再回复；最后关注点是尺寸规格；"
        "最后一个问题之后客服有回复（买家最后一条消息后 30 秒）；客服最后一次说话在 12:30，"
        "离窗口关闭还有 35 小时 29 分；出现过具体价格；最后说话的是客服。",
        "The agent replied “四十公分 券后 99 元” at 12:30; the buyer did not write again in the session; "
        "the last attention point is Dimensions; the agent replied after the last question (30 s after the "
        "buyer's last message); the agent last spoke at 12:30, 35 h 29 min before the window closed; "
        "a price was named; the agent spoke last.",
    )


def test_a_silent_leaver_whom_a_bot_spoke_to_last(shop: Shop) -> None:
    said = ((0, "agent", "在的"), (9, "buyer", "多少钱"), (12, "bot", "稍等"))
    shop.lose("loss_silent_leave", said, attention={1: "price_inquiry"})
    assert shop.both() == (
        "没有可引用的证据消息；没有识别出关注点；最后一个问题之后只有机器人回复；客服最后一次说话在 12:30，"
        "离窗口关闭还有 35 小时 30 分；买家问了价，没有识别出具体价格；最后说话的是机器人。",
        "There is no message to quote as evidence; no attention point was found; only the bot replied after "
        "the last question; the agent last spoke at 12:30, 35 h 30 min before the window closed; "
        "the buyer asked for the price and no amount was recognised; a bot spoke last.",
    )


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        (
            ((0, "buyer", "能装吊顶吗"),),
            "最后一个问题之后没有人回复；没有人工说过话；没有识别出具体价格；最后说话的是买家。",
        ),
        (
            ((0, "buyer", "能装吊顶吗"), (9, "agent", "能"), (20, "buyer", "好的谢谢")),
            "最后一个问题之后客服有回复（买家最后一条消息后没有）；客服最后一次说话在 12:30，"
            "离窗口关闭还有 35 小时 29 分；没有识别出具体价格；最后说话的是买家。",
        ),
        (
            ((0, "buyer", "你好"), (200000, "agent", "您好")),
            "没有识别出买家的提问，买家最后一条消息后 55 小时 33 分 客服有回复；"
            "客服最后一次说话在 03-04 20:03，窗口已关闭；"
            "没有识别出具体价格；最后说话的是客服。",
        ),
    ],
)
def test_what_a_silent_leaver_lacked(said: tuple[Said, ...], parts: str, shop: Shop) -> None:
    shop.lose("loss_silent_leave", said, last_attention="gone_leaf")
    assert shop.why() == f"没有可引用的证据消息；最后关注点是gone_leaf；{parts}"


def test_too_little_to_judge_by(shop: Shop) -> None:
    said = ((0, "buyer", ""), (5, "buyer", "[语音]"), (9, "agent", "亲 看不清"), (20, "buyer", "这个"))
    kinds = {0: "image", 1: "voice", 3: "card"}
    shop.lose("loss_undetermined", said, [0, 3], ["mostly_media"], kinds=kinds)
    assert shop.both() == (
        "买家 12:30 发了「[图片]」、12:30 发了「这个」；买家 3 条消息里有 3 条是图片、语音等，读不出内容；"
        "现有消息不足以判断原因。",
        "The buyer sent “[image]” at 12:30, sent “这个” at 12:30; 3 of the buyer's 3 message(s) are images, "
        "voice and the like that cannot be read; the messages are not enough to tell the reason.",
    )
    shop.lose(
        "loss_undetermined", ((0, "buyer", "好"), (9, "system", "记录不完整")), [], ["cut_off"], name="cut"
    )
    assert shop.why(name="cut") == (
        "没有可引用的证据消息；系统 12:30 提示记录不完整；现有消息不足以判断原因。"
    )
    shop.lose("loss_undetermined", ((0, "buyer", "好"), (9, "system", "会话已转接")), [0, 1], name="system")
    assert shop.why(name="system") == (
        "买家 12:30 说「好」，系统 12:30 提示「会话已转接」，到会话结束买家未再回复；现有消息不足以判断原因。"
    )


@pytest.mark.parametrize(
    ("outcome", "times", "zh", "en"),
    [
        (
            "lost_unpaid",
            {"created_at": 60},
            "买家 12:31 下的单没有付款。",
            "the order that the buyer placed at 12:31 was not paid.",
        ),
        (
            "lost_unpaid",
            {"created_at": 60, "paid_at": 3 * 86400},
            "买家 12:31 下单，03-05 12:30 才付款，窗口已关闭。",
            "the buyer ordered at 12:31 and paid only at 03-05 12:30, after the window had closed.",
        ),
        (
            "lost_refund",
            {"created_at": 60, "paid_at": 120, "refunded_at": 86400},
            "买家 12:32 付款，03-03 12:30 退款。",
            "the buyer paid at 12:32 and was refunded at 03-03 12:30.",
        ),
        ("lost_refund", {"created_at": 60}, "买家付款后退款。", "the buyer paid and was refunded."),
    ],
)
def test_what_became_of_the_order(outcome: str, times: dict[str, int], zh: str, en: str, shop: Shop) -> None:
    order = {name: after(seconds) for name, seconds in times.items()}
    shop.lose("loss_payment_failure", ((0, "buyer", "付不了款"),), [0], outcome=outcome, order=order)
    assert shop.both() == (
        f"买家 12:30 说「付不了款」，到会话结束没有人回复；{zh}",
        f"The buyer said “付不了款” at 12:30; nobody answered before the session ended; {en}",
    )


def test_missing_evidence_is_said_plainly(shop: Shop) -> None:
    shop.lose("loss_stock_out", ((0, "buyer", "有黑色吗"), (9, "agent", "没有")), [7])
    assert shop.both() == (
        "没有可引用的证据消息；会话有买家消息 1 条、客服消息 1 条、机器人消息 0 条，客服 12:30 最后说话。",
        "There is no message to quote as evidence; the session has 1 message(s) of the buyer, 1 of the "
        "agent, 0 of the bot; the agent spoke last, at 12:30.",
    )
    shop.lose("loss_stock_out", (), name="empty")
    assert shop.why(name="empty") == "没有可引用的证据消息；会话里没有消息。"
    shop.rows["loss"][0]["evidence"] = None
    shop.rows["loss"][0]["facts"] = None
    assert shop.why().startswith("没有可引用的证据消息；")


def test_what_a_person_chose_is_explained_as_theirs_and_the_models_beside_it(shop: Shop) -> None:
    shop.lose("loss_stock_out", ((0, "buyer", "有黑色吗"), (9, "agent", "没有")), [0, 1])
    lake = shop.write()
    log = {"session_id": "s", "leaf": "loss_product_style", "by": "小周", "at": START}
    lake.write({"corrections": from_rows([log], CORRECTIONS)})
    with open_book(lake) as book:
        book.connection.register("model_loss", lake.read("loss"))
        said, model = (
            sentences(book, ["s"], Settings(), "zh", loss=name)["s"] for name in ("loss", "model_loss")
        )
    assert said.startswith("原因由人工选定，没有可引用的证据消息；会话有买家消息 1 条")
    assert model == "买家 12:30 问「有黑色吗」，客服 12:30 回「没有」，到会话结束买家未再回复。"


def test_long_messages_are_cut_and_at_most_three_quoted_the_clearest(shop: Shop) -> None:
    long = "太" * 41
    said = tuple((place, "buyer", text) for place, text in enumerate(["一", "二", f"{long}\n贵", "四"]))
    shop.lose("loss_price_too_high", said, [3, 2, 1, 0])
    assert shop.why() == (
        f"买家 12:30 说「二」、12:30 说「{'太' * 40}…」、12:30 说「四」，到会话结束没有人回复。"
    )


def test_only_the_lost_sessions_asked_for_that_were_judged_have_a_sentence(shop: Shop) -> None:
    for name in ("judged", "won", "unasked", "unjudged"):
        outcome = "won" if name == "won" else "lost_no_order"
        shop.lose("loss_stock_out", ((0, "buyer", "有黑色吗"),), [0], name=name, outcome=outcome)
    shop.rows["loss"] = [row for row in shop.rows["loss"] if row["session_id"] != "unjudged"]
    with open_book(shop.write()) as book:
        asked = ["judged", "won", "unjudged", "judged", "nowhere"]
        assert list(sentences(book, asked, Settings(), "zh")) == ["judged"]
        assert sentences(book, [], Settings(), "zh") == {}
        with pytest.raises(BadInput, match="no such language"):
            sentences(book, asked, Settings(), "fr")


def test_a_shops_own_tree_names_the_attention_point_and_its_window_counts(shop: Shop, tmp_path: Path) -> None:
    shop.lose("loss_silent_leave", ((0, "buyer", "亮吗"), (60, "agent", "亮")), [1], last_attention="lamp")
    own = from_leaves("attention", [Leaf("lamp", "灯的亮度", "Brightness", "lamps")])
    path = tmp_path / "own.toml"
    path.write_text('[loss]\npreset = "jd"\n', encoding="utf-8")
    with open_book(shop.write()) as book:
        text = sentences(book, ["s"], load_settings(path), "zh", own)["s"]
    assert "最后关注点是灯的亮度；" in text
    assert "客服最后一次说话在 12:31，离窗口关闭还有 23 小时 59 分" in text
