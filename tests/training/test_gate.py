"""The gate refuses each kind of bad candidate for its own reason, and lets an equal or better one through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from xundan.errors import BadInput
from xundan.taxonomy.trees import load
from xundan.training.evaluation.judged import Judged
from xundan.training.gate import Evidence, GateLimits, Verdict, gate
from xundan.training.labels import LabelledMessage
from xundan.training.lineage import TrainedOn

TAXONOMY = load("attention")
LEAVES = tuple(leaf.id for leaf in TAXONOMY.leaves)
USED = 10
"""Leaves that the test rows have, sixty rows each."""
ROWS = [
    LabelledMessage(f"s{i}#1", f"第{i}位买家在店里问的话", (), (LEAVES[i % USED],)) for i in range(60 * USED)
]
ELSEWHERE = Evidence(TrainedOn(frozenset(), frozenset()))


def answers(
    share_right: float = 0.8, sure: float | None = None, rows: Sequence[LabelledMessage] = ROWS, seed: int = 0
) -> Judged:
    """A model that gives each message one leaf, right in about this share, and is as sure as it should be."""
    generator = np.random.default_rng(seed)
    right = generator.permutation(len(rows)) < share_right * len(rows)
    said = [(i % USED) if right[i] else (i + 1 + i // USED % (USED - 1)) % USED for i in range(len(rows))]
    return saying(said, share_right if sure is None else sure)


def saying(said: Sequence[int], sure: float = 0.8) -> Judged:
    """A model that gives message ``i`` the leaf ``said[i]``."""
    chosen = np.zeros((len(said), len(LEAVES)), dtype=np.bool_)
    chosen[np.arange(len(said)), said] = True
    scores = np.where(chosen, sure, 0.003).astype(np.float32)
    return Judged("attention-v2", TAXONOMY.version, LEAVES, scores, chosen, {})


def paying() -> Judged:
    """A model better than the champion on every leaf but the first, most of which it misses."""
    said = [int(leaf) for leaf in answers(0.95).chosen.argmax(axis=1)]
    for i in range(0, 42 * USED, USED):
        said[i] = 20
    return saying(said, 0.9)


CHAMPION = replace(answers(), version="attention-v1")


def judged_by(candidate: Judged, champion: Judged | None = CHAMPION, **given: object) -> Verdict:
    return gate(champion, candidate, ROWS, TAXONOMY, ELSEWHERE, **given)  # type: ignore[arg-type]


def codes(verdict: Verdict) -> list[str]:
    assert not verdict.ok
    assert all(reason.said and reason.do for reason in verdict.reasons)
    return [reason.code for reason in verdict.reasons]


def test_the_same_answers_pass() -> None:
    verdict = judged_by(answers())
    assert verdict.ok
    assert verdict.promoted
    assert verdict.difference["micro"].value == 0
    assert (verdict.champion, verdict.candidate, verdict.rows) == ("attention-v1", "attention-v2", 600)


def test_a_better_candidate_passes() -> None:
    verdict = judged_by(answers(0.9))
    assert verdict.ok, verdict.reasons
    assert verdict.difference["micro"].low > 0


def test_a_worse_candidate_is_refused_with_its_numbers() -> None:
    verdict = judged_by(answers(0.7))
    assert {"micro_worse", "macro_drop", "leaf_drop"} <= set(codes(verdict))
    assert "micro-F1 is worse than the champion's by 10.0 points (-0.100 [" in verdict.reasons[0].said


def test_an_equal_that_too_few_messages_show_is_refused_as_unproven() -> None:
    few = ROWS[:100]
    champion, candidate = (answers(rows=few, seed=seed) for seed in (0, 1))
    verdict = gate(champion, candidate, few, TAXONOMY, ELSEWHERE)
    (reason,) = verdict.reasons
    assert reason.code == "micro_unproven"
    assert "not shown to be as good: +0.000 [" in reason.said
    assert "on 100 messages, its lower end must lie above -0.01" in reason.said
    assert "label more test messages" in reason.do
    assert gate(champion, candidate, few, TAXONOMY, ELSEWHERE, GateLimits(micro_margin=0.3)).ok


def test_worse_by_less_than_the_margin_passes() -> None:
    wide = GateLimits(micro_margin=0.2, macro_drop=0.2, leaf_drop=1)
    assert judged_by(answers(0.75), limits=wide).ok


def test_a_leaf_that_pays_for_the_others_is_named() -> None:
    verdict = judged_by(paying())
    (reason,) = verdict.reasons
    assert reason.code == "leaf_drop"
    assert f"{LEAVES[0]} falls from F1 0.761 to 0.4" in reason.said
    assert "on 60 messages, more than the allowed 5.0 points, more than chance" in reason.said
    assert f"label more training messages of {LEAVES[0]}" in reason.do


def test_a_rare_leaf_may_move() -> None:
    assert judged_by(paying(), limits=GateLimits(leaf_support=61)).ok


def test_a_drop_within_chance_is_said_to_be() -> None:
    champion, candidate = [i % USED for i in range(len(ROWS))], [i % USED for i in range(len(ROWS))]
    for n, i in enumerate(range(0, len(ROWS), USED)):
        champion[i] = 20 if n < 25 else 0
        candidate[i] = 20 if n >= 30 else 0
    verdict = judged_by(saying(candidate, 0.95), saying(champion, 0.95), limits=GateLimits(micro_margin=0.1))
    (reason,) = verdict.reasons
    assert reason.code == "leaf_drop"
    assert "which may be chance: the interval includes 0" in reason.said
    assert f"label more test messages of {LEAVES[0]}" in reason.do


def test_a_minimal_pair_that_breaks_is_named() -> None:
    champion = replace(CHAMPION, pairs={"size-vs-fit": True, "coupon-vs-gift": False})
    verdict = judged_by(replace(answers(0.9), pairs={"size-vs-fit": False, "coupon-vs-gift": True}), champion)
    assert codes(verdict) == ["pairs_broken"]
    assert "1 minimal pair(s) that the champion tells apart fail: size-vs-fit" in verdict.reasons[0].said


def test_a_candidate_too_sure_of_itself_is_refused() -> None:
    verdict = judged_by(answers(sure=0.99))
    assert codes(verdict) == ["calibration_worse"]
    said = "the calibration error of the scores of first leaves rises from 0.000 to 0.190 (+0.190 [+0.1"
    assert said in verdict.reasons[0].said
    assert "95 % interval), by more than the allowed 0.02 and by more than chance" in verdict.reasons[0].said


def test_a_calibration_that_moves_by_chance_is_let_through() -> None:
    few = ROWS[:100]
    champion, candidate = answers(0.8, rows=few), answers(0.76, sure=0.8, rows=few)
    quality = GateLimits(micro_margin=1, macro_drop=1, leaf_drop=1)
    verdict = gate(champion, candidate, few, TAXONOMY, ELSEWHERE, quality)  # the error rises by 0.04
    assert verdict.ok, verdict.reasons


def test_scores_all_too_high_are_refused() -> None:
    high = answers()
    verdict = judged_by(replace(high, scores=np.maximum(high.scores, np.float32(0.3))))
    assert codes(verdict) == ["calibration_worse"]
    assert "the calibration error of all scores rises" in verdict.reasons[0].said


def nothing(judged: Judged) -> Judged:
    return replace(judged, chosen=np.zeros_like(judged.chosen))


def constant(judged: Judged) -> Judged:
    return replace(judged, scores=np.full_like(judged.scores, 0.1))


def one_answer(judged: Judged) -> Judged:
    chosen = np.zeros_like(judged.chosen)
    chosen[:, 3] = True
    return replace(judged, chosen=chosen)


def no_number(judged: Judged) -> Judged:
    scores = judged.scores.copy()
    scores[7, 3] = np.nan
    scores[8] = np.inf
    return replace(judged, scores=scores)


def logits(judged: Judged) -> Judged:
    return replace(judged, scores=judged.scores * 5 - 2)


def rolled(judged: Judged) -> Judged:
    return replace(judged, scores=np.roll(judged.scores, 1, axis=1), chosen=np.roll(judged.chosen, 1, axis=1))


def renamed(judged: Judged) -> Judged:
    return replace(judged, leaves=(LEAVES[1], LEAVES[0], *LEAVES[2:]))


def older(judged: Judged) -> Judged:
    return replace(judged, taxonomy_version="0.9.0")


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (nothing, "scores_constant", "chooses no leaf for any of 600 messages"),
        (constant, "scores_constant", "gives each of 600 messages the same scores"),
        (one_answer, "scores_constant", "gives each of 600 messages the same leaves"),
        (no_number, "scores_not_finite", "72 of 42,600 scores are no numbers (2 of 600 messages)"),
        (logits, "scores_out_of_range", "scores run from -1.99 to 2.5 and must lie between 0 and 1"),
        (rolled, "leaves_permuted", f"what it calls {LEAVES[2]} is {LEAVES[1]}"),
        (renamed, "leaves_differ", f"column 1 is {LEAVES[1]} and should be {LEAVES[0]}"),
        (older, "taxonomy_version", "trained for attention 0.9.0, the taxonomy in use is"),
    ],
)
@pytest.mark.parametrize("champion", [CHAMPION, None])
def test_an_unsound_candidate_is_refused_even_without_a_champion(
    spoil: Callable[[Judged], Judged], code: str, said: str, champion: Judged | None
) -> None:
    verdict = judged_by(spoil(answers(0.9)), champion)
    assert codes(verdict) == [code]
    assert said in verdict.reasons[0].said
    assert verdict.forceable == (code == "leaves_permuted")


def test_a_weak_candidate_is_not_taken_for_a_permuted_one() -> None:
    assert "leaves_permuted" not in codes(judged_by(answers(0.15)))


def test_a_sound_first_candidate_passes_without_a_champion() -> None:
    assert judged_by(answers(), None).ok


def test_a_champion_of_another_taxonomy_needs_a_migration() -> None:
    old = replace(
        CHAMPION,
        taxonomy_version="0.9.0",
        leaves=("old_look", "old_colour", *LEAVES[2:-1]),
        scores=CHAMPION.scores[:, :-1],
        chosen=CHAMPION.chosen[:, :-1],
    )
    verdict = judged_by(answers(), old)
    assert codes(verdict) == ["no_migration"]
    assert "the champion speaks attention 0.9.0 (70 leaves)" in verdict.reasons[0].said
    moved = {"old_look": LEAVES[0], "old_colour": LEAVES[1]}
    migrated = gate(old, answers(), ROWS, TAXONOMY, replace(ELSEWHERE, migration=moved))
    assert migrated.ok, migrated.reasons
    assert migrated.difference["micro"].value == 0
    with pytest.raises(BadInput, match="leads to a leaf that the taxonomy does not have; got nowhere"):
        gate(old, answers(), ROWS, TAXONOMY, replace(ELSEWHERE, migration={"old_look": "nowhere"}))


def test_several_old_leaves_may_become_one() -> None:
    chosen = CHAMPION.chosen.copy()
    chosen[:, -1] = chosen[:, 0] & (np.arange(len(ROWS)) % 4 == 0)
    chosen[:, 0] &= ~chosen[:, -1]
    scores = np.where(chosen, 0.8, 0.003).astype(np.float32)
    old = replace(CHAMPION, taxonomy_version="0.9.0", scores=scores, chosen=chosen)
    verdict = gate(old, answers(), ROWS, TAXONOMY, replace(ELSEWHERE, migration={LEAVES[-1]: LEAVES[0]}))
    assert verdict.ok, verdict.reasons


@pytest.mark.parametrize("limit", [{"leaf_drop": -0.1}, {"micro_margin": 5}, {"macro_drop": float("nan")}])
def test_limits_are_shares(limit: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=r"is out of range; got .*; expected 0 to 1"):
        GateLimits(**limit)  # type: ignore[arg-type]


def test_answers_that_do_not_fit_the_rows_are_named() -> None:
    with pytest.raises(BadInput, match=r"the answers of attention-v2 do not fit the rows; got \(100, 71\)"):
        judged_by(answers(rows=ROWS[:100]))


def test_a_verdict_can_be_written_down() -> None:
    record = judged_by(answers(0.7)).record()
    assert record["ok"] is False
    assert record["limits"] == {
        "micro_margin": 0.01,
        "macro_drop": 0.02,
        "leaf_drop": 0.05,
        "leaf_support": 30,
        "calibration_rise": 0.02,
        "seen_share": 0.005,
        "permuted_gain": 0.05,
        "least_rows": 100,
        "least_sessions": 30,
    }
