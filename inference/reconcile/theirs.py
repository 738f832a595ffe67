"""The platform's numbers by day and agent, under the names by which we compare.

theirs = Theirs.of(scope.rows, table, names.key); theirs.numbers((day, "小美"))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from xundan.inference.reconcile.ours import Cell
from xundan.inference.reconcile.read import PlatformRow, PlatformTable


@dataclass(frozen=True)
class Theirs:
    """(inquiries, lost) of each day and agent of an export; ``days`` are the days to compare."""

    cells: dict[Cell, tuple[int, int]]
    has_inquiries: bool
    has_lost: bool
    days: frozenset[date]

    @classmethod
    def of(
        cls,
        rows: Collection[PlatformRow],
        table: PlatformTable,
        key: Callable[[str | None], str],
        our_days: frozenset[date],
    ) -> Theirs:
        """The rows added up. A table without rows says nothing and is compared with all of our days."""
        cells: dict[Cell, tuple[int, int]] = {}
        for row in rows:
            cell = (row.day, key(row.agent))
            asked, lost = cells.get(cell, (0, 0))
            cells[cell] = (asked + (row.inquiries or 0), lost + row.lost)
        detail = table.lost_from == "rows"
        days = _days({day for day, _ in cells}, detail) if cells else our_days
        return cls(cells, table.has_inquiries, bool(table.rows), days)

    def numbers(self, cell: Cell) -> tuple[int | None, int | None]:
        """Inquiries and lost: 0 for a row that the export lacks, None for a number it has nowhere."""
        asked, lost = self.cells.get(cell, (0, 0))
        return asked if self.has_inquiries else None, lost if self.has_lost else None


def span_of(rows: Iterable[PlatformRow]) -> tuple[date, date] | None:
    """The first and the last day of the rows; None without rows."""
    days = [row.day for row in rows]
    return (min(days), max(days)) if days else None


def _days(days: set[date], detail: bool) -> frozenset[date]:
    """The days themselves; of a detail table, which has a row only for a loss, all from first to last."""
    if not detail:
        return frozenset(days)
    first, last = min(days), max(days)
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))
