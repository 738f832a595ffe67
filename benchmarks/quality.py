"""One table: floors, other ways and ours on the same test rows, with intervals, speed, size, training time.

python -m benchmarks.quality LABELS              # a folder with attention_train.jsonl and attention_dev.jsonl
python -m benchmarks.quality LABELS --tree action --rows tfidf,shipped
python -m benchmarks.quality --labels topics.jsonl --per-leaf 8,64,all    # any other task
XUNDAN_LABELS=LABELS python -m benchmarks.quality --quick --json
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS, Setting
from benchmarks.measure import Data, Line, Skipped, at_most, measure
from benchmarks.tables import show, show_leaves
from xundan.errors import BadInput, XundanError
from xundan.models.registry import SHIPPED_ENCODER
from xundan.taxonomy.trees import SHIPPED, load
from xundan.training.labels import read_labels, split
from xundan.training.own_labels import load_task

TEST_SHARE = 0.2
"""Of the sessions, where a task brings no test file."""


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line (``words``: in place of the process's own)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, nargs="?", help="has TREE_train.jsonl and TREE_dev.jsonl; or set XUNDAN_LABELS")
    add("--tree", default="attention", help="attention or action")
    add("--labels", type=Path, nargs="+", help="another task instead: its label files")
    add("--test", type=Path, help="its test labels; without them a fifth of the sessions")
    add("--taxonomy", type=Path, help="its taxonomy file; without it the labels make one")
    add("--rows", help=f"some of {','.join(CONTENDERS)}")
    add("--quick", action="store_true", help="leave out the rows that train a network (minutes to an hour)")
    add("--per-leaf", default="all", help="train rows a leaf, one part of the table each, such as 8,64,all")
    add("--folds", type=int, default=3, help="for the floors' cross-validated figure; 0 leaves it out")
    add("--base", default=SHIPPED_ENCODER, help="BERT for the rows that train; the shipped one without it")
    add("--registry", type=Path, help="measure its champion in place of the shipped model")
    add("--leaves", action="store_true", help="also a table of each leaf")
    add("--json", action="store_true", help="print figures as JSON")
    return parser.parse_args(words)


def read_data(arguments: argparse.Namespace) -> Data:
    """The rows of a shipped tree from a folder, or of another task from label files."""
    if arguments.labels:
        task = load_task(arguments.labels, arguments.taxonomy)
        if arguments.test is None:
            train, test = split(task.rows, TEST_SHARE, seed=0)
            train += [row for row in test if not row.session]  # written after no row, so they give none away
            return Data.of(train, test, task.taxonomy)
        return Data.of(task.rows, read_labels([arguments.test], task.taxonomy), task.taxonomy)
    folder = arguments.folder or os.environ.get("XUNDAN_LABELS")
    if folder is None:
        raise BadInput("no labels to measure on", do="give a folder or --labels, or set XUNDAN_LABELS")
    tree, taxonomy = arguments.tree, load(arguments.tree)
    train, test = (
        read_labels([Path(folder) / f"{tree}_{part}.jsonl"], taxonomy) for part in ("train", "dev")
    )
    return Data.of(train, test, taxonomy)


def choose_rows(arguments: argparse.Namespace, data: Data) -> list[str]:
    """The names of the rows to measure, in the order of the table; `BadInput` names the valid ones."""
    if arguments.rows:
        names = arguments.rows.split(",")
        for name in names:
            if name not in CONTENDERS:
                raise BadInput("no such row", got=name, expected=f"some of {', '.join(CONTENDERS)}")
        return [name for name in CONTENDERS if name in names]
    has_model = data.taxonomy.tree in SHIPPED or arguments.registry is not None
    return [
        name
        for name, contender in CONTENDERS.items()
        if not (arguments.quick and contender.long) and (name != "shipped" or has_model)
    ]


def run(arguments: argparse.Namespace, data: Data, told: Console) -> list[Line | Skipped]:
    """Measure every part of the table; what was trained elsewhere stands once, in the last part."""
    names = choose_rows(arguments, data)
    lines: list[Line | Skipped] = []
    sizes = arguments.per_leaf.split(",")
    for size in sizes:
        if size != "all" and not size.isdigit():
            raise BadInput("no number of rows a leaf", got=size, expected="such as 8,64,all")
        setting = Setting(
            train=data.train if size == "all" else at_most(data.train, int(size)),
            taxonomy=data.taxonomy,
            taxonomy_file=arguments.taxonomy,
            folds=arguments.folds,
            base=arguments.base,
            registry=arguments.registry,
            quiet=arguments.json,
            tell=lambda line: told.print(line, highlight=False),
        )
        part = [name for name in names if CONTENDERS[name].sized or size == sizes[-1]]
        for line in measure(part, data, setting):
            said = line.why if isinstance(line, Skipped) else f"micro-F1 {line.figures.micro}"
            told.print(f"{line.title}, {len(setting.train)} train rows: {said}", highlight=False)
            lines.append(line)
    return lines


def main() -> None:
    """Measure, then print."""
    arguments = parse()
    data = read_data(arguments)
    lines = run(arguments, data, Console(stderr=True))
    if arguments.json:
        record = {"test_rows": len(data.test), "rows": [asdict(line) for line in lines]}
        print(json.dumps(record, indent=1, ensure_ascii=False))
        return
    console = Console(width=200)
    show(console, lines, data)
    if arguments.leaves:
        show_leaves(console, lines)


if __name__ == "__main__":
    try:
        main()
    except XundanError as error:
        raise SystemExit(f"{error}") from error
