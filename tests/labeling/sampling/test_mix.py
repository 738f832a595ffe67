"""How many tasks are drawn for which purpose: what was asked, and never without a random part."""

from __future__ import annotations

import pytest

from xundan.errors import BadInput
from xundan.labeling.sampling.mix import parse_mix


@pytest.mark.parametrize(
    ("text", "n", "message"),
    [
        ("random=10,uncertain=90", 100, r"a fifth is drawn at random \(20 of 100\).*random=20 or more"),
        ("uncertain=9", None, r"got random=0; expected random=2 or more"),
        ("random=50,rare=60", 100, r"the mix is 110 tasks, not 100"),
        ("random=50,dull=50", None, r"got 'dull'; expected one of random, uncertain"),
        ("random=half", None, r"a purpose without a number; got 'random=half'"),
        ("random=10,random=10", None, r"a purpose stands twice"),
        ("random=0", None, r"nothing to draw"),
        (None, None, r"how many tasks\?"),
    ],
)
def test_a_mix_that_cannot_be(text: str | None, n: int | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_mix(text, n)


@pytest.mark.parametrize("n", [1, 7, 100, 500])
def test_the_usual_mix_has_n_tasks_a_fifth_of_them_random(n: int) -> None:
    mix = parse_mix(None, n)
    assert sum(mix.values()) == n
    assert mix["random"] >= n / 5
    assert next(iter(mix)) == "random"


def test_random_draws_first_wherever_it_stands() -> None:
    assert list(parse_mix("rare=10,random=10", 20)) == ["random", "rare"]
