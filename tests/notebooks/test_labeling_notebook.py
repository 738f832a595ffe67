"""The notebook of the labeling loop: its lines can be typed, and on a real Label Studio its counts add up.

pytest tests/notebooks/test_labeling_notebook.py        (starts Label Studio; minutes)
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from typer.main import get_command

from tests.labeling.conftest import CACHE, free_port, start_studio
from xundan.cli import app
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.labeling.studio.access import FOLDER
from xundan.labeling.studio.environment import VERSION
from xundan.labeling.studio.process import Process
from xundan.labeling.studio.server import down
from xundan.models.inventory import list_versions

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "labeling.ipynb"
TASKS, DISPUTED = 80, 11
PARTS = ("train", "dev", "test", "aside")
VERBS = ["next", "up", "push", "pull", "status", "agreement", "adjudicate", "guideline", "freeze", "down"]


@dataclass(frozen=True)
class Ran:
    """The notebook's folder, the folder it was started in, and what each cell printed."""

    work: Path
    started_in: Path
    said: dict[str, str]

    @property
    def home(self) -> Path:
        """The store folder."""
        return self.work / "xundan-labels"


def read() -> nbformat.NotebookNode:
    """The notebook as it stands in the repository."""
    found: nbformat.NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return found


def typed() -> list[list[str]]:
    """The words of each `xundan` line in the shell cells and blocks."""
    cells = [
        cell.source.removeprefix("%%bash")
        if cell.cell_type == "code"
        else "\n".join(re.findall(r"```bash\n(.*?)```", cell.source, re.DOTALL))
        for cell in read().cells
        if cell.cell_type == "markdown" or cell.source.startswith("%%bash")
    ]
    lines = [line for cell in cells for line in cell.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("xundan ")]


def test_the_notebook_is_kept_without_outputs() -> None:
    for cell in read().cells:
        assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)


def test_every_shell_line_can_be_typed() -> None:
    lines = typed()
    assert {words[1] for words in lines if words[0] == "label"} == set(VERBS)
    for words in lines:
        command, left = get_command(app), ["8080" if word == "$PORT" else word for word in words]
        while groups := getattr(command, "commands", None):
            command = groups[left.pop(0)]
        command.make_context(command.name, left)  # a word that it does not know is an error


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """All cells executed once, against the Label Studio that is installed for the tests."""
    started_in, work = tmp_path_factory.mktemp("started-in"), tmp_path_factory.mktemp("work")
    home, blank = work / "xundan-labels", CACHE / f"label-studio-home-{VERSION}"
    if blank.is_dir():
        shutil.copytree(blank / FOLDER, home / FOLDER)
    else:
        start_studio(home)
        down(home)
    notebook = read()
    at = next(place for place, cell in enumerate(notebook.cells) if cell.id == "parameters")
    given = f"work, port, environment = {str(work)!r}, {free_port()}, {str(CACHE / 'label-studio')!r}"
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(given, id="given"))  # type: ignore[no-untyped-call]
    try:
        client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(started_in)}})
        client.execute(env=dict(os.environ))
        said = {cell.id: _printed(cell) for cell in notebook.cells if cell.cell_type == "code"}
        yield Ran(work, started_in, said)
    finally:
        down(home)


def _printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


@pytest.mark.slow
@pytest.mark.studio
class TestRan:
    """What the cells printed and left on disk."""

    def test_every_message_is_accounted_for_and_goes_in_once(self, ran: Ran) -> None:
        assert "messages: 600 rows in = 600 kept + 0 rejected + 0 duplicates" in ran.said["run"]
        found = re.search(
            r"300 messages = (\d+) drawn \+ (\d+) nearly the same as one drawn \+ (\d+) not drawn\n",
            ran.said["next"],
        )
        assert found is not None
        drawn, alike, rest = map(int, found.groups())
        assert (drawn, alike + rest) == (TASKS, 300 - TASKS)
        assert re.search(r"^http://127\.0\.0\.1:\d+  log in as ", ran.said["up"], re.MULTILINE)
        pushed = re.findall(
            r"80 tasks = (\d+) brought in \+ (\d+) there already \+ (\d+) del", ran.said["push"]
        )
        assert pushed == [("80", "0", "0"), ("0", "80", "0")]

    def test_all_answers_come_back_once(self, ran: Ran) -> None:
        pulled = re.findall(r"(\d+) answers new, (\d+) changed, (\d+) withdrawn", ran.said["pull"])
        assert pulled == [("160", "0", "0"), ("0", "0", "0")]
        with Store.open(ran.home) as store:
            answers = [one for one in store.annotations("attention") if not one.withdrawn]
            assert len({(one.key, one.by) for one in answers}) == len(answers) == 2 * TASKS

    def test_agreement_has_n_and_interval(self, ran: Ran) -> None:
        assert f"(n={TASKS - 1} tasks, " in ran.said["agreement"]
        assert f"{DISPUTED} tasks wait for a decision" in ran.said["agreement"]
        assert re.search(
            r"^f1 +all leaves +0\.\d\d \[0\.\d\d, [01]\.\d\d\]  n = 79$",
            ran.said["agreement-table"],
            re.MULTILINE,
        )
        assert (ran.home / "agreement.html").is_file()

    def test_disputes_are_decided_and_stand_in_the_guideline(self, ran: Ran) -> None:
        assert f"{DISPUTED} disputed: {DISPUTED} brought in, 0 there already" in ran.said["adjudicate"]
        assert len(ran.said["decide"].splitlines()) == DISPUTED
        assert f"decisions: {DISPUTED} new, 0 changed, 0 still unsure" in ran.said["decided"]
        assert "guideline.md: version 2\n" in ran.said["decided"]
        assert ran.said["decided"].count("理由：字面问的是") == 3
        with Store.open(ran.home) as store:
            ways = Counter(one.how for one in settle(store, "attention"))
        assert ways == {"agreement": TASKS - DISPUTED, "decision": DISPUTED}

    def test_the_frozen_set_adds_up(self, ran: Ran) -> None:
        folder = ran.home / "frozen" / "2026w14"
        sheet = json.loads((folder / "datasheet.json").read_text(encoding="utf-8"))
        rows = {part: len((folder / f"{part}.jsonl").read_text().splitlines()) for part in PARTS}
        assert {part: sheet["rows"][part] for part in PARTS} == rows
        assert sum(rows.values()) + sum(sheet["left"].values()) == sheet["tasks"] == TASKS
        assert min(rows["train"], rows["dev"], rows["test"]) > 0
        assert f"{TASKS} tasks = " in ran.said["freeze"]
        assert (folder / "datasheet.md").read_text(encoding="utf-8").strip() == ran.said["datasheet"].strip()

    def test_training_on_it_leaves_a_candidate(self, ran: Ran) -> None:
        train = ran.home / "frozen" / "2026w14" / "train.jsonl"
        rows = len(train.read_text(encoding="utf-8").splitlines())
        versions = list_versions(ran.work / "registry", "attention")
        assert [(one.name, one.state, one.data_rows) for one in versions if one.name == "v1"] == [
            ("v1", "candidate", rows)
        ]
        assert "attention-v1 in registry/attention/v1, made by " in ran.said["train"]

    def test_it_ends_with_nothing_running_and_nothing_elsewhere(self, ran: Ran) -> None:
        assert ran.said["down"] == "stopped\n"
        assert not Process(ran.home / FOLDER).running()
        assert list(ran.started_in.iterdir()) == []
