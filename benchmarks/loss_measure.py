"""Measure judges of lost sessions: cross-validated, across authors, by number of labels, on pairs.

results = judge_all(["tfidf", "rules"], sessions, pairs, bench)
for line in lines_of(results, sessions): print(line.part, line.row, line.figures.leaf)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.loss_paired import ahead
from benchmarks.loss_parts import (
    JUDGES,
    SHARES,
    Answer,
    Bench,
    across_authors,
    cross_validated,
    measured,
    taken,
)
from xundan.training.evaluation.intervals import Interval, Share, share
from xundan.training.loss.baselines import Sessions
from xundan.training.loss.figures import LossFigures, evidence_hits, measure
from xundan.training.loss.pairs import PairsTold, SessionPair, told_apart
from xundan.training.loss.sessions import REAL, WRITTEN

REFERENCE = "fused"
"""Ours: how far it is ahead stands beside every other row."""


@dataclass(frozen=True)
class Result:
    """One row: its answers for the sessions that are measured on, the pairs it tells apart when it has learnt
    from all sessions, and the seconds of both."""

    row: str
    answers: list[Answer]
    pairs: PairsTold
    seconds: float


@dataclass(frozen=True)
class Line:
    """One row on one part of the sessions; ``ahead``: how far `REFERENCE` is ahead in leaf, group, macro;
    ``evidence``: sessions in which a message shown is among those annotated."""

    part: str
    row: str
    figures: LossFigures
    ahead: dict[str, Interval] | None
    evidence: Share | None


@dataclass(frozen=True)
class Point:
    """A point of a learning curve: so many labelled sessions (about) were learnt from; figures by part."""

    row: str
    share: float
    sessions: int
    parts: dict[str, LossFigures]


@dataclass(frozen=True)
class Across:
    """Learnt from ``learnt`` sessions of and after one author, measured on the other's."""

    row: str
    inside: str
    outside: str
    learnt: int
    figures: LossFigures


def judge_all(
    names: Sequence[str], sessions: Sessions, pairs: Sequence[SessionPair], bench: Bench
) -> list[Result]:
    """Every row's answers, in this order."""
    sides = [side for pair in pairs for side in pair.sides]
    results = []
    for name in names:
        started = time.perf_counter()
        answers = cross_validated(JUDGES[name], sessions, bench)
        told = told_apart([answer.leaf for answer in JUDGES[name].judge(bench, sessions, sides)], pairs)
        results.append(Result(name, answers, told, time.perf_counter() - started))
        bench.tell(f"{JUDGES[name].title}: {results[-1].seconds:,.0f} s")
    return results


def lines_of(results: Sequence[Result], sessions: Sessions) -> Iterator[Line]:
    """Every row on real sessions, then every row on written ones; parts without a session are left out."""
    judged = measured(sessions)
    reference = next((result.answers for result in results if result.row == REFERENCE), None)
    for part in (REAL, WRITTEN):
        its = [i for i, session in enumerate(judged) if session.kind == part]
        if not its:
            continue
        truth = [judged[i] for i in its]
        ours = [reference[i].leaf for i in its] if reference else None
        for result in results:
            said = [result.answers[i] for i in its]
            leaves = [answer.leaf for answer in said]
            beside = ours is not None and result.row != REFERENCE
            yield Line(
                part,
                result.row,
                measure(leaves, truth),
                ahead(ours, leaves, truth) if ours is not None and beside else None,
                _evidence(said, truth),
            )


def learning_curve(results: Sequence[Result], sessions: Sessions, bench: Bench) -> Iterator[Point]:
    """For each row that learns: the same test sessions, after a share of the others; all of them is the
    row's own result."""
    folds = bench.settings.folds
    for result in results:
        who = JUDGES[result.row]
        for portion in SHARES if who.learns else ():
            kept = taken(sessions, portion, bench)
            labelled = sum(keep and not s.augmented for s, keep in zip(sessions, kept, strict=True))
            own = portion == SHARES[-1]
            answers = result.answers if own else cross_validated(who, sessions, bench, portion)
            found = measured_by_part(answers, sessions)
            yield Point(result.row, portion, round(labelled * (folds - 1) / folds), found)


def between_authors(names: Sequence[str], sessions: Sessions, bench: Bench) -> Iterator[Across]:
    """Each row in both directions."""
    for inside, outside, learnt, truth in across_authors(sessions):
        for name in names:
            answers = JUDGES[name].judge(bench, learnt, truth)
            figures = measure([answer.leaf for answer in answers], truth)
            yield Across(name, inside, outside, len(learnt), figures)


def measured_by_part(answers: Sequence[Answer], sessions: Sessions) -> dict[str, LossFigures]:
    """Figures of the real and of the written sessions."""
    judged = measured(sessions)
    found = {}
    for part in (REAL, WRITTEN):
        its = [i for i, session in enumerate(judged) if session.kind == part]
        if its:
            found[part] = measure([answers[i].leaf for i in its], [judged[i] for i in its])
    return found


def _evidence(said: Sequence[Answer], truth: Sessions) -> Share | None:
    shown = [answer.evidence for answer in said if answer.evidence is not None]
    return share(*evidence_hits(shown, truth)) if len(shown) == len(said) else None
