"""Small files that are there whole or not at all, whatever happens while they are written.

>>> import tempfile
>>> from xundan.disk import replace_file
>>> replace_file(Path(tempfile.mkdtemp()) / "champion", b"v3")
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put ``content`` in place of whatever ``path`` held; a reader sees the old file or the new one."""
    temporary = _written(path, content, mode)
    try:
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def create_once(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write ``path`` unless it is there: of two that try at once, one wins and both then read the same."""
    temporary = _written(path, content, mode)
    try:
        with suppress(FileExistsError):  # unlike a rename, a link never replaces another's file
            os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write a value as readable JSON, Chinese as it is, into a folder that is not in use yet."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut."""
    if os.name == "nt":  # Windows cannot open a folder to sync it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _written(path: Path, content: bytes, mode: int) -> Path:
    """A synced temporary file beside ``path``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(name, mode)
    return Path(name)
