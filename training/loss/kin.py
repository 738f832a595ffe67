"""Sessions that tell the same talk under different ids: exports overlap, a talk is cut in two places.

alike = kin(sessions)                          # family -> the name of its kin, one for all that share a talk
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xundan.training.loss.sessions import LabelledSession

_TURNS = 3
_LEAST = 20
"""Turns in a row, with a buyer among them and so many characters, that two talks do not share by chance."""
Run = tuple[tuple[str, str], ...]


def kin(sessions: Sequence[LabelledSession]) -> dict[str, str]:
    """For each family the first name, in alphabetical order, of those it shares a run of turns with, directly
    or by way of others; its own where it shares none."""
    above: dict[str, str] = {session.family: session.family for session in sessions}

    def first(name: str) -> str:
        while above[name] != name:
            above[name] = name = above[above[name]]
        return name

    seen: dict[Run, str] = {}
    for session in sessions:
        for run in _runs(session):
            one, other = sorted((first(session.family), first(seen.setdefault(run, session.family))))
            above[other] = one
    return {name: first(name) for name in above}


def _runs(session: LabelledSession) -> Iterator[Run]:
    """Every ``_TURNS`` turns in a row, or the whole of a shorter talk, that say enough to be told again."""
    said = [(turn.role, turn.text) for turn in session.case.turns]
    for start in range(max(1, len(said) - _TURNS + 1)):
        run = tuple(said[start : start + _TURNS])
        if sum(len(text) for _, text in run) >= _LEAST and any(role == "buyer" for role, _ in run):
            yield run
