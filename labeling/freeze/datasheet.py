"""What a frozen set is, counted: every fact of its datasheet.

sheet = make_sheet(store, facts)
Path("datasheet.json").write_text(sheet.to_json())
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xundan.labeling.agreement.alpha import masi_alpha
from xundan.labeling.agreement.ballots import ballots_of
from xundan.labeling.agreement.figures import Figure
from xundan.labeling.agreement.pairwise import micro_f1
from xundan.labeling.agreement.votes import read_votes
from xundan.labeling.freeze.collect import Collected, Row, answers_of
from xundan.labeling.freeze.leaks import Links
from xundan.labeling.freeze.split import Division, Shares
from xundan.labeling.guideline_versions import Version, current_version
from xundan.labeling.records import PURPOSES
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Taxonomy

FILES = ("train", "dev", "test", "aside")
"""The parts of a frozen set; ``aside``: rows of dev and test sessions on which one must not measure, as they
were not drawn at random or not labelled by a person."""
REPEATS = "repeats a row of a stronger side"


@dataclass(frozen=True)
class Part:
    """Rows of each file that have a value (a leaf, a source, a purpose, a way of settling)."""

    value: str
    train: int
    dev: int
    test: int
    aside: int

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return self.train + self.dev + self.test + self.aside


@dataclass(frozen=True)
class Purpose:
    """Tasks drawn for a purpose, rows that came of them, and how many messages or sessions of the pool the
    rows stand for (None where no weight was noted)."""

    name: str
    drawn: int
    rows: Part
    stands_for: float | None


@dataclass(frozen=True)
class Person:
    """Who answered how many of the rows, in how many minutes (None where no time was noted)."""

    by: str
    source: str
    rows: int
    minutes: float | None


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha of whole leaf sets (n: tasks), and F1 over all pairs of answers (n: pairs)."""

    alpha: Figure
    f1: Figure


@dataclass(frozen=True)
class LeakCheck:
    """What was compared: links by equal and by nearly equal text (none crosses sides), rows that say what
    everybody says, rows left out because they repeat a row of a stronger side."""

    same: int
    near: int
    common: int
    left_out: int


@dataclass(frozen=True)
class Datasheet:
    """Every fact of a frozen set. ``tasks`` = ``rows`` + the sum of ``left``; agreement is over all tasks of
    the tree that two or more people answered, before disputes were decided (None: there is no such task)."""

    name: str
    made_at: str
    tree: str
    taxonomy_version: str
    guideline: Version | None
    tasks: int
    left: Mapping[str, int]
    rows: Part
    sessions: int
    buyers: int
    without_buyer: int
    audit: int
    audit_in_train: int
    leaves: tuple[Part, ...]
    sources: tuple[Part, ...]
    how: tuple[Part, ...]
    purposes: tuple[Purpose, ...]
    versions: Mapping[str, int]
    people: tuple[Person, ...]
    labelled: tuple[str, str] | None
    agreement: Agreement | None
    leaks: LeakCheck
    shares: Shares
    sticky: int
    moved: int
    earlier: tuple[str, ...]
    sha256: Mapping[str, str]

    def to_json(self) -> str:
        """The facts as JSON; what is not defined (an agreement of nothing) is null."""
        return json.dumps(_plain(asdict(self)), ensure_ascii=False, indent=1) + "\n"


@dataclass(frozen=True)
class Split:
    """The rows that came in, the file of each (`FILES`) [rows], the links among them, how many were left out
    as they repeat a row of a stronger side, and the division of all rows before that."""

    rows: tuple[Row, ...]
    files: tuple[str, ...]
    links: Links
    left_out: int
    division: Division


@dataclass(frozen=True)
class Facts:
    """What freezing found, from which the datasheet is made."""

    name: str
    made_at: str
    taxonomy: Taxonomy
    collected: Collected
    split: Split
    shares: Shares
    earlier: tuple[str, ...]
    sha256: Mapping[str, str]


