"""What people say about lost sessions: their leaf wins over the model's in every count.

loss = corrected_loss(Lake(Path("out")))

The table ``corrections`` is a log: a line is added whenever somebody writes, changes or withdraws a reason,
and none is ever taken out. The latest line of a session holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xundan.chats.records import LOSS, SCHEMAS, from_rows
from xundan.chats.sessions import in_sessions
from xundan.disk import replace_file
from xundan.lake import Lake

PERSON = "person"
"""The model_version of a leaf that a person chose."""
_ORDER_TIMES = ("created_at", "paid_at", "closed_at")
_MOST = 3  # one primary and up to two secondary leaves, as the model gives them


@dataclass(frozen=True)
class Correction:
    """What a person wrote about one session; ``leaf`` is None where they left only a name or a note."""

    session_id: str
    leaf: str | None
    by: str | None
    note: str | None
    at: datetime

    @property
    def is_empty(self) -> bool:
        """Nothing is written (any more)."""
        return self.leaf is self.by is self.note is None


def read_log(lake: Lake) -> pa.Table:
    """The table ``corrections``; empty where nobody wrote anything yet."""
    return lake.read("corrections") if lake.has("corrections") else SCHEMAS["corrections"].empty_table()


def standing_corrections(log: pa.Table) -> dict[str, Correction]:
    """The latest line of each session (of equal times, the last), without those that were withdrawn."""
    latest: dict[str, Correction] = {}
    for row in log.to_pylist():
        correction = Correction(**row)
        before = latest.get(correction.session_id)
        if before is None or correction.at >= before.at:
            latest[correction.session_id] = correction
    return {name: correction for name, correction in latest.items() if not correction.is_empty}


def corrected_loss(lake: Lake) -> pa.Table:
    """The LOSS table that every count reads: the model's, corrected by people."""
    return apply_corrections(lake.read("loss"), read_log(lake))


def apply_corrections(loss: pa.Table, corrections: pa.Table) -> pa.Table:
    """LOSS in which a person's leaf has rank 1, model_version "person" and no score.

    The model's leaves move down; a leaf that both named stands once, with the model's evidence. Sessions
    that are not in ``loss`` (not lost, or of another import) stay out. ``loss`` itself is not changed, so a
    withdrawn correction gives the model's word back.
    """
    chosen = {
        name: found.leaf
        for name, found in standing_corrections(corrections).items()
        if found.leaf is not None
    }
    touched = pc.is_in(loss["session_id"], pa.array(list(chosen), pa.string()))
    by_session: dict[str, list[dict[str, Any]]] = {}
    for row in loss.filter(touched).to_pylist():
        by_session.setdefault(row["session_id"], []).append(row)
    rows = [row for name, found in by_session.items() for row in _corrected(chosen[name], found)]
    return pa.concat_tables([loss.filter(pc.invert(touched)), from_rows(rows, LOSS)])


def _corrected(leaf: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ranked = sorted(found, key=lambda row: (row["rank"] is None, row["rank"]))
    seen = next((row["evidence"] for row in ranked if row["leaf"] == leaf), None)
    chosen = {
        **ranked[0],
        "leaf": leaf,
        "score": None,
        "evidence": seen or [],  # the messages behind another leaf are no evidence for this one
        "model_version": PERSON,
    }
    rows = [chosen, *(row for row in ranked if row["leaf"] != leaf)][:_MOST]
    return [{**row, "rank": rank} for rank, row in enumerate(rows, start=1)]


def export_labels(lake: Lake, out: Path) -> tuple[int, int]:
    """Write the sessions whose leaf a person chose as `xundan train --tree loss` reads them, one JSON line
    each; returns how many, and how many are left out, as they are no lost sessions of this workspace (any
    more): what is not lost is no example of why sessions are lost."""
    chosen = {name: one for name, one in standing_corrections(read_log(lake)).items() if one.leaf is not None}
    told = _told(lake, sorted(chosen)) if chosen else {}
    lines = [
        json.dumps(
            {"session_id": name, "loss_primary": one.leaf, "by": one.by, "note": one.note, **told[name]},
            ensure_ascii=False,
        )
        + "\n"
        for name, one in sorted(chosen.items())
        if name in told
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(out, "".join(lines).encode())
    return len(lines), len(chosen) - len(lines)


def _told(lake: Lake, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Outcome, stage, order and (masked) messages of these sessions, by their id."""
    names = pa.array(wanted, pa.string())
    sessions, messages = (lake.read(name) for name in ("sessions", "messages"))
    talks = dict(in_sessions(messages.filter(pc.is_in(messages["session_id"], names)), ("role", "text")))
    placed = {row["order_id"]: row for row in lake.read("orders").to_pylist()} if lake.has("orders") else {}
    found = {}
    lost = pc.and_(pc.is_in(sessions["session_id"], names), pc.starts_with(sessions["outcome"], "lost_"))
    for session in sessions.filter(lost).to_pylist():
        order = placed.get(session["order_id"])
        times = {name: order[name].isoformat() for name in _ORDER_TIMES if order[name]} if order else {}
        found[session["session_id"]] = {
            "outcome": session["outcome"],
            "stage": session["stage"],
            "orders": [times] if times else [],
            "messages": [
                {"role": row["role"], "at": row["sent_at"].isoformat(), "text": row["text"]}
                for row in talks.get(session["session_id"], [])
            ],
        }
    return found
