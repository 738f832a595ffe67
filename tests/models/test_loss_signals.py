"""What the judge knows beside the words: waits, counts, orders, rules, leaves of messages."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from xundan.models.loss.case import Case, Turn
from xundan.models.loss.rules import TIERS, Finding
from xundan.models.loss.signals import reply_waits, signal_names, signals
from xundan.settings import Limits
from xundan.taxonomy.trees import load

START = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
Said = tuple[float, str, str]  # seconds, role, leaves joined by a blank


def case(*said: Said, outcome: str = "lost_no_order", ordered: bool = False) -> Case:
    turns = tuple(
        Turn(str(number), role, "嗯", START + timedelta(seconds=at), leaves=frozenset(leaves.split()))
        for number, (at, role, leaves) in enumerate(said, 1)
    )
    return Case("s1", turns, outcome, START if ordered else None)


def told(of: Case, findings: list[Finding] | None = None, limits: Limits | None = None) -> dict[str, float]:
    """The signals that are not zero, without facts."""
    values = signals(of, findings or [], {}, limits or Limits())
    return {name: float(value) for name, value in zip(signal_names(), values, strict=True) if value}


def test_every_signal_has_one_name() -> None:
    names = signal_names()
    assert len(set(names)) == len(names)
    leaves = {leaf.id for leaf in load("attention").leaves}
    assert {name.removeprefix("asked:") for name in names if name.startswith("asked:")} == leaves
    assert {name.removeprefix("tier:") for name in names if name.startswith("tier:")} == set(TIERS)


def test_waits_run_from_the_first_message_of_a_burst_to_the_first_agent_message() -> None:
    talk = case(
        *((0, "buyer", ""), (30, "buyer", ""), (40, "bot", ""), (100, "agent", ""), (130, "agent", "")),
        *((200, "buyer", ""), (205, "bot", "")),
        *((300, "buyer", ""), (520, "agent", "")),
    )
    assert reply_waits(talk) == [100.0, 220.0]
    assert reply_waits(case((0, "agent", ""), (10, "buyer", ""))) == []


def test_numbers() -> None:
    found = told(case((0, "buyer", ""), (200, "agent", ""), (210, "buyer", ""), (230, "agent", "")))
    assert found["number:turns"] == pytest.approx(math.log(5))
    assert found["number:buyer_turns"] == found["number:agent_turns"] == pytest.approx(math.log(3))
    assert found["number:agent_by_buyer"] == 1.0
    assert found["number:longest_wait"] == pytest.approx(math.log(201))
    assert found["number:last_wait"] == pytest.approx(math.log(21))
    assert found["number:too_slow"] == found["number:last_is_agent"] == 1.0
    assert not {"number:last_is_buyer", "number:last_is_bot", "number:ordered"} & found.keys()


def test_the_limit_for_a_slow_reply_is_a_setting() -> None:
    talk = case((0, "buyer", ""), (200, "agent", ""))
    assert "number:too_slow" in told(talk)
    assert "number:too_slow" not in told(talk, limits=Limits(first_response_s=240))


def test_many_agent_messages_count_up_to_five_a_buyer_message() -> None:
    talk = case((0, "buyer", ""), *((10.0 * number, "agent", "") for number in range(1, 9)))
    assert told(talk)["number:agent_by_buyer"] == 5.0


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [("lost_no_order", set()), ("lost_unpaid", {"number:unpaid"}), ("lost_refund", {"number:refunded"})],
)
def test_the_outcome_is_a_signal(outcome: str, shown: set[str]) -> None:
    found = told(case((0, "buyer", ""), outcome=outcome, ordered=outcome != "lost_no_order"))
    assert {"number:unpaid", "number:refunded"} & found.keys() == shown
    assert ("number:ordered" in found) == (outcome != "lost_no_order")


def test_rules_bring_their_leaf_score_and_tier() -> None:
    first = Finding("loss_stock_out", "stated", 0.8, ("1",))
    second = Finding("loss_service_slow", "behaviour", 0.7, ("1",))
    found = told(case((0, "buyer", "")), [first, second])
    assert found["rule:loss_stock_out"] == pytest.approx(0.8)
    assert found["rule:loss_service_slow"] == pytest.approx(0.7)
    assert {name for name in found if name.startswith(("first:", "tier:"))} == {
        "first:loss_stock_out",
        "tier:stated",
    }


def test_facts_are_signals() -> None:
    values = signals(case((0, "buyer", "")), [], {"slow": ("1",)}, Limits())
    named = dict(zip(signal_names(), values, strict=True))
    assert (named["fact:slow"], named["fact:no_person"]) == (1.0, 0.0)


def test_leaves_of_messages_are_told_by_where_they_stand() -> None:
    found = told(
        case(
            *((0, "buyer", "product_size"), (10, "agent", "act_explain")),
            *((20, "buyer", "price_bargain"), (30, "agent", "act_refuse")),
            *((40, "buyer", "dialog_ack"), (50, "agent", "act_other")),
            (60, "buyer", "stock_availability"),
        )
    )
    asked = {name for name in found if name.split(":")[0] in ("asked", "asked_last", "refused", "unanswered")}
    assert asked == {
        *("asked:product_size", "asked:price_bargain", "asked:dialog_ack", "asked:stock_availability"),
        *("asked_last:dialog_ack", "asked_last:stock_availability"),
        "refused:price_bargain",
        "unanswered:stock_availability",
    }
    did = {name for name in found if name.startswith("did")}
    assert did == {"did:act_explain", "did:act_refuse", "did:act_other", "did_last:act_other"}


def test_a_refusal_long_before_the_end_is_not_what_was_refused() -> None:
    talk = case(
        *((0, "buyer", "price_bargain"), (10, "agent", "act_refuse")),
        *((20, "buyer", ""), (30, "agent", "")),
        *((40, "buyer", ""), (50, "agent", "")),
        *((60, "buyer", ""), (70, "agent", "")),
    )
    assert "refused:price_bargain" not in told(talk)


def test_leaves_of_a_shops_own_tree_are_left_out() -> None:
    with_own = told(case((0, "buyer", "engine_noise")))
    assert with_own == told(case((0, "buyer", "")))
