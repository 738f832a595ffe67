"""The wheel, opened: everything inside, under one name, and not too heavy."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("models", "training", "inference", "labeling", "examples")
SHIPPED_MOST = 80_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, cwd=folder)
    return zipfile.ZipFile(next(folder.glob("xundan-*.whl")))


def tracked(*patterns: str) -> set[str]:
    """Files of the checkout that match, as git lists them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return {line for line in listed.stdout.splitlines() if (ROOT / line).exists()}


def test_one_top_level_name(wheel: zipfile.ZipFile) -> None:
    names = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"xundan"}


def test_every_python_file_of_the_rooms_is_inside(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    expected = {f"xundan/{path}" for path in tracked(*(f"{folder}/**.py" for folder in FOLDERS))}
    expected |= {path.removeprefix("src/") for path in tracked("src/xundan/**.py")}
    assert len(expected) > 60
    assert expected <= inside


def test_taxonomies_weights_phrases_and_page_are_inside(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    expected = {
        f"xundan/{path}" for path in tracked("models/shipped/**", "models/*.yaml", "examples/**.yaml")
    }
    expected |= {f"xundan/{path}" for path in tracked("inference/report/*") if not path.endswith(".py")}
    expected |= {path.removeprefix("src/") for path in tracked("src/xundan/taxonomy/*.yaml")}
    assert {f"xundan/models/shipped/{tree}/model.bin" for tree in ("attention", "action")} <= expected
    assert expected <= inside


def test_the_shipped_models_stay_under_eighty_megabytes(wheel: zipfile.ZipFile) -> None:
    sizes = [
        info.file_size for info in wheel.infolist() if info.filename.startswith("xundan/models/shipped/")
    ]
    assert 0 < sum(sizes) < SHIPPED_MOST
