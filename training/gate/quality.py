"""Is the candidate as good as the champion: over all, on each leaf, on the minimal pairs, in its certainty?

found = paired(champion, candidate, rows, taxonomy)
reasons = worse(found, champion, candidate, rows, taxonomy, limits)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xundan.models.confidence import first_leaf
from xundan.models.thresholds import Scores
from xundan.taxonomy.trees import Taxonomy
from xundan.training.calibrate import expected_calibration_error
from xundan.training.evaluation.calibration import bins_for, session_samples
from xundan.training.evaluation.intervals import spread
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.paired import LeafChange, Paired
from xundan.training.gate.verdict import GateLimits, Reason
from xundan.training.labels import LabelledMessage, target_matrix

Scored = tuple[Scores, Scores]
"""Scores beside what is true of them, both of one shape with the messages first."""


def worse(
    found: Paired,
    champion: Judged,
    candidate: Judged,
    rows: Sequence[LabelledMessage],
    taxonomy: Taxonomy,
    limits: GateLimits,
) -> list[Reason]:
    """Every way in which the candidate is worse than the limits allow."""
    truth = target_matrix(rows, [leaf.id for leaf in taxonomy.leaves])
    first = _of_first_leaves(champion, truth), _of_first_leaves(candidate, truth)
    return [
        *_overall(found, limits),
        *_leaves(found, limits),
        *_pairs(found),
        # Nine in ten of all scores are near 0 and hide what people see: so those of first leaves as well.
        *_calibration("all scores", (champion.scores, truth), (candidate.scores, truth), rows, limits),
        *_calibration("the scores of first leaves", *first, rows, limits),
    ]


def _overall(found: Paired, limits: GateLimits) -> list[Reason]:
    micro, macro = found.difference["micro"], found.difference["macro"]
    reasons = []
    if micro.low <= -limits.micro_margin and micro.high < 0:
        reasons.append(
            Reason(
                "micro_worse",
                f"micro-F1 is worse than the champion's by {_points(-micro.value)} "
                f"({micro:+.3f}, 95 % interval); of {found.rows:,} messages it wins {found.wins} and loses "
                f"{found.losses}",
                "look at the messages it lost, then at its labels and settings",
            )
        )
    elif micro.low <= -limits.micro_margin:
        reasons.append(
            Reason(
                "micro_unproven",
                f"micro-F1 is not shown to be as good: {micro:+.3f} (95 % interval) on {found.rows:,} "
                f"messages, its lower end must lie above -{limits.micro_margin:g}",
                "label more test messages, or train a better candidate",
            )
        )
    if macro.value < -limits.macro_drop:
        reasons.append(
            Reason(
                "macro_drop",
                f"macro-F1 falls by {_points(-macro.value)} ({macro:+.3f}), more than the allowed "
                f"{_points(limits.macro_drop)}: rare leaves pay",
                "label more messages of the leaves that lost",
            )
        )
    return reasons


def _leaves(found: Paired, limits: GateLimits) -> list[Reason]:
    dropped = [
        leaf
        for leaf in found.leaves
        if leaf.support >= limits.leaf_support and leaf.change.value < -limits.leaf_drop
    ]
    return [_dropped(leaf, limits) for leaf in sorted(dropped, key=lambda leaf: leaf.change.value)]


def _dropped(leaf: LeafChange, limits: GateLimits) -> Reason:
    by_chance = leaf.change.high >= 0
    return Reason(
        "leaf_drop",
        f"{leaf.leaf} falls from F1 {leaf.before:.3f} to {leaf.after:.3f} ({leaf.change:+.3f}) on "
        f"{leaf.support} messages, more than the allowed {_points(limits.leaf_drop)}"
        + (", which may be chance: the interval includes 0" if by_chance else ", more than chance"),
        f"label more test messages of {leaf.leaf}, to see whether it is chance"
        if by_chance
        else f"label more training messages of {leaf.leaf} and of what it is confused with",
    )


def _pairs(found: Paired) -> list[Reason]:
    if not found.lost:
        return []
    return [
        Reason(
            "pairs_broken",
            f"{len(found.lost)} minimal pair(s) that the champion tells apart fail: {', '.join(found.lost)}",
            "add training messages that differ as these pairs do",
        )
    ]


def _calibration(
    which: str, before: Scored, after: Scored, rows: Sequence[LabelledMessage], limits: GateLimits
) -> list[Reason]:
    """The error moves by chance too, on few messages by more than the limit: so the rise must be above the
    limit and the interval of the difference, both answers of a resampled session together, above 0."""
    bins = bins_for(before[0].size)
    error_before, error_after = _error(before, bins), _error(after, bins)
    if error_after - error_before <= limits.calibration_rise:
        return []
    draws = [
        _error((after[0][i], after[1][i]), bins) - _error((before[0][i], before[1][i]), bins)
        for i in session_samples(rows)
    ]
    rise = spread(error_after - error_before, np.array(draws))
    if rise.low <= 0:
        return []
    return [
        Reason(
            "calibration_worse",
            f"the calibration error of {which} rises from {error_before:.3f} to {error_after:.3f} "
            f"({rise:+.3f}, 95 % interval), by more than the allowed {limits.calibration_rise:g} and "
            "by more than chance",
            "calibrate it on held-out rows, as `xundan train` does",
        )
    ]


def _error(scored: Scored, bins: int) -> float:
    return expected_calibration_error(*scored, bins)


def _of_first_leaves(judged: Judged, truth: Scores) -> Scored:
    at = np.arange(len(truth)), first_leaf(judged.scores, judged.chosen)
    return judged.scores[at], truth[at]


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
