"""Where a model is weak: the same figure for each source, part, length, script and kind of message.

for part in slices(chosen, rows, taxonomy): print(part.dimension, part.value, part.n, part.micro)
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xundan.chats.text import normalize
from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.figures import FEW_SESSIONS, Tally, f1_of_counts, plain, resample
from xundan.training.evaluation.intervals import Interval, spread
from xundan.training.labels import LabelledMessage

FEW = 30
"""Slices with fewer rows are too small to decide from."""
LENGTHS = (4, 9, 19)
"""The most characters of each length slice but the last."""
_NUMBER = re.compile(r"[0-9]|\[(?:数字|金额|编号)\]")
_PICTOGRAPH = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")


@dataclass(frozen=True)
class Slice:
    """Micro-F1 of the ``n`` rows that have ``value`` in a dimension."""

    dimension: str
    value: str
    n: int
    micro: Interval


def slices(
    chosen: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int = 0
) -> tuple[Slice, ...]:
    """Cut the rows by each of `DIMENSIONS`; every row is in one slice of each. Chosen [rows, leaves]."""
    found = []
    for dimension, value_of in DIMENSIONS.items():
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(value_of(row), []).append(place)
        for value, inside in sorted(places.items()):
            part = [rows[place] for place in inside]
            found.append(Slice(dimension, value, len(part), _micro(chosen[inside], part, taxonomy, seed)))
    return tuple(found)


def _micro(chosen: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int) -> Interval:
    tally = Tally(chosen, rows, taxonomy)
    sessions = len({row.session for row in rows})
    if len(rows) < FEW or sessions < FEW_SESSIONS:  # resampling one right row would say: always right
        hits, guessed, due = (int(m.sum()) for m in (tally.guess * tally.truth, tally.guess, tally.truth))
        return f1_of_counts(hits, guessed, due)
    return spread(float(tally.micro(plain(len(rows)))[0]), tally.micro(resample(rows, seed)))


def _length(row: LabelledMessage) -> str:
    size = len(row.text.strip())
    low = 1
    for high in LENGTHS:
        if size <= high:
            return f"{low:02}-{high:02}"
        low = high + 1
    return f"{low}+"


def _emoji(text: str) -> bool:
    return bool(_PICTOGRAPH.search(text)) or "[表情]" in normalize(text)


@functools.cache
def _is_traditional(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK") and normalize(character) != character


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


DIMENSIONS: Mapping[str, Callable[[LabelledMessage], str]] = {
    "source": lambda row: row.source,
    "part": lambda row: row.part,
    "length": _length,
    "context": lambda row: _yes(bool(row.context)),
    "emoji": lambda row: _yes(_emoji(row.text)),
    "traditional": lambda row: _yes(any(_is_traditional(character) for character in row.text)),
    "numbers": lambda row: _yes(bool(_NUMBER.search(unicodedata.normalize("NFKC", row.text)))),
}
