"""Label Studio in a container: a compose file in the store folder, published on loopback only.

up(Path("xundan-labels/studio"), access)
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from xundan.disk import replace_file
from xundan.errors import BadInput
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.environment import VERSION, variables

COMPOSE_NAME = "compose.yaml"
_ENV_NAME = "compose.env"
_NAME = re.compile(r"^name: (\S+)$", re.MULTILINE)
_PLAIN = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
_COMPOSE = """\
# Written by `xundan label up --docker`; changes are overwritten at the next start.
name: {name}
services:
  label-studio:
    image: heartexlabs/label-studio:{version}
    restart: unless-stopped
    ports: ["127.0.0.1:{port}:8080"]
    env_file: {env}
    extra_hosts: ["host.docker.internal:host-gateway"]
    volumes: ["data:/label-studio/data"]
volumes:
  data:
"""


def up(folder: Path, access: Access, tell: Callable[[str], None] = print) -> None:
    """Write the compose file and start the container; `BadInput` where docker is missing or says no.

    A PostgreSQL on this machine is reached from inside as host.docker.internal.
    """
    check_docker()
    write_compose(folder, access)
    tell(f"starting Label Studio {VERSION} in a container on {access.address}")
    _compose(folder, "up", "--detach")


def down(folder: Path) -> bool:
    """Stop the container and keep its data; False where none ran."""
    was_running = running(folder)
    if was_running:
        _compose(folder, "down")
    return was_running


def running(folder: Path) -> bool:
    """Whether the container of this folder runs; not where docker is no more."""
    if not (folder / COMPOSE_NAME).is_file() or shutil.which("docker") is None:
        return False
    return bool(_compose(folder, "ps", "--quiet", "--status", "running").strip())


def last_words(folder: Path, lines: int = 5) -> str:
    """The end of the container's log."""
    return " / ".join(_compose(folder, "logs", "--no-log-prefix", "--tail", str(lines)).splitlines())


def write_compose(folder: Path, access: Access) -> None:
    """Write the compose file, and beside it what holds the password (mode 600).

    Docker finds the data by the name in the file, so a folder keeps the name it was first given.
    """
    # A container is told the port that it is published on by the compose file alone.
    told = variables(access, data=None)
    lines = "".join(f"{name}={_quoted(value)}\n" for name, value in told.items())
    replace_file(folder / _ENV_NAME, lines.encode(), mode=0o600)
    before = folder / COMPOSE_NAME
    kept = _NAME.search(before.read_text(encoding="utf-8")) if before.is_file() else None
    name = kept[1] if kept else f"xundan-label-studio-{secrets.token_hex(4)}"
    text = _COMPOSE.format(name=name, version=VERSION, port=access.port, env=_ENV_NAME)
    replace_file(folder / COMPOSE_NAME, text.encode())


def check_docker() -> str:
    """The docker program; `BadInput` where there is none."""
    docker = shutil.which("docker")
    if docker is None:
        raise BadInput("docker is not installed", do="run it without: xundan label up --no-docker")
    return docker


def _quoted(value: str) -> str:
    """A value as compose reads it unchanged: it would replace a $ and cut at a # outside of quotes."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"


def _compose(folder: Path, *arguments: str) -> str:
    command = [check_docker(), "compose", "--file", str(folder / COMPOSE_NAME), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-2:]
        raise BadInput("docker compose failed", got=" / ".join(said), where=str(folder / COMPOSE_NAME))
    return done.stdout
