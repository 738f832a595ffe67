"""Messages to sessions: one buyer, one shop, cut where nobody wrote for some hours; one row of figures each.

>>> from xundan.chats.sessions import build_sessions
>>> build_sessions(messages, Settings()).num_rows  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa

from xundan.chats.records import SESSIONS, from_rows
from xundan.settings import Settings

Key = tuple[str | None, str | None, str | None]
Row = dict[str, Any]


def assign_sessions(keys: Sequence[Key], times: Sequence[datetime], gap: timedelta) -> list[str]:
    """A session id for each message from its (platform, shop, buyer) and time.

    A message more than ``gap`` after the one before it (same key) begins a session. The id is made from the
    key and the time of the first message, so that reading the same messages again gives the same ids.
    """
    ids = [""] * len(keys)
    last: dict[Key, tuple[datetime, str]] = {}
    for index in sorted(range(len(keys)), key=lambda i: times[i]):
        key, time = keys[index], times[index]
        before = last.get(key)
        if before is None or time - before[0] > gap:
            origin = "\x1f".join([*(part or "" for part in key), time.isoformat()])
            session_id = "s_" + hashlib.blake2b(origin.encode(), digest_size=8).hexdigest()
        else:
            session_id = before[1]
        last[key] = (time, session_id)
        ids[index] = session_id
    return ids


def in_sessions(messages: pa.Table, columns: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
    """Each session id with its messages (of these columns) in the order they were sent."""
    wanted = list(dict.fromkeys(["session_id", "sent_at", "seq", *columns]))
    order = [(name, "ascending") for name in ("session_id", "sent_at", "seq")]
    rows = messages.select(wanted).sort_by(order).to_pylist()
    for session_id, group in groupby(rows, key=lambda row: row["session_id"]):
        yield str(session_id), list(group)


def build_sessions(messages: pa.Table, settings: Settings) -> pa.Table:
    """SESSIONS (sorted by start) with counts and response times in seconds.

    Columns that need orders (is_inquiry, outcome, stage, order_id, amount, filtered) are null. The agent is
    the one with most messages. Responses are those of people: a bot's reply does not stop the clock.
    """
    columns = ["platform", "shop", "buyer", "role", "account", "item_id"]
    rows = [_session(session_id, group) for session_id, group in in_sessions(messages, columns)]
    rows.sort(key=lambda row: (row["started_at"], row["session_id"]))
    for row in rows:
        row["loss_definition"] = settings.loss.label
    return from_rows(rows, SESSIONS)


def _session(session_id: str, rows: list[Row]) -> Row:
    roles = Counter(row["role"] for row in rows)
    responses = _responses(rows)
    return {
        "session_id": session_id,
        "platform": _first(row["platform"] for row in rows),
        "shop": _first(row["shop"] for row in rows),
        "buyer": _first(row["buyer"] for row in rows),
        "agent": _most_common(row["account"] for row in rows if row["role"] == "agent"),
        "item_id": _most_common(row["item_id"] for row in rows),
        "started_at": rows[0]["sent_at"],
        "ended_at": rows[-1]["sent_at"],
        "n_buyer": roles["buyer"],
        "n_agent": roles["agent"],
        "n_bot": roles["bot"],
        "first_response_s": responses[0] if responses else None,
        "mean_response_s": sum(responses) / len(responses) if responses else None,
    }


def _responses(rows: list[Row]) -> list[float]:
    """Seconds from the first message of each run of buyer messages to the next message of an agent."""
    waiting: datetime | None = None
    responses = []
    for row in rows:
        if row["role"] == "buyer" and waiting is None:
            waiting = row["sent_at"]
        elif row["role"] == "agent" and waiting is not None:
            responses.append((row["sent_at"] - waiting).total_seconds())
            waiting = None
    return responses


def _first(values: Iterator[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _most_common(values: Iterator[str | None]) -> str | None:
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None
