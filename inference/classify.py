"""Say what every message is about: attention points, actions, and the loss points of lost sessions.

classified = classify(messages, sessions, orders, models, settings)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xundan.chats.records import ATTENTION
from xundan.chats.text import ROLE_MARKS
from xundan.models.confidence import uncertain
from xundan.models.loss.judge import LOST, Judge, judge
from xundan.models.runtime import Description, Model
from xundan.models.thresholds import Chosen, Scores
from xundan.progress import Advance, Begin, silent
from xundan.settings import SHANGHAI, Settings

CONTEXT_TURNS = 2
"""Previous messages a model reads: as many as the annotators were shown."""
_MARKS = {role: f"{mark[1]}:" for role, mark in ROLE_MARKS.items()}
_CHUNK = 20_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Classified:
    """The tables that classifying makes; ``sessions`` comes back with stage and last attention filled in."""

    attention: pa.Table
    action: pa.Table
    loss: pa.Table
    sessions: pa.Table


def classify(
    messages: pa.Table,
    sessions: pa.Table,
    orders: pa.Table | None,
    attention_model: Model,
    action_model: Model,
    loss_model: Judge,
    settings: Settings,
    begin: Begin = silent,
) -> Classified:
    """Classify every buyer and agent message, then judge every lost session (tables of `chats.records`)."""
    on_rows = begin("classify messages", _count(messages["role"], ("buyer", "agent")))
    ordered = messages.sort_by([("session_id", "ascending"), ("seq", "ascending")])
    contexts = contexts_of(ordered)
    attention = label(ordered, contexts, "buyer", attention_model, on_rows)
    action = label(ordered, contexts, "agent", action_model, on_rows)
    on_sessions = begin("judge lost sessions", _count(sessions["outcome"], LOST))
    loss, changes = judge(sessions, ordered, attention, action, orders, loss_model, settings, on_sessions)
    return Classified(attention, action, loss, _update(sessions, changes))


def _count(column: pa.ChunkedArray, values: Sequence[str]) -> int:
    """How many rows have one of these values."""
    return pc.sum(pc.is_in(column, pa.array(values))).as_py() or 0


def contexts_of(ordered: pa.Table) -> list[tuple[str, ...]]:
    """The previous turns of each message, as models read them; rows are sorted by session and seq."""
    columns = (ordered[name].to_pylist() for name in ("session_id", "role", "text"))
    contexts: list[tuple[str, ...]] = []
    previous: tuple[str, ...] = ()
    current = None
    for session, role, text in zip(*columns, strict=True):
        if session != current:
            previous, current = (), session
        contexts.append(previous)
        previous = (*previous, _MARKS[role] + text)[-CONTEXT_TURNS:]
    return contexts


def label(
    ordered: pa.Table,
    contexts: list[tuple[str, ...]],
    role: str,
    model: Model,
    on_rows: Advance | None = None,
) -> pa.Table:
    """One row per message of ``role`` and leaf that holds, in the order of the messages.

    ``uncertain`` is the same on all rows of a message, and null where the model has no cutoff.
    """
    said = model.description
    thresholds = np.asarray(said.thresholds, dtype=np.float32)
    rows = np.flatnonzero(np.asarray(pc.equal(ordered["role"], role)))
    texts = ordered["text"].take(rows).to_pylist()
    parts = [_empty_part()]
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        scores = model.score(texts[start : start + _CHUNK], [contexts[i] for i in chunk], on_rows)
        chosen = model.choose(scores)
        where, leaf = np.nonzero(chosen)
        unsure = uncertain(scores, chosen, thresholds, said.uncertain_below)
        parts.append((chunk[where], leaf, scores[where, leaf], unsure[where]))
    index, leaf, score, unsure = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _as_table(ordered, index, leaf, score, unsure, said)


def _empty_part() -> tuple[Ints, Ints, Scores, Chosen]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.bool_)


def _as_table(
    ordered: pa.Table, index: Ints, leaf: Ints, score: Scores, unsure: Chosen, said: Description
) -> pa.Table:
    has_cutoff = said.uncertain_below > 0 or said.uncertain_risk > 0
    names = pa.array(said.leaves, pa.string())
    return pa.table(
        {
            "message_id": ordered["message_id"].take(index),
            "session_id": ordered["session_id"].take(index),
            "day": days(ordered["sent_at"].take(index)),
            "leaf": names.take(pa.array(leaf)),
            "score": pa.array(score, pa.float32()),
            "uncertain": pa.array(unsure) if has_cutoff else pa.nulls(len(index), pa.bool_()),
            "model_version": pa.array([said.version] * len(index), pa.string()),
            "taxonomy_version": pa.array([said.taxonomy_version] * len(index), pa.string()),
        },
        schema=ATTENTION,
    )


def days(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """The calendar day in Asia/Shanghai of UTC times."""
    return pc.cast(pc.local_timestamp(pc.cast(times, pa.timestamp("us", tz=SHANGHAI.key))), pa.date32())


def _update(sessions: pa.Table, changes: dict[str, tuple[str | None, str | None]]) -> pa.Table:
    ids = sessions["session_id"].to_pylist()
    for position, name in enumerate(("stage", "last_attention")):
        old = sessions[name].to_pylist()
        new = list(_updated(ids, old, changes, position))
        sessions = sessions.set_column(
            sessions.schema.get_field_index(name), name, pa.array(new, pa.string())
        )
    return sessions


def _updated(
    ids: list[str],
    old: list[str | None],
    changes: dict[str, tuple[str | None, str | None]],
    position: int,
) -> Iterator[str | None]:
    for session, value in zip(ids, old, strict=True):
        change = changes.get(session)
        yield change[position] if change and change[position] is not None else value
