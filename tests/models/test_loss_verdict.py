"""From scores to leaves and evidence: who is shown, and which messages."""

from __future__ import annotations

from xundan.models.loss.rules import Finding
from xundan.models.loss.verdict import decide

SCORES = {"a": 0.1, "b": 0.5, "c": 0.25, "d": 0.12, "e": 0.03}


def test_the_likeliest_leaf_is_primary_and_the_next_are_secondary_from_a_score_on() -> None:
    verdict = decide(SCORES, {"1": 0.3}, [], secondary_from=0.2)
    assert [(reason.leaf, reason.score) for reason in verdict] == [("b", 0.5), ("c", 0.25)]


def test_at_most_two_are_secondary() -> None:
    assert [reason.leaf for reason in decide(SCORES, {}, [], secondary_from=0.0)] == ["b", "c", "d"]
    assert [reason.leaf for reason in decide(SCORES, {}, [], secondary_from=0.9)] == ["b"]


def test_evidence_is_the_clearest_message_and_what_is_clear_beside_it() -> None:
    clear = {"1": -3.0, "2": 2.0, "3": -0.5, "4": 0.1}
    assert decide(SCORES, clear, [], 0.9)[0].evidence == ("2", "4", "3")
    faint = {"1": -3.0, "2": -2.0, "3": -4.0}
    assert decide(SCORES, faint, [], 0.9)[0].evidence == ("2",)


def test_a_rule_that_names_the_leaf_adds_its_messages_up_to_three() -> None:
    by_rule = [Finding("b", "stated", 0.9, ("5", "2", "6", "7")), Finding("a", "order", 0.8, ("8",))]
    assert decide(SCORES, {"1": -3.0, "2": 2.0}, by_rule, 0.9)[0].evidence == ("2", "5", "6")
    assert decide(SCORES, {}, by_rule, 0.9)[0].evidence == ("5", "2", "6")


def test_a_secondary_leaf_shows_only_what_a_rule_found() -> None:
    by_rule = [Finding("c", "behaviour", 0.7, ("3", "4"))]
    first, second, third = decide(SCORES, {"1": 1.0}, by_rule, 0.1)
    assert (first.evidence, second.evidence, third.evidence) == (("1",), ("3", "4"), ())


def test_without_any_evidence_there_is_none() -> None:
    assert decide(SCORES, {}, [], 0.9)[0].evidence == ()
