"""Every answer received, by the content of its question: what was paid for once is never paid for again.

with Cache.open(Path("xundan-labels")) as cache: cache.get(question_hash(...))
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from xundan.errors import BadInput
from xundan.labeling.suggest.asking import Asking

FILE_NAME = "suggest.db"
_ENOUGH = 20
_TABLES = """
create table if not exists answers (question text primary key, model text not null,
    estimated integer not null, counted integer not null, tokens_in integer not null, body text not null);
create table if not exists sent (id integer primary key, question text not null, at text not null,
    worst real not null);
"""


@dataclass(frozen=True)
class Exchange:
    """One answer as it is kept: masked, its tokens, its price in yuan (None: prices unknown).

    ``counted``: the endpoint said how many tokens; else they are estimated. ``finished``: it was not cut off
    for length. ``seconds``: how long the endpoint took.
    """

    content: str
    finished: bool
    served_by: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    counted: bool
    price: float | None
    at: str
    seconds: float


@dataclass(frozen=True)
class Unanswered:
    """Requests sent whose answer never came: a process was killed or a connection broke. They may have been
    billed, ``yuan`` at most."""

    requests: int
    yuan: float


def question_hash(asking: Asking, messages: Sequence[Mapping[str, str]]) -> str:
    """32 hexadecimal digits from all that shapes an answer; how its form is asked for is no part of it."""
    shape = [asking.base_url.rstrip("/"), asking.model, asking.max_tokens, dict(asking.extra_body)]
    text = json.dumps([shape, [dict(message) for message in messages]], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Cache:
    """The folder's answers; used by several threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Cache]:
        """Open the cache of a folder, made where missing; `BadInput` for a file that is none."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE_NAME
        connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        try:
            with connection:
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = full")  # an answer paid for outlives a power cut
                connection.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise BadInput("not a cache of answers", got=str(error), where=str(path)) from error
        try:
            yield cls(connection)
        finally:
            connection.close()

    def get(self, question: str) -> Exchange | None:
        """The answer to a question, None where there is none yet."""
        with self._lock:
            row = self._connection.execute(
                "select body from answers where question = ?", (question,)
            ).fetchone()
        return None if row is None else Exchange(**json.loads(row[0]))

    def sending(self, question: str, worst: float) -> int:
        """Note that a request is on its way; returns the number of the note."""
        with self._lock, self._connection as connection:
            cursor = connection.execute(
                "insert into sent (question, at, worst) values (?, ?, ?)",
                (question, datetime.now(UTC).isoformat(), worst),
            )
            return int(cursor.lastrowid or 0)

    def not_billed(self, note: int) -> None:
        """The request was turned away."""
        with self._lock, self._connection as connection:
            connection.execute("delete from sent where id = ?", (note,))

    def put(self, question: str, model: str, estimated: int, exchange: Exchange, note: int) -> None:
        """Keep an answer and drop the note of its request, both or neither."""
        body = json.dumps(asdict(exchange), ensure_ascii=False)
        row = (question, model, estimated, exchange.counted, exchange.tokens_in, body)
        with self._lock, self._connection as connection:
            connection.execute("insert or replace into answers values (?, ?, ?, ?, ?, ?)", row)
            connection.execute("delete from sent where id = ?", (note,))

    def unanswered(self) -> Unanswered:
        """What was sent and never answered, over all runs."""
        with self._lock:
            count, yuan = self._connection.execute(
                "select count(*), coalesce(sum(worst), 0) from sent"
            ).fetchone()
        return Unanswered(int(count), float(yuan))

    def ratio(self, model: str) -> float:
        """Counted tokens per estimated one over the answers of a model; 1 before there are `_ENOUGH`."""
        with self._lock:
            count, counted, estimated = self._connection.execute(
                "select count(*), sum(tokens_in), sum(estimated) from answers where model = ? and counted",
                (model,),
            ).fetchone()
        return counted / estimated if count >= _ENOUGH and counted and estimated else 1.0
