"""The card of a judge: what it was made from, what it reaches on real and on written sessions, its limits.

write_loss_card(folder, "loss-v1", found, sessions, sources=("our lost sessions, 2026",))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xundan.taxonomy.trees import load
from xundan.training.card import CARD_FILE
from xundan.training.evaluation.intervals import share
from xundan.training.loss.sessions import REAL, LabelledSession

if TYPE_CHECKING:
    from xundan.training.loss.train import FoundLoss

_RARE = 10
_TEXT = """# {version}

Says why a lost session was lost: one of the {leaves} leaves of the `loss` taxonomy (version {taxonomy}), up
to two more, and the messages that show it. Reads the whole session (turns, waits, orders) and signals that
words cannot show (who answered when, what was paid, what buyers asked and agents did).

## Data
{sources}

Sessions trained on: {counts}. Augmented ones (moved into another trade, written for training, or read by
machine) are never measured on.

## Figures
Cross-validated: each session was judged by a network that had seen neither it, nor one made from it, nor one
that tells part of the same talk.

| sessions | n | primary leaf right | group right | macro-F1 | among the leaves named | evidence hit |
|---|---|---|---|---|---|---|
{parts}

Secondary leaves: F1 {secondary:.2f}, shown from a probability of {secondary_from:.2f} on.

| part | leaf | name | precision | recall | F1 | sessions |
|---|---|---|---|---|---|---|
{leaf_rows}

## Limits
{limits}
- Retrain on your own labelled sessions before you rely on a single judgement.
"""


def write_loss_card(
    folder: Path,
    version: str,
    found: FoundLoss,
    sessions: Sequence[LabelledSession],
    sources: Sequence[str],
) -> None:
    """Write ``card.md`` into the model folder."""
    tree = load("loss")
    counts = Counter(session.kind for session in sessions)
    text = _TEXT.format(
        version=version,
        leaves=len(tree.leaves),
        taxonomy=tree.version,
        sources="\n".join(f"- {source}" for source in sources) or "- the sessions given to `xundan train`",
        counts=", ".join(f"{n:,} {part}" for part, n in counts.most_common()),
        limits="\n".join(f"- {limit}" for limit in _limits(sessions)),
        parts="\n".join(_part(part, found) for part in found.parts),
        secondary=found.secondary_f1,
        secondary_from=found.secondary_from,
        leaf_rows="\n".join(
            f"| {part} | {f.leaf} | {tree.name_of(f.leaf)} | {f.precision:.2f} | {f.recall:.2f} "
            f"| {f.f1:.2f} | {f.support} |"
            for part, figures in found.parts.items()
            for f in figures.leaves
        ),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _limits(sessions: Sequence[LabelledSession]) -> Iterator[str]:
    """What the real sessions are too few to teach, counted."""
    real = [session for session in sessions if session.kind == REAL]
    if not real:
        yield "No real session is among them: expect less of it on real ones."
        return
    tree, counts = load("loss"), Counter(session.primary for session in real)
    commonest, most = counts.most_common(1)[0]
    rare = sum(counts[leaf.id] < _RARE for leaf in tree.leaves)
    yield (
        f"Of the {len(real):,} real sessions {most / len(real):.0%} carry one leaf, "
        f"{tree.name_of(commonest)}; {rare} of the {len(tree.leaves)} leaves have fewer than {_RARE} of "
        "them, and their figures there say little."
    )
    ordered = sum(session.case.ordered_at is not None for session in real)
    yield (
        f"{ordered:,} of the real sessions have an order: where these are few, what orders say was learnt "
        "from the other sessions, if at all."
    )


def _part(part: str, found: FoundLoss) -> str:
    figures, (hits, n) = found.parts[part], found.evidence[part]
    shown = f"{share(hits, n):.1%} of {n}" if n else "-"
    return (
        f"| {part} | {figures.n} | {figures.leaf} | {figures.group} | {figures.macro} | {figures.named} "
        f"| {shown} |"
    )
