"""Judge why each lost session was lost, by rules that anyone can read: loss_words.yaml and loss_cues_*.yaml.

    loss, updates = judge(sessions, messages, attention, action, orders, Settings())

What the buyer states comes first, then what the order shows, then what the agents did, then what can be
inferred; a session that shows none of these was left in silence, or cannot be judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from xundan.chats.records import LOSS, from_rows
from xundan.chats.sessions import in_sessions
from xundan.chats.text import normalize
from xundan.models.loss_facts import Case, Turn
from xundan.models.loss_rules import Finding, load_rules
from xundan.models.loss_stage import standing
from xundan.settings import SHANGHAI, Settings
from xundan.taxonomy.trees import load

LOST = ("lost_no_order", "lost_unpaid", "lost_refund")
_MOST = 3  # one primary and up to two secondary leaves
_SECONDARY_FROM = 0.35  # weaker findings are not worth a row
_MESSAGE_COLUMNS = ("message_id", "role", "text", "content_type")
Row = Mapping[str, Any]
Standing = tuple[str | None, str | None]


def judge(
    sessions: pa.Table,
    messages: pa.Table,
    attention: pa.Table | None,
    action: pa.Table | None,
    orders: pa.Table | None,
    settings: Settings,
) -> tuple[pa.Table, dict[str, Standing]]:
    """The LOSS table of all lost sessions, and for every session (stage, last attention point).

    Tables as in `xundan.chats.records`. Without ``attention`` or ``action`` the words alone decide; a None
    in the second result means: nothing better is known than what the sessions table says.
    """
    leaves = _leaves_of(attention, action)
    placed = {row["order_id"]: row for row in orders.to_pylist()} if orders is not None else {}
    talks = dict(in_sessions(messages, _MESSAGE_COLUMNS))
    found: list[dict[str, Any]] = []
    updates: dict[str, Standing] = {}
    for session in sessions.to_pylist():
        talk = talks.get(session["session_id"], [])
        said = [leaf for row in talk if row["role"] == "buyer" for leaf in leaves.get(row["message_id"], ())]
        updates[session["session_id"]] = standing(said, session["stage"])
        if session["outcome"] in LOST and talk:
            case = _case(session, talk, leaves, placed.get(session["order_id"], {}))
            found.extend(_rows(session, case, settings))
    return from_rows(found, LOSS), updates


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


def _rows(session: Row, case: Case, settings: Settings) -> list[dict[str, Any]]:
    rules = load_rules()
    started_at = session["started_at"] or case.turns[0].at
    return [
        {
            "session_id": case.session_id,
            "day": started_at.astimezone(SHANGHAI).date(),
            "leaf": finding.leaf,
            "rank": rank,
            "score": finding.score,
            "evidence": list(finding.evidence),
            "model_version": f"loss-rules-{rules.version}",
            "taxonomy_version": load("loss").version,
        }
        for rank, finding in enumerate(_chosen(rules.apply(case, settings.limits)), start=1)
    ]


def _chosen(findings: Sequence[Finding]) -> list[Finding]:
    """The primary finding and what stands beside it; what remains when nothing is found stands alone."""
    beside = [
        finding for finding in findings[1:] if finding.tier != "last" and finding.score >= _SECONDARY_FROM
    ]
    return [*findings[:1], *beside][:_MOST]
