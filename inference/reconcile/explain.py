"""Platform and workspace side by side, day by day and agent by agent, and what makes the difference.

>>> from xundan.inference.reconcile.explain import reconcile
>>> reconcile(Path("out"), Path("客服绩效.csv")).total.lost.parts  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from xundan.inference.reconcile.hints import Hint, find_hints
from xundan.inference.reconcile.ladder import STEPS, Ladder, PlatformRule, climb
from xundan.inference.reconcile.names import NOBODY, Names
from xundan.inference.reconcile.notes import Note, notes_on
from xundan.inference.reconcile.ours import Cell, Rules, Talks
from xundan.inference.reconcile.read import read_platform
from xundan.inference.reconcile.scope import scope_of
from xundan.inference.reconcile.theirs import Theirs, span_of
from xundan.lake import Lake

MEASURES = ("inquiries", "lost")


@dataclass(frozen=True)
class Compared:
    """One number of the platform and ours; ``platform`` is None where the export has no such number.

    ``parts`` (one for each of `STEPS`, in that order): by how much our count changes when it is made by one
    more rule of the platform. ``ours + sum(parts) + unexplained == platform``.
    """

    platform: int | None
    ours: int
    parts: dict[str, int]

    @property
    def difference(self) -> int | None:
        """Platform less ours."""
        return None if self.platform is None else self.platform - self.ours

    @property
    def unexplained(self) -> int | None:
        """What is left of the difference when every part is taken off."""
        return None if self.difference is None else self.difference - sum(self.parts.values())


@dataclass(frozen=True)
class Line:
    """One day and agent (None: of the sum); ``seen`` says who has this row: ``both``, ``ours``, ``platform``.

    The agent '' stands for sessions without an agent, or for all where the export names none.
    """

    day: date | None
    agent: str | None
    seen: str
    inquiries: Compared
    lost: Compared


@dataclass(frozen=True)
class Reconciliation:
    """Everything compared. ``days``, ``agents`` and ``total`` are sums of ``lines``, part by part."""

    file: str
    platform: str
    our_rule: str
    their_rule: str
    leaves_out: tuple[str, ...]
    by_agent: bool
    lines: tuple[Line, ...]
    days: tuple[Line, ...]
    agents: tuple[Line, ...]
    total: Line
    agents_only_ours: tuple[str, ...]
    agents_only_platform: tuple[str, ...]
    days_only_ours: tuple[date, ...]
    days_only_platform: tuple[date, ...]
    left_out_by_us: dict[str, int]
    notes: tuple[Note, ...]
    hints: tuple[Hint, ...]


def reconcile(
    folder: Path,
    export: Path,
    platform: str | None = None,
    *,
    shops: Collection[str] = (),
    preset: str | None = None,
    leaves_out: Collection[str] | None = None,
) -> Reconciliation:
    """Compare a workspace with a platform's export, for the days of the export.

    ``shops`` are those of the workspace that the export is about (needed where it cannot be told);
    ``preset`` (a key of `PRESETS`) and ``leaves_out`` (of `EXCLUSIONS`) replace what we know of the
    platform's rule. Raises `BadInput` where the export or the workspace cannot be used.
    """
    table = read_platform(export, platform)
    rules = Rules.of(folder)
    rule = PlatformRule.of(table, preset, leaves_out)
    lake = Lake(folder)
    scope = scope_of(lake, table, shops)
    talks = Talks.of(lake, rules, scope.keep, span_of(scope.rows))
    names = Names(talks.agents(), {row.agent for row in scope.rows if row.agent})
    key: Callable[[str | None], str] = names.key if table.by_agent else lambda _: NOBODY
    theirs = Theirs.of(scope.rows, table, key, talks.days)
    lines = _lines(climb(talks, rule, key, table.by_agent), theirs, talks.days)
    ours_only, theirs_only = _one_sided(lines) if table.by_agent else ((), ())
    return Reconciliation(
        file=table.file,
        platform=table.platform.name,
        our_rule=rules.loss.label,
        their_rule=rule.definition.label,
        leaves_out=rule.definition.exclude,
        by_agent=table.by_agent,
        lines=lines,
        days=_summed(lines, lambda line: (line.day, None)),
        agents=_summed(lines, lambda line: (None, line.agent)),
        total=_sum(lines, None, None),
        agents_only_ours=ours_only,
        agents_only_platform=theirs_only,
        days_only_ours=tuple(sorted(talks.days - theirs.days)),
        days_only_platform=tuple(sorted({day for day, _ in theirs.cells} - talks.days)),
        left_out_by_us=talks.left_out(theirs.days),
        notes=notes_on(table, scope, names, talks, rule),
        hints=find_hints(talks, theirs, rule, table, key),
    )


def _lines(ladder: Ladder, theirs: Theirs, our_days: Collection[date]) -> tuple[Line, ...]:
    """One line for each day and agent that either side has, on the days to compare."""
    ours = {cell for cell in ladder.cells() if cell[0] in theirs.days}
    lines = []
    for cell in sorted(ours | set(theirs.cells)):
        inquiries, lost = (
            _compared(ladder, cell, measure, number, cell[0] in our_days)
            for measure, number in enumerate(theirs.numbers(cell))
        )
        seen = "both" if cell in ours and cell in theirs.cells else "ours" if cell in ours else "platform"
        lines.append(Line(*cell, seen, inquiries, lost))
    return tuple(lines)


def _one_sided(lines: Iterable[Line]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The agents that only we have, and those that only the platform has."""
    ours, theirs = (
        {line.agent for line in lines if line.agent and line.seen != other} for other in ("platform", "ours")
    )
    return tuple(sorted(ours - theirs)), tuple(sorted(theirs - ours))


def _compared(ladder: Ladder, cell: Cell, measure: int, number: int | None, has_chats: bool) -> Compared:
    parts = ladder.parts(cell, measure)
    if not has_chats:
        parts["no_chats"] = number or 0
    return Compared(number, ladder.ours.get(cell, (0, 0))[measure], parts)


def _summed(
    lines: Iterable[Line], place: Callable[[Line], tuple[date | None, str | None]]
) -> tuple[Line, ...]:
    groups: dict[tuple[date | None, str | None], list[Line]] = {}
    for line in lines:
        groups.setdefault(place(line), []).append(line)
    return tuple(
        _sum(groups[key], *key) for key in sorted(groups, key=lambda k: (k[0] or date.min, k[1] or ""))
    )


def _sum(lines: Collection[Line], day: date | None, agent: str | None) -> Line:
    seen = {line.seen for line in lines}
    inquiries, lost = (_added([getattr(line, name) for line in lines]) for name in MEASURES)
    return Line(day, agent, seen.pop() if len(seen) == 1 else "both", inquiries, lost)


def _added(compared: Collection[Compared]) -> Compared:
    numbers = [one.platform for one in compared if one.platform is not None]
    parts = {step: sum(one.parts[step] for one in compared) for step in STEPS}
    return Compared(sum(numbers) if numbers else None, sum(one.ours for one in compared), parts)
