"""One SQLite file of tasks, pushes, annotations, decisions and suggestions; every write is all or none.

with Store.open(Path("labels")) as store:
    store.add_tasks(tasks)

Every ``put`` can be repeated: what is there already is left or replaced, never doubled, so a killed command
is mended by running it again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xundan.errors import BadInput
from xundan.labeling.records import Annotation, Decision, Suggestion, Task, Turn

FILE_NAME = "labels.db"
_VERSION = 1
_TABLES = """
create table if not exists tasks (key text primary key, tree text not null, batch text not null,
    body text not null);
create table if not exists pushed (key text not null, project integer not null, task integer not null,
    primary key (key, project));
create table if not exists annotations (id text primary key, key text not null, body text not null);
create table if not exists decisions (key text primary key, body text not null);
create table if not exists suggestions (key text not null, model text not null, prompt text not null,
    body text not null, primary key (key, model, prompt));
create table if not exists notes (name text primary key, value text not null);
"""


@dataclass(frozen=True)
class Pushed:
    """A task as it stands in a project of Label Studio."""

    key: str
    project: int
    task: int


class Store:
    """The folder's labels; one process writes at a time, the others wait."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection, self.folder = connection, folder

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Store]:
        """Open the store of a folder, which is made where it is missing; `BadInput` for a file that is none
        or was written by a newer version, and where it cannot be read or written."""
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)  # it holds the annotators' addresses
            connection = sqlite3.connect(path, timeout=60)
        except (OSError, sqlite3.Error) as error:
            raise BadInput("no store of labels can be here", got=str(error), where=str(path)) from error
        try:
            with connection:
                found = connection.execute("pragma user_version").fetchone()[0]
                if found > _VERSION:
                    raise BadInput(
                        "labels of a newer xundan", got=found, expected=f"{_VERSION}", where=str(path)
                    )
                connection.execute("pragma journal_mode = wal")
                connection.executescript(_TABLES)
                connection.execute(f"pragma user_version = {_VERSION}")
            yield cls(connection, folder)
        except sqlite3.OperationalError as error:  # locked by another, disk full, not ours to write
            raise BadInput(
                "the labels cannot be read or written now", got=str(error), where=str(path)
            ) from error
        except sqlite3.DatabaseError as error:
            raise BadInput("not a store of labels", got=str(error), where=str(path)) from error
        finally:
            connection.close()

    @classmethod
    @contextmanager
    def existing(cls, folder: Path) -> Iterator[Store]:
        """`open`, but `BadInput` where the folder has no store yet: nothing is made by only looking."""
        if not (folder / FILE_NAME).is_file():
            raise BadInput("no tasks or labels here", do="draw some: xundan label next", where=str(folder))
        with cls.open(folder) as store:
            yield store

    def add_tasks(self, tasks: Iterable[Task]) -> int:
        """Add the tasks whose key is new; returns how many were."""
        rows = [(task.key, task.tree, task.batch, _dump(task)) for task in tasks]
        with self._connection as connection:
            before = connection.total_changes
            connection.executemany("insert or ignore into tasks values (?, ?, ?, ?)", rows)
            return connection.total_changes - before

    def tasks(self, tree: str | None = None, batch: str | None = None) -> list[Task]:
        """The tasks in the order they were added, of a tree or batch where one is named."""
        rows = self._connection.execute(
            "select body from tasks where (?1 is null or tree = ?1) and (?2 is null or batch = ?2) "
            "order by rowid",
            (tree, batch),
        )
        return [_task(json.loads(body)) for (body,) in rows]

    def put_pushed(self, rows: Iterable[Pushed]) -> None:
        """Note under which number a task stands in a project."""
        with self._connection as connection:
            connection.executemany(
                "insert or replace into pushed values (?, ?, ?)",
                [(row.key, row.project, row.task) for row in rows],
            )

    def pushed(self, project: int) -> list[Pushed]:
        """What stands in a project, as far as is known."""
        rows = self._connection.execute(
            "select key, project, task from pushed where project = ? order by task", (project,)
        )
        return [Pushed(*row) for row in rows]

    def put_annotations(self, annotations: Iterable[Annotation]) -> None:
        """Add annotations, or replace those of the same id."""
        with self._connection as connection:
            connection.executemany(
                "insert or replace into annotations values (?, ?, ?)",
                [(one.id, one.key, _dump(one)) for one in annotations],
            )

    def annotations(self, tree: str | None = None) -> list[Annotation]:
        """All annotations, withdrawn ones too, by time; of a tree where one is named."""
        rows = self._connection.execute(
            "select a.body from annotations a left join tasks t using (key) where ?1 is null or t.tree = ?1",
            (tree,),
        )
        found = [_annotation(json.loads(body)) for (body,) in rows]
        return sorted(found, key=lambda one: (one.at, one.id))

    def put_decisions(self, decisions: Iterable[Decision]) -> None:
        """Add decisions, or replace those of the same task."""
        with self._connection as connection:
            connection.executemany(
                "insert or replace into decisions values (?, ?)", [(one.key, _dump(one)) for one in decisions]
            )

    def decisions(self) -> list[Decision]:
        """All decisions."""
        rows = self._connection.execute("select body from decisions order by rowid")
        return [Decision(**_tuples(json.loads(body), "leaves")) for (body,) in rows]

    def put_suggestions(self, suggestions: Iterable[Suggestion]) -> None:
        """Add suggestions, or replace those of the same task, model and prompt version."""
        with self._connection as connection:
            connection.executemany(
                "insert or replace into suggestions values (?, ?, ?, ?)",
                [(one.key, one.model, one.prompt_version, _dump(one)) for one in suggestions],
            )

    def suggestions(self) -> list[Suggestion]:
        """All suggestions."""
        rows = self._connection.execute("select body from suggestions order by rowid")
        return [Suggestion(**_tuples(json.loads(body), "leaves")) for (body,) in rows]

    def note(self, name: str) -> str | None:
        """A remembered value, such as the number of a project."""
        row = self._connection.execute("select value from notes where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def put_note(self, name: str, value: str) -> None:
        """Remember a value under a name."""
        with self._connection as connection:
            connection.execute("insert or replace into notes values (?, ?)", (name, value))


def _dump(one: Task | Annotation | Decision | Suggestion) -> str:
    return json.dumps(asdict(one), ensure_ascii=False, default=_time)


def _time(value: object) -> str:
    assert isinstance(value, datetime), value
    return value.astimezone(UTC).isoformat()


def _tuples(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The body as the record wants it: lists as tuples, ``at`` as a moment."""
    moment = {"at": datetime.fromisoformat(body["at"])} if body.get("at") else {}
    return {**body, **{name: tuple(body[name]) for name in names}, **moment}


def _task(body: dict[str, Any]) -> Task:
    return Task(
        **{
            **body,
            "turns": tuple(Turn(**_tuples(turn)) for turn in body["turns"]),
            "events": tuple((name, datetime.fromisoformat(at)) for name, at in body["events"]),
            "predicted": tuple((leaf, score) for leaf, score in body["predicted"]),
        }
    )


def _annotation(body: dict[str, Any]) -> Annotation:
    history = tuple(tuple(leaves) for leaves in body["history"])
    return Annotation(**{**_tuples(body, "leaves", "evidence"), "history": history})
