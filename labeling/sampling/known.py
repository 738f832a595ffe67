"""What a draw must know of before: tasks that exist, labels in files, sessions of frozen test sets.

known = read_known(store, load("attention"), labels=[Path("labels.jsonl")], held_out=[])
known.counts["price_bargain"]                   # how many labels a leaf has, each reading counted once
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from xundan.chats.text import ROLE_MARKS
from xundan.errors import BadInput
from xundan.labeling.agreement.votes import Votes, dispute_of, read_votes, standing_decisions
from xundan.labeling.freeze.split import read_earlier
from xundan.labeling.freeze.write import FROZEN
from xundan.labeling.records import Task, Turn
from xundan.labeling.sampling.near_duplicates import Reading, reading_of
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.labeling.suggest.examples import Examples
from xundan.labeling.suggest.reading import spoken
from xundan.taxonomy.trees import Taxonomy

_HELD_OUT = "a session id or hashed buyer a line, or JSON lines with id or session_id"
_JSON = ("{", "[", '"')
_MARKS = {role: f"{mark[1]}:" for role, mark in ROLE_MARKS.items()}


@dataclass(frozen=True)
class KnownReading:
    """Something drawn or labelled before: ``id`` is the key of a task or the id of a row in a file (its text
    where it has none); without ``leaves`` it is not answered, or in dispute."""

    id: str
    reading: Reading
    text: str
    leaves: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """``readings``: each once, tasks first. ``counts``: answered readings of each leaf; ``waiting``: readings
    not answered yet for which the model names the leaf. ``sessions`` and ``buyers`` are held out: they stand
    in a frozen test or dev set. ``votes``: all answers to the tasks; ``answers``: the leaves of those that
    are settled; ``tags``: by key, the leaves that others than labellers gave, with their source. ``skipped``:
    rows of label files that were not used, by reason."""

    readings: tuple[KnownReading, ...]
    counts: Mapping[str, int]
    waiting: Mapping[str, int]
    sessions: frozenset[str]
    buyers: frozenset[str]
    votes: Votes
    answers: Mapping[str, tuple[str, ...]]
    tags: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]
    skipped: Mapping[str, int]


def read_known(
    store: Store, taxonomy: Taxonomy, labels: Sequence[Path] = (), held_out: Sequence[Path] = ()
) -> Known:
    """Read the store, its frozen sets, further label files, and files of sessions that are held out.

    A file of held-out sessions has a session id or hashed buyer a line, or is a labelled set as JSON lines.
    `BadInput` for a file that cannot be read or holds another line.
    """
    votes = read_votes(store, taxonomy.tree)
    answers = answers_of(store, votes)
    files = [Examples.read(path, taxonomy) for path in labels]
    found = [_of_task(task, answers.get(task.key, ())) for task in votes.tasks.values()]
    found += [
        KnownReading(row.id or row.text, reading_of(row.text, row.context), row.text, row.leaves)
        for file in files
        for row in file.rows
    ]
    readings = _once(found)
    over = answers.keys() | {one.key for one in settle(store, taxonomy.tree) if one.how == "unreadable"}
    waiting = Counter(
        leaf for task in votes.tasks.values() if task.key not in over for leaf, _ in task.predicted
    )
    earlier = read_earlier(store.folder / FROZEN)
    further = frozenset(name for path in held_out for name in _names(path))
    return Known(
        readings=readings,
        counts=Counter(leaf for one in readings for leaf in one.leaves),
        waiting=waiting,
        sessions=further | {name for name, side in earlier.sessions.items() if side != "train"},
        buyers=further | {name for name, side in earlier.buyers.items() if side != "train"},
        votes=votes,
        answers=answers,
        tags=_tags(store),
        skipped=dict(sum((Counter(dict(file.left_out)) for file in files), Counter[str]())),
    )


def answers_of(store: Store, votes: Votes) -> dict[str, tuple[str, ...]]:
    """The leaves of each task that is decided, or answered without dispute."""
    found = {}
    for key, several in votes.by_task.items():
        labels = votes.labels(key)
        if labels and dispute_of(several, votes.tasks[key]) is None:
            found[key] = labels[0].leaves
    decided = {one.key: one.leaves for one in standing_decisions(store) if one.key in votes.tasks}
    return {key: leaves for key, leaves in (found | decided).items() if leaves}


def _tags(store: Store) -> dict[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    """What agents and quality checkers called a message, also where it never became a task."""
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for one in store.annotations():
        if one.source != "human" and not one.withdrawn and one.leaves:
            found[one.key].append((one.source, one.leaves))
    return {key: tuple(tags) for key, tags in found.items()}


def read_turns(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Turns as rows of labels hold them: 买:…, 客:…"""
    return tuple(f"{_MARKS.get(turn.role, '')}{turn.text}" for turn in turns)


def reading_text(text: str, turns: Sequence[Turn], is_session: bool) -> str:
    """What is read first: the message, or all that was said in the session."""
    return spoken((turn.role, turn.text) for turn in turns) if is_session else text


def reading(text: str, turns: Sequence[Turn], is_session: bool) -> Reading:
    """What a message or session is compared by."""
    told = reading_text(text, turns, is_session)
    return reading_of(told, () if is_session else read_turns(turns))


def _of_task(task: Task, leaves: tuple[str, ...]) -> KnownReading:
    text = reading_text(task.text, task.turns, task.is_session)
    return KnownReading(task.key, reading(task.text, task.turns, task.is_session), text, leaves)


def _once(found: Sequence[KnownReading]) -> tuple[KnownReading, ...]:
    """Each reading once: a frozen set repeats tasks of the store. One with leaves goes before one without."""
    kept: dict[Reading, KnownReading] = {}
    for one in found:
        before = kept.get(one.reading)
        if before is None or (one.leaves and not before.leaves):
            kept[one.reading] = one
    return tuple(kept.values())


def _names(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "the held-out sessions cannot be read", got=error, expected=_HELD_OUT, where=str(path)
        ) from None
    for number, line in enumerate(map(str.strip, lines), 1):
        if line[:1] not in _JSON:
            yield from [line] if line else []
            continue
        try:
            record = json.loads(line)
            name = str(record.get("session_id") or record["id"]).partition("#")[0]
        except (ValueError, LookupError, AttributeError):
            raise BadInput(
                "not a held-out session", got=line[:40], expected=_HELD_OUT, where=f"{path}:{number}"
            ) from None
        # A frozen set writes shop:session, with % for what would cut an id.
        yield from (name, unquote(name.partition(":")[2] or name))
