"""The figures as a table (Parquet, CSV) and as JSON, for other programs and for following them over time.

write_tables([measure(store, load("attention"))], Path("labels"))      # agreement.parquet, .csv, .json

Columns: tree; measure (alpha_masi, alpha_nominal, f1, same, confused, seconds); leaf (null: over all) and
other_leaf (of confused; "" where nothing was chosen instead); one and other (people; null: over all; of
seconds, and of f1 with all others, only one); value, low, high (95 % interval; of seconds the median and the
quartiles); n (what was compared: tasks for alpha, pairs of answers else, seconds' answers); sessions.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from xundan.disk import replace_file
from xundan.labeling.agreement.figures import Figure
from xundan.labeling.agreement.result import Agreement

FILE_NAME = "agreement"
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("tree", "measure", "leaf", "other_leaf", "one", "other")),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        *((name, pa.int64()) for name in ("n", "sessions")),
    ]
)
Json = dict[str, Any]


def write_tables(found: Sequence[Agreement], folder: Path) -> list[Path]:
    """Write the three files, each whole or not at all; returns their paths."""
    rows = [row for one in found for row in rows_of(one)]
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, SCHEMA.names)
    writer.writeheader()
    writer.writerows(rows)
    document = json.dumps([to_json(one) for one in found], ensure_ascii=False, indent=1)
    contents = {
        "parquet": sink.getvalue().to_pybytes(),
        "csv": text.getvalue().encode("utf-8-sig"),  # without the mark Excel reads Chinese as mojibake
        "json": document.encode(),
    }
    paths = [folder / f"{FILE_NAME}.{kind}" for kind in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        replace_file(path, content)
    return paths


def rows_of(found: Agreement) -> Iterator[Json]:
    """One row a figure, as the columns above."""

    def row(measure: str, figure: Figure, **more: str) -> Json:
        return {"tree": found.tree, "measure": measure, **more, **_plain(figure)}

    yield row("alpha_masi", found.alpha)
    if found.primary is not None:
        yield row("alpha_nominal", found.primary)
    yield row("f1", found.micro)
    yield row("same", found.same)
    for leaf in found.leaves:
        yield row("alpha_nominal", leaf.alpha, leaf=leaf.leaf)
        yield row("f1", leaf.f1, leaf=leaf.leaf)
    for person, figure in found.by_person.items():
        yield row("f1", figure, one=person)
    for pair in found.pairs:
        people = {"one": pair.one, "other": pair.other}
        yield row("f1", pair.micro, **people)
        yield row("same", pair.same, **people)
        for name, figure in pair.leaves.items():
            yield row("f1", figure, leaf=name, **people)
    for confusion in found.confused:
        yield row("confused", confusion.share, leaf=confusion.one, other_leaf=confusion.other)
    for speed in found.speeds:
        seconds = (speed.median, speed.low, speed.high)
        low_to_high = dict(zip(("value", "low", "high"), map(_number, seconds), strict=True))
        yield {"tree": found.tree, "measure": "seconds", "one": speed.by, **low_to_high, "n": speed.timed}


def to_json(found: Agreement) -> Json:
    """All figures of a tree as plain values, NaN as null; leaf ids and people's names, no message text."""
    document: Json = {
        "tree": found.tree,
        "taxonomy_version": found.taxonomy.version,
        "tasks": len(found.votes.tasks),
        "answered": len(found.votes.by_task),
        "compared": len(found.ballots.keys),
        "annotations": asdict(found.votes.counts),
        "alpha_masi": found.alpha,
        "alpha_primary": found.primary,
        "f1": found.micro,
        "same": found.same,
        "leaves": [vars(leaf) for leaf in found.leaves],
        "pairs": [vars(pair) for pair in found.pairs],
        "people": [
            {**vars(speed), "per_hour": speed.per_hour, "f1": found.by_person.get(speed.by)}
            for speed in found.speeds
        ],
        "confused": [
            {"one": one.one, "other": one.other, "hits": one.hits, "share": one.share}
            for one in found.confused
        ],
        "polled": vars(found.polled),
        "settled": dict(found.settled),
        "open_disputes": dict(found.open_disputes),
    }
    plain: Json = _plain_all(document)
    return plain


def _plain_all(value: Any) -> Any:
    if isinstance(value, Figure):
        return _plain(value)
    if isinstance(value, dict):
        return {key: _plain_all(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_all(inner) for inner in value]
    return _number(value) if isinstance(value, float) else value


def _plain(figure: Figure) -> Json:
    return {key: _number(value) if isinstance(value, float) else value for key, value in vars(figure).items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
