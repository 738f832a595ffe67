"""How many tasks are drawn for which purpose; a fifth at least is drawn at random.

>>> parse_mix("random=100,uncertain=200,rare=200", 500)["rare"]
200
>>> parse_mix(None, 100)["random"]
20
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from xundan.errors import BadInput
from xundan.labeling.records import PURPOSES

RANDOM = "random"
RANDOM_SHARE = 0.2
"""Trends are corrected with the random part alone, so no draw goes without it."""
USUAL = {"uncertain": 0.3, "rare": 0.2, "diverse": 0.15, "valuable": 0.1, "disputed": 0.05}
"""Shares of a draw for which no mix is given; the rest, a fifth, is random."""
_FORM = "such as random=100,uncertain=200,rare=200"


def parse_mix(text: str | None, n: int | None) -> Mapping[str, int]:
    """Tasks by purpose, ``random`` first, the others in the order given, which is that in which they choose.

    Without ``text`` the `USUAL` mix of ``n``. Raises `BadInput` for an unknown purpose, a number that is
    none, a sum that is not ``n``, and less than `RANDOM_SHARE` at random.
    """
    if text is None:
        if n is None or n < 1:
            raise BadInput("how many tasks?", got=n, expected=f"--n 500, or --mix {_FORM}", where="--n")
        usual = {purpose: int(n * share) for purpose, share in USUAL.items()}
        return _plain({RANDOM: n - sum(usual.values()), **usual})
    mix = dict(_part(part) for part in text.split(","))
    total = sum(mix.values())
    if len(mix) < len(text.split(",")):
        raise BadInput("a purpose stands twice", got=text, where="--mix")
    if n is not None and total != n:
        raise BadInput(
            f"the mix is {total} tasks, not {n}", got=text, do="change --n or --mix", where="--mix"
        )
    if not total:
        raise BadInput("nothing to draw", got=text, expected=_FORM, where="--mix")
    least = ceil(RANDOM_SHARE * total - 1e-9)
    if mix.get(RANDOM, 0) < least:
        raise BadInput(
            f"at least a fifth is drawn at random ({least} of {total}): trends are corrected with that part",
            got=f"random={mix.get(RANDOM, 0)}",
            expected=f"random={least} or more",
            where="--mix",
        )
    return _plain({RANDOM: mix[RANDOM], **mix})


def _part(part: str) -> tuple[str, int]:
    name, equals, number = (piece.strip() for piece in part.partition("="))
    if name not in PURPOSES:
        raise BadInput(
            "no such purpose", got=repr(name), expected=f"one of {', '.join(PURPOSES)}", where="--mix"
        )
    if not equals or not number.isdecimal():
        raise BadInput("a purpose without a number", got=repr(part), expected=_FORM, where="--mix")
    return name, int(number)


def _plain(mix: Mapping[str, int]) -> Mapping[str, int]:
    return {purpose: n for purpose, n in mix.items() if n}