def make_sheet(store: Store, facts: Facts) -> Datasheet:
    """Count everything."""
    split, tree = facts.split, facts.taxonomy.tree
    rows, files = split.rows, split.files
    pairs = list(zip(rows, files, strict=True))
    near = sum(link.kind == "near-duplicate" for link in split.links.found)
    left = Counter(facts.collected.left)
    left[REPEATS] += split.left_out
    people, labelled = _people(store, tree, {row.key for row in rows})
    leaves = [(leaf, file) for row, file in pairs for leaf in row.labels]
    return Datasheet(
        name=facts.name,
        made_at=facts.made_at,
        tree=tree,
        taxonomy_version=facts.taxonomy.version,
        guideline=current_version(store.folder, tree),
        tasks=facts.collected.tasks,
        left=dict(+left),
        rows=_part("", files),
        sessions=len({row.session for row in rows}),
        buyers=len({row.buyer for row in rows} - {None}),
        without_buyer=sum(row.buyer is None for row in rows),
        audit=sum(row.natural for row in rows),
        audit_in_train=sum(row.natural and file == "train" for row, file in pairs),
        leaves=_parts(leaves, [leaf.id for leaf in facts.taxonomy.leaves]),
        sources=_parts([(row.source, file) for row, file in pairs]),
        how=_parts([(row.how, file) for row, file in pairs]),
        purposes=_purposes(facts.collected.drawn, rows, files),
        versions=dict(Counter(row.version for row in rows)),
        people=people,
        labelled=labelled,
        agreement=_agreement(store, tree),
        leaks=LeakCheck(len(split.links.found) - near, near, split.links.common, split.left_out),
        shares=facts.shares,
        sticky=split.division.kept,
        moved=split.division.moved,
        earlier=facts.earlier,
        sha256=facts.sha256,
    )


def _agreement(store: Store, tree: str) -> Agreement | None:
    ballots = ballots_of(read_votes(store, tree))
    return Agreement(masi_alpha(ballots), micro_f1(ballots)) if ballots.keys else None


def _people(store: Store, tree: str, keys: set[str]) -> tuple[tuple[Person, ...], tuple[str, str] | None]:
    """Who answered the frozen rows, those with most first; and from when to when (days)."""
    given = [one for key, several in answers_of(store, tree).items() if key in keys for one in several]
    by: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for one in given:
        by[one.by, one.source].append(one.seconds)
    people = [
        Person(name, source, len(times), _minutes([time for time in times if time is not None]))
        for (name, source), times in by.items()
    ]
    days = sorted(one.at.date().isoformat() for one in given)
    people.sort(key=lambda person: (-person.rows, person.by, person.source))
    return tuple(people), (days[0], days[-1]) if days else None


def _minutes(seconds: Sequence[float]) -> float | None:
    return round(sum(seconds) / 60, 1) if seconds else None


def _purposes(drawn: Mapping[str, int], rows: Sequence[Row], files: Sequence[str]) -> tuple[Purpose, ...]:
    found = []
    for name in sorted(drawn, key=lambda name: (PURPOSES.index(name) if name in PURPOSES else 99, name)):
        inside = [place for place, row in enumerate(rows) if row.part == name]
        weights = [weight for place in inside if (weight := rows[place].weight) is not None]
        part = _part(name, [files[place] for place in inside])
        found.append(Purpose(name, drawn[name], part, sum(weights) if weights else None))
    return tuple(found)


def _parts(pairs: Sequence[tuple[str, str]], values: Sequence[str] | None = None) -> tuple[Part, ...]:
    """The files of each value: all of ``values`` in their order, or those there are, the largest first."""
    files: dict[str, list[str]] = defaultdict(list)
    for value, file in pairs:
        files[value].append(file)
    if values is None:
        values = sorted(files, key=lambda value: (-len(files[value]), value))
    return tuple(_part(value, files[value]) for value in values)


def _part(value: str, files: Sequence[str]) -> Part:
    count = Counter(files)
    return Part(value, *(count[file] for file in FILES))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inside) for inside in value]
    return None if isinstance(value, float) and math.isnan(value) else value
