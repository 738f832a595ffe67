"""Labelled rows shown to the model: the nearest by TF-IDF, never the row itself nor one of its session.

examples = Examples.read(Path("labels.jsonl"), load("attention"))
shown = examples.nearest([task], k=6)[0]
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from xundan.chats.text import normalize
from xundan.errors import BadInput, require
from xundan.labeling.records import Task
from xundan.labeling.suggest.masked import is_masked
from xundan.labeling.suggest.reading import spoken
from xundan.taxonomy.trees import Taxonomy

_CHUNK = 256
_PER_SHOWN = 30
"""So many of the nearest are looked at for each that is shown; the others may not be shown."""


@dataclass(frozen=True)
class Example:
    """One labelled row, its previous turns oldest first, its leaves; ``session`` "" where it is not known."""

    id: str
    session: str
    text: str
    context: tuple[str, ...]
    leaves: tuple[str, ...]


@dataclass(frozen=True)
class Examples:
    """Rows that may be shown; ``left_out`` counts the others by reason: unmasked, other labels, augmented."""

    rows: tuple[Example, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()

    @classmethod
    def read(cls, path: Path, taxonomy: Taxonomy) -> Examples:
        """Read a labelled set: JSON lines of ``text``, ``labels`` (ids or names), ``id``, ``context``,
        ``part``, or of sessions with ``loss_primary``. `BadInput` with file and row for another line."""
        names = Counter(leaf.name for leaf in taxonomy.leaves)
        known = {leaf.name: leaf.id for leaf in taxonomy.leaves if names[leaf.name] == 1}
        known |= {leaf.id: leaf.id for leaf in taxonomy.leaves}
        rows, left_out = [], Counter[str]()
        for where, record in _records(path):
            row = _row(record, where)
            leaves = [known[leaf] for leaf in row.leaves if leaf in known]
            if record.get("part") == "augmented":
                left_out["augmented"] += 1
            elif not is_masked(row.text, *row.context):
                left_out["not masked"] += 1
            elif not leaves or len(leaves) < len(row.leaves):
                left_out["labels the tree does not have"] += 1
            else:
                rows.append(replace(row, leaves=tuple(dict.fromkeys(leaves))))
        return cls(tuple(rows), tuple(sorted(left_out.items())))

    def nearest(self, tasks: Sequence[Task], k: int) -> list[tuple[Example, ...]]:
        """For each task the ``k`` nearest rows, best first, by the cosine of TF-IDF over character 1-3-grams.

        Left out: rows of the task's session, rows that read as it does, a text shown already, and rows that
        share no n-gram with it. A row's session is named as the task's, or as a frozen set names it.
        """
        if not self.rows or not k:
            return [() for _ in tasks]
        found = []
        for start in range(0, len(tasks), _CHUNK):
            chunk = tasks[start : start + _CHUNK]
            queries = self._index[0].transform([_read(task) for task in chunk])
            similar = (queries @ self._index[1].T).toarray()
            found += [self._pick(task, row, k) for task, row in zip(chunk, similar, strict=True)]
        return found

    @cached_property
    def _spelled(self) -> list[str]:
        return [normalize(row.text) for row in self.rows]

    @cached_property
    def _index(self) -> tuple[Any, Any]:
        """The vectorizer and the rows' vectors [rows, n-grams], of length one."""
        text = require("sklearn.feature_extraction.text")
        vectorizer = text.TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
        try:
            return vectorizer, vectorizer.fit_transform(self._spelled).tocsr()
        except ValueError:  # no text holds a character
            raise BadInput("the labelled rows hold no text", got=f"{len(self.rows)} rows") from None

    def _pick(self, task: Task, similar: Any, k: int) -> tuple[Example, ...]:
        seen, picked = {_read(task)}, list[Example]()
        few = min(len(similar), _PER_SHOWN * k)
        top = np.argpartition(-similar, few - 1)[:few]
        for index in top[np.lexsort((top, -similar[top]))]:
            row, spelled = self.rows[index], self._spelled[index]
            if len(picked) == k or similar[index] <= 0:
                break
            if spelled not in seen and not _of_session(row, task.session_id):
                seen.add(spelled)
                picked.append(row)
        return tuple(picked)


def _of_session(row: Example, session_id: str) -> bool:
    """Whether the row is of this session, which a frozen set writes as ``shop:session``, a ~ in it as %7E."""
    return row.session == session_id or unquote(row.session).endswith(f":{session_id}")


def _read(task: Task) -> str:
    """What a task is compared by: the message, or all that was said in the session."""
    if not task.is_session:
        return normalize(task.text)
    return normalize(spoken((turn.role, turn.text) for turn in task.turns))


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "the labelled examples cannot be read", got=error, expected="labels.jsonl, UTF-8", where=str(path)
        ) from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{path}:{number}"
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise BadInput("not a JSON object", expected='{"text": ..., "labels": [...]}', where=where)
            yield where, record


def _row(record: dict[str, Any], where: str) -> Example:
    if "loss_primary" in record:
        return _session_row(record, where)
    text, labels, context = record.get("text"), record.get("labels"), record.get("context") or []
    labels = [labels] if isinstance(labels, str) else labels
    for value, name in ((labels, "labels"), (context, "context")):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise BadInput(f"{name} is no list of texts", where=where)
    if not isinstance(text, str) or not text.strip():
        raise BadInput("a row without text", where=where)
    name = str(record.get("id") or "")
    session = name.partition("~")[0].partition("#")[0]  # as training splits
    return Example(name, session, text, tuple(context), tuple(labels or ()))


def _session_row(record: dict[str, Any], where: str) -> Example:
    try:
        text = spoken((turn["role"], turn["text"]) for turn in record["messages"])
        leaves = (record["loss_primary"], *record.get("loss_secondary", ()))
        name = str(record["session_id"])
        return Example(name, name, text, (), tuple(map(str, leaves)))
    except (LookupError, TypeError):
        raise BadInput(
            "not a labelled session", expected="session_id, messages with role and text", where=where
        ) from None
