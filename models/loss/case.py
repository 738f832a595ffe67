"""A lost session as it is judged: its turns in order of time, and its order where it has one.

case = Case("s1", turns, outcome="lost_unpaid", ordered_at=..., closed_at=None)
case.exchanges[-1].told                        # what the buyer was told last
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

MEDIA = ("image", "card", "voice", "link", "other")
LAST_EXCHANGES = 2
"""Exchanges that count as the end of a session."""
_PLACEHOLDERS_ONLY = re.compile(r"\W*(\[[^\]]+\]\W*)+")


@dataclass(frozen=True)
class Turn:
    """One message: normalized text, moment (aware), and the leaves that a model saw in it."""

    message_id: str
    role: str
    text: str
    at: datetime
    content_type: str = "text"
    leaves: frozenset[str] = frozenset()

    @property
    def is_media(self) -> bool:
        """Nothing to read: an image, a link, a voice message, or placeholders alone."""
        return self.content_type in MEDIA or _PLACEHOLDERS_ONLY.fullmatch(self.text) is not None


@dataclass(frozen=True)
class Exchange:
    """What the buyer said in one go, and what agent or bot said until the buyer spoke again."""

    asked: tuple[Turn, ...] = ()
    told: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Case:
    """One session in order of time, with its order where it has one."""

    session_id: str
    turns: tuple[Turn, ...]
    outcome: str = "lost_no_order"
    ordered_at: datetime | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None

    def by(self, *roles: str) -> tuple[Turn, ...]:
        """The turns of these roles."""
        return tuple(turn for turn in self.turns if turn.role in roles)

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Buyer bursts with their replies; the first has no ``asked`` where the agent began."""
        found: list[tuple[list[Turn], list[Turn]]] = []
        for turn in self.by("buyer", "agent", "bot"):
            if not found or (turn.role == "buyer" and found[-1][1]):
                found.append(([], []))
            found[-1][0 if turn.role == "buyer" else 1].append(turn)
        return tuple(Exchange(tuple(asked), tuple(told)) for asked, told in found)
