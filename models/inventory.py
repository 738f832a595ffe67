"""Look at versions without loading them: what each was made from, what it reached, how two differ.

for version in list_versions(Path("registry"), "attention"):
    print(version.name, version.state, version.made_at, version.figures.get("micro"))
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xundan.errors import Refused
from xundan.models.history import PROMOTE, REFUSE, read_history
from xundan.models.manifest import Manifest
from xundan.models.registry import SHIPPED, SHIPPED_NAME, champion_name, version_folder, versions
from xundan.models.runtime import DESCRIPTION_FILE, Description

SETTINGS_FILE = "settings.json"
METRICS_FILE = "metrics.json"
_MEASURES = ("micro", "macro", "group")


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval, on ``n`` messages."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n:,}"


@dataclass(frozen=True)
class Version:
    """What a model folder says of itself; empty or 0 where it does not say (a shipped model has no manifest).

    ``state``: champion, former (was champion), refused, candidate, or "" outside a registry. ``figures``:
    micro, macro, group; ``leaves``: F1 of each leaf; ``files``: SHA-256 of each. ``problem``: why the
    manifest cannot be read.
    """

    name: str
    folder: Path
    version: str
    taxonomy_version: str
    state: str = ""
    made_at: str = ""
    data_rows: int = 0
    data_sha256: str = ""
    taxonomy_sha256: str = ""
    code: str = ""
    key: str = ""
    problem: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    leaves: Mapping[str, Figure] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One thing that differs; None where a version lacks it."""

    name: str
    before: object
    after: object


@dataclass(frozen=True)
class Difference:
    """What differs between two versions; a part where nothing differs is empty.

    ``facts``: taxonomy, data set, code, key. ``figures`` and ``leaves`` hold a
    `Figure` a side, each as its own version measured it: compare two models on the same messages with
    `xundan evaluate` before you decide by them.
    """

    before: Version
    after: Version
    facts: tuple[Change, ...]
    settings: tuple[Change, ...]
    figures: tuple[Change, ...]
    leaves: tuple[Change, ...]
    files: tuple[Change, ...]


def list_versions(registry: Path, tree: str) -> tuple[Version, ...]:
    """The shipped model where there is one, then every version of the registry, oldest first."""
    shipped = [SHIPPED_NAME] if (SHIPPED / tree / DESCRIPTION_FILE).exists() else []
    return tuple(_version(registry, tree, name) for name in [*shipped, *versions(registry, tree)])


def show(folder: Path) -> Version:
    """Everything a model folder says of itself; `BadInput` where it holds no model."""
    return _look(folder, folder.name, "")


def diff(before: Path, after: Path) -> Difference:
    """What differs between two model folders; `BadInput` where one holds no model."""
    old, new = show(before), show(after)
    facts = ("taxonomy_version", "taxonomy_sha256", "data_rows", "data_sha256", "code", "key")
    return Difference(
        old,
        new,
        _changes({name: getattr(old, name) for name in facts}, {name: getattr(new, name) for name in facts}),
        _changes(old.settings, new.settings),
        _changes(old.figures, new.figures),
        _changes(old.leaves, new.leaves),
        _changes(old.files, new.files),
    )


def _version(registry: Path, tree: str, name: str) -> Version:
    about = [event for event in read_history(registry / tree) if event.after == name]
    if name == champion_name(registry, tree):
        state = "champion"
    elif any(event.action == PROMOTE for event in about) or name == SHIPPED_NAME:
        state = "former"
    else:
        state = "refused" if any(event.action == REFUSE for event in about) else "candidate"
    return _look(version_folder(registry, tree, name), name, state)


def _look(folder: Path, name: str, state: str) -> Version:
    description, measured = Description.read(folder), _json(folder / METRICS_FILE)
    # An evaluation keeps the figures of its model under "model"; a version's own stand at the top.
    measured = measured.get("model", measured)
    figures = {key: _figure(measured[key]) for key in _MEASURES if key in measured}
    leaves = {leaf: _figure(found["f1"]) for leaf, found in measured.get("leaves", {}).items()}
    known = Version(
        name,
        folder,
        description.version,
        description.taxonomy_version,
        state,
        settings=_json(folder / SETTINGS_FILE),
        figures=figures,
        leaves=leaves,
    )
    try:
        manifest = Manifest.read(folder)
    except Refused as problem:
        return known if folder.is_relative_to(SHIPPED) else replace(known, problem=str(problem))
    return replace(
        known,
        made_at=manifest.made_at,
        data_rows=manifest.data_rows,
        data_sha256=manifest.data_sha256,
        taxonomy_sha256=manifest.taxonomy_sha256,
        code=f"{manifest.code_version} {manifest.code_commit}".strip(),
        key=manifest.key,
        settings=manifest.settings,
        files=manifest.files,
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _figure(raw: Mapping[str, Any]) -> Figure:
    return Figure(raw["value"], raw["low"], raw["high"], raw["n"])


def _json(path: Path) -> dict[str, Any]:
    """A JSON object, empty where the file is missing or none."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
