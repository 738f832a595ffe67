"""How fast tasks go into a Label Studio of this machine, and answers come back.

python -m benchmarks.labeling --tasks 1000 20000
python -m benchmarks.labeling --tasks 1000 --home labels-bench --environment ~/.cache/xundan-test/label-studio
python -m benchmarks.labeling --tasks --week xundan-out     # from a draw to a frozen set, without people

It starts a Label Studio of its own (SQLite) in a folder that is removed afterwards, or in ``--home``, and for
each number makes two new projects: one that is pushed to, and one whose tasks each have an answer, which is
pulled. "Again" is the same command when nothing changed meanwhile. The seconds of the server's processor say
what a machine without other work would need.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.labeling_week import live
from xundan.errors import XundanError
from xundan.labeling.records import Task, Turn, task_key
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access, studio_folder
from xundan.labeling.studio.client import connect, library
from xundan.labeling.studio.process import LOCK_NAME
from xundan.labeling.studio.project import ensure_project
from xundan.labeling.studio.pull import OVERLAP, pull
from xundan.labeling.studio.push import BATCH, push
from xundan.labeling.studio.server import down, up
from xundan.labeling.studio.task_data import task_data
from xundan.taxonomy.trees import load

TREE = "attention"
SAID = ("想问下这款", "在吗 看到你们家的", "之前收藏过的", "朋友推荐的", "直播间里那个")
ASKED = ("还有优惠吗", "什么时候能发货", "尺码偏大还是偏小", "有没有现货", "能开发票吗", "质保多久")


@dataclass(frozen=True)
class Step:
    """One measured step: tasks it dealt with, its seconds, and those of the server's processor."""

    tasks: int
    step: str
    done: int
    seconds: float
    server_seconds: float | None

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.done / self.seconds


def made_up(count: int) -> list[Task]:
    """Different messages with four turns before them and one predicted leaf each."""
    leaves = [leaf.id for leaf in load(TREE).leaves]
    began = datetime(2026, 1, 5, 2, tzinfo=UTC)
    tasks = []
    for number in range(count):
        said, asked = SAID[number % len(SAID)], ASKED[number % len(ASKED)]
        text = f"{said} {number} 号款，{asked}"
        turns = tuple(
            Turn(f"m{number}-{place}", role, words, began + timedelta(seconds=20 * place))
            for place, (role, words) in enumerate(
                [
                    ("buyer", "在吗"),
                    ("agent", "在的亲，请问想了解哪一款"),
                    ("buyer", said),
                    ("agent", "稍等我看下库存"),
                ]
            )
        )
        predicted = ((leaves[number % len(leaves)], 0.5 + number % 50 / 100),)
        key = task_key(TREE, text, turns)
        tasks.append(
            Task(
                key,
                TREE,
                f"s{number}",
                f"m{number}-9",
                "店铺",
                f"b{number}",
                text,
                turns,
                predicted=predicted,
            )
        )
    return tasks


def answered(task: Task) -> dict[str, Any]:
    """The task as Label Studio imports it, with one answer."""
    row = task_data(task, load(TREE))
    return row | {"annotations": [{"result": row["predictions"][0]["result"], "lead_time": 4.2}]}


def measure(home: Path, access: Access, count: int) -> list[Step]:
    """Push and pull ``count`` tasks, each twice."""
    studio, taxonomy, tasks, steps = connect(access), load(TREE), made_up(count), []

    def step(name: str, call: Callable[[], int]) -> None:
        before, began = server_seconds(home), time.perf_counter()
        done = call()
        seconds, after = time.perf_counter() - began, server_seconds(home)
        used = None if before is None or after is None else after - before
        steps.append(Step(count, name, done, seconds, used))

    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "pushed") as store:
        store.add_tasks(tasks)
        project = ensure_project(library(access), store, taxonomy).number
        step("push", lambda: push(store, studio, project, tasks, taxonomy).pushed)
        step("push again", lambda: push(store, studio, project, tasks, taxonomy).already)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "pulled") as store:
        project = ensure_project(library(access), store, taxonomy).number
        for start in range(0, count, BATCH):
            studio.add(project, [answered(task) for task in tasks[start : start + BATCH]])
        step("pull", lambda: pull(store, studio, project).new)
        time.sleep(OVERLAP.total_seconds())
        pull(store, studio, project)  # reads once more what was new to the first
        step("pull again", lambda: pull(store, studio, project).tasks)
    return steps


def server_seconds(home: Path) -> float | None:
    """Seconds of processor that the server has used so far; None where the system does not say."""
    try:
        number = (studio_folder(home) / LOCK_NAME).read_text()
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def studio(home: Path | None, environment: Path | None) -> Iterator[tuple[Path, Access]]:
    """A Label Studio that runs as long as it is measured."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        probe.close()
        chosen = home or Path(folder)
        try:
            yield chosen, up(chosen, port=port, environment=environment, tell=Console(stderr=True).print)
        finally:
            down(chosen)


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line (``words``: in place of the process's own)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tasks", type=int, nargs="*", default=[1000], help="how many tasks; several numbers in turn")
    add("--week", type=Path, help="a workspace: also the commands from `label next` to `label freeze` on it")
    add("--drawn", type=int, default=500, help="how many tasks a week draws")
    add("--home", type=Path, help="a store folder to run Label Studio in, kept; else one that is removed")
    add("--environment", type=Path, help="a virtual environment with Label Studio, or where to make one")
    add("--json", action="store_true", help="print figures as JSON")
    return parser.parse_args(words)


def main() -> None:
    """Measure each number of tasks, print a table."""
    arguments = parse()
    with studio(arguments.home, arguments.environment) as (home, access):
        steps = [step for count in arguments.tasks for step in measure(home, access, count)]
        took = live(home, access, arguments.week, arguments.drawn) if arguments.week else {}
    about = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "machine": platform.machine()}
    if arguments.json:
        rates = [asdict(step) | {"rate": step.rate} for step in steps]
        print(json.dumps({**about, "steps": rates, "week": took}, indent=1))
        return
    title = ", ".join(f"{name} {value}" for name, value in about.items())
    table = Table("tasks", "step", "done", "seconds", "tasks/s", "server's processor, s", title=title)
    for step in steps:
        used = "" if step.server_seconds is None else f"{step.server_seconds:.1f}"
        table.add_row(
            f"{step.tasks:,}", step.step, f"{step.done:,}", f"{step.seconds:.1f}", f"{step.rate:,.0f}", used
        )
    console = Console(width=110)
    if steps:
        console.print(table)
    if took:
        told = ", ".join(f"{verb} {seconds:.1f}" for verb, seconds in took.items())
        console.print(f"{arguments.drawn:,} tasks, {sum(took.values()):.1f} s without the people: {told}")


if __name__ == "__main__":
    try:
        main()
    except XundanError as error:
        raise SystemExit(f"{error}") from error
