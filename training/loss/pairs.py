"""Pairs of lost sessions that differ in one fact, and so in their reason: does a judge tell them apart?

told = run_pairs(LossModel.load(folder), load_pairs())
f"{told.share:.0%} of {told.share.n}"          # told.passed["reply-time-1"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from xundan.errors import BadInput
from xundan.models.loss.judge import Judge
from xundan.models.runtime import Model
from xundan.settings import Limits
from xundan.taxonomy.source import Source, read
from xundan.taxonomy.trees import load
from xundan.training.evaluation.intervals import Share, share
from xundan.training.loss.compact import read_compact
from xundan.training.loss.leaves import with_message_leaves
from xundan.training.loss.sessions import WRITTEN, LabelledSession

FILE = Path(__file__).with_name("pairs.yaml")
_KEYS = {"id", "fact", "leaves", "sessions"}


@dataclass(frozen=True)
class SessionPair:
    """Two sessions that differ in one line: what that line tells (``fact``), both with their reason, and both
    as they were written down."""

    id: str
    fact: str
    sides: tuple[LabelledSession, LabelledSession]
    lines: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class PairsTold:
    """Whether each pair passes (both sides have their own primary leaf), and how many do, of how many."""

    passed: Mapping[str, bool]
    share: Share


def load_pairs(path: Path = FILE) -> tuple[SessionPair, ...]:
    """The pairs of a file, in its order, held for the default `Limits`.

    `BadInput` with file, line and pair for what is missing, a line that is not understood, a leaf that is not
    in the loss tree, a name given twice, and sides that do not differ in exactly one line.
    """
    if not path.is_file():
        raise BadInput(
            "no such file of pairs", got=path, expected="a YAML file such as training/loss/pairs.yaml"
        )
    source = read(path)
    document = source.document if isinstance(source.document, dict) else {}
    entries = document.get("pairs")
    if not isinstance(entries, list) or not entries:
        raise BadInput("no pairs", expected="a list under the key pairs", where=str(path))
    found: dict[str, SessionPair] = {}
    for number, entry in enumerate(entries):
        where = f"{path}:{source.line_of(f'pairs[{number}]')}"
        if not isinstance(entry, dict) or entry.keys() != _KEYS:
            raise BadInput(
                "not a pair", got=entry, expected=f"the keys {', '.join(sorted(_KEYS))}", where=where
            )
        pair = _pair(entry, number, source, path)
        if pair.id in found:
            raise BadInput("two pairs of one name", got=pair.id, where=where)
        found[pair.id] = pair
    return tuple(found.values())


def with_leaves_filled(pairs: Sequence[SessionPair], attention: Model, action: Model) -> list[SessionPair]:
    """The pairs with what the message models see in their messages."""
    sides = with_message_leaves([side for pair in pairs for side in pair.sides], attention, action)
    return [replace(pair, sides=(sides[2 * at], sides[2 * at + 1])) for at, pair in enumerate(pairs)]


def run_pairs(judge: Judge, pairs: Sequence[SessionPair]) -> PairsTold:
    """Which pairs a judge tells apart, by its primary leaves."""
    verdicts = judge.judge([side.case for pair in pairs for side in pair.sides], Limits())
    return told_apart([verdict[0].leaf for verdict in verdicts], pairs)


def told_apart(chosen: Sequence[str], pairs: Sequence[SessionPair]) -> PairsTold:
    """The same from primary leaves: two a pair, in the order of the pairs and their sides."""
    right = [
        leaf == side.primary
        for leaf, side in zip(chosen, (side for pair in pairs for side in pair.sides), strict=True)
    ]
    passed = {pair.id: right[2 * at] and right[2 * at + 1] for at, pair in enumerate(pairs)}
    return PairsTold(passed, share(sum(passed.values()), len(passed)))


def _pair(entry: Mapping[str, object], number: int, source: Source, path: Path) -> SessionPair:
    name, leaves, texts = str(entry["id"]), entry["leaves"], entry["sessions"]
    where = f"{path}:{source.line_of(f'pairs[{number}]')} ({name})"
    known = {leaf.id for leaf in load("loss").leaves}
    if (
        not isinstance(leaves, list)
        or len(leaves) != 2
        or leaves[0] == leaves[1]
        or not known.issuperset(leaves)
    ):
        raise BadInput(
            "not two leaves of the loss tree", got=leaves, do="see `xundan taxonomy loss`", where=where
        )
    if not isinstance(texts, list) or len(texts) != 2 or not all(isinstance(text, str) for text in texts):
        raise BadInput("not two sessions", got=texts, expected="two blocks of lines", where=where)
    first, second = (text.splitlines() for text in texts)
    _differ_in_one_line(first, second, where)
    sides = [
        LabelledSession(
            f"{name}/{at}",
            read_compact(f"{name}/{at}", lines, where),
            leaf,
            part=WRITTEN,
            believed={leaf: 1.0},
        )
        for at, (lines, leaf) in enumerate(zip((first, second), leaves, strict=True), 1)
    ]
    return SessionPair(name, str(entry["fact"]), (sides[0], sides[1]), (tuple(first), tuple(second)))


def _differ_in_one_line(first: Sequence[str], second: Sequence[str], where: str) -> None:
    """One line is changed, added or taken out; more than one fact must not differ."""
    changes = [
        max(j - i, m - k)
        for what, i, j, k, m in SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
        if what != "equal"
    ]
    if changes != [1]:
        raise BadInput("the sides must differ in one line", got=f"{sum(changes)} that differ", where=where)
