"""Labelled lost sessions: read them, check them, fill in what the message models see in them.

sessions = read_sessions([Path("loss.jsonl")])
sessions[0].case, sessions[0].primary
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xundan.chats.records import OUTCOMES, ROLES, STAGES
from xundan.chats.text import ROLE_MARKS, normalize
from xundan.errors import BadInput
from xundan.models.loss.case import Case, Turn
from xundan.taxonomy.trees import load
from xundan.training.labels import AUGMENTED

REAL, WRITTEN = "real", "written"


@dataclass(frozen=True)
class LabelledSession:
    """One lost session and why it was lost.

    ``part``: real, written (by hand, for training) or augmented (never measured on). ``believed``: how likely
    each leaf is, where more than one reader was asked; else the primary leaf alone.
    """

    id: str
    case: Case
    primary: str
    secondary: tuple[str, ...] = ()
    stage: str | None = None
    evidence: tuple[str, ...] = ()
    part: str = REAL
    believed: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The whole talk, a line a turn."""
        return "\n".join(ROLE_MARKS[turn.role] + turn.text for turn in self.case.turns)

    @property
    def family(self) -> str:
        """What must stay on one side of a split: the id of the session that this one was made from."""
        return self.id.partition("~")[0]

    @property
    def augmented(self) -> bool:
        """Whether it may be trained on only."""
        return self.part == AUGMENTED


def read_sessions(paths: Sequence[Path]) -> list[LabelledSession]:
    """Read JSON lines of ``session_id``, ``messages`` (``role``, ``at``, ``text``; where known ``seq`` and
    ``leaves``), ``loss_primary`` and, where known, ``orders``, ``outcome``, ``stage``, ``loss_secondary``,
    ``evidence`` (message numbers), ``part``, ``believed``.

    `BadInput` with file and row for what is missing or not in the loss tree, and where no session is read.
    """
    leaves = {leaf.id for leaf in load("loss").leaves}
    found = [_session(raw, where, leaves) for path in paths for where, raw in _lines(path)]
    if not found:
        raise BadInput("no labelled session", where=", ".join(map(str, paths)))
    return found


def with_leaves(session: LabelledSession, leaves: Mapping[str, frozenset[str]]) -> LabelledSession:
    """The session with leaves by message id; messages that are not named keep theirs."""
    turns = tuple(
        replace(turn, leaves=leaves.get(turn.message_id, turn.leaves)) for turn in session.case.turns
    )
    return replace(session, case=replace(session.case, turns=turns))


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        raise BadInput("no such label file", got=path, expected="JSON lines of sessions")
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            try:
                raw = json.loads(line)
            except ValueError as error:
                raise BadInput("not a JSON line", got=error, where=f"{path}:{number}") from None
            yield f"{path}:{number}", raw


def _session(raw: Mapping[str, Any], where: str, leaves: set[str]) -> LabelledSession:
    for name in ("session_id", "messages", "loss_primary"):
        if not raw.get(name):
            raise BadInput(f"field {name!r} is missing", expected="a labelled session", where=where)
    secondary, believed = raw.get("loss_secondary") or [], raw.get("believed") or {}
    for leaf in (raw["loss_primary"], *secondary, *believed):
        if leaf not in leaves:
            raise BadInput(
                "no such leaf in the loss tree", got=leaf, do="see `xundan taxonomy loss`", where=where
            )
    outcome, stage = raw.get("outcome") or "lost_no_order", raw.get("stage")
    if outcome not in OUTCOMES or (stage is not None and stage not in STAGES):
        raise BadInput("no such outcome or stage", got=f"{outcome}, {stage}", where=where)
    ordered = (raw.get("orders") or [{}])[-1]
    case = Case(
        str(raw["session_id"]),
        tuple(_turn(turn, number, where) for number, turn in enumerate(raw["messages"], 1)),
        outcome,
        **{f"{name}_at": _moment(ordered.get(key), where) for name, key in _TIMES.items()},
    )
    return LabelledSession(
        id=str(raw["session_id"]),
        case=case,
        primary=raw["loss_primary"],
        secondary=tuple(secondary),
        stage=stage,
        evidence=tuple(str(number) for number in raw.get("evidence") or []),
        part=raw.get("part") or REAL,
        believed=believed or {raw["loss_primary"]: 1.0},
    )


_TIMES = {"ordered": "created_at", "paid": "paid_at", "closed": "closed_at"}


def _turn(raw: Mapping[str, Any], number: int, where: str) -> Turn:
    at = _moment(raw.get("at"), where)
    if raw.get("role") not in ROLES or at is None or not isinstance(raw.get("text"), str):
        raise BadInput(
            "a message without role, text or time", got=raw, expected=f"role of {ROLES}", where=where
        )
    return Turn(
        message_id=str(raw.get("seq", number)),
        role=raw["role"],
        text=normalize(raw["text"]),
        at=at,
        leaves=frozenset(raw.get("leaves") or ()),
    )


def _moment(given: str | None, where: str) -> datetime | None:
    """Only differences count: a time without a zone is taken as it stands."""
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise BadInput("not a time", got=given, expected="such as 2026-10-17 22:30:33", where=where) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
