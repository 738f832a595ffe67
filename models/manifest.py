"""What a model version is made of, signed: every file's hash, the data, the taxonomy, the code, the settings.

seal(folder, Facts(data_sha256, 13614, taxonomy, settings, {"micro_f1": 0.63}))
verify(folder, trusted={"3f6c…"})               # Refused names the file that was changed
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xundan.disk import replace_file
from xundan.errors import BadInput, Refused
from xundan.models.runtime import Description
from xundan.models.signing import fingerprint, now, public_bytes, signed_by, signing_key
from xundan.taxonomy.trees import Taxonomy

MANIFEST_FILE = "manifest.json"
KEPT_HERE = ("out_of_fold.npz", "rows.txt")
"""Files about single training rows: they never leave the registry, so a fetched version lacks them."""
_RESTORE = "restore the folder from a copy, or train it again"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Facts:
    """What the files cannot say of themselves: the data, the taxonomy, the settings, the main figures."""

    data_sha256: str
    data_rows: int
    taxonomy: Taxonomy
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Manifest:
    """``manifest.json``: ``files`` maps each name to its SHA-256, ``code_commit`` is empty outside git."""

    tree: str
    version: str
    made_at: str
    files: Mapping[str, str]
    data_sha256: str
    data_rows: int
    taxonomy_version: str
    taxonomy_sha256: str
    code_version: str
    code_commit: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    public_key: str
    key: str
    signature: str = ""

    @property
    def signed_content(self) -> bytes:
        """Everything but the signature, in the one spelling that is signed."""
        content = {name: value for name, value in asdict(self).items() if name != "signature"}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Load ``manifest.json``; `Refused` where it is missing or is none."""
        path = folder / MANIFEST_FILE
        try:
            manifest = cls(**json.loads(path.read_text(encoding="utf-8")))
            names_are_plain = all(_PLAIN_NAME.fullmatch(name) for name in manifest.files)
        except FileNotFoundError as error:
            raise Refused(
                f"the model has no {MANIFEST_FILE}, so nothing says that it is what was trained",
                do="train it again with `xundan train`, which signs what it makes",
                where=str(folder),
            ) from error
        except (OSError, ValueError, TypeError) as error:
            raise Refused("not a manifest", got=error, do=_RESTORE, where=str(path)) from error
        if not names_are_plain:
            raise Refused("the manifest names a file outside its folder", do=_RESTORE, where=str(path))
        return manifest


def seal(folder: Path, facts: Facts) -> Manifest:
    """Write and sign ``manifest.json`` for every file now in the folder; call it last.

    Raises `BadInput` where the folder holds no model or a file that no version has, a figure is not finite,
    or the signing key is unfit.
    """
    description, key = Description.read(folder), signing_key()
    odd = sorted(name for name in _files(folder) if not _PLAIN_NAME.fullmatch(name))
    if odd:
        raise BadInput("not a file of a model version", got=odd[0], do="move it away", where=str(folder))
    unsigned = Manifest(
        tree=description.tree,
        version=description.version,
        made_at=now(),
        files={name: _sha256(folder / name) for name in sorted(_files(folder))},
        data_sha256=facts.data_sha256,
        data_rows=facts.data_rows,
        taxonomy_version=facts.taxonomy.version,
        taxonomy_sha256=taxonomy_sha256(facts.taxonomy),
        code_version=_code_version(),
        code_commit=_code_commit(),
        settings=json.loads(json.dumps(facts.settings, default=str)),
        metrics={name: float(value) for name, value in facts.metrics.items()},
        public_key=base64.b64encode(public_bytes(key)).decode(),
        key=fingerprint(public_bytes(key)),
    )
    try:
        signature = base64.b64encode(key.sign(unsigned.signed_content)).decode()
    except ValueError as error:
        raise BadInput("a figure or setting is not finite", got=dict(facts.metrics)) from error
    manifest = Manifest(**{**asdict(unsigned), "signature": signature})
    text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n"
    replace_file(folder / MANIFEST_FILE, text.encode())
    return manifest


def verify(folder: Path, trusted: Collection[str]) -> Manifest:
    """The manifest, once the folder is exactly what a trusted key signed; else `Refused` names the file.

    Of the files in `KEPT_HERE` one may be absent; any other missing, added or changed file is refused.
    """
    manifest = verify_manifest(folder, trusted)
    present = _files(folder)
    for name, expected in manifest.files.items():
        if name not in present:
            if name not in KEPT_HERE:
                raise Refused(f"{name} is missing", do=_RESTORE, where=str(folder))
        elif _sha256(folder / name) != expected:
            raise Refused(f"{name} was changed after the version was made", do=_RESTORE, where=str(folder))
    extra = sorted(present - set(manifest.files))
    if extra:
        raise Refused(
            f"{extra[0]} was added after the version was made",
            do=f"move it out of the folder: {', '.join(extra)}",
            where=str(folder),
        )
    return manifest


def verify_manifest(folder: Path, trusted: Collection[str]) -> Manifest:
    """The manifest alone, once a trusted key has signed it: what its files are comes after."""
    manifest = Manifest.read(folder)
    try:
        public = base64.b64decode(manifest.public_key, validate=True)
        signature = base64.b64decode(manifest.signature, validate=True)
        content = manifest.signed_content
    except (ValueError, TypeError) as error:
        raise Refused(
            "the signature cannot be read", do=_RESTORE, where=str(folder / MANIFEST_FILE)
        ) from error
    key = fingerprint(public)
    if not signed_by(public, signature, content) or key != manifest.key:
        raise Refused(
            f"{MANIFEST_FILE} was changed after it was signed", do=_RESTORE, where=str(folder / MANIFEST_FILE)
        )
    if key not in trusted:
        raise Refused(
            "the model is signed by a key that is not trusted here",
            got=key,
            expected=f"one of {', '.join(sorted(trusted)) or '(none)'}",
            do=f"compare it with whoever trained the model, then: xundan models trust {key} --registry DIR",
            where=str(folder),
        )
    return manifest


def taxonomy_sha256(taxonomy: Taxonomy) -> str:
    """The hash of everything a taxonomy says: an edited definition shows even under an old version."""
    text = json.dumps(asdict(taxonomy), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _files(folder: Path) -> set[str]:
    """Every file below the folder but the manifest, by its path inside it."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return found - {MANIFEST_FILE}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code_version() -> str:
    try:
        return importlib.metadata.version("xundan")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def _code_commit() -> str:
    """The commit of the checkout this code runs from, with "+changed" where it was edited; else empty."""
    here = Path(__file__).resolve()
    # Installed into a folder of another project, the code would give that project's commit: hence ls-files.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return ""
    commit = _git(here.parent, "rev-parse", "HEAD")
    changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+changed" if commit and changed else commit or ""


def _git(folder: Path, *words: str) -> str | None:
    """What git prints, None where it is missing, slow or says no."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
