"""Labelled lost sessions: read them, check them, fill in what the message models see in them.

sessions = read_sessions([Path("loss.jsonl")])
sessions[0].case, sessions[0].primary
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from xundan.chats.records import OUTCOMES, ROLES, STAGES
from xundan.chats.text import ROLE_MARKS, normalize
from xundan.errors import BadInput
from xundan.models.loss.case import Case, Turn
from xundan.settings import SHANGHAI
from xundan.taxonomy.trees import load
from xundan.training.labels import AUGMENTED

REAL, WRITTEN = "real", "written"


@dataclass(frozen=True)
class LabelledSession:
    """One lost session and why it was lost.

    ``part``: written (by hand, for training), augmented (never measured on), or anything else, such as what
    a sample was drawn for, of a real one. ``believed``: how likely each leaf is, where more than one reader
    was asked; else the primary leaf alone.
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
        return self.id.partition("~")[0] or self.id

    @property
    def kind(self) -> str:
        """`REAL`, `WRITTEN` or `AUGMENTED`: what it counts in training, and which figures it belongs to."""
        return self.part if self.part in (WRITTEN, AUGMENTED) else REAL

    @property
    def augmented(self) -> bool:
        """Whether it may be trained on only."""
        return self.part == AUGMENTED


def read_sessions(paths: Sequence[Path]) -> list[LabelledSession]:
    """Read JSON lines of ``session_id``, ``messages`` (``role``, ``at``, ``text``; where known ``seq`` and
    ``leaves``), ``loss_primary`` and, where known, ``orders``, ``outcome``, ``stage``, ``loss_secondary``,
    ``evidence`` (message numbers), ``part``, ``believed``.

    Turns are put in order of time. `BadInput` with file and row for what is missing, not in the loss tree or
    not of the form, for a talk given twice under one id, and where no session is read.
    """
    leaves = {leaf.id for leaf in load("loss").leaves}
    found: list[LabelledSession] = []
    first: dict[tuple[str, str], str] = {}
    for where, raw in (line for path in paths for line in _lines(path)):
        found.append(_session(raw, where, leaves))
        before = first.setdefault((found[-1].id, found[-1].text), where)
        if before != where:
            raise BadInput("a session given twice", got=f"{found[-1].id}, as in {before}", where=where)
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
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", got=error, expected="JSON lines of sessions", where=str(path)) from None
    for number, line in enumerate(text.split("\n"), 1):  # a text may hold other ends of lines
        if line.strip():
            try:
                raw = json.loads(line)
            except ValueError as error:
                raise BadInput("not a JSON line", got=error, where=f"{path}:{number}") from None
            if not isinstance(raw, dict):
                raise BadInput("no session", got=line[:40], expected="{…}", where=f"{path}:{number}")
            yield f"{path}:{number}", raw


def _session(raw: Mapping[str, Any], where: str, leaves: set[str]) -> LabelledSession:
    for name in ("session_id", "messages", "loss_primary"):
        if not raw.get(name):
            raise BadInput(f"field {name!r} is missing", expected="a labelled session", where=where)
    _check_form(raw, where)
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
    turns = [_turn(turn, number, where) for number, turn in enumerate(raw["messages"], 1)]
    evidence = tuple(str(number) for number in raw.get("evidence") or [])
    names = {turn.message_id for turn in turns}
    if len(names) < len(turns) or not names.issuperset(evidence):
        raise BadInput(
            "message numbers that stand twice, or evidence that is no message",
            got=f"evidence {', '.join(evidence) or '-'} of {', '.join(turn.message_id for turn in turns)}",
            where=where,
        )
    case = Case(
        str(raw["session_id"]),
        tuple(sorted(turns, key=lambda turn: turn.at)),
        outcome,
        **{f"{name}_at": _moment(ordered.get(key), where) for name, key in _TIMES.items()},
    )
    return LabelledSession(
        id=str(raw["session_id"]),
        case=case,
        primary=raw["loss_primary"],
        secondary=tuple(secondary),
        stage=stage,
        evidence=evidence,
        part=raw.get("part") or REAL,
        believed=believed or {raw["loss_primary"]: 1.0},
    )


_TIMES = {"ordered": "created_at", "paid": "paid_at", "closed": "closed_at"}
_FORMS: Mapping[str, tuple[type, type]] = {
    "messages": (list, dict),
    "orders": (list, dict),
    "loss_secondary": (list, str),
    "evidence": (list, object),
    "believed": (dict, str),
    "loss_primary": (str, str),
    "part": (str, str),
    "outcome": (str, str),
    "stage": (str, str),
}
"""What a field is, and what is in it."""


def _check_form(raw: Mapping[str, Any], where: str) -> None:
    for name, (form, inside) in _FORMS.items():
        given = raw.get(name)
        fits = given is None or isinstance(given, form)
        if not fits or not all(isinstance(each, inside) for each in raw.get(name) or ()):
            raise BadInput(
                f"field {name!r} is of another form", got=given, expected=f"a {form.__name__}", where=where
            )
    shares = (raw.get("believed") or {"": 1.0}).values()
    if not all(isinstance(each, int | float) and 0 <= each < inf for each in shares) or not sum(shares) > 0:
        raise BadInput(
            "believed must say how likely each leaf is",
            got=raw["believed"],
            expected="0 or more each, some above 0",
            where=where,
        )


def _turn(raw: Mapping[str, Any], number: int, where: str) -> Turn:
    at = _moment(raw.get("at"), where)
    seen, seq = raw.get("leaves") or [], raw.get("seq")
    if raw.get("role") not in ROLES or at is None or not isinstance(raw.get("text"), str):
        raise BadInput(
            "a message without role, text or time", got=raw, expected=f"role of {ROLES}", where=where
        )
    if not isinstance(seen, list) or not all(isinstance(leaf, str) for leaf in seen):
        raise BadInput("leaves are no list of texts", got=seen, where=where)
    return Turn(
        message_id=str(number if seq is None else seq),
        role=raw["role"],
        text=normalize(raw["text"]),
        at=at,
        leaves=frozenset(seen),
    )


def _moment(given: object, where: str) -> datetime | None:
    """A time without a zone is one of Asia/Shanghai, as everywhere."""
    if not given:
        return None
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        raise BadInput("not a time", got=given, expected="such as 2026-10-17 22:30:33", where=where) from None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
