"""A Label Studio in memory that loses answers, breaks and dies when a test says so.

studio = FakeStudio(); studio.faults = ["lost", "", "broken"]      # of the first three imports
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from xundan.labeling.studio.client import Standing, Unclear

PAGE = 30


class Killed(BaseException):
    """The process that pushes or pulls is no more."""


@dataclass
class FakeStudio:
    """Tasks by number. ``faults``, one for each import: "" none, "lost" it acts and the answer is lost,
    "broken" an error and nothing done, "killed before", "killed after", "late 3": the sender dies, and the
    server finishes at the third listing from then on."""

    faults: list[str] = field(default_factory=list)
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    now: datetime = datetime(2026, 3, 5, tzinfo=UTC)
    reads: int = 0
    kill_at_read: int | None = None
    _late: list[tuple[int, Sequence[Mapping[str, Any]]]] = field(default_factory=list)
    _next: int = 1
    _annotation: int = 1

    def add(self, project: int, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "broken":
            raise Unclear("500 database is locked", over=True)
        if fault == "killed before":
            raise Killed
        if fault.startswith("late"):
            self._late.append((int(fault.split()[1]), rows))
            raise Killed
        numbers = [self.insert(row) for row in rows]
        if fault == "killed after":
            raise Killed
        if fault == "lost":
            raise Unclear("the server hung up")
        return numbers

    def standing(self, project: int, after: int = 0) -> Iterator[list[Standing]]:
        self._late = [(left - 1, rows) for left, rows in self._late]
        for left, rows in self._late:
            if left == 0:
                for row in rows:
                    self.insert(row)
        found = [_standing(task) for number, task in sorted(self.tasks.items()) if number > after]
        for start in range(0, len(found), PAGE):
            yield found[start : start + PAGE]

    def data(self, project: int, tasks: Sequence[int]) -> dict[int, dict[str, Any]]:
        return {number: self.tasks[number]["data"] for number in tasks if number in self.tasks}

    def annotations(self, project: int, tasks: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        self.reads += len(tasks)
        if self.kill_at_read is not None and self.reads >= self.kill_at_read:
            raise Killed
        return {number: self.tasks[number]["annotations"] for number in tasks if number in self.tasks}

    def remove_untouched(self, project: int, tasks: Sequence[int]) -> None:
        for number in tasks:
            if not self.tasks[number]["annotations"]:
                del self.tasks[number]

    def people(self) -> dict[int, str]:
        return {1: "lin@example.cn", 2: "wu@example.cn"}

    def answer(self, number: int, person: int, leaf: str, **more: Any) -> dict[str, Any]:
        """A person answers a task with one leaf."""
        self._tick(number)
        row = {
            "id": self._annotation,
            "completed_by": person,
            "updated_at": self.now.isoformat(),
            "lead_time": 4.5,
            "was_cancelled": False,
            "result": [{"from_name": "quick", "type": "choices", "value": {"choices": [leaf]}}],
            **more,
        }
        self._annotation += 1
        annotations: list[dict[str, Any]] = self.tasks[number]["annotations"]
        annotations.append(row)
        return row

    def change(self, number: int, row: dict[str, Any], **values: Any) -> None:
        """A person changes an answer."""
        self._tick(number)
        row |= {"updated_at": self.now.isoformat(), **values}

    def withdraw(self, number: int, row: dict[str, Any]) -> None:
        """A person deletes an answer."""
        self._tick(number)
        self.tasks[number]["annotations"].remove(row)

    def keys(self) -> list[str]:
        """The keys that stand there, with doubles."""
        return sorted(task["data"]["xundan_key"] for task in self.tasks.values())

    def insert(self, row: Mapping[str, Any]) -> int:
        """A task comes in, by whatever way; its number."""
        number = self._next
        self._next += 1
        self.tasks[number] = {"id": number, "data": dict(row["data"]), "annotations": []}
        self._tick(number)
        return number

    def _tick(self, number: int) -> None:
        self.now += timedelta(seconds=1)
        self.tasks[number]["updated_at"] = self.now


def _standing(task: Mapping[str, Any]) -> Standing:
    cancelled = sum(row["was_cancelled"] for row in task["annotations"])
    return Standing(task["id"], task["updated_at"], len(task["annotations"]) - cancelled, cancelled)
