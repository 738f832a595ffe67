"""A task written out for a language model: the message with what came before, or the whole conversation.

print(written(task))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from xundan.chats.masking import mask
from xundan.chats.text import ROLE_MARKS
from xundan.labeling.records import Task, Turn
from xundan.settings import SHANGHAI

ROLES = {role: mark[1] for role, mark in ROLE_MARKS.items()}
EVENTS = {"ordered": "下单", "paid": "付款", "closed": "订单关闭", "refunded": "退款"}
MOST_TURNS = 6
LONGEST_TURN = 200
LONGEST_SESSION = 8000
LONGEST_EXAMPLE = 600
_HEAD_SHARE = 0.25


def written(task: Task) -> str:
    """The task as JSON of a message, or as numbered lines of a session; nothing says whose it is."""
    return _session(task) if task.is_session else _message(task)


def example(text: str, context: Sequence[str], leaves: Sequence[str]) -> str:
    """A labelled row as one line of JSON."""
    shown = {"前文": [cut(turn) for turn in context[-MOST_TURNS:]]} if context else {}
    name = "会话" if "\n" in text else "消息"
    return json.dumps({**shown, name: cut(text, LONGEST_EXAMPLE), "leaves": list(leaves)}, ensure_ascii=False)


def spoken(turns: Iterable[tuple[str, str]]) -> str:
    """Roles and texts as lines "买:…"; it is what a session is compared by."""
    return "\n".join(f"{ROLES.get(role, role)}:{text}" for role, text in turns)


def cut(text: str, longest: int = LONGEST_TURN) -> str:
    """The text, its middle left out where it is longer than ``longest`` characters."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}…{text[len(text) - longest // 2 :]}"


def _message(task: Task) -> str:
    turns = [spoken([(turn.role, cut(turn.text))]) for turn in task.turns[-MOST_TURNS:]]
    body: dict[str, object] = {"前文": turns, "消息": cut(task.text, LONGEST_SESSION)}
    if task.item:
        body["商品"] = cut(mask(task.item))
    return json.dumps(body, ensure_ascii=False)


def _session(task: Task) -> str:
    """Each turn on a line with its number and time; of a long session the first quarter and the end, because
    what made a buyer leave stands late."""
    lines = [_line(number, turn) for number, turn in enumerate(task.turns, 1)]
    head, tail = _ends([len(line) + 1 for line in lines])
    if tail > head:
        lines = [*lines[:head], f"…（略去 {tail - head} 条）…", *lines[tail:]]
    if task.item:
        lines.insert(0, f"商品：{cut(mask(task.item))}")
    lines += [f"订单：{EVENTS.get(name, name)} {_time(at)}" for name, at in task.events]
    return "\n".join(lines)


def _line(number: int, turn: Turn) -> str:
    at = f" {_time(turn.at)}" if turn.at else ""
    return f"[{number}]{at} {ROLES.get(turn.role, turn.role)}：{cut(_one_line(turn.text))}"


def _one_line(text: str) -> str:
    """The text without line breaks; masked once more, as a number may have stood on two lines."""
    return mask(" ".join(text.split()))


def _time(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M:%S")


def _ends(lengths: Sequence[int]) -> tuple[int, int]:
    """How many lines of the head are kept, and where the tail begins, within `LONGEST_SESSION` characters."""
    if sum(lengths) <= LONGEST_SESSION:
        return len(lengths), len(lengths)
    head = tail = 0
    room = LONGEST_SESSION * _HEAD_SHARE
    while lengths[head] <= room:
        room -= lengths[head]
        head += 1
    room += LONGEST_SESSION * (1 - _HEAD_SHARE)
    while lengths[-1 - tail] <= room:
        room -= lengths[-1 - tail]
        tail += 1
    return head, len(lengths) - tail
