"""What the documents promise: the commands of both READMEs exist, the docstring examples run."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from xundan.cli import app

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
FOLDERS = {
    "src/xundan": "xundan",
    **{name: f"xundan.{name}" for name in ("models", "inference", "labeling", "training", "examples")},
}


def with_examples() -> list[str]:
    """Every module whose documentation shows a session."""
    found = []
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found.append(".".join((package, *parts)))
    return found


def commands(readme: str) -> list[list[str]]:
    """The words of each `xundan` command line in a README's shell blocks."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("xundan")]


@pytest.mark.parametrize("readme", READMES)
def test_every_command_of_the_readme_can_be_typed(readme: str) -> None:
    found = commands(readme)
    assert len(found) >= 5
    group = get_command(app)
    for words in found:
        command = group.commands[words[0]]  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            command = command.commands[words[1]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words


@pytest.mark.parametrize("readme", READMES)
def test_the_two_commands_stand_first(readme: str) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks[0] == "pip install . -c constraints.txt && xundan demo\n"
    assert blocks[1] == 'pip install -e ".[dev]" -c constraints.txt && make check\n'


@pytest.mark.parametrize("name", with_examples())
def test_docstring_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted >= 0
    assert result.failed == 0


def test_links_of_the_documents_lead_somewhere() -> None:
    for readme in READMES:
        text = (ROOT / readme).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert target.startswith("http") or (ROOT / target).exists(), target
