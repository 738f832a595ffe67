"""Label Studio in a container: a compose file in the store folder, published on loopback only.

up(Path("xundan-labels/studio"), access)
"""

from __future__ import annotations

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
    """Whether the container of this folder runs."""
    if not (folder / COMPOSE_NAME).is_file():
        return False
    return bool(_compose(folder, "ps", "--quiet", "--status", "running").strip())


def last_words(folder: Path, lines: int = 5) -> str:
    """The end of the container's log."""
    return " / ".join(_compose(folder, "logs", "--no-log-prefix", "--tail", str(lines)).splitlines())


def write_compose(folder: Path, access: Access) -> None:
    """Write the compose file, and beside it what holds the password (mode 600)."""
    # A container is told the port that it is published on by the compose file alone.
    told = variables(access, data=None)
    lines = "".join(f"{name}={value}\n" for name, value in told.items())
    replace_file(folder / _ENV_NAME, lines.encode(), mode=0o600)
    name = f"xundan-label-studio-{access.port}"
    text = _COMPOSE.format(name=name, version=VERSION, port=access.port, env=_ENV_NAME)
    replace_file(folder / COMPOSE_NAME, text.encode())


def _compose(folder: Path, *arguments: str) -> str:
    docker = shutil.which("docker")
    if docker is None:
        raise BadInput("docker is not installed", do="leave out --docker: Label Studio then runs without it")
    command = [docker, "compose", "--file", str(folder / COMPOSE_NAME), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-2:]
        raise BadInput("docker compose failed", got=" / ".join(said), where=str(folder / COMPOSE_NAME))
    return done.stdout
