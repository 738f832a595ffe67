"""The notebook of the weekly loop: runs where it may write and reach nothing else, and does what it tells."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from typer.main import get_command

from xundan.cli import app
from xundan.models.history import PROMOTE, REFUSE, ROLLBACK, read_history
from xundan.models.inventory import list_versions
from xundan.models.registry import champion_name, verified

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "retrain.ipynb"
GUARD = """
import os, sys

def _guard(event, args):
    if event in ("socket.getaddrinfo", "socket.connect") and "127.0.0.1" not in str(args):
        raise PermissionError(f"the notebook reaches for the network: {args}")
    if event == "open" and isinstance(args[0], str):
        writes = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes and not os.path.abspath(args[0]).startswith((os.environ["TMPDIR"], "/dev/", "/proc/")):
            raise PermissionError(f"the notebook writes to {args[0]}")

sys.addaudithook(_guard)
"""


@dataclass(frozen=True)
class Ran:
    """The notebook's working folder, the folder it was started in, and what each cell printed."""

    work: Path
    started_in: Path
    said: dict[str, str]


def read() -> nbformat.NotebookNode:
    """The notebook as it stands in the repository."""
    found: nbformat.NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return found


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return read()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All cells executed once."""
    started_in, temporary = tmp_path_factory.mktemp("started-in"), tmp_path_factory.mktemp("temporary")
    home = tmp_path_factory.mktemp("home")
    notebook = read()
    guard = nbformat.v4.new_code_cell(GUARD, id="guard")  # type: ignore[no-untyped-call]
    notebook.cells.insert(0, guard)
    places = {"TMPDIR": temporary, "IPYTHONDIR": temporary / "ipython", "HOME": home}
    env = {
        **os.environ,
        **{name: str(place) for name, place in places.items()},
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    del env["XUNDAN_SIGNING_KEY"]  # the notebook brings its own
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(temporary / "jupyter"))
        client = NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(started_in)}})
        client.execute(env=env)
    said = {cell.id: _printed(cell) for cell in notebook.cells if cell.cell_type == "code"}
    (work,) = temporary.glob("xundan-retrain-*")
    return Ran(work, started_in, said)


def _printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.get("name") == "stdout")


def test_the_notebook_is_kept_without_outputs(notebook: nbformat.NotebookNode) -> None:
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)


def test_every_shell_command_can_be_typed(notebook: nbformat.NotebookNode) -> None:
    texts = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", texts, re.DOTALL)).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in blocks.splitlines() if line.startswith("xundan")]
    assert {words[1] for words in lines} == {"train", "evaluate", "promote", "models", "run"}
    for _, *words in lines:
        command = get_command(app)
        while groups := getattr(command, "commands", None):
            command = groups[words.pop(0)]
        command.make_context(command.name, words)  # a word that it does not know is an error


@pytest.mark.slow
def test_labels_are_looked_at_before_training(ran: Ran) -> None:
    assert "test.jsonl\n  notes: 200 rows, 5 leaves, one label a row\n" in ran.said["look"]
    assert "rows:  aftersale 35, delivery 45, goods 45, price 45, smalltalk 30" in ran.said["look"]


@pytest.mark.slow
def test_training_says_what_it_does_and_leaves_candidates(ran: Ran) -> None:
    assert "few labels (25 rows): several ways are tried by cross-validation" in ran.said["first"]
    assert "drawers-v2, made by" in ran.said["second"]
    versions = list_versions(ran.work / "registry", "drawers")
    assert [(version.name, version.data_rows) for version in versions] == [
        ("v1", 25),
        ("v2", 200),
        ("v3", 175),
    ]


@pytest.mark.slow
def test_candidate_and_champion_are_compared_on_the_same_messages(ran: Ran) -> None:
    assert "drawers-v2 is better than drawers-v1: micro-F1 +" in ran.said["evaluate"]
    assert "Beware" not in ran.said["evaluate"]
    page = (ran.work / "evaluation" / "evaluation.html").read_text(encoding="utf-8")
    assert "drawers-v2" in page
    assert str(ran.work / "evaluation" / "evaluation.html") in ran.said["evaluate"]


@pytest.mark.slow
def test_the_good_candidate_passes_the_bad_one_is_refused_and_rollback_goes_back(ran: Ran) -> None:
    home = ran.work / "registry" / "drawers"
    history = read_history(home)
    assert [(event.action, event.before, event.after) for event in history] == [
        (PROMOTE, "shipped", "v1"),
        (PROMOTE, "v1", "v2"),
        (REFUSE, "v2", "v3"),
        (ROLLBACK, "v2", "v1"),
    ]
    assert history[1].verdict["difference"]["micro"]["low"] > 0
    (reason,) = history[2].verdict["reasons"]
    assert reason["code"] == "leaves_permuted"
    assert "what it calls goods is delivery" in reason["said"]
    assert champion_name(ran.work / "registry", "drawers") == "v1"
    assert "v2: is the champion now" in ran.said["gate"]
    assert reason["said"] in ran.said["mixed-up-gate"]
    assert "v3: refused, the champion stays" in ran.said["mixed-up-gate"]
    states = re.findall(r"^(v\d)  (\w+)", ran.said["versions"], re.MULTILINE)
    assert states == [("v1", "former"), ("v2", "champion"), ("v3", "refused")]
    assert ran.said["rollback"].endswith("delivery misread since Monday\nchampion: v1\n")


@pytest.mark.slow
def test_it_ends_with_what_to_label_next(ran: Ran) -> None:
    assert "<- label" in ran.said["next-leaves"]
    assert re.search(r"^\d+ of \d+ new messages are uncertain", ran.said["next-messages"])
    assert len(ran.said["next-messages"].splitlines()) == 11


@pytest.mark.slow
def test_nothing_is_left_outside_the_working_folder(ran: Ran) -> None:
    assert list(ran.started_in.iterdir()) == []
    assert (ran.work / "signing_key.pem").exists()
    registry = ran.work / "registry"
    assert verified(registry, registry / "drawers" / "v2").data_rows == 200
