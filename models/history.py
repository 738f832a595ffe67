"""Which model was champion from when, why, and who said so: one line a switch, never rewritten.

for event in read_history(Path("registry/attention")):
    print(event.at, event.by, event.before, "->", event.after, event.why)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xundan.models.signing import now, user

HISTORY_FILE = "history.jsonl"
PROMOTE, ROLLBACK, REFUSE = "promote", "rollback", "refuse"


@dataclass(frozen=True)
class Event:
    """One decision. ``before`` and ``after`` are names of champions; for a refusal ``after`` was refused.

    ``at`` is UTC; ``manifest`` is the SHA-256 of the manifest of ``after``; ``verdict``: what the gate said.
    """

    action: str
    before: str
    after: str
    why: str = ""
    manifest: str = ""
    verdict: Mapping[str, Any] = field(default_factory=dict)
    at: str = field(default_factory=now)
    by: str = field(default_factory=user)


def append(home: Path, event: Event) -> None:
    """Add one line and make it last; the caller holds the registry's lock."""
    line = (json.dumps(asdict(event), ensure_ascii=True) + "\n").encode()
    with (home / HISTORY_FILE).open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash cut the last line: it must not swallow this one
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_history(home: Path) -> tuple[Event, ...]:
    """Every decision, oldest first; a line that a crash cut short is left out."""
    try:
        lines = (home / HISTORY_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    events = []
    for line in lines:
        try:
            events.append(Event(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return tuple(events)


def champions(events: tuple[Event, ...], first: str, current: str) -> list[str]:
    """The champions one can go back through: ``first``, then each that was promoted and not rolled back.

    A switch is written down before it is done. One that a crash prevented is known by the next one, which
    starts from another champion, or for the last one by ``current``; it does not count. The last is always
    ``current``, whoever made it so.
    """
    switches = [event for event in events if event.action in (PROMOTE, ROLLBACK)]
    found_next = [*(event.before for event in switches[1:]), current]
    stack = [first]
    for event, found in zip(switches, found_next, strict=False):
        if event.after != found:
            continue
        if event.action == PROMOTE:
            stack.append(event.after)
        elif len(stack) > 1:
            stack.pop()
    return stack if stack[-1] == current else [*stack, current]
