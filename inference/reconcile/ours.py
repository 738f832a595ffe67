"""Our sessions, counted again under any rule: by session or by person, by day and by agent.

talks = Talks.of(lake, settings, scope); count(talks, talks.decided(definition), Way())
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xundan.chats.outcomes import decide, last_moment
from xundan.chats.sessions import in_sessions
from xundan.errors import BadInput
from xundan.lake import Lake
from xundan.settings import SHANGHAI, Limits, LossDefinition

Cell = tuple[date, str]
# Shop and buyer; a session whose buyer is not known is a person of its own.
Person = tuple[str | None, str]
# Inquiries and lost inquiries of each day and agent.
Counted = dict[Cell, tuple[int, int]]
# The outcome of each session that is an inquiry.
Outcomes = Mapping[str, str]
Keep = Callable[[str | None, str | None], bool]
LOST = frozenset({"lost_no_order", "lost_unpaid", "lost_refund"})
_EIGHT_HOURS = pa.scalar(timedelta(hours=8), pa.duration("us"))  # Asia/Shanghai, without summer time


@dataclass(frozen=True)
class Rules:
    """The rule and the limits by which a workspace was decided."""

    loss: LossDefinition
    limits: Limits

    @classmethod
    def of(cls, folder: Path) -> Rules:
        """From the settings kept beside the tables; `BadInput` where there are none."""
        path = folder / "settings.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            loss = {**kept["loss"], "exclude": tuple(kept["loss"]["exclude"])}
            return cls(LossDefinition(**loss), Limits(**kept["limits"]))
        except (FileNotFoundError, NotADirectoryError):
            raise BadInput("there is no workspace here", do="run: xundan import", where=str(folder)) from None
        except (ValueError, KeyError, TypeError) as error:
            what = f"the settings cannot be read ({error})"
            raise BadInput(what, do="run: xundan import", where=str(path)) from None


@dataclass(frozen=True)
class Talk:
    """A session as the recount needs it. ``days`` are those on which the buyer wrote, in order."""

    session_id: str
    person: Person
    agent: str | None
    last_agent: str | None
    day: date
    days: tuple[date, ...]
    ended_at: datetime
    filtered: str | None


@dataclass(frozen=True)
class Way:
    """How sessions become counts: which outcomes are lost, what one unit is, who gets it.

    ``people``: a person counts once a day and agent, on the day the talk began; else each session counts.
    ``over_midnight``: on each day on which the person wrote. ``to_last`` (of people): a person's day goes to
    the agent who spoke last.
    """

    lost: frozenset[str] = LOST
    people: bool = False
    over_midnight: bool = False
    to_last: bool = False


@dataclass
class Talks:
    """The sessions of one platform and its shops, with what is needed to decide them again."""

    talks: list[Talk]
    sessions: pa.Table
    messages: pa.Table
    orders: pa.Table | None
    rules: Rules
    now: datetime
    stored: Outcomes
    days: frozenset[date]
    _known: dict[tuple[Any, ...], Outcomes] = field(default_factory=dict)

    @classmethod
    def of(cls, lake: Lake, rules: Rules, keep: Keep, span: tuple[date, date] | None) -> Talks:
        """Of the sessions for which ``keep(platform, shop)`` holds, in a span of days (None: all).

        ``days`` are all days on which these shops have messages, inside the span or not.
        """
        sessions, messages = lake.read("sessions"), lake.read("messages")
        orders = lake.read("orders") if lake.has("orders") else None
        now = last_moment(messages, orders)
        sessions = _where(sessions, ["platform", "shop"], lambda row: keep(row["platform"], row["shop"]))
        messages = _of_sessions(messages, sessions)
        days = frozenset(pc.unique(pc.add(messages["sent_at"], _EIGHT_HOURS).cast(pa.date32())).to_pylist())
        if span:
            sessions = _where(sessions, ["started_at", "ended_at"], lambda row: _overlaps(row, *span))
            messages = _of_sessions(messages, sessions)
        rows = sessions.select(["session_id", "is_inquiry", "outcome"]).to_pylist()
        stored = {row["session_id"]: row["outcome"] for row in rows if row["is_inquiry"]}
        talks = _talks(sessions, messages)
        return cls(talks, sessions, messages, orders, rules, now, stored, days)

    def decided(self, definition: LossDefinition) -> Outcomes:
        """The outcome of each inquiry under this rule; each rule is decided once."""
        key = (definition.numerator, definition.window, frozenset(definition.exclude))
        if key not in self._known:
            table = decide(
                self.sessions, self.messages, self.orders, definition, self.now,
                limits=self.rules.limits, own_buyers=self._own_buyers(),
            )  # fmt: skip
            rows = table.select(["session_id", "is_inquiry", "outcome"]).to_pylist()
            self._known[key] = {row["session_id"]: row["outcome"] for row in rows if row["is_inquiry"]}
        return self._known[key]

    def agents(self) -> set[str]:
        """Every agent who has a talk or spoke last in one."""
        return {name for talk in self.talks for name in (talk.agent, talk.last_agent) if name}

    def left_out(self, days: Collection[date]) -> dict[str, int]:
        """How many sessions of these days are no inquiry for us, by reason."""
        reasons = (talk.filtered for talk in self.talks if talk.day in days and talk.filtered)
        return dict(sorted(Counter(reasons).items()))

    def _own_buyers(self) -> Collection[str]:
        return {talk.person[1] for talk in self.talks if talk.filtered == "own_account"}


def count(talks: Talks, outcomes: Outcomes, way: Way, key: Callable[[str | None], str]) -> Counted:
    """Inquiries and lost inquiries of each day and agent; ``key`` brings agents' names to one spelling.

    A person of several sessions is lost only if each of them is.
    """
    units: dict[tuple[Any, ...], list[Talk]] = defaultdict(list)
    for talk in talks.talks:
        if talk.session_id not in outcomes:
            continue
        for day in talk.days if way.over_midnight else (talk.day,):
            agent = () if way.to_last else (key(talk.agent),)
            units[(day, talk.person if way.people else talk.session_id, *agent)].append(talk)
    counted: dict[Cell, list[int]] = defaultdict(lambda: [0, 0])
    for (day, *_), group in units.items():
        cell = counted[(day, key(_last(group) if way.to_last else group[0].agent))]
        cell[0] += 1
        cell[1] += all(outcomes[talk.session_id] in way.lost for talk in group)
    return {cell: (asked, lost) for cell, (asked, lost) in counted.items()}


def _last(group: list[Talk]) -> str | None:
    """The agent who spoke last in the latest talk that has one."""
    spoken = [talk for talk in group if talk.last_agent]
    return max(spoken, key=lambda talk: (talk.ended_at, talk.session_id)).last_agent if spoken else None


def _talks(sessions: pa.Table, messages: pa.Table) -> list[Talk]:
    said = dict(in_sessions(messages, ["role", "account"]))
    names = ["session_id", "shop", "buyer", "agent", "started_at", "ended_at", "filtered"]
    talks = []
    for row in sessions.select(names).to_pylist():
        rows = said.get(row["session_id"], [])
        days = sorted({_day(line["sent_at"]) for line in rows if line["role"] == "buyer"})
        agents = [line["account"] for line in rows if line["role"] == "agent" and line["account"]]
        start = _day(row["started_at"])
        talks.append(
            Talk(
                row["session_id"],
                (row["shop"], row["buyer"] or row["session_id"]),
                row["agent"],
                agents[-1] if agents else None,
                start,
                tuple(days) or (start,),
                row["ended_at"],
                row["filtered"],
            )
        )
    return talks


def _where(table: pa.Table, names: list[str], holds: Callable[[dict[str, Any]], bool]) -> pa.Table:
    return table.filter(pa.array([holds(row) for row in table.select(names).to_pylist()], pa.bool_()))


def _of_sessions(messages: pa.Table, sessions: pa.Table) -> pa.Table:
    return messages.filter(pc.is_in(messages["session_id"], sessions["session_id"].combine_chunks()))


def _overlaps(row: dict[str, Any], first: date, last: date) -> bool:
    return _day(row["started_at"]) <= last and _day(row["ended_at"]) >= first


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()
