"""Versions, the champion among them, and the way back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xundan.errors import BadInput, Refused
from xundan.models.history import read_history
from xundan.models.registry import (
    SHIPPED,
    champion,
    champion_name,
    new_version,
    promote,
    rollback,
    version_folder,
    versions,
)

Make = Callable[..., Path]
TREE = "attention"


def test_a_new_version_is_a_candidate_and_the_shipped_model_stays(tmp_path: Path, make: Make) -> None:
    folder = make(tmp_path)
    assert versions(tmp_path, TREE) == ["v1"]
    assert folder.is_dir()
    assert champion(TREE, tmp_path) == SHIPPED / TREE
    assert champion(TREE) == SHIPPED / TREE


def test_a_promoted_version_is_champion(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    promote(tmp_path, TREE, "v1", why="better on rare leaves")
    assert champion(TREE, tmp_path) == tmp_path / TREE / "v1"
    (event,) = read_history(tmp_path / TREE)
    assert (event.action, event.before, event.after) == ("promote", "shipped", "v1")
    assert event.why == "better on rare leaves"
    assert event.by
    assert event.at.endswith("Z")
    assert len(event.manifest) == 64


def test_each_rollback_goes_one_champion_further_back(tmp_path: Path, make: Make) -> None:
    for _ in range(4):
        make(tmp_path)
    for name in ("v1", "v2", "v3"):
        promote(tmp_path, TREE, name)
    assert rollback(tmp_path, TREE, "more complaints").after == "v2"
    assert champion(TREE, tmp_path).name == "v2"
    promote(tmp_path, TREE, "v4")
    assert [rollback(tmp_path, TREE).after for _ in range(3)] == ["v2", "v1", "shipped"]
    assert champion(TREE, tmp_path) == SHIPPED / TREE
    with pytest.raises(Refused, match="there is no champion before shipped"):
        rollback(tmp_path, TREE)
    actions = [event.action for event in read_history(tmp_path / TREE)]
    assert actions == ["promote"] * 3 + ["rollback", "promote"] + ["rollback"] * 3


def test_promoting_the_champion_or_nothing_is_refused(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    promote(tmp_path, TREE, "v1")
    with pytest.raises(Refused, match="v1 is the champion already"):
        promote(tmp_path, TREE, "v1")
    with pytest.raises(BadInput, match="no such version of attention; got v7; expected one of v1, shipped"):
        promote(tmp_path, TREE, "v7")
    with pytest.raises(BadInput, match="not a version to promote; got shipped"):
        promote(tmp_path, TREE, "shipped")


def test_a_champion_that_changed_during_judgement_is_not_replaced(tmp_path: Path, make: Make) -> None:
    for _ in range(2):
        make(tmp_path)
    promote(tmp_path, TREE, "v1")
    with pytest.raises(
        Refused, match=r"changed while v2 was judged; got v1; expected shipped; judge it again"
    ):
        promote(tmp_path, TREE, "v2", instead_of="shipped")
    assert champion_name(tmp_path, TREE) == "v1"


def test_a_changed_version_is_neither_promoted_nor_loaded(tmp_path: Path, make: Make) -> None:
    for _ in range(2):
        make(tmp_path)
    promote(tmp_path, TREE, "v1")
    (tmp_path / TREE / "v2" / "model.bin").write_text("other weights", encoding="utf-8")
    with pytest.raises(Refused, match=r"model\.bin was changed"):
        promote(tmp_path, TREE, "v2")
    (tmp_path / TREE / "v1" / "model.bin").write_text("other weights", encoding="utf-8")
    with pytest.raises(Refused, match=r"model\.bin was changed"):
        champion(TREE, tmp_path)
    assert champion_name(tmp_path, TREE) == "v1"
    assert rollback(tmp_path, TREE).after == "shipped"


def test_a_switch_that_a_crash_prevented_does_not_count(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make(tmp_path)
    promote(tmp_path, TREE, "v1")

    def crash(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("xundan.models.registry.replace_file", crash)
        with pytest.raises(OSError, match="power cut"):
            promote(tmp_path, TREE, "v2")
    assert champion(TREE, tmp_path).name == "v1"
    promote(tmp_path, TREE, "v3")
    assert [rollback(tmp_path, TREE).after for _ in range(2)] == ["v1", "shipped"]


def test_a_history_line_cut_short_swallows_no_other(tmp_path: Path, make: Make) -> None:
    for _ in range(2):
        make(tmp_path)
    promote(tmp_path, TREE, "v1")
    with (tmp_path / TREE / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"action": "promote", "bef')
    promote(tmp_path, TREE, "v2")
    assert [event.after for event in read_history(tmp_path / TREE)] == ["v1", "v2"]


def test_a_champion_from_before_there_was_a_history_can_be_left(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    (tmp_path / TREE / "champion").write_text("v1\n", encoding="utf-8")
    assert champion(TREE, tmp_path).name == "v1"
    assert rollback(tmp_path, TREE).after == "shipped"


def test_a_version_that_fails_leaves_nothing(tmp_path: Path, make: Make) -> None:
    make(tmp_path)

    def fail() -> None:
        with new_version(tmp_path, TREE) as (name, folder):
            assert name == "v2"
            (folder / "model.json").write_text("{}", encoding="utf-8")
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    assert sorted(path.name for path in (tmp_path / TREE).iterdir()) == ["v1"]


def test_two_versions_made_at_once_have_two_names(tmp_path: Path, fill: Callable[..., None]) -> None:
    with new_version(tmp_path, TREE) as (first, one), new_version(tmp_path, TREE) as (second, two):
        fill(two, second)
        fill(one, first)
    assert {first, second} == {"v1", "v2"}
    assert versions(tmp_path, TREE) == ["v1", "v2"]
    assert (tmp_path / TREE / first / "card.md").read_text(encoding="utf-8") == f"card.md of {first}"


def test_a_removed_version_does_not_give_its_name_away(tmp_path: Path, make: Make) -> None:
    make(tmp_path)
    promote(tmp_path, TREE, "v1")
    rollback(tmp_path, TREE)
    os.rename(tmp_path / TREE / "v1", tmp_path / "elsewhere")
    assert make(tmp_path).name == "v2"


TRAIN_TWENTY = """
import sys
from pathlib import Path
from xundan.models.registry import new_version
for _ in range(20):
    with new_version(Path(sys.argv[1]), "attention") as (name, folder):
        (folder / "model.json").write_text(name, encoding="utf-8")
"""


def test_processes_that_train_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAIN_TWENTY, str(tmp_path)]
    workers = [subprocess.Popen(command) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert versions(tmp_path, TREE) == [f"v{n}" for n in range(1, 41)]
    for name in versions(tmp_path, TREE):
        assert (tmp_path / TREE / name / "model.json").read_text(encoding="utf-8") == name


def test_a_tree_without_any_model_says_how_to_make_one(tmp_path: Path, make: Make) -> None:
    with pytest.raises(
        BadInput, match=r"no model for this tree; got topics.*xundan train LABELS --tree topics"
    ):
        champion("topics", tmp_path)
    folder = make(tmp_path)
    (tmp_path / "topics").mkdir()
    os.rename(folder, tmp_path / "topics" / "v1")
    with pytest.raises(BadInput, match=r"no model for this tree; got topics.*promote one of v1"):
        champion("topics", tmp_path)


def test_versions_are_found_by_name(tmp_path: Path, make: Make) -> None:
    folder = make(tmp_path)
    assert version_folder(tmp_path, TREE, "v1") == folder
    assert version_folder(tmp_path, TREE, "champion") == SHIPPED / TREE
    promote(tmp_path, TREE, "v1")
    assert version_folder(tmp_path, TREE, "champion") == folder
