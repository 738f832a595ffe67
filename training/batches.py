"""Rows as token ids, in batches of similar length, each epoch's order fixed by the seed.

data = Encodings.of(rows, tokenizer, settings)
for chosen, ids, segments, mask in batches(data, settings, epoch=0): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from xundan.models.tokenizer import MASK, SPECIAL, IntArray, encode, pad
from xundan.training.labels import LabelledMessage

Encoded = tuple[IntArray, int]
LONGEST = 192
"""Time and memory grow faster than the length."""
_SPREAD = 12
"""Tokens by which lengths are jittered before sorting: batches stay dense, and differ from epoch to epoch."""


class BatchSettings(Protocol):
    """What `batches` needs to know of a run."""

    @property
    def batch(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def drop_context(self) -> float: ...
    @property
    def hide_tokens(self) -> float: ...
    @property
    def augmented_share(self) -> float: ...
    @property
    def max_message(self) -> int: ...
    @property
    def max_context(self) -> int: ...


@dataclass(frozen=True)
class Encodings:
    """Each row with its previous turns (``full``) and without (``plain``); the numbers of augmented rows."""

    full: list[Encoded]
    plain: list[Encoded]
    augmented: npt.NDArray[np.intp]
    mask_id: int
    first_ordinary: int

    @classmethod
    def of(cls, rows: Sequence[LabelledMessage], tokenizer: Tokenizer, settings: BatchSettings) -> Encodings:
        """Encode rows once for all epochs."""
        texts = [row.text for row in rows]
        vocabulary = tokenizer.get_vocab()
        return cls(
            encode_rows(rows, tokenizer, settings),
            encode(tokenizer, texts, [()] * len(rows), settings.max_message, 0),
            np.flatnonzero([row.augmented for row in rows]),
            vocabulary.get(MASK, 0),
            1 + max(vocabulary[token] for token in SPECIAL if token in vocabulary),
        )


def encode_rows(
    rows: Sequence[LabelledMessage], tokenizer: Tokenizer, settings: BatchSettings
) -> list[Encoded]:
    """Message and previous turns of each row, as they are read when the model is used."""
    texts, contexts = [row.text for row in rows], [row.context for row in rows]
    return encode(tokenizer, texts, contexts, settings.max_message, settings.max_context)


def longest_message(rows: Sequence[LabelledMessage], at_least: int) -> int:
    """Characters of a message that are read: ``at_least``; more where one in a hundred would be cut, up to
    `LONGEST`."""
    ninety_nine = float(np.percentile([len(row.text) for row in rows], 99))
    return int(min(max(at_least, 16 * -(-ninety_nine // 16)), max(at_least, LONGEST)))


def batches(
    data: Encodings, settings: BatchSettings, epoch: int
) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor]]:
    """Yield (row numbers, ids, segments, mask); some rows lose their context, some characters are hidden.

    Both make the model read messages it sees in use: without turns, and with words it does not know.
    """
    chooser = np.random.default_rng([settings.seed, epoch])
    bare = chooser.random(len(data.full)) < settings.drop_context
    rows = [p if b else f for f, p, b in zip(data.full, data.plain, bare, strict=True)]
    keys = np.array([len(ids) for ids, _ in rows]) + chooser.random(len(rows)) * _SPREAD
    order = np.argsort(keys)
    order = order[np.isin(order, _left_out(data, settings, epoch), invert=True)]
    groups = [order[i : i + settings.batch].tolist() for i in range(0, len(order), settings.batch)]
    for which in chooser.permutation(len(groups)):
        group = groups[which]
        ids, segments, mask = pad([rows[i] for i in group])
        if settings.hide_tokens:
            hidden = (chooser.random(ids.shape) < settings.hide_tokens) & (ids >= data.first_ordinary)
            ids = np.where(hidden, data.mask_id, ids)
        yield group, torch.from_numpy(ids), torch.from_numpy(segments), torch.from_numpy(mask)


def steps_an_epoch(rows: Sequence[LabelledMessage], settings: BatchSettings) -> int:
    """How many batches an epoch has."""
    augmented = sum(row.augmented for row in rows)
    return -(-(len(rows) - augmented + _taken(augmented, settings)) // settings.batch)


def _taken(augmented: int, settings: BatchSettings) -> int:
    return round(settings.augmented_share * augmented)


def _left_out(data: Encodings, settings: BatchSettings, epoch: int) -> npt.NDArray[np.intp]:
    """The augmented rows that this epoch goes without: they take turns, so that all are seen in time."""
    size = len(data.augmented)
    turn = np.random.default_rng(settings.seed).permutation(data.augmented)
    return np.roll(turn, -epoch * _taken(size, settings))[_taken(size, settings) :]
