"""Sessions as the judge's network learns them: tokens, signals, and what is to be said of each.

rows = make_rows(sessions, tokenizer, Limits())
for chosen, batch in batches(rows, size=24, seed=0, epoch=0): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from xundan.chats.records import STAGES
from xundan.models.loss.reading import Read, padded, read_sessions
from xundan.models.loss.signals import Floats, observe
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.loss.sessions import LabelledSession

UNKNOWN = -1
"""A stage that nobody named."""
_SPREAD = 24
"""Tokens by which lengths are jittered before sorting: batches stay dense, and differ from epoch to epoch."""


@dataclass(frozen=True)
class Row:
    """``signals`` [signals], ``target`` [leaves] summing to 1, ``stage`` a place in STAGES or `UNKNOWN`,
    ``proof`` [tokens]: 1 in a message that proves the reason, 0 in another, -1 outside messages or where
    nobody said."""

    read: Read
    signals: Floats
    target: Floats
    stage: int
    proof: Floats


@dataclass(frozen=True)
class Batch:
    """Tensors of some rows, padded to the longest."""

    ids: Tensor
    segments: Tensor
    mask: Tensor
    signals: Tensor

    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the network takes."""
        return self.ids, self.segments, self.mask, self.signals


def make_rows(sessions: Sequence[LabelledSession], tokenizer: Tokenizer, limits: Limits) -> list[Row]:
    """One row a session, in their order."""
    leaves = [leaf.id for leaf in load("loss").leaves]
    reads = read_sessions([session.case for session in sessions], tokenizer)
    return [_row(session, read, leaves, limits) for session, read in zip(sessions, reads, strict=True)]


def _row(session: LabelledSession, read: Read, leaves: Sequence[str], limits: Limits) -> Row:
    believed = session.believed or {session.primary: 1.0}
    target = np.array([believed.get(leaf, 0.0) for leaf in leaves], dtype=np.float32)
    return Row(
        read,
        observe(session.case, limits)[1],
        target / target.sum(),
        STAGES.index(session.stage) if session.stage else UNKNOWN,
        _proof(session, read),
    )


def _proof(session: LabelledSession, read: Read) -> Floats:
    proof = np.full(len(read.ids), -1, dtype=np.float32)
    if session.evidence:
        for message_id, (start, end) in read.spans.items():
            proof[start:end] = message_id in session.evidence
    return proof


def batches(
    rows: Sequence[Row], size: int, seed: int, epoch: int | None
) -> Iterator[tuple[list[int], Batch]]:
    """Numbers and tensors of rows of about one length; shuffled by seed and epoch, or in order of length."""
    lengths = np.array([len(row.read.ids) for row in rows], dtype=np.float64)
    chooser = np.random.default_rng([seed, epoch or 0])
    order = np.argsort(lengths if epoch is None else lengths + chooser.random(len(rows)) * _SPREAD)
    groups = [order[i : i + size].tolist() for i in range(0, len(order), size)]
    for which in range(len(groups)) if epoch is None else chooser.permutation(len(groups)):
        yield groups[which], stack([rows[i] for i in groups[which]])


def stack(rows: Sequence[Row]) -> Batch:
    """The inputs of some rows, padded."""
    longest = max(len(row.read.ids) for row in rows)
    inputs = padded([row.read for row in rows], longest)
    signals = np.stack([row.signals for row in rows])
    return Batch(*(torch.from_numpy(array) for array in (*inputs, signals)))


def stack_proof(rows: Sequence[Row], longest: int) -> Tensor:
    """Proof [rows, longest], -1 where padded."""
    proof = np.full((len(rows), longest), -1, dtype=np.float32)
    for i, row in enumerate(rows):
        proof[i, : len(row.proof)] = row.proof
    return torch.from_numpy(proof)
