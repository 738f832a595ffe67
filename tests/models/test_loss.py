"""Why a session was lost: pairs of sessions that differ in one fact: pytest tests/models/test_loss.py"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from xundan.chats.records import ACTION, ATTENTION, LOSS, MESSAGES, ORDERS, SESSIONS, check, from_rows
from xundan.models.loss.case import Case
from xundan.models.loss.judge import judge
from xundan.models.loss.rules import TIERS, load_rules
from xundan.models.loss.stage import standing
from xundan.models.loss.verdict import Reason, Verdict
from xundan.models.runtime import Description
from xundan.progress import Advance
from xundan.settings import Limits, Settings
from xundan.taxonomy.trees import load

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
Said = tuple[float, str, str]  # seconds from the start, role, text


class RuleJudge:
    """The rules alone, which a model weighs with the words: so each of them shows."""

    description = Description(
        tree="loss",
        version="loss-rules",
        taxonomy_version=load("loss").version,
        leaves=tuple(leaf.id for leaf in load("loss").leaves),
        thresholds=(0.35,) * len(load("loss").leaves),
        max_message=0,
        max_context=0,
    )

    def judge(self, cases: Sequence[Case], limits: Limits, on_rows: Advance | None = None) -> list[Verdict]:
        """The first finding and, of the others, those that are not what remains when nothing is found."""
        found = [load_rules().apply(case, limits) for case in cases]
        beside = [[f for f in all_[1:] if f.tier != "last" and f.score >= 0.35] for all_ in found]
        return [
            tuple(Reason(f.leaf, f.score, f.evidence) for f in [*all_[:1], *others][:3])
            for all_, others in zip(found, beside, strict=True)
        ]


def talk(said: Sequence[Said], session_id: str = "s1") -> pa.Table:
    rows = [
        {
            "session_id": session_id,
            "message_id": f"{session_id}-{seq}",
            "seq": seq,
            "sent_at": START + timedelta(seconds=seconds),
            "role": role,
            "content_type": "text",
            "text": text,
        }
        for seq, (seconds, role, text) in enumerate(said, start=1)
    ]
    return from_rows(rows, MESSAGES)


def session(outcome: str | None = "lost_no_order", session_id: str = "s1", **more: Any) -> pa.Table:
    row = {"session_id": session_id, "started_at": START, "outcome": outcome, **more}
    return from_rows([row], SESSIONS)


def leaves(schema: pa.Schema, **of_message: str) -> pa.Table:
    """One leaf for each message; keys such as ``m2`` name its number."""
    rows = [
        {"message_id": f"s1-{key[1:]}", "session_id": "s1", "leaf": leaf, "score": 0.9}
        for key, leaf in of_message.items()
    ]
    return from_rows(rows, schema)


def order(after_seconds: float, **times: datetime) -> pa.Table:
    row = {"order_id": "o1", "created_at": START + timedelta(seconds=after_seconds), **times}
    return from_rows([row], ORDERS)


def judged(said: Sequence[Said], **more: Any) -> list[dict[str, Any]]:
    """The LOSS rows of one lost session without orders."""
    attention, action = more.pop("attention", None), more.pop("action", None)
    settings = more.pop("settings", Settings())
    table, _ = judge(session(**more), talk(said), attention, action, None, RuleJudge(), settings)
    check(table, "loss")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def primary(said: Sequence[Said], **more: Any) -> str:
    leaf: str = judged(said, **more)[0]["leaf"]
    return leaf


def unpaid(said: Sequence[Said], **times: datetime) -> str:
    """The primary leaf of a session whose order was placed after 60 s and never paid."""
    sessions = session("lost_unpaid", order_id="o1", stage="stage_order_unpaid")
    table, _ = judge(sessions, talk(said), None, None, order(60, **times), RuleJudge(), Settings())
    leaf: str = table.to_pylist()[0]["leaf"]
    return leaf


QUESTION: Said = (0, "buyer", "你好 这个杯子是什么材质的")
ANSWER: Said = (30, "agent", "是304不锈钢内胆的哦亲")


def test_a_prompt_and_full_answer_leaves_silence() -> None:
    assert primary([QUESTION, ANSWER, (60, "buyer", "哦哦"), (80, "agent", "嗯嗯")]) == "loss_silent_leave"


def test_a_reply_after_half_an_hour_is_slow_and_one_after_forty_seconds_is_not() -> None:
    assert primary([QUESTION, (40, "agent", "是304不锈钢的哦")]) == "loss_silent_leave"
    assert primary([QUESTION, (1800, "agent", "是304不锈钢的哦")]) == "loss_service_slow"


def test_the_limit_for_a_slow_reply_is_a_setting() -> None:
    said = [QUESTION, (240, "agent", "是304不锈钢的哦")]
    assert primary(said) == "loss_service_slow"
    patient = Settings(limits=Limits(first_response_s=300))
    assert primary(said, settings=patient) == "loss_silent_leave"


def test_a_buyer_who_stayed_on_was_not_lost_to_a_slow_first_reply() -> None:
    said = [
        QUESTION,
        (1800, "agent", "是304不锈钢的哦"),
        *((1830, "buyer", "有盖子吗"), (1850, "agent", "有的亲")),
        *((1880, "buyer", "能装热水吗"), (1900, "agent", "可以的哦")),
        *((1930, "buyer", "好洗吗"), (1950, "agent", "杯口大 很好洗的")),
    ]
    assert primary(said) == "loss_silent_leave"


def test_nobody_but_a_bot_answered() -> None:
    nobody = [QUESTION, (400, "buyer", "有人在吗")]
    assert primary(nobody) == "loss_service_no_reply"
    greeted = [QUESTION, (1, "bot", "您好 欢迎光临"), (400, "buyer", "有人在吗")]
    assert primary(greeted) == "loss_service_no_reply"
    bot = [QUESTION, (1, "bot", "您想问发货吗"), (30, "buyer", "不是"), (31, "bot", "您想问优惠吗")]
    assert primary(bot) == "loss_service_bot"
    person = [*bot, (60, "agent", "是304不锈钢的哦")]
    assert primary(person) == "loss_silent_leave"


def test_the_last_question_stayed_without_answer() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "有没有红色的")]
    assert primary(said) == "loss_service_no_reply"
    assert primary([*said, (90, "agent", "有红色的哦亲")]) == "loss_silent_leave"


def test_intent_is_dropped_unless_the_agent_comes_back_to_it() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "好的 等我晚上回家再拍"), (70, "agent", "好的")]
    assert primary(said) == "loss_service_no_followup"
    reminded = [*said, (36_000, "agent", "亲 给您留了一件 现在拍今天能发")]
    assert primary(reminded) != "loss_service_no_followup"


def test_an_answer_to_a_later_question_is_no_coming_back() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "好的 等我晚上回家再拍"), (70, "agent", "好的")]
    asked = [*said, (1200, "buyer", "有红色吗"), (1210, "agent", "有红色的哦亲")]
    assert primary(asked) == "loss_service_no_followup"
    unasked = [*said, (1200, "agent", "有红色的")]
    assert primary(unasked) != "loss_service_no_followup"


def test_of_equal_moments_the_order_of_the_turns_counts() -> None:
    said = [QUESTION, (60, "agent", "有什么疑问随时找我"), (60, "buyer", "好的 等我晚上回家再拍")]
    assert primary([*said, (60, "agent", "好的")]) == "loss_service_no_followup"


def test_hesitation_without_reason_is_hesitation() -> None:
    assert (
        primary([QUESTION, ANSWER, (60, "buyer", "我再考虑一下"), (70, "agent", "好的")])
        == "loss_buyer_hesitate"
    )


def test_an_unpaid_order_is_lost_to_missing_urging_only_where_it_is_missing() -> None:
    said = [QUESTION, ANSWER, (55, "buyer", "好"), (62, "agent", "嗯嗯")]
    assert unpaid(said) == "loss_service_no_followup"
    assert unpaid([*said, (600, "agent", "亲 看到您的订单还没付款哦")]) == "loss_silent_leave"
    assert unpaid([*said, (7200, "agent", "亲 看到您的订单还没付款哦")]) == "loss_service_no_followup"


def test_an_order_closed_at_once_needed_no_urging() -> None:
    said = [QUESTION, ANSWER, (55, "buyer", "好"), (62, "agent", "嗯嗯")]
    assert unpaid(said, closed_at=START + timedelta(minutes=3)) == "loss_silent_leave"


def test_a_stated_reason_beats_the_unpaid_order_and_the_slow_reply() -> None:
    too_dear = (90, "buyer", "太贵了 超预算了 不买了")
    assert unpaid([QUESTION, ANSWER, too_dear, (95, "agent", "好的亲")]) == "loss_price_too_high"
    slow = [QUESTION, (1800, "agent", "是304不锈钢的哦"), (1860, "buyer", "太贵了 超预算了 不买了")]
    rows = judged(slow)
    assert [row["leaf"] for row in rows[:2]] == ["loss_price_too_high", "loss_service_slow"]


def test_a_stated_reason_beats_hesitation_and_silence() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "我问下我老公再说"), (70, "agent", "好的亲")]
    rows = judged(said)
    assert rows[0]["leaf"] == "loss_buyer_consult_other"
    assert "loss_silent_leave" not in {row["leaf"] for row in rows}


def test_bargaining_failed_only_where_it_was_turned_down() -> None:
    ask = (60, "buyer", "能不能再便宜些")
    refused = [QUESTION, ANSWER, ask, (70, "agent", "亲 已经是最低价了 不能再少了")]
    assert primary(refused) == "loss_price_bargain_failed"
    granted = [QUESTION, ANSWER, ask, (70, "agent", "可以的 给您减五元")]
    assert primary(granted) == "loss_silent_leave"


def test_a_refusal_the_buyer_leaves_over_is_stated() -> None:
    ask = [QUESTION, ANSWER, (60, "buyer", "能开专票吗"), (70, "agent", "不好意思 只能开普票哦")]
    left = [*ask, (90, "buyer", "那算了")]
    assert primary(ask) == primary(left) == "loss_invoice_unsupported"
    assert judged(left)[0]["score"] > judged(ask)[0]["score"]
    assert judged(left)[0]["evidence"] == ["s1-3", "s1-4", "s1-5"]


def test_models_find_what_the_words_do_not() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "用圆圆的那家寄行吗"), (70, "agent", "这家没有签约哦")]
    assert primary(said) == "loss_silent_leave"
    seen = leaves(ATTENTION, m3="logistics_carrier")
    done = leaves(ACTION, m4="act_refuse")
    assert primary(said, attention=seen, action=done) == "loss_logistics_freight"


@pytest.mark.parametrize(
    ("words", "leaf"),
    [
        ("别家同款才99 我去别家买", "loss_competitor_price"),
        ("我已经在别家下单了", "loss_competitor_choice"),
        ("昨天还只要59 今天又涨价了", "loss_price_change"),
        ("这券怎么不能用 那算了", "loss_promo_not_met"),
        ("等双11再买吧", "loss_promo_wait"),
        ("差评太多了 不敢下手", "loss_trust_review"),
        ("没有授权 怕是假的", "loss_trust_authentic"),
        ("没有运费险啊 算了", "loss_trust_aftersale"),
        ("没货了啊 算了", "loss_stock_out"),
        ("周六前赶不上就算了", "loss_logistics_time"),
        ("邮费比东西都贵", "loss_logistics_freight"),
        ("柜子太大了 家里放不下", "loss_product_size_mismatch"),
        ("颜色太土了 不喜欢", "loss_product_style"),
        ("没有检测报告 不敢给孩子用", "loss_product_material_safety"),
        ("一直提示银行卡限额 付不了", "loss_payment_failure"),
        ("房子还没装修 明年再买", "loss_buyer_not_ready"),
        ("随便问问 不是买", "loss_buyer_just_asking"),
        ("你们这什么态度", "loss_service_attitude"),
        ("别再发了 烦死了", "loss_service_over_push"),
    ],
)
def test_a_reason_in_the_last_words_is_found(words: str, leaf: str) -> None:
    assert primary([QUESTION, ANSWER, (60, "buyer", words), (70, "agent", "好的亲")]) == leaf


def test_traditional_characters_and_full_width_are_read_alike() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "太貴了　買不起"), (70, "agent", "好的")]
    assert primary(said) == "loss_price_too_high"


def test_what_cannot_be_read_is_undetermined() -> None:
    media = [(0, "buyer", "[图片]"), (20, "agent", "收到亲"), (40, "buyer", "[语音]"), (50, "agent", "嗯嗯")]
    assert primary(media) == "loss_undetermined"
    cut = [QUESTION, ANSWER, (90, "system", "聊天记录截断，后续消息不可用")]
    assert primary(cut) == "loss_undetermined"


def test_money_taken_back_without_a_word_means_the_need_is_gone() -> None:
    said = [QUESTION, ANSWER, (60, "buyer", "好"), (70, "agent", "嗯嗯")]
    assert primary(said, outcome="lost_refund") == "loss_buyer_need_changed"


@pytest.mark.parametrize("outcome", ["won", "open", "outcome_unknown", None])
def test_only_lost_sessions_get_rows(outcome: str | None) -> None:
    table, updates = judge(
        session(outcome), talk([QUESTION, ANSWER]), None, None, None, RuleJudge(), Settings()
    )
    assert table.num_rows == 0
    assert table.schema == LOSS
    assert updates == {"s1": (None, None)}


def test_rows_are_ranked_few_and_point_to_messages_of_their_session() -> None:
    first = [
        QUESTION,
        ANSWER,
        (60, "buyer", "太贵了 别家才99 等双11再买 我再考虑考虑"),
        (70, "agent", "好的"),
    ]
    second = [QUESTION, (40, "agent", "是的")]
    messages = pa.concat_tables([talk(first), talk(second, "s2")])
    sessions = pa.concat_tables([session(), session(session_id="s2")])
    table, _ = judge(sessions, messages, None, None, None, RuleJudge(), Settings())
    owner = dict(zip(messages["message_id"].to_pylist(), messages["session_id"].to_pylist(), strict=True))
    rows = table.to_pylist()
    assert [row["rank"] for row in rows if row["session_id"] == "s1"] == [1, 2, 3]
    assert len({row["leaf"] for row in rows if row["session_id"] == "s1"}) == 3
    for row in rows:
        assert 0 < row["score"] <= 1
        assert 1 <= len(row["evidence"]) <= 3
        assert {owner[message] for message in row["evidence"]} == {row["session_id"]}
        assert load("loss").leaf(row["leaf"])


def test_the_day_is_that_of_the_inquiry_in_shanghai() -> None:
    late = session(session_id="s1").set_column(
        SESSIONS.get_field_index("started_at"),
        SESSIONS.field("started_at"),
        pa.array([datetime(2026, 3, 1, 17, 0, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
    )
    table, _ = judge(late, talk([QUESTION, ANSWER]), None, None, None, RuleJudge(), Settings())
    assert table["day"].to_pylist() == [date(2026, 3, 2)]
    assert table["taxonomy_version"].to_pylist() == [load("loss").version]
    assert table["model_version"].to_pylist() == ["loss-rules"]


def test_last_attention_and_stage_come_from_the_attention_points() -> None:
    seen = leaves(ATTENTION, m1="product_material", m3="dialog_ack")
    said = [QUESTION, ANSWER, (60, "buyer", "好的"), (70, "agent", "嗯嗯")]
    _, updates = judge(session(), talk(said), seen, None, None, RuleJudge(), Settings())
    assert updates == {"s1": ("stage_answer", "product_material")}


@pytest.mark.parametrize(
    ("seen", "known", "expected"),
    [
        (["product_size", "price_bargain"], "stage_answer", ("stage_negotiate", "price_bargain")),
        (["recommend_product"], "stage_answer", ("stage_need", "recommend_product")),
        (["price_inquiry", "dialog_hesitate"], "stage_answer", ("stage_objection", "price_inquiry")),
        (["price_bargain"], "stage_objection", (None, "price_bargain")),
        (["price_bargain"], "stage_order_unpaid", (None, "price_bargain")),
        (["engine_noise"], "stage_answer", (None, "engine_noise")),
        ([], None, (None, None)),
    ],
)
def test_standing(seen: list[str], known: str | None, expected: tuple[str | None, str | None]) -> None:
    assert standing(seen, known) == expected


def test_every_rule_names_a_leaf_and_attention_points_of_the_trees() -> None:
    rules = load_rules()
    named = {rule.leaf for rule in rules.rules} | {rule.leaf for rule in rules.facts}
    assert named == {leaf.id for leaf in load("loss").leaves}
    known = {leaf.id for leaf in load("attention").leaves}
    for rule in rules.rules:
        assert rule.attention <= known, rule.leaf
        assert 0 < rule.strength <= 1
    assert list(TIERS) == ["stated", "order", "behaviour", "inferred", "last"]
