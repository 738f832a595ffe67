"""How long work tells whoever watches how far it is, without knowing who that is.

>>> from xundan.progress import silent, tracked
>>> list(tracked(["a", "b"], silent, "read"))
['a', 'b']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Advance = Callable[[int], None]
"""Told how many further rows are done."""
Begin = Callable[[str, int], Advance]
"""Told what begins and how many rows it has (0 = not known); gives back what to tell."""

Row = TypeVar("Row")
_EVERY = 500


def silent(what: str, total: int) -> Advance:
    """Nobody watches."""
    return lambda rows: None


def tracked(rows: Sequence[Row], begin: Begin, what: str) -> Iterator[Row]:
    """Yield the rows, telling every few hundred of them."""
    advance = begin(what, len(rows))
    for number, row in enumerate(rows, 1):
        yield row
        if number % _EVERY == 0:
            advance(_EVERY)
    advance(len(rows) % _EVERY)
