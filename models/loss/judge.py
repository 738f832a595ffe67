"""Judge why each lost session was lost: tables in, the LOSS table out.

    loss, updates = judge(sessions, messages, attention, action, orders, LossModel.load(folder), Settings())

The model weighs what the buyer states, what the order shows, what the agents did and what can be inferred;
a session that shows none of these was left in silence, or cannot be judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from xundan.chats.records import LOSS, from_rows
from xundan.chats.sessions import in_sessions
from xundan.chats.text import normalize
from xundan.models.loss.case import Case, Turn
from xundan.models.loss.facts import facts_of
from xundan.models.loss.rules import load_rules
from xundan.models.loss.stage import standing
from xundan.models.loss.verdict import Verdict
from xundan.models.runtime import Description
from xundan.progress import Advance
from xundan.settings import SHANGHAI, Limits, Settings

LOST = ("lost_no_order", "lost_unpaid", "lost_refund")
_TOGETHER = 5000  # sessions judged before their rows are made
_MESSAGE_COLUMNS = ("message_id", "role", "text", "content_type")
Row = Mapping[str, Any]
Standing = tuple[str | None, str | None]


class Judge(Protocol):
    """What can judge: a `LossModel`."""

    @property
    def description(self) -> Description: ...
    def judge(
        self, cases: Sequence[Case], limits: Limits, on_rows: Advance | None = None
    ) -> list[Verdict]: ...


def judge(
    sessions: pa.Table,
    messages: pa.Table,
    attention: pa.Table | None,
    action: pa.Table | None,
    orders: pa.Table | None,
    model: Judge,
    settings: Settings,
    on_rows: Advance | None = None,
) -> tuple[pa.Table, dict[str, Standing]]:
    """The LOSS table of all lost sessions, and for every session (stage, last attention point).

    Tables as in `xundan.chats.records`. Without ``attention`` or ``action`` the words alone decide; a None
    in the second result means: nothing better is known than what the sessions table says. ``on_rows`` hears
    how many further sessions are judged.
    """
    leaves = _leaves_of(attention, action)
    placed = {row["order_id"]: row for row in orders.to_pylist()} if orders is not None else {}
    talks = dict(in_sessions(messages, _MESSAGE_COLUMNS))
    lost: list[tuple[Row, Case]] = []
    updates: dict[str, Standing] = {}
    for session in sessions.to_pylist():
        talk = talks.get(session["session_id"], [])
        said = [leaf for row in talk if row["role"] == "buyer" for leaf in leaves.get(row["message_id"], ())]
        updates[session["session_id"]] = standing(said, session["stage"])
        if session["outcome"] in LOST and talk:
            lost.append((session, _case(session, talk, leaves, placed.get(session["order_id"], {}))))
    parts = [
        from_rows(_rows(lost[start : start + _TOGETHER], model, settings, on_rows), LOSS)
        for start in range(0, len(lost), _TOGETHER)
    ]
    return pa.concat_tables([LOSS.empty_table(), *parts]), updates


def _leaves_of(*tables: pa.Table | None) -> dict[str, list[str]]:
    """The leaves of every message, the surest last."""
    scored: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for table in tables:
        if table is not None:
            columns = (table[name].to_pylist() for name in ("message_id", "score", "leaf"))
            for message_id, score, leaf in zip(*columns, strict=True):
                scored[message_id].append((score or 0.0, leaf))
    return {message_id: [leaf for _, leaf in sorted(pairs)] for message_id, pairs in scored.items()}


def _case(session: Row, talk: Sequence[Row], leaves: Mapping[str, list[str]], order: Row) -> Case:
    turns = tuple(
        Turn(
            message_id=row["message_id"],
            role=row["role"],
            text=normalize(row["text"]),
            at=row["sent_at"],
            content_type=row["content_type"] or "text",
            leaves=frozenset(leaves.get(row["message_id"], ())),
        )
        for row in talk
    )
    return Case(
        session_id=session["session_id"],
        turns=turns,
        outcome=session["outcome"],
        ordered_at=order.get("created_at"),
        paid_at=order.get("paid_at"),
        closed_at=order.get("closed_at"),
    )


def _rows(
    lost: Sequence[tuple[Row, Case]], model: Judge, settings: Settings, on_rows: Advance | None
) -> Iterator[dict[str, Any]]:
    verdicts = model.judge([case for _, case in lost], settings.limits, on_rows)
    said, words = model.description, load_rules().words
    for (session, case), verdict in zip(lost, verdicts, strict=True):
        started_at = session["started_at"] or case.turns[0].at
        for rank, reason in enumerate(verdict, start=1):
            yield {
                "session_id": case.session_id,
                "day": started_at.astimezone(SHANGHAI).date(),
                "leaf": reason.leaf,
                "rank": rank,
                "score": reason.score,
                "evidence": list(reason.evidence),
                "facts": list(facts_of(case, words, settings.limits)) if rank == 1 else [],
                "model_version": said.version,
                "taxonomy_version": said.taxonomy_version,
            }
