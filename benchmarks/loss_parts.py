"""Who judges lost sessions: floors, the words alone, and ours; and how each is measured on unseen sessions.

bench = Bench(SHIPPED_ENCODER, LossSettings())
answers = cross_validated(JUDGES["tfidf"], sessions, bench)      # one a session that is measured on
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xundan.errors import BadInput
from xundan.models.encoder import load_base_tokenizer
from xundan.models.loss.rules import load_rules
from xundan.models.loss.verdict import decide
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.loss.baselines import Sessions, majority_judge, svm_judge
from xundan.training.loss.cross_validate import family_folds, weights_of
from xundan.training.loss.finetune import LossSettings, score, train_judge
from xundan.training.loss.rows import Row, make_rows
from xundan.training.loss.sessions import WRITTEN, LabelledSession

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the labelled sessions, in a learning curve."""
AUTHORS = ("a", "b")
"""Who wrote sessions: the first letter of their ids."""


@dataclass(frozen=True)
class Answer:
    """A primary leaf, and the messages shown as its evidence where the judge shows any."""

    leaf: str
    evidence: tuple[str, ...] | None = None


class Bench:
    """What judges share: the encoder that networks begin from, their settings, each session's row."""

    def __init__(
        self, base: Path | str, settings: LossSettings, tell: Callable[[str], None] = lambda line: None
    ) -> None:
        self.base, self.settings, self.tell = base, settings, tell
        self._rows: dict[str, Row] = {}

    def rows(self, sessions: Sequence[LabelledSession]) -> list[Row]:
        """The rows that networks read, each made once."""
        new = [session for session in sessions if session.id not in self._rows]
        if new:
            made = make_rows(new, load_base_tokenizer(self.base), Limits())
            self._rows.update(zip((session.id for session in new), made, strict=True))
        return [self._rows[session.id] for session in sessions]


Judge = Callable[[Bench, Sessions, Sessions], list[Answer]]
"""Learns from the first sessions and answers for the second."""


@dataclass(frozen=True)
class Contender:
    """``network``: it trains one, in minutes; ``learns``: more labelled sessions may help it."""

    title: str
    judge: Judge
    network: bool = False
    learns: bool = True


def floor(answers: Callable[[Sessions, Sessions], list[str]]) -> Judge:
    """A judge that says a leaf and shows nothing."""
    return lambda bench, inside, outside: [Answer(leaf) for leaf in answers(inside, outside)]


def by_rules(bench: Bench, inside: Sessions, outside: Sessions) -> list[Answer]:
    """The first finding of the rules, with its evidence."""
    rules = load_rules()
    firsts = (rules.apply(session.case, Limits())[0] for session in outside)
    return [Answer(finding.leaf, finding.evidence) for finding in firsts]


def by_network(signals: bool) -> Judge:
    """A network trained here; without ``signals`` it has the words alone, and no rule adds evidence."""

    def judge(bench: Bench, inside: Sessions, outside: Sessions) -> list[Answer]:
        settings = replace(bench.settings, signals=signals)
        net = train_judge(bench.rows(inside), weights_of(inside, settings), bench.base, settings)
        said = score(net, bench.rows(outside))
        leaves, rules = [leaf.id for leaf in load("loss").leaves], load_rules()
        answers = []
        for session, scores, proof in zip(outside, said.leaves, said.evidence, strict=True):
            findings = rules.apply(session.case, Limits()) if signals else ()
            named = dict(zip(leaves, map(float, scores), strict=True))
            first = decide(named, proof, findings, secondary_from=1.0)[0]
            answers.append(Answer(first.leaf, first.evidence))
        return answers

    return judge


JUDGES = {
    "majority": Contender("the commonest leaf", floor(majority_judge), learns=False),
    "tfidf": Contender("TF-IDF + linear SVM", floor(svm_judge)),
    "rules": Contender("rules alone", by_rules, learns=False),
    "text": Contender("words alone, our encoder", by_network(signals=False), network=True),
    "fused": Contender("ours, words and signals", by_network(signals=True), network=True),
}
"""By the name to give to ``--rows``, in the order of the table."""


def measured(sessions: Sessions) -> list[LabelledSession]:
    """The sessions that are measured on: all but the augmented ones."""
    return [session for session in sessions if not session.augmented]


def taken(sessions: Sequence[LabelledSession], share: float, bench: Bench) -> list[bool]:
    """Which sessions belong to ``share`` (one of `SHARES`) of the families: of each part alike, a smaller
    share within a larger one."""
    quarter = family_folds(sessions, len(SHARES), bench.settings.seed + 1)
    return [bool(its < round(share * len(SHARES))) for its in quarter]


def cross_validated(who: Contender, sessions: Sessions, bench: Bench, share: float = 1.0) -> list[Answer]:
    """An answer for each of `measured`, by a judge that saw neither it nor one made from it, but ``share`` of
    all others."""
    folds = bench.settings.folds
    fold = family_folds(sessions, folds, bench.settings.seed)
    kept = taken(sessions, share, bench)
    found: dict[str, Answer] = {}
    for number in range(folds):
        inside = [s for s, its, keep in zip(sessions, fold, kept, strict=True) if its != number and keep]
        outside = measured([s for s, its in zip(sessions, fold, strict=True) if its == number])
        if outside:
            answers = who.judge(bench, inside, outside)
            found.update(zip((session.id for session in outside), answers, strict=True))
        if who.network:
            bench.tell(f"{who.title}: fold {number + 1} of {folds}, {len(inside):,} sessions learnt from")
    return [found[session.id] for session in measured(sessions)]


def across_authors(sessions: Sessions) -> Iterator[tuple[str, str, Sessions, Sessions]]:
    """(author learnt from, author measured on, sessions of and after the one, those of the other), both ways.

    The ids of written sessions begin with their author's letter; `BadInput` where there are not two authors.
    """
    written = [session for session in sessions if session.part == WRITTEN]
    of = {author: [s for s in written if s.id.startswith(author)] for author in AUTHORS}
    if not all(of.values()):
        raise BadInput(
            "no two authors to measure across",
            got=", ".join(f"{len(its)} written sessions of {author}" for author, its in of.items()),
            expected="ids of written sessions that begin with a or b",
        )
    for inside, outside in (AUTHORS, AUTHORS[::-1]):
        families = {session.family for session in of[inside]}
        yield inside, outside, [s for s in sessions if s.family in families], of[outside]
