"""A conversation as the bubbles that a person reads in Label Studio; their looks are in the CSS files beside.

>>> from xundan.labeling.records import Turn
>>> bubble(Turn("1", "buyer", "有货吗"))
'<div class="xd-turn xd-buyer"><span>买家</span><p>有货吗</p></div>'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from xundan.labeling.records import Task, Turn
from xundan.settings import SHANGHAI

Event = tuple[str, datetime]

_ROLES = {"buyer": "买家", "agent": "客服", "bot": "机器人", "system": "系统"}
_EVENTS = {"created": "下单", "ordered": "下单", "paid": "付款", "closed": "订单关闭", "refunded": "退款"}
_WEEKDAYS = "一二三四五六日"
_TARGET = " · 标这一句"


def message_html(task: Task) -> str:
    """The item, the previous turns and, marked, the message to label."""
    role = "agent" if task.tree == "action" else "buyer"
    target = bubble(Turn(task.message_id or "", role, task.text), _TARGET, " xd-target")
    told, _ = _timeline(task.turns, ())
    return _item(task.item) + "".join(before + bubble(turn) for before, turn in told) + target


def session_head(task: Task) -> str:
    """What is known of a session before it is read: the item and its order events."""
    events = "".join(
        f'<div class="xd-order"><b>{_event_name(name)}</b>{_day(at)} {_clock(at)}</div>'
        for name, at in sorted(task.events, key=_moment)
    )
    return f'<div class="xd-head">{_item(task.item)}{events}</div>'


def session_turns(task: Task) -> list[tuple[str, str]]:
    """Every turn's message id and HTML, with days and order events between the bubbles."""
    told, after = _timeline(task.turns, task.events)
    turns = [(turn.message_id, before + bubble(turn)) for before, turn in told]
    return [*turns[:-1], *((message_id, html + after) for message_id, html in turns[-1:])]


def filled_html(leaves: Sequence[tuple[str, float | None]], *, suggested: bool) -> str:
    """Who filled in which leaves, and how sure of each; nothing where nothing was filled in.

    ``leaves``: names and scores; ``suggested``: by a language model, not by ours.
    """
    if not leaves:
        return ""
    who = "语言模型建议" if suggested else "模型预填"
    shown = [name if score is None else f"{name} {score:.0%}" for name, score in leaves]
    return f'<div class="xd-model"><b>{who}</b>{escape(" · ".join(shown))}</div>'


def bubble(turn: Turn, note: str = "", more: str = "") -> str:
    """One message as HTML; ``note`` stands beside its role, ``more`` is a further CSS class."""
    clock = f" {_clock(turn.at)}" if turn.at else ""
    head = escape(f"{_ROLES.get(turn.role, turn.role)}{clock}{note}")
    kind = f"xd-turn xd-{turn.role if turn.role in _ROLES else 'system'}{more}"
    return f'<div class="{kind}"><span>{head}</span><p>{escape(turn.text)}</p></div>'


def _timeline(turns: Sequence[Turn], events: Sequence[Event]) -> tuple[list[tuple[str, Turn]], str]:
    """Each turn with what stands before it (a new day, order events up to its moment), and what stands
    after the last one."""
    waiting = sorted(events, key=_moment)
    told: list[tuple[str, Turn]] = []
    day = ""
    for turn in turns:
        before = ""
        if turn.at is not None:
            while waiting and waiting[0][1] <= turn.at:
                before += _event(waiting.pop(0))
            if _day(turn.at) != day:
                day = _day(turn.at)
                before = f'<div class="xd-day">{day}</div>{before}'
        told.append((before, turn))
    return told, "".join(map(_event, waiting))


def _moment(event: Event) -> datetime:
    return event[1]


def _event(event: Event) -> str:
    name, at = event
    return f'<div class="xd-event">{_event_name(name)} {_clock(at)}</div>'


def _event_name(name: str) -> str:
    return escape(_EVENTS.get(name, name))


def _item(item: str | None) -> str:
    return f'<div class="xd-item"><b>商品</b>{escape(item)}</div>' if item else ""


def _day(at: datetime) -> str:
    day = at.astimezone(SHANGHAI)
    return f"{day.month}月{day.day}日 周{_WEEKDAYS[day.weekday()]}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}"
