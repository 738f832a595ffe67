"""Number the guideline: each change of taxonomy or decisions makes a version, kept with what changed.

made = write_guideline(store, load("attention"))            # xundan-labels/guideline/attention/guideline.md
print(made.version.number, made.version.hash, made.is_new)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from xundan.disk import replace_file
from xundan.errors import BadInput
from xundan.labeling.guideline import Entry, entries, listed, render, rules_of, rulings
from xundan.labeling.store import Store
from xundan.settings import SHANGHAI
from xundan.taxonomy.trees import Taxonomy

FOLDER, GUIDELINE_FILE, VERSIONS_FILE = "guideline", "guideline.md", "versions.json"
_HASH_DIGITS = 12


@dataclass(frozen=True)
class Version:
    """One version: its number from 1, the hash of all it says, and what changed since the one before."""

    number: int
    hash: str
    taxonomy_version: str
    made_at: str
    rulings: int
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Guideline:
    """The file that people read, its version, and whether this version was made just now."""

    file: Path
    version: Version
    is_new: bool


def write_guideline(store: Store, taxonomy: Taxonomy, now: datetime | None = None) -> Guideline:
    """Write ``guideline/TREE/guideline.md`` in the store's folder, and keep each version as ``v1.md`` …

    A new version is made only where what it says has changed; a killed call is mended by the next. Raises
    `BadInput` where the list of versions is damaged.
    """
    folder = store.folder / FOLDER / taxonomy.tree
    decided = rulings(store, taxonomy)
    said = entries(taxonomy, decided)
    found = _digest(taxonomy, said)
    versions, before = _read(folder)
    is_new = not versions or versions[-1].hash != found
    if is_new:
        made_at = (now or datetime.now(UTC)).astimezone(SHANGHAI).isoformat(timespec="seconds")
        changes = _changes(before, said) if versions else ("初版",)
        count = sum(len(listed(entry, "裁定")) for entry in said.values())
        number = len(versions) + 1
        versions.append(Version(number, found, taxonomy.version, made_at, count, tuple(changes)))
    latest = versions[-1]
    text = render(said, taxonomy, _title(latest, taxonomy), _log(versions)).encode()
    folder.mkdir(parents=True, exist_ok=True)
    if is_new:
        record = {"versions": [asdict(version) for version in versions], "leaves": said}
        replace_file(folder / f"v{latest.number}.md", text)
        replace_file(folder / VERSIONS_FILE, _json(record).encode())
    replace_file(folder / GUIDELINE_FILE, text)
    return Guideline(folder / GUIDELINE_FILE, latest, is_new)


def current_version(home: Path, tree: str) -> Version | None:
    """The latest version of a tree's guideline in a store's folder; None where none was made."""
    versions, _ = _read(home / FOLDER / tree)
    return versions[-1] if versions else None


def _read(folder: Path) -> tuple[list[Version], Mapping[str, Entry]]:
    path = folder / VERSIONS_FILE
    if not path.exists():
        return [], {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        versions = [Version(**{**one, "changes": tuple(one["changes"])}) for one in record["versions"]]
        return versions, record["leaves"]
    except (ValueError, KeyError, TypeError) as error:
        do = "restore it, or move the folder away to number from 1 again"
        raise BadInput("not a guideline's list of versions", got=error, do=do, where=str(path)) from error


def _digest(taxonomy: Taxonomy, said: Mapping[str, Entry]) -> str:
    everything = [taxonomy.tree, taxonomy.version, rules_of(taxonomy.tree), said]
    return hashlib.sha256(_json(everything).encode()).hexdigest()[:_HASH_DIGITS]


def _title(version: Version, taxonomy: Taxonomy) -> str:
    return (
        f"第 {version.number} 版 · {version.made_at[:10]} · 内容哈希 {version.hash} · "
        f"分类 {taxonomy.tree} {version.taxonomy_version} · 裁定 {version.rulings} 条"
    )


def _log(versions: list[Version]) -> list[str]:
    """What changed with each version, the latest first."""
    lines = []
    for version in reversed(versions):
        lines.append(f"- 第 {version.number} 版（{version.made_at[:10]}，{version.hash}）")
        lines += [f"  - {change}" for change in version.changes]
    return lines


def _changes(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[str]:
    """What a reader of the version before must know, one line a leaf and part."""
    gone = [f"删去「{before[leaf]['名称']}」`{leaf}`" for leaf in before if leaf not in after]
    lines = []
    for leaf, entry in after.items():
        name = f"「{entry['名称']}」`{leaf}`"
        if leaf not in before:
            lines.append(f"新增{name}")
            continue
        old = before[leaf]
        if old["名称"] != entry["名称"]:
            lines.append(f"{name}：原名「{old['名称']}」")
        if old["定义"] != entry["定义"]:
            lines.append(f"{name}：定义由「{old['定义']}」改为「{entry['定义']}」")
        for part in ("含", "不含", "例", "裁定"):
            lines += _moved(name, part, listed(old, part), listed(entry, part))
    return [*gone, *lines] or ["通则或分类版本号有改动"]


def _moved(name: str, part: str, old: list[str], new: list[str]) -> list[str]:
    added = [value for value in new if value not in old]
    dropped = [value for value in old if value not in new]
    return [f"{name}：{part} 增加 {value}" for value in added] + [
        f"{name}：{part} 去掉 {value}" for value in dropped
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
