"""Versions of a model without its weights: enough for what looks after versions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xundan.models.manifest import Facts, seal
from xundan.models.registry import new_version
from xundan.models.runtime import Description
from xundan.taxonomy.trees import load

Make = Callable[..., Path]


@pytest.fixture
def fill() -> Callable[..., None]:
    """Fill a folder as training does, and sign it."""

    def write(folder: Path, name: str = "v1", micro: float = 0.6, rows: int = 100, epochs: int = 7) -> None:
        taxonomy = load("attention")
        leaves = tuple(leaf.id for leaf in taxonomy.leaves)
        Description(
            "attention", f"attention-{name}", taxonomy.version, leaves, (0.5,) * len(leaves), 64, 48
        ).write(folder)
        for file in ("model.xml", "model.bin", "tokenizer.json", "rows.txt", "out_of_fold.npz", "card.md"):
            (folder / file).write_text(f"{file} of {name}", encoding="utf-8")
        figure = {"value": micro, "low": micro - 0.02, "high": micro + 0.02, "n": 600}
        measured = {"micro": figure, "macro": figure, "leaves": {"price_bargain": {"f1": figure}}}
        (folder / "metrics.json").write_text(json.dumps(measured), encoding="utf-8")
        settings = {"epochs": epochs, "base": "shipped/encoder"}
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        seal(folder, Facts("d" * 64, rows, taxonomy, settings, {"micro_f1": micro}))

    return write


@pytest.fixture
def make(fill: Callable[..., None]) -> Make:
    """Register one more version of the attention model; returns its folder."""

    def register(registry: Path, **given: object) -> Path:
        with new_version(registry, "attention") as (name, folder):
            fill(folder, name, **given)
        return registry / "attention" / name

    return register


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a key of this test alone will lie."""
    path = tmp_path / "keys" / "mine.pem"
    monkeypatch.setenv("XUNDAN_SIGNING_KEY", str(path))
    return path
