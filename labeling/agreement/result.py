"""Everything that is known of how far people agree on a tree's tasks, measured in one call.

found = measure(store, load("attention"))
print(f"{found.alpha:.3f}", found.alpha.n, found.alpha.sessions)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xundan.labeling.adjudication import count_disputes, disputes
from xundan.labeling.agreement.alpha import leaf_alphas, masi_alpha, primary_alpha
from xundan.labeling.agreement.ballots import Ballots, ballots_of
from xundan.labeling.agreement.confusion import Confused, ConfusionMatrix, confused, confusion_matrix
from xundan.labeling.agreement.figures import Figure
from xundan.labeling.agreement.pairwise import PairF1, leaf_f1, micro_f1, people_f1, person_f1, same_sets
from xundan.labeling.agreement.poll import poll
from xundan.labeling.agreement.speed import Speed, speeds
from xundan.labeling.agreement.votes import Votes, read_votes
from xundan.labeling.settle import counts, settle
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Taxonomy

MOST_CONFUSED = 30
FEW = 20
"""A figure of fewer answers, or from fewer sessions, is too uncertain to decide from; pages show it grey."""


@dataclass(frozen=True)
class LeafAgreement:
    """One leaf: alpha of chosen or not (n: tasks), F1 (n: pairs of answers in which somebody chose it), and
    how many ``answers`` name it."""

    leaf: str
    alpha: Figure
    f1: Figure
    answers: int


@dataclass(frozen=True)
class Polled:
    """The ``tasks`` of three or more votes: ``alike`` where majority and Dawid-Skene name the same leaves,
    ``unlike`` where not, ``split`` where no leaf has a majority."""

    tasks: int
    alike: int
    unlike: int
    split: int


@dataclass(frozen=True)
class Agreement:
    """How far people agree on a tree.

    ``alpha``: of leaf sets, MASI distance; ``primary``: of the primary leaf, nominal (None for messages);
    ``micro``: F1 over all leaves; ``same``: the share of pairs of answers that are the same. ``by_person``:
    the F1 of each person with all others. ``settled``: tasks by the way they are settled, and unanswered, of
    all tasks; ``open_disputes`` by reason.
    """

    taxonomy: Taxonomy
    votes: Votes
    ballots: Ballots
    alpha: Figure
    primary: Figure | None
    micro: Figure
    same: Figure
    leaves: tuple[LeafAgreement, ...]
    pairs: tuple[PairF1, ...]
    by_person: Mapping[str, Figure]
    matrix: ConfusionMatrix
    confused: tuple[Confused, ...]
    speeds: tuple[Speed, ...]
    polled: Polled
    settled: Mapping[str, int]
    open_disputes: Mapping[str, int]

    @property
    def tree(self) -> str:
        """The tree's name."""
        return self.taxonomy.tree

    @property
    def headline(self) -> Figure:
        """The alpha to speak of: of sessions the primary leaf's, of messages that of the leaf sets."""
        return self.primary or self.alpha


def measure(store: Store, taxonomy: Taxonomy) -> Agreement:
    """Measure a tree. Tasks that fewer than two people gave leaves enter no figure but speed and counts; the
    figures of no task at all are NaN with n 0."""
    tree = taxonomy.tree
    votes = read_votes(store, tree)
    ballots = ballots_of(votes)
    return Agreement(
        taxonomy,
        votes,
        ballots,
        alpha=masi_alpha(ballots),
        primary=primary_alpha(ballots) if ballots.is_session else None,
        micro=micro_f1(ballots),
        same=same_sets(ballots),
        leaves=_leaves(ballots),
        pairs=people_f1(ballots),
        by_person=person_f1(ballots),
        matrix=confusion_matrix(ballots, [leaf.id for leaf in taxonomy.leaves]),
        confused=confused(ballots, MOST_CONFUSED),
        speeds=speeds(votes),
        polled=_polled(votes),
        settled=counts(settle(store, tree), len(votes.tasks)),
        open_disputes=count_disputes(disputes(store, tree)),
    )


def _leaves(ballots: Ballots) -> tuple[LeafAgreement, ...]:
    """The leaves that somebody chose, those in most answers first."""
    alphas, f1s = leaf_alphas(ballots), leaf_f1(ballots)
    named = ballots.chosen.sum(axis=0)
    found = [
        LeafAgreement(leaf, alphas[leaf], f1s[leaf], int(named[at]))
        for at, leaf in enumerate(ballots.leaves)
        if leaf in f1s
    ]
    return tuple(sorted(found, key=lambda one: (-one.answers, one.leaf)))


def _polled(votes: Votes) -> Polled:
    found = list(poll(votes).values())
    split = sum(not one.majority for one in found)
    alike = sum(one.alike for one in found)
    return Polled(len(found), alike, len(found) - alike - split, split)
