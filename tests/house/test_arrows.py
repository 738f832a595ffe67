"""Who may know whom: the imports of every file, held against the agreed picture."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {
    "centre": ROOT / "src/xundan",
    "models": ROOT / "models",
    "training": ROOT / "training",
    "inference": ROOT / "inference",
    "labeling": ROOT / "labeling",
    "examples": ROOT / "examples",
}
ALLOWED = {
    "centre": set(),
    "models": {"centre"},
    "training": {"centre", "models"},
    "inference": {"centre", "models"},
    "labeling": {"centre"},
    "examples": {"centre"},
}
FRONT_DOOR = (
    "cli.py",
    "cli_label.py",
    "cli_label_sets.py",
    "cli_label_suggest.py",
    "cli_loss.py",
    "cli_models.py",
    "cli_registry.py",
)
NO_TORCH = {"torch", "transformers", "sklearn", "datasets", "accelerate", "jieba", "safetensors"}
NEEDS_TORCH = {
    f"models/{name}.py" for name in ("encoder", "classifier", "ngrams", "quantise", "wide", "loss/network")
}


def imported(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def room_of(module: str) -> str | None:
    """The room of a xundan module, None for others."""
    parts = module.split(".")
    if parts[0] != "xundan":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "centre"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_whom_it_may_know(room: str) -> None:
    for path in ROOMS[room].rglob("*.py"):
        if path.name in FRONT_DOOR:
            continue
        modules = imported(path)
        rooms = {found for module in modules if (found := room_of(module))}
        assert rooms <= ALLOWED[room] | {room}, path
        assert not {f"xundan.{Path(name).stem}" for name in FRONT_DOOR} & modules, path


def test_what_classifies_and_reports_needs_no_torch() -> None:
    for room in ("centre", "models", "inference", "examples"):
        for path in ROOMS[room].rglob("*.py"):
            if path.relative_to(ROOT).as_posix() in NEEDS_TORCH:
                continue
            heavy = {module.split(".")[0] for module in imported(path)} & NO_TORCH
            assert not heavy, f"{path} imports {heavy}"


def test_openvino_is_imported_only_where_its_telemetry_is_off() -> None:
    for room in ROOMS.values():
        for path in room.rglob("*.py"):
            direct = {module for module in imported(path) if module.split(".")[0] == "openvino"}
            assert not direct or path == ROOMS["models"] / "engine.py", path


def test_the_front_door_opens_rooms_only_inside_a_verb() -> None:
    for name in FRONT_DOOR:
        tree = ast.parse((ROOMS["centre"] / name).read_text(encoding="utf-8"))
        top = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
        assert {room_of(module) for module in top} <= {None, "centre"}


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in (*ROOMS.values(), ROOT / "tests", ROOT / "benchmarks")
        for path in folder.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 410
    }
    assert long == {}
