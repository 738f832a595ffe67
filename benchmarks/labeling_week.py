"""A week of labeling, command by command: what the machine takes from a draw to a frozen set.

took = live(Path("labels"), access, Path("xundan-out"), drawn=500)
sum(took.values())                             # seconds, without the people
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from xundan.errors import BadInput
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import library
from xundan.labeling.studio.project import note_of
from xundan.labeling.studio.task_data import filled_in
from xundan.taxonomy.trees import load

TREE = "attention"
_PEOPLE = 4


def live(home: Path, access: Access, workspace: Path, drawn: int) -> dict[str, float]:
    """Seconds of each command, in their order; `BadInput` with its words where one fails."""
    took = {
        "next": _run("next", str(workspace), "--n", str(drawn), "--home", str(home)),
        "push": _run("push", "--home", str(home)),
    }
    _answer_all(home, access)
    for verb in ("pull", "agreement", "freeze"):
        took[verb] = _run(verb, *(["week"] if verb == "freeze" else []), "--home", str(home))
    return took


def _run(*words: str) -> float:
    command = [sys.executable, "-c", "from xundan.cli import main; main()", "label", *words]
    began = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BadInput(f"xundan label {words[0]} ended with {ended.returncode}", got=ended.stderr.strip())
    return time.perf_counter() - began


def _answer_all(home: Path, access: Access) -> None:
    """What people do: each task gets what the model saw in it, or the first leaf."""
    taxonomy, client = load(TREE), library(access)
    with Store.open(home) as store:
        numbers = {row.key: row.task for row in store.pushed(int(store.note(note_of(TREE)) or 0))}
        tasks = store.tasks(TREE)

    def answer(key: str, leaf: str) -> None:
        client.annotations.create(
            id=numbers[key], result=filled_in(key, [leaf], taxonomy, False), lead_time=5
        )

    with ThreadPoolExecutor(_PEOPLE) as people:
        for task in tasks:
            leaf = task.predicted[0][0] if task.predicted else taxonomy.leaves[0].id
            people.submit(answer, task.key, leaf)
