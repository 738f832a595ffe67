"""Which readings say nearly the same: MinHash over character 3-grams finds them, exact overlap confirms.

>>> texts = ("这款外套还有红色的吗，我想买来送给妈妈", "这款外套还有红色的吗 我想买来送给妈妈呀", "有现货吗")
>>> groups_of([reading_of(text, ()) for text in texts]).tolist()
[0, 0, 2]

MinHash and banding: A. Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900; J. Leskovec, A. Rajaraman and
J. Ullman, Mining of Massive Datasets, chapter 3, http://www.mmds.org.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xundan.chats.text import normalize
from xundan.labeling.freeze.leaks import SHORTEST, squeezed

NEAR = 0.8
"""Readings whose 3-grams overlap by so much (Jaccard) are near-duplicates."""
# Two readings with an overlap of 0.8 meet in at least one of 16 bands of 5 with a probability of 0.998.
_BANDS, _ROWS = 16, 5
_CHUNK = 200_000  # 3-grams hashed at a time
_NUMBERS = re.compile(r"\d+")

Grams = npt.NDArray[np.uint64]
Whole = npt.NDArray[np.int64]


class Reading(NamedTuple):
    """What is compared: ``exact`` must be the same, ``near`` nearly so."""

    exact: str
    near: str


def reading_of(text: str, turns: Sequence[str]) -> Reading:
    """A text of `SHORTEST` letters and digits says itself, whatever stood before it; a shorter one (好的) is
    the same only with nearly the same previous turns. A number is like any other (165 cm, 170 cm)."""
    told = _NUMBERS.sub("0", squeezed(text))
    if len(told) >= SHORTEST:
        return Reading("", told)
    before = "\n".join(_NUMBERS.sub("0", squeezed(turn)) for turn in turns)
    return Reading(told or normalize(text) or "-", before)


def groups_of(readings: Sequence[Reading]) -> Whole:
    """A number for each reading [readings]: near-duplicates, and what they tie together, have the same."""
    distinct: dict[Reading, int] = {}
    place = np.array([distinct.setdefault(one, len(distinct)) for one in readings], dtype=np.int64)
    grams = [_grams(one) for one in distinct]
    ties = _Ties(len(grams))
    for bucket in _buckets(_signatures(grams)):
        leaders: list[int] = []
        for one in bucket:
            if not any(ties.same(one, leader) or _tied(ties, grams, one, leader) for leader in leaders):
                leaders.append(one)
    roots = np.array([ties.root(one) for one in range(len(grams))], dtype=np.int64)
    return roots[place] if len(readings) else place


def _tied(ties: _Ties, grams: Sequence[Grams], one: int, other: int) -> bool:
    """Tie the two where they are near-duplicates; says whether they are."""
    both = len(np.intersect1d(grams[one], grams[other], assume_unique=True))
    near = both >= NEAR * (len(grams[one]) + len(grams[other]) - both)
    if near:
        ties.tie(one, other)
    return near


class _Ties:
    """Union-find; the root of a group is its smallest number, so that the order of ties does not matter."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def root(self, one: int) -> int:
        while self._above[one] != one:
            self._above[one] = self._above[self._above[one]]
            one = self._above[one]
        return one

    def same(self, one: int, other: int) -> bool:
        return self.root(one) == self.root(other)

    def tie(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._above[high] = low


def _grams(reading: Reading) -> Grams:
    """The distinct 3-grams of ``near`` as numbers; those of another ``exact`` are other numbers."""
    codes = np.frombuffer(("\n\n" + reading.near + "\n").encode("utf-32-le"), dtype=np.uint32).astype(
        np.uint64
    )
    grams = (codes[:-2] << np.uint64(42)) | (codes[1:-1] << np.uint64(21)) | codes[2:]
    salt = (
        int.from_bytes(hashlib.blake2b(reading.exact.encode(), digest_size=8).digest())
        if reading.exact
        else 0
    )
    distinct: Grams = np.unique(grams ^ np.uint64(salt))
    return distinct


def _signatures(grams: Sequence[Grams]) -> npt.NDArray[np.uint32]:
    """The smallest hash of each reading's 3-grams under each hash function, [readings, functions]."""
    random = np.random.default_rng(0)
    factors = random.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    shifts = random.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64)
    signatures = np.empty((len(grams), _BANDS * _ROWS), dtype=np.uint32)
    for start, end in _chunks(grams):
        flat = _mixed(np.concatenate(grams[start:end]))
        begins = np.cumsum([0, *map(len, grams[start : end - 1])])
        for at, (factor, shift) in enumerate(zip(factors, shifts, strict=True)):
            hashes = ((flat * factor + shift) >> np.uint64(32)).astype(np.uint32)
            signatures[start:end, at] = np.minimum.reduceat(hashes, begins)
    return signatures


def _mixed(values: Grams) -> Grams:
    """Spread neighbouring numbers over all bits (the finalizer of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _chunks(grams: Sequence[Grams]) -> Iterator[tuple[int, int]]:
    """Ranges of readings with about `_CHUNK` 3-grams together."""
    start = held = 0
    for place, own in enumerate(grams):
        held += len(own)
        if held >= _CHUNK:
            yield start, place + 1
            start, held = place + 1, 0
    if start < len(grams):
        yield start, len(grams)


def _buckets(signatures: npt.NDArray[np.uint32]) -> Iterator[list[int]]:
    """The readings (in order) that agree on a whole band, band by band; two or more each."""
    for band in range(_BANDS):
        part = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        key = part.view([("", np.uint32)] * _ROWS).reshape(-1)
        order = np.argsort(key, kind="stable")
        changes = np.flatnonzero(key[order][1:] != key[order][:-1]) + 1
        for bucket in np.split(order, changes):
            if len(bucket) > 1:
                yield bucket.tolist()
