"""Fill in what the message models see in a session: attention points of buyers, actions of agents.

sessions = with_message_leaves(sessions, *message_models(registry=None))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from xundan.chats.text import ROLE_MARKS
from xundan.models.loss.case import Case, Turn
from xundan.models.registry import champion
from xundan.models.runtime import Model
from xundan.training.loss.sessions import LabelledSession, with_leaves

_CONTEXT_TURNS = 2
_MARKS = {role: f"{mark[1]}:" for role, mark in ROLE_MARKS.items()}
"""A message is read after this many turns, written so: as models read it in production."""


def message_models(registry: Path | None) -> tuple[Model, Model]:
    """The attention and the action model in force."""
    attention, action = (Model.load(champion(tree, registry)) for tree in ("attention", "action"))
    return attention, action


def with_message_leaves(
    sessions: Sequence[LabelledSession], attention: Model, action: Model
) -> list[LabelledSession]:
    """The sessions in their order; those that bring leaves of their own keep them.

    Models always choose a leaf, so a session none of whose messages has one was never read.
    """
    bare = [number for number, session in enumerate(sessions) if not brings_leaves(session)]
    found: dict[int, dict[str, frozenset[str]]] = defaultdict(dict)
    for role, model in (("buyer", attention), ("agent", action)):
        asked = [
            (number, turn, context)
            for number in bare
            for turn, context in _in_context(sessions[number].case)
            if turn.role == role
        ]
        scores = model.score([turn.text for _, turn, _ in asked], [context for *_, context in asked])
        names = np.array(model.description.leaves)
        for (number, turn, _), chosen in zip(asked, model.choose(scores), strict=True):
            found[number][turn.message_id] = frozenset(names[chosen].tolist())
    return [
        with_leaves(session, found[number]) if number in found else session
        for number, session in enumerate(sessions)
    ]


def brings_leaves(session: LabelledSession) -> bool:
    """Whether any of its messages has a leaf already."""
    return any(turn.leaves for turn in session.case.turns)


def _in_context(case: Case) -> Iterator[tuple[Turn, tuple[str, ...]]]:
    """Each turn with the ones before it, oldest first."""
    before: tuple[str, ...] = ()
    for turn in case.turns:
        yield turn, before
        before = (*before, _MARKS[turn.role] + turn.text)[-_CONTEXT_TURNS:]
