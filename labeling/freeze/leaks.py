"""What must not stand on both sides of a split: a session, a buyer, a text, a text that is nearly another.

links = text_links(rows)
leaks = find_leaks(rows, sides, links)                     # [] is a clean split
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import Literal

from xundan.chats.text import normalize
from xundan.labeling.freeze.collect import Row

SHORTEST = 8
"""A shorter text is said by everyone; it is no leak by itself, only together with its context."""
NEAR = 0.7
"""Texts whose pairs of characters overlap by so much (Jaccard) are near-duplicates."""
COMMON = 5
"""A text said in more sessions than this is a common saying (an agent's greeting, a shop's template): tying
all of them together would put most of a shop on one side (agents' messages of 712 sessions: 560 in one)."""

Kind = Literal["text", "near-duplicate", "session", "buyer"]
_PLACEHOLDER = re.compile(r"\[[^\[\]]{1,4}\]")
_SIGNS = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Link:
    """Two rows (their numbers) that say the same, or nearly."""

    one: int
    other: int
    kind: Kind


@dataclass(frozen=True)
class Links:
    """The links among some rows, and how many rows say what everybody says (`COMMON`)."""

    found: tuple[Link, ...]
    common: int

    def among(self, kept: Sequence[int]) -> Links:
        """The links among the rows that were kept, by their new numbers. They are not sought anew: what
        everybody says stays common if some of those who say it are left out."""
        place = {number: new for new, number in enumerate(kept)}
        return replace(
            self,
            found=tuple(
                Link(place[link.one], place[link.other], link.kind)
                for link in self.found
                if link.one in place and link.other in place
            ),
        )


@dataclass(frozen=True)
class Leak:
    """Two rows on two sides that must stand on one; ``what``: the text, the session or the buyer."""

    kind: Kind
    what: str
    one: str
    other: str
    sides: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.kind} {self.what!r} in {self.sides[0]} ({self.one}) and {self.sides[1]} ({self.other})"


def text_links(rows: Sequence[Row]) -> Links:
    """Tie rows with the same reading (text and context), the same text, or nearly the same text.

    A reading counts if it has a context or `SHORTEST` characters; a text alone counts with `SHORTEST`
    characters (`squeezed`), unless it is common.
    """
    same = [Link(one, other, "text") for one, other in _chains(_readings(rows))]
    told = _Told(rows)
    return Links((*same, *told.links()), told.common_rows)


def find_leaks(rows: Sequence[Row], sides: Sequence[str], links: Links) -> list[Leak]:
    """Every link that crosses sides [rows], and every session and buyer that stands on more than one."""
    leaks = [
        Leak(link.kind, rows[link.one].text[:40], rows[link.one].id, rows[link.other].id, pair)
        for link in links.found
        if len(set(pair := (sides[link.one], sides[link.other]))) > 1
    ]
    leaks += _cut("session", [row.session for row in rows], rows, sides)
    leaks += _cut("buyer", [row.buyer for row in rows], rows, sides)
    return leaks


def _cut(
    kind: Kind, values: Sequence[str | None], rows: Sequence[Row], sides: Sequence[str]
) -> Iterator[Leak]:
    """A leak for each row whose session or buyer (values [rows]) has its first row on another side."""
    first: dict[str, int] = {}
    for number, value in enumerate(values):
        if value is None:
            continue
        before = first.setdefault(value, number)
        pair = (sides[before], sides[number])
        if pair[0] != pair[1]:
            yield Leak(kind, value, rows[before].id, rows[number].id, pair)


class _Told:
    """The distinct telling texts of the rows, with their rows, sessions and near neighbours."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows_of: dict[str, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            text = squeezed(row.text)
            if len(text) >= SHORTEST:
                self.rows_of[text].append(number)
        self.texts = list(self.rows_of)
        self.pairs = list(near_pairs(self.texts))
        sessions = [{rows[number].session for number in self.rows_of[text]} for text in self.texts]
        around = [set(own) for own in sessions]
        for one, other in self.pairs:
            around[one] |= sessions[other]
            around[other] |= sessions[one]
        self.common = [len(own) > COMMON for own in around]

    @property
    def common_rows(self) -> int:
        told = zip(self.texts, self.common, strict=True)
        return sum(len(self.rows_of[text]) for text, common in told if common)

    def links(self) -> Iterator[Link]:
        for text, common in zip(self.texts, self.common, strict=True):
            if not common:
                yield from (Link(*pair, "text") for pair in _chain(self.rows_of[text]))
        for one, other in self.pairs:
            if not (self.common[one] or self.common[other]):
                first, second = (self.rows_of[self.texts[place]][0] for place in (one, other))
                yield Link(first, second, "near-duplicate")


def squeezed(text: str) -> str:
    """What of a text tells: letters and digits in the models' spelling, without placeholders; any number is
    0, as 165 cm and 170 cm are asked about alike."""
    return _NUMBER.sub("0", _SIGNS.sub("", _PLACEHOLDER.sub("", normalize(text))))


def near_pairs(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """All pairs of numbers of texts with a Jaccard overlap of `NEAR` among their pairs of characters.

    Exact, by prefix filtering (Bayardo, Ma and Srikant 2007, https://doi.org/10.1145/1242572.1242591): two
    such texts share one of the rarest few pairs of each, so only texts that do are compared.
    """
    grams = [frozenset(map("".join, pairwise(text))) for text in texts]
    often = Counter(gram for own in grams for gram in own)
    holders: dict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(grams):
        rarest = sorted(own, key=lambda gram: (often[gram], gram))[
            : len(own) - ceil(NEAR * len(own) - 1e-9) + 1
        ]
        for before in sorted({before for gram in rarest for before in holders[gram]}):
            both = len(own & grams[before])
            if both >= NEAR * (len(own) + len(grams[before]) - both):
                yield before, number
        for gram in rarest:
            holders[gram].append(number)


def _readings(rows: Sequence[Row]) -> list[list[int]]:
    """The rows of each reading that tells: what the models read, as the gate compares it."""
    readings: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        read = (normalize(row.text), *map(normalize, row.context))
        if row.context or len(read[0]) >= SHORTEST:
            readings[read].append(number)
    return list(readings.values())


def _chains(groups: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    for group in groups:
        yield from _chain(group)


def _chain(group: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each member with the first: enough to tie them together."""
    return ((group[0], other) for other in group[1:])
