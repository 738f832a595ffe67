"""What the gate asks of the test rows: enough of them, and that neither model has learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from xundan.taxonomy.trees import load
from xundan.training.evaluation.judged import Judged
from xundan.training.gate import Evidence, GateLimits, Verdict, gate
from xundan.training.labels import LabelledMessage, target_matrix
from xundan.training.lineage import TrainedOn, read_rows, write_rows

TAXONOMY = load("attention")
LEAVES = tuple(leaf.id for leaf in TAXONOMY.leaves)
ROWS = [LabelledMessage(f"s{i}#1", f"第{i}位买家在店里问的话", (), (LEAVES[i % 10],)) for i in range(600)]
ELSEWHERE = Evidence(TrainedOn(frozenset(), frozenset()))


def answers(rows: Sequence[LabelledMessage] = ROWS) -> Judged:
    """A model that is right of every row."""
    truth = target_matrix(rows, LEAVES)
    return Judged("attention-v2", TAXONOMY.version, LEAVES, truth, truth > 0, {})


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_without_its_training_rows_a_candidate_may_have_seen_the_answers() -> None:
    verdict = gate(answers(), answers(), ROWS, TAXONOMY, Evidence(None))
    assert codes(verdict) == ["training_rows_unknown"]
    assert verdict.forceable


def test_a_candidate_trained_on_test_rows_is_refused(tmp_path: Path) -> None:
    def verdict(*trained_on: LabelledMessage, **given: float) -> Verdict:
        write_rows(tmp_path, trained_on)
        return gate(
            answers(),
            answers(),
            ROWS,
            TAXONOMY,
            Evidence(read_rows(tmp_path)),
            GateLimits(**given),  # type: ignore[arg-type]
        )

    same_text = [replace(row, id=f"elsewhere{i}#1") for i, row in enumerate(ROWS[:4])]
    refused = verdict(*same_text)
    assert codes(refused) == ["trained_on_test_rows"]
    assert "of 600 test messages the candidate was trained on 4 (0.7%)" in refused.reasons[0].said
    assert verdict(*same_text, seen_share=0.01).ok
    assert verdict(*same_text[:3]).ok
    refused = verdict(LabelledMessage("s7#2", "同一会话里的另一句话", (), (LEAVES[0],)))
    assert "trained on 0 (0.0%) and on sessions of 1 more" in refused.reasons[0].said
    assert "the files may only have reused ids for other sessions" in refused.reasons[0].do


def test_ids_are_not_blamed_where_texts_were_seen_too(tmp_path: Path) -> None:
    write_rows(tmp_path, ROWS[:50])
    verdict = gate(answers(), answers(), ROWS, TAXONOMY, Evidence(read_rows(tmp_path)))
    assert codes(verdict) == ["trained_on_test_rows"]
    assert "reused ids" not in verdict.reasons[0].do


def test_a_champion_that_saw_the_test_rows_makes_the_comparison_unfair(tmp_path: Path) -> None:
    def verdict(seen: int, champion: Judged | None) -> Verdict:
        write_rows(tmp_path, ROWS[:seen])
        evidence = replace(ELSEWHERE, champion_trained_on=read_rows(tmp_path))
        return gate(champion, answers(), ROWS, TAXONOMY, evidence)

    refused = verdict(4, answers())
    assert codes(refused) == ["champion_saw_test_rows"]
    assert "of 600 test messages the champion was trained on 4 (0.7%)" in refused.reasons[0].said
    assert "figures are flattered" in refused.reasons[0].said
    assert "test messages that neither has seen, or promote it with --force" in refused.reasons[0].do
    assert refused.forceable
    assert verdict(3, answers()).ok
    assert verdict(600, None).ok


@pytest.mark.parametrize("champion", [True, False])
def test_a_few_test_messages_prove_nothing(champion: bool) -> None:
    few = ROWS[:40]
    judged = answers(few)
    verdict = gate(judged if champion else None, judged, few, TAXONOMY, ELSEWHERE)
    assert codes(verdict) == ["too_few_test_messages"]
    assert verdict.forceable
    (reason,) = verdict.reasons
    assert reason.said == "40 test message(s) of 40 session(s) are too few to judge by: 100 of 30 are needed"
    assert reason.do == "label 60 more test message(s)"
    enough = GateLimits(least_rows=40, least_sessions=40)
    assert gate(judged if champion else None, judged, few, TAXONOMY, ELSEWHERE, enough).ok


def test_many_messages_of_a_few_sessions_are_few() -> None:
    rows = [replace(row, id=f"s{i % 20}#{i}") for i, row in enumerate(ROWS)]
    verdict = gate(answers(rows), answers(rows), rows, TAXONOMY, ELSEWHERE)
    assert codes(verdict) == ["too_few_test_messages"]
    assert "600 test message(s) of 20 session(s)" in verdict.reasons[0].said
    assert verdict.reasons[0].do == "label more test messages, from at least 10 other session(s)"
