"""What stands in a registry, and how two versions differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.models.inventory import Change, Figure, diff, list_versions, show
from xundan.models.registry import SHIPPED, promote, record_refusal, rollback

Make = Callable[..., Path]


def test_the_list_says_which_is_champion_and_which_was(tmp_path: Path, make: Make) -> None:
    for _ in range(4):
        make(tmp_path)
    promote(tmp_path, "attention", "v1")
    promote(tmp_path, "attention", "v2")
    rollback(tmp_path, "attention")
    record_refusal(tmp_path, "attention", "v3", "worse")
    states = {version.name: version.state for version in list_versions(tmp_path, "attention")}
    assert states == {
        "shipped": "former",
        "v1": "champion",
        "v2": "former",
        "v3": "refused",
        "v4": "candidate",
    }


def test_without_versions_the_shipped_model_is_champion(tmp_path: Path) -> None:
    (version,) = list_versions(tmp_path, "attention")
    assert (version.name, version.state, version.problem) == ("shipped", "champion", "")


def test_a_version_is_shown_with_its_figures(tmp_path: Path, make: Make) -> None:
    version = show(make(tmp_path, micro=0.65, rows=1200))
    assert (version.name, version.version, version.data_rows) == ("v1", "attention-v1", 1200)
    assert version.figures["micro"] == Figure(0.65, 0.63, 0.67, 600)
    assert str(version.leaves["price_bargain"]) == "0.650 [0.630, 0.670] n=600"
    assert version.settings["epochs"] == 7
    assert "model.bin" in version.files


def test_a_version_without_a_manifest_says_so_and_breaks_no_list(tmp_path: Path, make: Make) -> None:
    (make(tmp_path) / "manifest.json").unlink()
    _, version = list_versions(tmp_path, "attention")
    assert "no manifest.json" in version.problem
    assert version.figures["micro"].value == 0.6


def test_two_versions_differ_in_what_was_changed(tmp_path: Path, make: Make) -> None:
    one = make(tmp_path, micro=0.6, rows=100)
    two = make(tmp_path, micro=0.65, rows=200, epochs=9)
    found = diff(one, two)
    assert (found.before.name, found.after.name) == ("v1", "v2")
    assert found.settings == (Change("epochs", 7, 9),)
    assert found.facts == (Change("data_rows", 100, 200),)
    (leaf,) = found.leaves
    assert (leaf.name, leaf.before, leaf.after) == (
        "price_bargain",
        Figure(0.6, 0.58, 0.62, 600),
        Figure(0.65, 0.63, 0.67, 600),
    )
    assert "model.bin" in [change.name for change in found.files]


def test_a_version_differs_from_itself_in_nothing(tmp_path: Path, make: Make) -> None:
    folder = make(tmp_path)
    found = diff(folder, folder)
    parts = (found.facts, found.settings, found.figures, found.leaves, found.files)
    assert not any(parts)


def test_a_shipped_model_can_be_compared_though_it_says_less(tmp_path: Path, make: Make) -> None:
    found = diff(SHIPPED / "attention", make(tmp_path))
    assert Change("data_rows", 0, 100) in found.facts


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a model folder"):
        show(tmp_path)
