"""One real Label Studio for a whole test session, two people who label in it, and projects to fill.

It is installed once a machine, into ~/.cache/xundan-test (or where XUNDAN_TEST_CACHE says), and its empty
database is kept there, so that later sessions start in seconds.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.labeling.own_tasks import message_tasks
from xundan.labeling.store import Store
from xundan.labeling.studio.access import FOLDER, Access, read_access, write_access
from xundan.labeling.studio.accounts import add_person, personal_token
from xundan.labeling.studio.client import library
from xundan.labeling.studio.environment import VERSION
from xundan.labeling.studio.project import ensure_project
from xundan.labeling.studio.server import down, up
from xundan.taxonomy.trees import load

CACHE = Path(os.environ.get("XUNDAN_TEST_CACHE", "~/.cache/xundan-test")).expanduser()
PEOPLE = ("lin@example.cn", "wu@example.cn")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_studio(home: Path) -> Access:
    """Start a Label Studio with an empty database in a new store folder."""
    blank = CACHE / f"label-studio-home-{VERSION}"
    environment = CACHE / "label-studio"
    if not blank.is_dir():
        up(home, port=free_port(), environment=environment)
        down(home)
        kept = CACHE / f"blank-{os.getpid()}"
        shutil.copytree(home, kept)
        with suppress(OSError):  # another session was faster
            kept.rename(blank)
    elif not (home / FOLDER).exists():
        shutil.copytree(blank / FOLDER, home / FOLDER)
    return up(home, port=free_port(), environment=environment)


@pytest.fixture(scope="session")
def studio_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store folder whose Label Studio runs."""
    home = tmp_path_factory.mktemp("studio")
    try:
        start_studio(home)
        yield home
    finally:
        down(home)


@pytest.fixture(scope="session")
def access(studio_home: Path) -> Access:
    """Address, account and token of the one who set it up."""
    return read_access(studio_home)


@pytest.fixture(scope="session")
def annotators(access: Access) -> tuple[Access, Access]:
    """Two people who label, each with a token of their own."""
    made = []
    for email in PEOPLE:
        person = add_person(access, email)
        token = personal_token(access.address, person.email, person.password)
        made.append(replace(access, email=person.email, password=person.password, token=token))
    return made[0], made[1]


@pytest.fixture
def studio_project(access: Access, tmp_path: Path) -> Callable[[str], int]:
    """Makes a new project for a tree, to which nothing was pushed."""

    def make(tree: str = "attention") -> int:
        with Store.open(tmp_path / f"project-{tree}") as store:
            return ensure_project(library(access), store, load(tree)).number

    return make


@pytest.fixture
def own_store(tmp_path: Path, access: Access) -> Iterator[Store]:
    """A store with 200 messages, which knows the running Label Studio."""
    write_access(tmp_path / "labels", access)
    with Store.open(tmp_path / "labels") as opened:
        opened.add_tasks(message_tasks(200))
        yield opened
