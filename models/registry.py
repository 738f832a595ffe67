"""Where model versions live: ``<registry>/<tree>/v1``, ``v2`` … and which one is the champion.

folder = champion("attention", registry=Path("registry"))   # the shipped model where none was promoted
promote(Path("registry"), "attention", "v2", why="rare leaves better")
rollback(Path("registry"), "attention", why="buyers' words misread since Monday")
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from xundan.disk import replace_file, sync_folder
from xundan.errors import BadInput, Refused
from xundan.models.history import PROMOTE, REFUSE, ROLLBACK, Event, append, champions, read_history
from xundan.models.manifest import MANIFEST_FILE, Manifest, verify
from xundan.models.runtime import DESCRIPTION_FILE, Description
from xundan.models.signing import trust_first, trusted_keys

SHIPPED = Path(__file__).parent / "shipped"
SHIPPED_ENCODER = SHIPPED / "encoder"
SHIPPED_NAME = "shipped"
CHAMPION = "champion"
_NAME = re.compile(r"v\d+")
_PART = re.compile(r"\.(v\d+)\.part")
_WAIT_S = 60


def versions(registry: Path, tree: str) -> list[str]:
    """The finished versions of a tree's model, oldest first."""
    folder = registry / tree
    names = [p.name for p in folder.glob("v*") if (p / DESCRIPTION_FILE).exists()] if folder.is_dir() else []
    return sorted((name for name in names if _NAME.fullmatch(name)), key=_number)


def champion_name(registry: Path, tree: str) -> str:
    """The version in force, "shipped" where none was promoted."""
    try:
        return (registry / tree / CHAMPION).read_text(encoding="utf-8").strip() or SHIPPED_NAME
    except FileNotFoundError:
        return SHIPPED_NAME


def champion(tree: str, registry: Path | None = None) -> Path:
    """The folder of the model in force: the registry's once one was promoted, or the shipped one.

    Raises `Refused` where the registry's champion is not what was signed, `BadInput` where there is none.
    """
    name = SHIPPED_NAME if registry is None else champion_name(registry, tree)
    folder = version_folder(registry, tree, name)
    if registry is not None and name != SHIPPED_NAME:
        verified(registry, folder)
    return folder


def version_folder(registry: Path | None, tree: str, name: str) -> Path:
    """The folder of a version by its name (``v3``, ``champion``, ``shipped``), unverified.

    Raises `BadInput` that lists the versions where there is none of this name.
    """
    if registry is not None and name == CHAMPION:
        name = champion_name(registry, tree)
    known = [] if registry is None else versions(registry, tree)
    if registry is not None and name in known:
        return registry / tree / name
    shipped = (SHIPPED / tree / DESCRIPTION_FILE).exists()
    if shipped and name == SHIPPED_NAME:
        return SHIPPED / tree
    if name == SHIPPED_NAME:
        make = f"train one: xundan train LABELS --tree {tree} --registry DIR"
        raise BadInput(
            "no model for this tree",
            got=tree,
            expected="attention or action, or a promoted version",
            do=f"promote one of {', '.join(known)}" if known else make,
        )
    raise BadInput(
        f"no such version of {tree}",
        got=name,
        expected=f"one of {', '.join([*known, *([SHIPPED_NAME] if shipped else [])]) or '(none)'}",
        where=str(registry),
    )


@contextmanager
def new_version(registry: Path, tree: str) -> Iterator[tuple[str, Path]]:
    """Yield the next version's name and a folder to fill: a candidate after it, or gone if anything fails.

    The name is taken at once, so that two trainings at the same time get two names.
    """
    home = registry / tree
    home.mkdir(parents=True, exist_ok=True)
    name, part = _take_name(home)
    try:
        yield name, part
        for path in part.iterdir():
            _sync_file(path)
        sync_folder(part)
        os.replace(part, home / name)
        sync_folder(home)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if (home / name / MANIFEST_FILE).exists():
        trust_first(registry, Manifest.read(home / name).key)


def verified(registry: Path, folder: Path) -> Manifest:
    """The manifest of a version that is what a key trusted by the registry signed; else `Refused`.

    The first key that a registry meets is trusted from then on.
    """
    trusted = trusted_keys(registry)
    if trusted is not None:
        return verify(folder, trusted)
    manifest = verify(folder, {Manifest.read(folder).key})
    trust_first(registry, manifest.key)
    return manifest


