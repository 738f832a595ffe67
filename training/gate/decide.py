"""May the candidate take the champion's place? Every reason against it, with its numbers and what to do.

verdict = gate(champion, candidate, rows, taxonomy, Evidence(read_rows(folder)))
if not verdict.ok:
    print(*verdict.reasons, sep="\n")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xundan.errors import BadInput
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.paired import paired
from xundan.training.gate.quality import worse
from xundan.training.gate.soundness import unsound
from xundan.training.gate.verdict import Evidence, GateLimits, Reason, Verdict
from xundan.training.labels import LabelledMessage
from xundan.training.lineage import leaked


def gate(
    champion: Judged | None,
    candidate: Judged,
    rows: Sequence[LabelledMessage],
    taxonomy: Taxonomy,
    evidence: Evidence,
    limits: GateLimits | None = None,
) -> Verdict:
    """Judge two models on the same labelled rows; without a champion, only whether the candidate is sound.

    Raises `BadInput` where a model's answers are not [rows, leaves], or a migration leads nowhere.
    """
    limits = limits or GateLimits()
    for judged in (candidate, *([champion] if champion else [])):
        _check_shape(judged, len(rows))
    verdict = Verdict(candidate.version, champion.version if champion else "", len(rows), limits, ())
    beside = [*_too_few(rows, limits), *_leak(rows, evidence, limits)]
    if champion is not None:
        beside += _champion_leak(rows, evidence, limits)
    broken = unsound(candidate, rows, taxonomy, limits)
    if broken or champion is None:
        return replace(verdict, reasons=(*broken, *beside))
    carried = carry(champion, taxonomy, evidence.migration)
    if carried is None:
        return replace(verdict, reasons=(_no_migration(champion, taxonomy), *beside))
    found = paired(carried, candidate, rows, taxonomy)
    reasons = (*worse(found, carried, candidate, rows, taxonomy, limits), *beside)
    return replace(verdict, reasons=reasons, difference=found.difference)


def carry(judged: Judged, taxonomy: Taxonomy, migration: Mapping[str, str] | None) -> Judged | None:
    """A model's answers under another version of its taxonomy; None where that needs a migration.

    ``migration`` maps old leaf ids to new ones; an id that stands in both versions stays. Where several old
    leaves become one, it has the highest of their scores, and is chosen where one of them is.
    """
    wanted = tuple(leaf.id for leaf in taxonomy.leaves)
    if judged.leaves == wanted and judged.taxonomy_version == taxonomy.version:
        return judged
    if migration is None:
        return None
    column = {leaf: index for index, leaf in enumerate(wanted)}
    lost = sorted({new for new in migration.values() if new not in column})
    if lost:
        raise BadInput(
            "the migration leads to a leaf that the taxonomy does not have",
            got=", ".join(lost),
            expected=f"leaves of {taxonomy.tree} {taxonomy.version}",
        )
    scores = np.zeros((len(judged.scores), len(wanted)), dtype=np.float32)
    chosen = np.zeros(scores.shape, dtype=np.bool_)
    for index, leaf in enumerate(judged.leaves):
        if (at := column.get(migration.get(leaf, leaf))) is not None:
            scores[:, at] = np.maximum(scores[:, at], judged.scores[:, index])
            chosen[:, at] |= judged.chosen[:, index]
    return replace(judged, taxonomy_version=taxonomy.version, leaves=wanted, scores=scores, chosen=chosen)


def _no_migration(champion: Judged, taxonomy: Taxonomy) -> Reason:
    return Reason(
        "no_migration",
        f"the champion speaks {taxonomy.tree} {champion.taxonomy_version} ({len(champion.leaves)} leaves), "
        f"the candidate {taxonomy.version} ({len(taxonomy.leaves)}): they cannot be compared",
        "say where each old leaf went (a migration)",
    )


def _leak(rows: Sequence[LabelledMessage], evidence: Evidence, limits: GateLimits) -> list[Reason]:
    if evidence.trained_on is None:
        return [
            Reason(
                "training_rows_unknown",
                "the candidate does not say which rows it was trained on, so it may have seen the answers",
                "train it here, or ask its maker that none of these messages was among them",
            )
        ]
    leak = leaked(rows, evidence.trained_on)
    few_seen = leak.seen <= limits.seen_share * leak.rows
    if few_seen and not leak.same_session:
        return []
    reused = (
        "; as hardly a text is the same, the files may only have reused ids for other sessions: then give "
        "the test labels ids of their own"
    )
    return [
        Reason(
            "trained_on_test_rows",
            f"of {leak.rows:,} test messages the candidate was trained on {leak.seen:,} "
            f"({leak.seen / leak.rows:.1%}) and on sessions of {leak.same_session:,} more",
            "take these sessions out of the test labels or out of the training labels"
            + (reused if few_seen else ""),
        )
    ]


def _champion_leak(rows: Sequence[LabelledMessage], evidence: Evidence, limits: GateLimits) -> list[Reason]:
    if evidence.champion_trained_on is None:
        return []  # a shipped model does not say; unlike a candidate it need not, it is champion already
    leak = leaked(rows, evidence.champion_trained_on)
    if leak.seen <= limits.seen_share * leak.rows:
        return []
    return [
        Reason(
            "champion_saw_test_rows",
            f"of {leak.rows:,} test messages the champion was trained on {leak.seen:,} "
            f"({leak.seen / leak.rows:.1%}), so its figures are flattered here and the comparison is unfair",
            "judge by test messages that neither has seen, or promote it with --force and why",
        )
    ]


def _too_few(rows: Sequence[LabelledMessage], limits: GateLimits) -> list[Reason]:
    sessions = len({row.session for row in rows})
    if len(rows) >= limits.least_rows and sessions >= limits.least_sessions:
        return []
    more, others = limits.least_rows - len(rows), limits.least_sessions - sessions
    what = f"{more:,} more test message(s)" if more > 0 else "more test messages"
    return [
        Reason(
            "too_few_test_messages",
            f"{len(rows):,} test message(s) of {sessions:,} session(s) are too few to judge by: "
            f"{limits.least_rows:,} of {limits.least_sessions:,} are needed",
            f"label {what}" + (f", from at least {others:,} other session(s)" if others > 0 else ""),
        )
    ]


def _check_shape(judged: Judged, rows: int) -> None:
    wanted = (rows, len(judged.leaves))
    if judged.scores.shape != wanted or judged.chosen.shape != wanted:
        raise BadInput(
            f"the answers of {judged.version} do not fit the rows",
            got=f"{judged.scores.shape} scores, {judged.chosen.shape} chosen",
            expected=f"{wanted}, one row a message and one column a leaf",
        )
