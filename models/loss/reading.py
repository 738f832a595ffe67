"""A session as the judge's network reads it: roles, words, waits, orders, the end, in one row of tokens.

read = read_session(case, tokenizer)
read.ids, read.segments                        # [tokens]; segment 0 is the end of the talk
read.spans["m7"]                               # where message m7 stands
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from xundan.chats.text import ROLE_MARKS
from xundan.models.loss.case import LAST_EXCHANGES, Case
from xundan.models.tokenizer import CLS, SEP

Ints = npt.NDArray[np.int64]
LONGEST = 256
"""Tokens; of a longer session the opening and the last turns are kept, where the reason is."""
_OPENING = 56
_LONGEST_TURN = 64
_WAITS = ((6 * 3600, "过了很久"), (20 * 60, "过了半小时"), (3 * 60, "过了几分钟"))
"""Seconds from which on a pause is said, longest first; a shorter one is not."""
_EVENTS = {"ordered_at": "下单", "paid_at": "付款", "closed_at": "订单关闭"}


@dataclass(frozen=True)
class Read:
    """``ids`` and ``segments`` [tokens]; ``spans``: first and one past the last token of each message that is
    kept."""

    ids: Ints
    segments: Ints
    spans: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class _Piece:
    text: str
    late: bool
    message_id: str | None = None


def read_session(case: Case, tokenizer: Tokenizer) -> Read:
    """Tokens of one session, at most `LONGEST`."""
    return read_sessions([case], tokenizer)[0]


def read_sessions(cases: Sequence[Case], tokenizer: Tokenizer) -> list[Read]:
    """Tokens of many sessions, in their order."""
    pieces = [list(_pieces(case)) for case in cases]
    flat = [piece.text for each in pieces for piece in each]
    tokens = iter(tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    return [_row(each, [next(tokens).ids for _ in each], tokenizer) for each in pieces]


def padded(reads: Sequence[Read], length: int) -> tuple[Ints, Ints, Ints]:
    """Ids, segments and mask, each [sessions, length]."""
    ids, segments, mask = np.zeros((3, len(reads), length), dtype=np.int64)
    for row, read in enumerate(reads):
        n = len(read.ids)
        ids[row, :n], segments[row, :n], mask[row, :n] = read.ids, read.segments, 1
    return ids, segments, mask


def _pieces(case: Case) -> Iterator[_Piece]:
    """What happened in order of time: turns, order events, and the pauses between them."""
    system = ROLE_MARKS["system"]
    late = {
        turn.message_id
        for exchange in case.exchanges[-LAST_EXCHANGES:]
        for turn in (*exchange.asked, *exchange.told)
    }
    happened: list[tuple[datetime, _Piece]] = [
        (turn.at, _Piece(ROLE_MARKS[turn.role] + turn.text, turn.message_id in late, turn.message_id))
        for turn in case.turns
    ]
    happened += [
        (at, _Piece(system + word, True)) for name, word in _EVENTS.items() if (at := getattr(case, name))
    ]
    before: datetime | None = None
    for at, piece in sorted(happened, key=lambda each: each[0]):
        pause = (at - before).total_seconds() if before else 0.0
        said = next((word for seconds, word in _WAITS if pause >= seconds), None)
        if said:
            yield _Piece(system + said, piece.late)
        yield piece
        before = at
    yield _Piece(system + "结束", True)


def _row(pieces: Sequence[_Piece], tokens: list[list[int]], tokenizer: Tokenizer) -> Read:
    cls, sep = tokenizer.token_to_id(CLS), tokenizer.token_to_id(SEP)
    ids, segments, spans = [cls], [0], {}
    short = [_both_ends(each) for each in tokens]
    for number in _kept([len(each) for each in short]):
        piece, start = pieces[number], len(ids)
        ids += short[number]
        segments += [int(not piece.late)] * len(short[number])
        if piece.message_id is not None:
            spans[piece.message_id] = (start, len(ids))
    return Read(np.array([*ids, sep], np.int64), np.array([*segments, 0], np.int64), spans)


def _both_ends(ids: list[int]) -> list[int]:
    tail = _LONGEST_TURN // 3
    return ids if len(ids) <= _LONGEST_TURN else ids[: _LONGEST_TURN - tail] + ids[-tail:]


def _kept(lengths: Sequence[int]) -> list[int]:
    """The pieces that fit: whole ones from the opening, then whole ones from the end."""
    room = LONGEST - 2
    if sum(lengths) <= room:
        return list(range(len(lengths)))
    opening, used = [], 0
    for number, length in enumerate(lengths):
        if used + length > _OPENING:
            break
        opening.append(number)
        used += length
    ending: list[int] = []
    for number in range(len(lengths) - 1, len(opening) - 1, -1):
        if used + lengths[number] > room:
            break
        ending.append(number)
        used += lengths[number]
    return [*opening, *reversed(ending)]
