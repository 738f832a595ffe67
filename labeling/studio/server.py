"""A real Label Studio on this machine: start it, find it again, stop it.

access = up(Path("xundan-labels"), port=8080); ...; down(Path("xundan-labels"))

It listens on 127.0.0.1 only and calls nobody. Its database, log and virtual environment lie in the folder
``studio`` of the store; `xundan.labeling.studio.docker` is the other way to run it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
from filelock import FileLock

from xundan.errors import BadInput
from xundan.labeling.studio import docker
from xundan.labeling.studio.access import (
    Access,
    address_of,
    find_access,
    new_access,
    studio_folder,
    write_access,
)
from xundan.labeling.studio.accounts import personal_token, token_works
from xundan.labeling.studio.environment import check_database, install, surroundings, variables
from xundan.labeling.studio.process import Process

START_S = 1200.0
"""How long a start is waited for; the first one builds the database: 45 s on two free cores."""
_HOST = "127.0.0.1"
# With --debug (which changes nothing else) it does not move to another port where this one is taken.
_ARGUMENTS = ("start", "--no-browser", "--debug", "--internal-host", _HOST, "--port")
_CODE = "from label_studio.server import main; main()"

Tell = Callable[[str], None]


def up(
    home: Path,
    *,
    port: int | None = None,
    database: str | None = None,
    docker: bool | None = None,
    environment: Path | None = None,
    tell: Tell = print,
) -> Access:
    """Start Label Studio if it does not run, wait until it is healthy, and have an account and a token.

    What is not given stays as it was at the last start (first: port 8080, SQLite, no container, an
    environment in the folder). Can be repeated, also after a crash; of two at once one waits. Raises
    `BadInput` for a port in use, a server that does not come up (with the end of its log), or a database it
    does not know.
    """
    # Each of two first starts would make up a password, and only one of them would be the account's.
    with FileLock(studio_folder(home) / "up.lock"):
        access = _chosen(home, port, database, docker, environment)
        write_access(home, access)
        if _running(home, access):
            tell(f"Label Studio runs already: {access.address}")
        else:
            _start(home, access, tell)
        _wait(home, access)
        if not access.token or not token_works(access.address, access.token):
            token = personal_token(access.address, access.email, access.password)
            access = replace(access, token=token)
            write_access(home, access)
        return access


def down(home: Path) -> bool:
    """Stop it; False where none ran. Nothing that was labelled is lost."""
    access = find_access(home)
    if access is None:
        return False
    return docker.down(studio_folder(home)) if access.docker else Process(studio_folder(home)).stop()


def _chosen(
    home: Path, port: int | None, database: str | None, docker: bool | None, environment: Path | None
) -> Access:
    before = find_access(home)
    access = before or new_access()
    if port is not None and not 0 < port < 65536:
        raise BadInput("no such port", got=port, expected="1 to 65535", where="--port")
    chosen = replace(
        access,
        address=access.address if port is None else address_of(port),
        database=access.database if database is None else check_database(database),
        docker=access.docker if docker is None else docker,
        environment=str(Path(environment or access.environment or studio_folder(home) / "venv").resolve()),
    )
    if before and chosen != before and _surely_running(home, before):
        if replace(chosen, environment=before.environment) == before:
            return before  # a running server does not care where another would be installed
        raise BadInput(
            "Label Studio runs with other settings",
            got=before.address,
            do="stop it first: xundan label down",
            where=str(home),
        )
    return chosen


def _running(home: Path, access: Access) -> bool:
    return docker.running(studio_folder(home)) if access.docker else Process(studio_folder(home)).running()


def _surely_running(home: Path, access: Access) -> bool:
    """`_running`; False where docker does not answer, so that one can go on without it."""
    try:
        return _running(home, access)
    except BadInput:
        return False


def _start(home: Path, access: Access, tell: Tell) -> None:
    folder = studio_folder(home).resolve()
    if access.docker:
        return docker.up(folder, access, tell)
    python = install(Path(access.environment), tell)
    _check_port(access.port)
    tell(f"starting Label Studio on {access.address} (the first time about a minute)")
    told = surroundings() | variables(access, folder / "data")
    Process(folder).start(python, _CODE, [*_ARGUMENTS, str(access.port)], told)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            raise BadInput("the port is in use", got=port, do="choose another with --port") from None


def _wait(home: Path, access: Access) -> None:
    """Until /health answers; the server's last words where it ends."""
    folder, until = studio_folder(home), time.monotonic() + START_S
    while time.monotonic() < until:
        alive = _running(home, access)
        if alive and _healthy(access):
            return
        if not alive:
            said = docker.last_words(folder) if access.docker else Process(folder).last_words()
            raise BadInput(
                "Label Studio did not come up", got=said or "nothing in its log", where=str(folder)
            )
        time.sleep(0.2)
    raise BadInput(
        f"Label Studio is still starting after {START_S:.0f} s",
        do="wait, and run xundan label up again",
        where=str(folder),
    )


def _healthy(access: Access) -> bool:
    try:
        return httpx.get(f"{access.address}/health", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
