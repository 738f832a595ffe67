"""Where model versions live: ``<registry>/<tree>/v1``, ``v2`` … and which one is the champion.

folder = champion("attention", registry=Path("registry"))   # the shipped model where there is none yet
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xundan.errors import BadInput
from xundan.models.runtime import DESCRIPTION_FILE

SHIPPED = Path(__file__).parent / "shipped"
SHIPPED_ENCODER = SHIPPED / "encoder"
CHAMPION = "champion"


def versions(registry: Path, tree: str) -> list[str]:
    """The finished versions of a tree's model, oldest first."""
    folder = registry / tree
    names = [p.name for p in folder.glob("v*") if (p / DESCRIPTION_FILE).exists()] if folder.is_dir() else []
    return sorted((name for name in names if re.fullmatch(r"v\d+", name)), key=lambda name: int(name[1:]))


def champion(tree: str, registry: Path | None = None) -> Path:
    """The folder of the model in force: the registry's, or the one that ships with the package."""
    if registry is not None and versions(registry, tree):
        pointer = registry / tree / CHAMPION
        name = pointer.read_text().strip() if pointer.exists() else versions(registry, tree)[-1]
        folder = registry / tree / name
        if not (folder / DESCRIPTION_FILE).exists():
            raise BadInput(
                "the champion is missing", got=folder, expected=f"one of {versions(registry, tree)}"
            )
        return folder
    folder = SHIPPED / tree
    if not (folder / DESCRIPTION_FILE).exists():
        raise BadInput(
            "no model for this tree",
            got=tree,
            expected="attention or action, or a trained one",
            do=f"train one: xundan train LABELS --tree {tree} --registry DIR",
        )
    return folder


@contextmanager
def new_version(registry: Path, tree: str) -> Iterator[tuple[str, Path]]:
    """Yield the next version's name and a folder to fill: the new champion, or gone if anything fails."""
    home = registry / tree
    home.mkdir(parents=True, exist_ok=True)
    taken = versions(registry, tree)
    name = f"v{int(taken[-1][1:]) + 1 if taken else 1}"
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=home))
    try:
        yield name, part
        os.replace(part, home / name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    pointer = home / (CHAMPION + ".part")
    pointer.write_text(name + "\n")
    os.replace(pointer, home / CHAMPION)
