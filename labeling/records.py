"""What passes through the labeling room: a task to label, what a person answered, what was decided.

key = task_key("attention", "有货吗", (Turn("1", "agent", "在的亲"),))
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from xundan.chats.text import normalize

Tree = str
"""attention or action (a message is labelled), loss (a session is labelled), or a shop's own tree."""
Source = Literal["human", "agent_tag", "qa_import"]
PURPOSES = ("random", "uncertain", "diverse", "rare", "disputed", "valuable")
"""Why a task was drawn; ``random`` is the unbiased audit part."""


@dataclass(frozen=True)
class Turn:
    """One message of the session that a person reads: masked text, moment in UTC."""

    message_id: str
    role: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class Task:
    """One thing to label. ``key`` is made from what is read, so the same reading never becomes two tasks.

    ``turns``: of a message task the previous turns, oldest first; of a session task all turns. ``events``:
    order events of a session task, such as ("ordered", moment). ``predicted``: the model's leaves with their
    scores, best first. ``weight``: how many messages or sessions of the pool this one stands for (only for
    ``random``, else None). ``batch``: the draw it came from.
    """

    key: str
    tree: Tree
    session_id: str
    message_id: str | None
    shop: str | None
    buyer: str | None
    text: str
    turns: tuple[Turn, ...]
    item: str | None = None
    events: tuple[tuple[str, datetime], ...] = ()
    predicted: tuple[tuple[str, float], ...] = ()
    model_version: str | None = None
    taxonomy_version: str | None = None
    purpose: str = "random"
    why: str = ""
    weight: float | None = None
    batch: str = ""

    @property
    def is_session(self) -> bool:
        """Whether a whole session is labelled, not one message of it."""
        return self.message_id is None


def task_key(tree: Tree, text: str, turns: tuple[Turn, ...]) -> str:
    """16 hexadecimal digits from the tree and all that is read, in the models' spelling."""
    read = [tree, normalize(text), *(f"{turn.role}:{normalize(turn.text)}" for turn in turns)]
    return hashlib.blake2b("\x1f".join(read).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Annotation:
    """What one person answered to one task; ``id`` is unique over all sources ("studio:12:345",
    "agent_tag:…").

    ``leaves``: of a message its leaves; of a session the primary leaf first, then the secondary ones.
    ``unsure``: 不确定, ``unreadable``: 看不懂. ``seconds``: time spent. ``history``: earlier answers of the
    same annotation, oldest first. ``withdrawn``: cancelled or deleted where it was made; kept, not counted.
    """

    id: str
    key: str
    by: str
    leaves: tuple[str, ...]
    at: datetime
    source: Source = "human"
    stage: str | None = None
    evidence: tuple[str, ...] = ()
    unsure: bool = False
    unreadable: bool = False
    seconds: float | None = None
    comment: str | None = None
    taxonomy_version: str | None = None
    history: tuple[tuple[str, ...], ...] = ()
    withdrawn: bool = False


@dataclass(frozen=True)
class Decision:
    """What an adjudicator settled about a disputed task, and why."""

    key: str
    leaves: tuple[str, ...]
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Suggestion:
    """What a language model proposed; never a label. ``price`` in yuan, None where unknown."""

    key: str
    model: str
    prompt_version: str
    leaves: tuple[str, ...]
    at: datetime
    price: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
