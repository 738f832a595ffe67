"""Which rows a version was trained on, as fingerprints: so that a test row among them is found later.

write_rows(folder, rows)                                   # rows.txt, no text in it
leak = leaked(test_rows, read_rows(folder))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xundan.chats.text import normalize
from xundan.errors import BadInput
from xundan.training.labels import LabelledMessage, digest, fingerprint

ROWS_FILE = "rows.txt"
SHORTEST = 8
"""A shorter message without context is said again and again by different buyers; that is no leak."""
_NO_SESSION = "-"


@dataclass(frozen=True)
class TrainedOn:
    """Fingerprints of the rows, and of the sessions they stand in."""

    rows: frozenset[str]
    sessions: frozenset[str]


@dataclass(frozen=True)
class Leak:
    """How many of ``rows`` test messages were trained on, and how many others share a session with one."""

    rows: int
    seen: int
    same_session: int


def trained_on(rows: Sequence[LabelledMessage]) -> TrainedOn:
    """What a model that was trained on these rows has seen."""
    sessions = frozenset(_session(row) for row in rows)
    return TrainedOn(frozenset(map(fingerprint, rows)), sessions - {""})


def write_rows(folder: Path, rows: Sequence[LabelledMessage]) -> None:
    """Write ``rows.txt``: one line a training row, its fingerprint and that of its session, sorted."""
    lines = sorted(f"{fingerprint(row)} {_session(row) or _NO_SESSION}\n" for row in rows)
    (folder / ROWS_FILE).write_text("".join(lines), encoding="utf-8")


def read_rows(folder: Path) -> TrainedOn | None:
    """What ``rows.txt`` says; None where there is none. `BadInput` for a line that is none."""
    path = folder / ROWS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    pairs = [line.split(" ") for line in lines]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2:
            raise BadInput("not a row's and a session's fingerprint", where=f"{path}:{number}")
    sessions = frozenset(session for _, session in pairs)
    return TrainedOn(frozenset(row for row, _ in pairs), sessions - {_NO_SESSION})


def leaked(rows: Sequence[LabelledMessage], trained_on: TrainedOn) -> Leak:
    """Compare test rows with training rows.

    A short message without context (好的) is said by everyone, so the same content counts as seen only with
    a context or `SHORTEST` characters.
    """
    seen = [fingerprint(row) in trained_on.rows and _tells(row) for row in rows]
    near = [_session(row) in trained_on.sessions for row in rows]
    return Leak(len(rows), sum(seen), sum(n and not s for n, s in zip(near, seen, strict=True)))


def data_sha256(rows: Sequence[LabelledMessage]) -> str:
    """One hash for a set of labelled rows, whatever their order: contents, sessions and labels."""
    lines = sorted(json.dumps([fingerprint(row), _session(row), sorted(row.labels)]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _tells(row: LabelledMessage) -> bool:
    return bool(row.context) or len(normalize(row.text)) >= SHORTEST


def _session(row: LabelledMessage) -> str:
    """The fingerprint of the row's session; empty where its text stands for one, for lack of an id."""
    return digest(row.session) if row.session != digest(normalize(row.text)) else ""
