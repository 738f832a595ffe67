"""A session written down compactly: one line a turn or order event, with the time since the line before.

>>> from xundan.training.loss.compact import read_compact
>>> case = read_compact("s1", ["买 雨伞是自动的吗", "客 +20s 自动开收的", "单 +1m", "关 +1d"])
>>> case.outcome, [turn.role for turn in case.turns]
('lost_unpaid', ['buyer', 'agent'])

买 buyer, 客 agent, 机 bot, 系 system, each with its text; 单 an order is placed, 付 paid, 关 closed. The
first line has no time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from xundan.chats.text import ROLE_MARKS, normalize
from xundan.errors import BadInput
from xundan.models.loss.case import Case, Turn

_BEGIN = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # any moment: only differences count
_ROLES = {mark[1]: role for role, mark in ROLE_MARKS.items()}
_ORDERED, _PAID, _CLOSED = "单付关"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SAID = re.compile(rf"([{''.join(_ROLES)}])(?: \+(\d+)([smhd]))? ([^\s+].*)")
_HAPPENED = re.compile(rf"([{_ORDERED}{_PAID}{_CLOSED}]) \+(\d+)([smhd])")


def read_compact(session_id: str, lines: Sequence[str], where: str = "") -> Case:
    """A lost session; messages are numbered from 1. `BadInput` for a line that is no turn and no event, an
    order that is paid or closed before it is placed, and a session without a turn."""
    at, turns, times = _BEGIN, list[Turn](), dict[str, datetime]()
    for line in lines:
        match = _SAID.fullmatch(line) or _HAPPENED.fullmatch(line)
        if match is None:
            raise BadInput(
                "no turn and no order event", got=line, expected="such as 客 +20s 有的", where=where
            )
        what, number, unit = match.group(1, 2, 3)
        if number:
            at += timedelta(**{_UNITS[unit]: int(number)})
        if what in _ROLES:
            turns.append(Turn(str(len(turns) + 1), _ROLES[what], normalize(match[4]), at))
        elif what == _ORDERED or _ORDERED in times:
            times[what] = at
        else:
            raise BadInput(
                "an order event without an order", got=line, expected="a line 单 before it", where=where
            )
    if not turns:
        raise BadInput("a session without a turn", where=where)
    outcome = "lost_refund" if _PAID in times else "lost_unpaid" if _ORDERED in times else "lost_no_order"
    return Case(session_id, tuple(turns), outcome, *(times.get(what) for what in (_ORDERED, _PAID, _CLOSED)))
