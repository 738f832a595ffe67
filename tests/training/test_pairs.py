"""The minimal pairs: sound, complete over the trees' 不含, and judged by both sides at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from xundan.models.runtime import Model
from xundan.models.thresholds import Chosen, Scores
from xundan.taxonomy.trees import load
from xundan.training.pairs import MinimalPair, load_pairs, run_pairs

LEAVES = ("price_inquiry", "price_bargain", "promo_gift")
PAIR = MinimalPair("a", ("price_inquiry", "price_bargain"), ("多少钱", "少点钱"), ("客:在的",))


@pytest.mark.parametrize(("tree", "least"), [("attention", 170), ("action", 40)])
def test_pairs_are_short_distinct_and_of_known_leaves(tree: str, least: int) -> None:
    pairs, known = load_pairs(tree), {leaf.id for leaf in load(tree).leaves}
    assert len(pairs) >= least
    assert len({pair.id for pair in pairs}) == len(pairs)
    texts = [text for pair in pairs for text in pair.texts]
    assert len({(pair.context, text) for pair in pairs for text in pair.texts}) == len(texts)
    assert all(isinstance(text, str) and 0 < len(text) <= 40 for text in texts)
    for pair in pairs:
        assert set(pair.leaves) <= known, pair.id
        assert pair.leaves[0] != pair.leaves[1], pair.id
        assert all(turn.startswith(("买:", "客:")) for turn in pair.context), pair.id


@pytest.mark.parametrize("tree", ["attention", "action"])
def test_every_exclusion_of_the_tree_has_a_pair(tree: str) -> None:
    covered = {frozenset(pair.leaves) for pair in load_pairs(tree)}
    arrows = {
        (leaf.id, excluded.neighbour)
        for leaf in load(tree).leaves
        for excluded in leaf.excludes
        if excluded.neighbour
    }
    assert {arrow for arrow in arrows if frozenset(arrow) not in covered} == set()


def test_every_leaf_stands_in_a_pair() -> None:
    for tree in ("attention", "action"):
        assert {leaf.id for leaf in load(tree).leaves} == {at for p in load_pairs(tree) for at in p.leaves}


def test_a_tree_without_pairs_has_none() -> None:
    assert load_pairs("loss") == ()
    assert load_pairs("no-such-tree") == ()


class Fake:
    """Answers each text with the leaves it is told to."""

    def __init__(self, answers: dict[str, tuple[str, ...]], leaves: tuple[str, ...] = LEAVES) -> None:
        self.answers, self.description = answers, SimpleNamespace(leaves=leaves)
        self.contexts: list[tuple[str, ...]] = []

    def score(self, texts: list[str], contexts: list[tuple[str, ...]]) -> Scores:
        self.contexts = contexts
        held = [[leaf in self.answers[text] for leaf in self.description.leaves] for text in texts]
        return np.array(held, dtype=np.float32)

    def choose(self, scores: Scores) -> Chosen:
        return np.asarray(scores > 0.5)


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [
        (("price_inquiry",), ("price_bargain",), True),
        (("price_inquiry", "promo_gift"), ("price_bargain",), True),
        (("price_inquiry", "price_bargain"), ("price_bargain",), False),
        (("price_inquiry",), ("price_inquiry", "price_bargain"), False),
        (("promo_gift",), ("price_bargain",), False),
        (("price_bargain",), ("price_inquiry",), False),
    ],
)
def test_a_pair_passes_when_each_side_has_its_leaf_and_not_the_others(
    first: tuple[str, ...], second: tuple[str, ...], passes: bool
) -> None:
    fake = Fake({"多少钱": first, "少点钱": second})
    assert run_pairs(cast(Model, fake), [PAIR]) == {"a": passes}
    assert fake.contexts == [("客:在的",)] * 2


def test_a_leaf_the_model_does_not_know_fails_the_pair() -> None:
    fake = Fake({"多少钱": ("price_inquiry",), "少点钱": ()}, ("price_inquiry",))
    assert run_pairs(cast(Model, fake), [PAIR]) == {"a": False}


def test_no_pairs_ask_the_model_nothing() -> None:
    assert run_pairs(cast(Model, SimpleNamespace()), []) == {}
