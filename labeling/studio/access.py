"""How this machine reaches its Label Studio: address, account and token, in a file only its owner reads.

access = read_access(Path("xundan-labels"))
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from xundan.disk import replace_file
from xundan.errors import BadInput

FOLDER = "studio"
FILE_NAME = "access.json"
PORT = 8080


@dataclass(frozen=True)
class Access:
    """The account that `up` made, and how the server was started.

    ``token``: a personal access token, "" until the server has given one. ``database``: "" for SQLite beside
    this file, or postgresql://user:password@host:port/name. ``environment``: the virtual environment that
    Label Studio is installed in.
    """

    address: str
    email: str
    password: str
    token: str = ""
    database: str = ""
    docker: bool = False
    environment: str = ""

    @property
    def port(self) -> int:
        """The port of the address."""
        return int(self.address.rpartition(":")[2])


def studio_folder(home: Path) -> Path:
    """Where everything of the server lies; made where it is missing, closed to other users."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def new_access() -> Access:
    """An account with a password nobody has seen, on loopback; its environment is not chosen yet.

    A database in which an earlier account stands keeps that one's password, so each has a name of its own.
    """
    return Access(address_of(PORT), f"xundan-{secrets.token_hex(3)}@example.com", secrets.token_urlsafe(18))


def address_of(port: int) -> str:
    """The address of a port of this machine."""
    return f"http://127.0.0.1:{port}"


def write_access(home: Path, access: Access) -> None:
    """Keep it, readable by its owner only (mode 600)."""
    content = json.dumps(asdict(access), indent=1).encode()
    replace_file(studio_folder(home) / FILE_NAME, content, mode=0o600)


def find_access(home: Path) -> Access | None:
    """What `up` kept in this folder, or None; `BadInput` for a file that cannot be read."""
    path = home / FOLDER / FILE_NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        access = Access(**{item.name: found[item.name] for item in fields(Access)})
        if not access.port:
            raise ValueError("no port in the address")
        return access
    except FileNotFoundError:
        return None
    except PermissionError:
        raise BadInput(
            "the address and token of Label Studio can be read by their owner only", where=str(path)
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            "the file with the address and token of Label Studio is damaged",
            got=repr(error),
            do="delete it and run: xundan label up",
            where=str(path),
        ) from None


def read_access(home: Path) -> Access:
    """What `up` kept in this folder; `BadInput` with the command to run where there is none."""
    access = find_access(home)
    if access is None or not access.token:
        raise BadInput("no Label Studio was started here", do="run: xundan label up", where=str(home))
    return access
