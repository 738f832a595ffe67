"""Label Studio in a virtual environment of its own, so that its Django never meets this project's libraries.

python = install(Path("xundan-labels/studio/venv"))
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from xundan.errors import BadInput
from xundan.labeling.studio.access import Access

VERSION = "1.23.2"
_MARKER = f"label-studio-{VERSION}.installed"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


def install(folder: Path, tell: Callable[[str], None] = print) -> Path:
    """The interpreter of the virtual environment in ``folder``, made and filled where it is not yet.

    Takes about two minutes and 1 GB the first time. An interrupted installation is finished by the next call;
    of two callers one waits. Raises `BadInput` with what pip said where it fails.
    """
    python = folder / "bin" / "python"
    if (folder / _MARKER).exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / _MARKER).exists():
            tell(f"installing Label Studio {VERSION} into {folder} (about 2 minutes, 1 GB)")
            _run([sys.executable, "-m", "venv", str(folder)], folder)
            _run([str(python), "-m", "pip", "install", "--quiet", f"label-studio=={VERSION}"], folder)
            (folder / _MARKER).touch()
    return python


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise BadInput(
            "Label Studio could not be installed",
            got=" / ".join(said),
            do=f"check the network or proxy of pip, or install label-studio=={VERSION} there by hand",
            where=str(folder),
        )


def variables(access: Access, data: Path | None) -> dict[str, str]:
    """What Label Studio is told by its environment: account, database, and to call nobody.

    ``data``: the folder of its database and files, None where a container has its own.
    """
    told = {
        "LABEL_STUDIO_USERNAME": access.email,
        "LABEL_STUDIO_PASSWORD": access.password,
        "LABEL_STUDIO_HOST": "",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_ENABLE_LOCAL_FILES_STORAGE": "false",
        # A page of another site, open in the same browser, must not reach the server.
        "LABEL_STUDIO_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "LABEL_STUDIO_CORS_ALLOW_ALL_ORIGINS": "false",
        # Deleting annotations in bulk stamps tasks with the machine's local time as if it were UTC.
        "TZ": "UTC",
        **_database(access.database),
    }
    return told | ({"LABEL_STUDIO_BASE_DATA_DIR": str(data)} if data else {})


def surroundings() -> dict[str, str]:
    """The few variables of this process that a started server may see; the others could change its doings."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def check_database(address: str) -> str:
    """The address of a database as it is, or `BadInput`; "" and "sqlite" both mean SQLite."""
    if address in ("", "sqlite"):
        return ""
    if not _is_postgresql(address):
        raise BadInput(
            "not a database that Label Studio knows",
            got=repr(_hidden(address)),
            expected="sqlite or postgresql://user:password@host:5432/name",
            where="--database",
        )
    return address


def _is_postgresql(address: str) -> bool:
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname and parts.path.strip("/")) and parts.port != 0
    except ValueError:  # no port, or no address at all
        return False
    return named and parts.scheme in ("postgresql", "postgres")


def _hidden(address: str) -> str:
    return re.sub(r"//.*@", "//…@", address)


def _database(address: str) -> dict[str, str]:
    if not address:
        return {"LABEL_STUDIO_DJANGO_DB": "sqlite"}
    parts = urlsplit(address)
    return {
        "LABEL_STUDIO_DJANGO_DB": "default",
        "LABEL_STUDIO_POSTGRE_HOST": parts.hostname or "",
        "LABEL_STUDIO_POSTGRE_PORT": str(parts.port or 5432),
        "LABEL_STUDIO_POSTGRE_USER": unquote(parts.username or "postgres"),
        "LABEL_STUDIO_POSTGRE_PASSWORD": unquote(parts.password or ""),
        "LABEL_STUDIO_POSTGRE_NAME": parts.path.strip("/"),
    }
