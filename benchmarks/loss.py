"""One table: how well floors, rules, words alone and ours say why sessions were lost, with intervals.

python -m benchmarks.loss LABELS                   # a folder with loss_train.jsonl, loss_real_train.jsonl
python -m benchmarks.loss sessions.jsonl --extra made.jsonl --rows tfidf,fused --across-authors
XUNDAN_LABELS=LABELS python -m benchmarks.loss --quick --leaves
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from benchmarks.loss_measure import (
    Across,
    Line,
    Point,
    Result,
    between_authors,
    judge_all,
    learning_curve,
    lines_of,
)
from benchmarks.loss_parts import JUDGES, Bench, measured
from benchmarks.loss_shipped import Shipped, measure_shipped
from benchmarks.loss_tables import shipped_line, show, show_across, show_curve, show_leaves
from xundan.errors import BadInput, XundanError
from xundan.models.registry import SHIPPED_ENCODER
from xundan.training.labels import AUGMENTED
from xundan.training.loss.finetune import LossSettings
from xundan.training.loss.leaves import brings_leaves, message_models, with_message_leaves
from xundan.training.loss.pairs import SessionPair, load_pairs, with_leaves_filled
from xundan.training.loss.sessions import REAL, WRITTEN, LabelledSession, read_sessions

PART_OF_FILE = {"loss_real_train.jsonl": REAL, "loss_train.jsonl": WRITTEN}
"""What a labels folder has, and the part of its sessions."""


@dataclass(frozen=True)
class Found:
    """What was not asked for is empty. ``shipped``: why not, where no judge is in force."""

    results: list[Result]
    lines: list[Line]
    curve: list[Point]
    across: list[Across]
    shipped: Shipped | str


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line (``words``: in place of the process's own)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("labels", type=Path, nargs="*", help="a folder, or files of labelled sessions; or set XUNDAN_LABELS")
    add("--extra", type=Path, nargs="+", default=[], help="sessions to learn from only, never measured on")
    add("--rows", help=f"some of {','.join(JUDGES)}")
    add("--quick", action="store_true", help="leave out the rows that train networks (minutes each)")
    add("--folds", type=int, default=LossSettings().folds, help="parts of the cross-validation")
    add(
        "--across-authors", action="store_true", help="also: learn from one author's sessions, measure on b's"
    )
    add("--learning-curve", action="store_true", help="also: after a quarter, a half, three quarters of them")
    add("--leaves", action="store_true", help="also a table of each leaf")
    add("--base", default=SHIPPED_ENCODER, help="BERT for the networks; the shipped one without it")
    add("--registry", type=Path, help="whose champions see leaves in messages and are timed")
    add("--json", action="store_true", help="print figures as JSON")
    return parser.parse_args(words)


def read_data(arguments: argparse.Namespace) -> list[LabelledSession]:
    """The labelled sessions, then the extra ones as augmented; `BadInput` where an id stands twice."""
    given = arguments.labels or [Path(name) for name in [os.environ.get("XUNDAN_LABELS")] if name]
    if not given:
        raise BadInput("no labels to measure on", do="give a folder or files, or set XUNDAN_LABELS")
    sessions = [session for path in given for session in _read(path)]
    if arguments.extra:
        sessions += [replace(session, part=AUGMENTED) for session in read_sessions(arguments.extra)]
    twice = [name for name, times in Counter(session.id for session in sessions).items() if times > 1]
    if twice:
        raise BadInput("sessions given twice", got=f"{len(twice)} ids, such as {twice[0]}")
    if not measured(sessions):
        raise BadInput("no session to measure on", expected="some that are not augmented")
    return sessions


def _read(path: Path) -> Iterator[LabelledSession]:
    if not path.is_dir():
        yield from read_sessions([path])
        return
    known = {path / name: part for name, part in PART_OF_FILE.items() if (path / name).is_file()}
    if not known:
        raise BadInput("no labels of sessions", expected=" or ".join(PART_OF_FILE), where=str(path))
    for file, part in known.items():
        yield from (replace(s, part=s.part if s.augmented else part) for s in read_sessions([file]))


def choose_rows(arguments: argparse.Namespace) -> list[str]:
    """The names of the rows to measure, in the order of the table; `BadInput` names the valid ones."""
    names = arguments.rows.split(",") if arguments.rows else list(JUDGES)
    for name in names:
        if name not in JUDGES:
            raise BadInput("no such row", got=name, expected=f"some of {', '.join(JUDGES)}")
    return [name for name, who in JUDGES.items() if name in names and not (arguments.quick and who.network)]


def run(
    arguments: argparse.Namespace,
    sessions: Sequence[LabelledSession],
    pairs: Sequence[SessionPair],
    bench: Bench,
) -> Found:
    """Measure all that was asked for."""
    names = choose_rows(arguments)
    results = judge_all(names, sessions, pairs, bench)
    try:
        cases = [session.case for session in measured(sessions)]
        shipped: Shipped | str = measure_shipped(cases, pairs, arguments.registry)
    except BadInput as error:  # the rows do not need it
        shipped = str(error)
    return Found(
        results,
        list(lines_of(results, sessions)),
        list(learning_curve(results, sessions, bench)) if arguments.learning_curve else [],
        list(between_authors(names, sessions, bench)) if arguments.across_authors else [],
        shipped,
    )


def with_seen_leaves(
    sessions: list[LabelledSession], arguments: argparse.Namespace, told: Console
) -> tuple[list[LabelledSession], list[SessionPair]]:
    """The sessions and the pairs with what the champions see in messages, where a file does not say it."""
    models = message_models(arguments.registry)
    parts = Counter(session.kind for session in sessions)
    own = sum(brings_leaves(session) for session in sessions)
    told.print(
        f"{len(sessions):,} sessions: {', '.join(f'{n:,} {part}' for part, n in parts.items())}; leaves of "
        f"messages: of {own:,} from the files, of {len(sessions) - own:,} seen by "
        f"{' and '.join(model.description.version for model in models)}",
        highlight=False,
        soft_wrap=True,
    )
    return with_message_leaves(sessions, *models), with_leaves_filled(load_pairs(), *models)


def record_of(found: Found, sessions: Sequence[LabelledSession]) -> dict[str, object]:
    """For ``--json``."""
    return {
        "sessions": Counter(session.kind for session in sessions),
        "rows": [asdict(line) for line in found.lines],
        "pairs": {result.row: asdict(result.pairs) for result in found.results},
        "seconds": {result.row: result.seconds for result in found.results},
        "learning_curve": [asdict(point) for point in found.curve],
        "across_authors": [asdict(each) for each in found.across],
        "shipped": found.shipped if isinstance(found.shipped, str) else asdict(found.shipped),
    }


def main() -> None:
    """Measure, then print."""
    arguments, told = parse(), Console(stderr=True)
    sessions, pairs = with_seen_leaves(read_data(arguments), arguments, told)
    bench = Bench(
        arguments.base, LossSettings(folds=arguments.folds), lambda line: told.print(line, highlight=False)
    )
    found = run(arguments, sessions, pairs, bench)
    if arguments.json:
        print(json.dumps(record_of(found, sessions), indent=1, ensure_ascii=False))
        return
    console = Console(width=200)
    show(console, found.lines, found.results)
    if found.curve:
        show_curve(console, found.curve)
    if found.across:
        show_across(console, found.across)
    if arguments.leaves:
        show_leaves(console, found.lines)
    shipped = found.shipped
    console.print(shipped if isinstance(shipped, str) else shipped_line(shipped), highlight=False)


if __name__ == "__main__":
    try:
        main()
    except XundanError as error:
        raise SystemExit(f"{error}") from error
