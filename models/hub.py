"""Bring a version to another machine: a folder, or a repository such as shop/xundan-attention on a hub.

push(folder, "shop/xundan-attention", trusted, print, endpoint="https://huggingface.co")     # private
folder = fetch("shop/xundan-attention", trusted)
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xundan.errors import BadInput, Refused
from xundan.models.manifest import KEPT_HERE, MANIFEST_FILE, verify, verify_manifest

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class PushPlan:
    """What is about to leave: files with their bytes, and where to (``endpoint`` is empty for a folder)."""

    version: str
    folder: Path
    name: str
    endpoint: str
    public: bool
    files: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        size = sum(size for _, size in self.files)
        seen_by = "anyone" if self.public else "those you let in"
        where = f"{self.endpoint}/{self.name}, for {seen_by}" if self.endpoint else self.name
        listed = "\n".join(f"  {name}  {size:,} bytes" for name, size in self.files)
        return f"{self.version}: {len(self.files)} files, {size:,} bytes, to {where}\n{listed}"


def push(
    folder: Path,
    name: str,
    trusted: Collection[str],
    announce: Callable[[PushPlan], None],
    *,
    endpoint: str | None = None,
    public: bool = False,
    token: str | None = None,
) -> str:
    """Copy a verified version to a folder (``./copy``, ``/mnt/models/copy``) or a hub; returns its address.

    ``announce`` is told every file before anything leaves; it stops the push by raising. What tells of single
    training rows (`KEPT_HERE`) stays. A repository is made private unless ``public``; one that is public
    already is `Refused`. A hub is only reached if ``endpoint`` names it: `BadInput` without.
    """
    manifest = verify(folder, trusted)
    names = [MANIFEST_FILE, *(file for file in manifest.files if file not in KEPT_HERE)]
    if _is_path(name) == bool(endpoint):
        raise BadInput(
            "it is not clear where to push to",
            got=f"{name}{f' at {endpoint}' if endpoint else ' and no endpoint'}",
            expected="a repository such as shop/xundan-attention and an endpoint, or a folder such as ./copy",
            do="name the hub, such as --endpoint https://huggingface.co",
        )
    if not _is_path(name) and not _REPOSITORY.fullmatch(name):
        raise _no_repository(name)
    files = tuple((file, (folder / file).stat().st_size) for file in names)
    plan = PushPlan(manifest.version, folder, name, (endpoint or "").rstrip("/"), public, files)
    announce(plan)
    return _push_to_hub(plan, token) if endpoint else _push_to_folder(plan)


def fetch(
    name: str,
    trusted: Collection[str],
    *,
    cache: Path | None = None,
    endpoint: str | None = None,
    token: str | None = None,
) -> Path:
    """The folder of a version by its repository's name, verified; a folder is verified where it lies.

    Downloads stand in ``cache`` (the Hugging Face cache by default) and are not downloaded again. Of a
    repository only what its signed manifest names is fetched. `Refused` where the manifest is not signed by
    a trusted key or a file is not what was signed; `BadInput` where there is no such repository.
    """
    if _is_path(name) or Path(name).is_dir():
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise BadInput("no such folder", got=name, do="give a model's folder or a repository's name")
        verify(folder, trusted)
        return folder
    if not _REPOSITORY.fullmatch(name):
        raise _no_repository(name)
    api = _api(endpoint, token)
    with _told(name, api.endpoint):
        first = Path(api.hf_hub_download(name, MANIFEST_FILE, cache_dir=cache))
        folder = first.parent  # <cache>/models--…/snapshots/<commit>
        manifest = verify_manifest(folder, trusted)
        for file in manifest.files:
            if file not in KEPT_HERE:
                api.hf_hub_download(name, file, revision=folder.name, cache_dir=cache)
    verify(folder, trusted)
    return folder


def _push_to_folder(plan: PushPlan) -> str:
    """All files or none: copied beside the target first."""
    target = Path(plan.name).expanduser()
    if target.exists():
        raise BadInput("the folder exists already", got=target, do="name a new one, or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        for file, _ in plan.files:
            shutil.copyfile(plan.folder / file, part / file)
        part.chmod(0o755)
        os.replace(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return str(target)


def _push_to_hub(plan: PushPlan, token: str | None) -> str:
    """One commit with all files, so that nobody fetches half a version."""
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import RepositoryNotFoundError

    api = _api(plan.endpoint, token)
    with _told(plan.name, plan.endpoint):
        try:
            private = bool(api.repo_info(plan.name).private)
        except RepositoryNotFoundError:
            api.create_repo(plan.name, private=not plan.public)
            private = not plan.public
        if not private and not plan.public:
            raise Refused(
                f"{plan.name} is public: anyone would see the model",
                do="make it private there, choose another name, or say that it shall be public",
                where=plan.endpoint,
            )
        added = [CommitOperationAdd(file, plan.folder / file) for file, _ in plan.files]
        api.create_commit(plan.name, added, commit_message=plan.version)
    return f"{plan.endpoint}/{plan.name}"


def _api(endpoint: str | None, token: str | None) -> HfApi:
    """A client of one hub. A token that this machine keeps for one hub is not sent to another."""
    from huggingface_hub import HfApi, constants

    kept_for_it = not endpoint or endpoint.rstrip("/") == constants.ENDPOINT
    return HfApi(endpoint=endpoint, token=token or (None if kept_for_it else False))


@contextmanager
def _told(name: str, endpoint: str) -> Iterator[None]:
    """What a hub answers, as one sentence."""
    from huggingface_hub import errors

    try:
        yield
    except errors.RepositoryNotFoundError as error:
        raise BadInput(
            f"the hub has no repository {name}, or you may not see it",
            do="look at its name and your token (HF_TOKEN)",
            where=endpoint,
        ) from error
    except errors.RemoteEntryNotFoundError as error:
        raise BadInput(f"{name} lacks a file of a model version: {error}", where=endpoint) from error
    # HTTPError is what the client's HTTP library raises, known here under the client's own name for it.
    except (OSError, errors.HTTPError, errors.HFValidationError) as error:  # type: ignore[attr-defined]
        raise BadInput(f"the hub could not be used: {error}", where=endpoint) from error


def _is_path(name: str) -> bool:
    """Whether a name can only be a folder's: it begins with a dot, a slash, a drive or ~."""
    return name.startswith((".", "/", "~", "\\")) or Path(name).is_absolute()


def _no_repository(name: str) -> BadInput:
    return BadInput("not a repository's name", got=name, expected="one such as shop/xundan-attention")