def adopt(folder: Path, registry: Path, tree: str) -> str:
    """Copy a verified version from elsewhere (`hub.fetch`) into the registry, a candidate; returns its name.

    `BadInput` where it is a model of another tree.
    """
    found = Description.read(folder).tree
    if found != tree:
        raise BadInput("a model of another tree", got=found, expected=tree, where=str(folder))
    with new_version(registry, tree) as (name, part):
        shutil.copytree(folder, part, dirs_exist_ok=True)
    return name


def promote(
    registry: Path,
    tree: str,
    name: str,
    why: str = "",
    *,
    instead_of: str | None = None,
    verdict: Mapping[str, Any] | None = None,
) -> Event:
    """Make a version champion, all or nothing, and write it into the history.

    `Refused` where it is not what was signed, is champion already, or ``instead_of`` (the champion that it
    was judged against) is no longer champion; `BadInput` where there is no such version.
    """
    folder = version_folder(registry, tree, name)
    if name == SHIPPED_NAME or folder.name != name:
        raise BadInput("not a version to promote", got=name, expected="a name such as v2")
    with _locked(registry / tree):
        before = champion_name(registry, tree)
        if name == before:
            raise Refused(f"{name} is the champion already", where=str(registry / tree))
        if instead_of not in (None, before):
            raise Refused(
                f"the champion changed while {name} was judged",
                got=before,
                expected=str(instead_of),
                do="judge it again, against the new champion",
                where=str(registry / tree),
            )
        verified(registry, folder)
        event = Event(PROMOTE, before, name, why, _manifest_sha256(folder), verdict or {})
        return _switch(registry / tree, event)


def rollback(registry: Path, tree: str, why: str = "") -> Event:
    """Go back to the champion before this one; again, to the one before that, at last to the shipped one.

    `Refused` where there is nothing to go back to, or what there is was changed since.
    """
    home = registry / tree
    if not home.is_dir():
        raise BadInput(f"no versions of {tree}", where=str(registry))
    with _locked(home):
        now_in_force = champion_name(registry, tree)
        earlier = champions(read_history(home), SHIPPED_NAME, now_in_force)[:-1]
        if not earlier or (earlier[-1] == SHIPPED_NAME and not (SHIPPED / tree / DESCRIPTION_FILE).exists()):
            raise Refused(
                f"there is no champion before {now_in_force}",
                do="promote another version with: xundan promote",
                where=str(home),
            )
        folder = version_folder(registry, tree, earlier[-1])
        if earlier[-1] != SHIPPED_NAME:
            verified(registry, folder)
        return _switch(home, Event(ROLLBACK, now_in_force, earlier[-1], why, _manifest_sha256(folder)))


def record_refusal(
    registry: Path, tree: str, name: str, why: str, verdict: Mapping[str, Any] | None = None
) -> None:
    """Write into the history that a candidate was refused; the champion stays."""
    home = registry / tree
    with _locked(home):
        before, manifest = champion_name(registry, tree), _manifest_sha256(home / name)
        append(home, Event(REFUSE, before, name, why, manifest, verdict or {}))


def _switch(home: Path, event: Event) -> Event:
    append(home, event)
    replace_file(home / CHAMPION, (event.after + "\n").encode())
    return event


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One switch at a time, among all processes; a crash leaves no lock behind."""
    try:
        with FileLock(home / ".lock", timeout=_WAIT_S):
            yield
    except Timeout as error:
        raise Refused("another promotion holds the registry", do="try again", where=str(home)) from error


def _take_name(home: Path) -> tuple[str, Path]:
    """A version name that nobody has or ever had, and the folder that keeps it."""
    while True:
        parts = [match[1] for path in home.iterdir() if (match := _PART.fullmatch(path.name))]
        finished = [path.name for path in home.iterdir() if _NAME.fullmatch(path.name)]
        known = [event.after for event in read_history(home) if _NAME.fullmatch(event.after)]
        name = f"v{max(map(_number, [*parts, *finished, *known]), default=0) + 1}"
        part = home / f".{name}.part"
        try:
            part.mkdir()
        except FileExistsError:  # another training took the name
            continue
        if not (home / name).exists():  # else it took the name and finished since we looked
            return name, part
        part.rmdir()


def _number(name: str) -> int:
    return int(name[1:])


def _manifest_sha256(folder: Path) -> str:
    path = folder / MANIFEST_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _sync_file(path: Path) -> None:
    if path.is_file():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
