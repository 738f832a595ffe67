"""Label Studio is started, found again after a crash, stopped, and neither seen nor heard from outside.

pytest tests/labeling/test_studio_server.py -m "not slow"
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import stat
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.labeling.conftest import free_port, start_studio
from xundan.errors import BadInput
from xundan.labeling.studio import docker, server
from xundan.labeling.studio.access import (
    Access,
    find_access,
    new_access,
    read_access,
    studio_folder,
    write_access,
)
from xundan.labeling.studio.accounts import add_person, token_works
from xundan.labeling.studio.environment import check_database, install, surroundings, variables
from xundan.labeling.studio.process import Process
from xundan.labeling.studio.server import down, up

SLEEPER = "import time; time.sleep(600)"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_only_for_its_owner(tmp_path: Path) -> None:
    access = Access("http://127.0.0.1:8099", "a@example.com", "secret", token="t")
    write_access(tmp_path, access)
    assert read_access(tmp_path) == access
    assert mode(tmp_path / "studio" / "access.json") == 0o600
    assert mode(tmp_path / "studio") == 0o700
    assert access.port == 8099


def test_what_is_missing_or_damaged_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no Label Studio was started here; run: xundan label up"):
        read_access(tmp_path)
    studio_folder(tmp_path)
    (tmp_path / "studio" / "access.json").write_text('{"address": 1')
    with pytest.raises(BadInput, match=r"is damaged.*delete it and run: xundan label up"):
        find_access(tmp_path)


def test_an_address_without_a_port_is_damage(tmp_path: Path) -> None:
    write_access(tmp_path, Access("http://127.0.0.1", "a@example.com", "secret"))
    with pytest.raises(BadInput, match="is damaged"):
        find_access(tmp_path)


def test_every_new_account_has_another_password() -> None:
    first, second = new_access(), new_access()
    assert first.password != second.password
    assert first.email != second.email  # the first one's, where its database is used again, has its password


def test_the_server_is_told_to_call_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_COLLECT_ANALYTICS", "true")
    monkeypatch.setenv("SENTRY_DSN", "https://somebody")
    told = surroundings() | variables(new_access(), tmp_path)
    assert "SENTRY_DSN" not in told
    assert told["LABEL_STUDIO_COLLECT_ANALYTICS"] == "false"
    assert told["LABEL_STUDIO_SENTRY_DSN"] == told["LABEL_STUDIO_FRONTEND_SENTRY_DSN"] == ""
    assert told["LABEL_STUDIO_LATEST_VERSION_CHECK"] == "false"
    assert told["LABEL_STUDIO_ALLOWED_HOSTS"] == "127.0.0.1,localhost"
    assert told["LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK"] == "true"


def test_a_postgresql_is_taken_apart(tmp_path: Path) -> None:
    access = Access("http://127.0.0.1:1", "a", "b", database="postgresql://ma:p%40ss@db.local/labels")
    told = variables(access, tmp_path)
    assert told["LABEL_STUDIO_DJANGO_DB"] == "default"
    assert told["LABEL_STUDIO_POSTGRE_HOST"] == "db.local"
    assert told["LABEL_STUDIO_POSTGRE_PORT"] == "5432"
    assert (told["LABEL_STUDIO_POSTGRE_USER"], told["LABEL_STUDIO_POSTGRE_PASSWORD"]) == ("ma", "p@ss")
    assert told["LABEL_STUDIO_POSTGRE_NAME"] == "labels"
    assert variables(new_access(), tmp_path)["LABEL_STUDIO_DJANGO_DB"] == "sqlite"


@pytest.mark.parametrize(
    "address",
    [
        "mysql://u:hunter2@h/x",
        "postgresql://u:hunter2@h",
        "postgresql://u:hunter2@h:54x2/labels",
        "postgresql://u:hunter2@h:0/labels",
        "postgresql://u:hun/ter2@h/labels",
        "postgresql://u:hunter2@[h/labels",
        "labels.db",
    ],
)
def test_another_database_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BadInput, match="--database: not a database that Label Studio knows") as error:
        check_database(address)
    assert "ter2" not in str(error.value)
    assert check_database("sqlite") == ""


def test_a_failed_installation_says_what_pip_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tmp_path / "venv"
    fake = environment / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text("#!/bin/sh\necho 'No matching distribution' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(BadInput, match="could not be installed; got No matching distribution"):
        install(environment, tell=lambda line: None)


def test_a_process_is_found_again_and_stopped(tmp_path: Path) -> None:
    process = Process(tmp_path)
    assert not process.running()
    assert not process.stop()
    started = process.start(Path(sys.executable), SLEEPER, [], os.environ)
    assert Process(tmp_path).running()
    with pytest.raises(BadInput, match="already running"):
        process.start(Path(sys.executable), SLEEPER, [], os.environ)
    assert Process(tmp_path).stop()
    assert not process.running()
    os.waitpid(started, 0)


def test_two_that_ask_whether_it_runs_are_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "server.lock").write_text("1")
    with open(tmp_path / "server.lock") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not Process(tmp_path).running()


def test_the_number_of_a_crashed_process_is_nobodys(tmp_path: Path) -> None:
    process = Process(tmp_path)
    crashed = process.start(Path(sys.executable), SLEEPER, [], os.environ)
    os.kill(crashed, signal.SIGKILL)
    os.waitpid(crashed, 0)
    assert not process.running()
    # The number now belongs to somebody else: to this very test.
    (tmp_path / "server.lock").write_text(str(os.getpid()))
    assert not process.stop()
    second = process.start(Path(sys.executable), SLEEPER, [], os.environ)
    assert process.running()
    assert process.stop()
    os.waitpid(second, 0)


def fake_environment(tmp_path: Path, main: str) -> Path:
    """An environment whose Label Studio is a few lines."""
    package = tmp_path / "site" / "label_studio"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "server.py").write_text(main)
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}/site" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "venv" / "label-studio-1.23.2.installed").touch()
    return tmp_path / "venv"


def test_a_server_that_ends_gives_its_last_words(tmp_path: Path) -> None:
    environment = fake_environment(tmp_path, "def main():\n    raise SystemExit('no room left')\n")
    with pytest.raises(BadInput, match="did not come up; got no room left"):
        up(tmp_path / "home", port=free_port(), environment=environment, tell=lambda line: None)


def test_a_server_that_takes_long_is_left_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = fake_environment(tmp_path, "import time\ndef main():\n    time.sleep(600)\n")
    monkeypatch.setattr(server, "START_S", 0.5)
    home = tmp_path / "home"
    with pytest.raises(BadInput, match=r"still starting after .*; wait, and run xundan label up again"):
        up(home, port=free_port(), environment=environment, tell=lambda line: None)
    assert Process(studio_folder(home)).running()
    assert down(home)


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    environment = fake_environment(tmp_path, "def main():\n    pass\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"the port is in use; got {port}; choose another with --port"):
            up(tmp_path / "home", port=port, environment=environment, tell=lambda line: None)


def test_nothing_to_stop(tmp_path: Path) -> None:
    assert down(tmp_path) is False


FAKE_DOCKER = """#!/bin/sh
echo "$@" >> "{folder}/calls"
case "$*" in
  *" ps "*) [ -e "{folder}/up" ] && echo 1234 ;;
  *" up "*) touch "{folder}/up" ;;
  *" down"*) rm "{folder}/up" ;;
  *" logs "*) echo "no space left"; echo "exited" ;;
esac
exit 0
"""


def test_docker_publishes_on_loopback_and_keeps_the_password_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(FAKE_DOCKER.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    folder = studio_folder(tmp_path / "home")
    access = Access("http://127.0.0.1:8123", "a@example.com", "secret", docker=True)
    assert not docker.running(folder)
    docker.up(folder, access, tell=lambda line: None)
    assert docker.running(folder)
    text = (folder / "compose.yaml").read_text()
    assert 'ports: ["127.0.0.1:8123:8080"]' in text
    assert "heartexlabs/label-studio:1.23.2" in text
    assert "secret" not in text
    told = (folder / "compose.env").read_text()
    assert mode(folder / "compose.env") == 0o600
    assert "LABEL_STUDIO_PASSWORD=secret" in told
    assert "BASE_DATA_DIR" not in told
    assert docker.last_words(folder) == "no space left / exited"
    assert docker.down(folder)
    assert not docker.down(folder)


def test_docker_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    access = Access("http://127.0.0.1:8123", "a@example.com", "secret", docker=True)
    with pytest.raises(BadInput, match=r"docker is not installed; .*--no-docker"):
        docker.up(studio_folder(tmp_path / "home"), access, tell=lambda line: None)
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(BadInput, match="docker compose failed; got Cannot connect to the Docker daemon"):
        docker.up(studio_folder(tmp_path / "home"), access, tell=lambda line: None)


def test_docker_keeps_the_name_of_its_data_and_reads_any_password(tmp_path: Path) -> None:
    told = {}
    for name in ("one", "other"):
        folder = studio_folder(tmp_path / name)
        for port in (8123, 8124):
            address = f"http://127.0.0.1:{port}"
            database = "postgresql://ma:a%24b%20%23c'd@db/labels"
            docker.write_compose(folder, Access(address, "a@example.com", "pw", database=database))
            told[name, port] = (folder / "compose.yaml").read_text().splitlines()[1]
    assert told["one", 8123] == told["one", 8124]
    assert len(set(told.values())) == 2
    lines = (folder / "compose.env").read_text().splitlines()
    assert r"LABEL_STUDIO_POSTGRE_PASSWORD='a$b #c\'d'" in lines
    assert "LABEL_STUDIO_PASSWORD=pw" in lines


@pytest.mark.parametrize("said", ["", "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n"])
def test_who_has_no_docker_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    environment = fake_environment(tmp_path, "def main():\n    raise SystemExit('no room left')\n")
    home, programs = tmp_path / "home", tmp_path / "bin"
    programs.mkdir()
    if said:
        (programs / "docker").write_text(said)
        (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    told: dict[str, Any] = {"port": free_port(), "environment": environment, "tell": lambda line: None}
    with pytest.raises(BadInput, match="docker"):
        up(home, docker=True, **told)
    docker.write_compose(studio_folder(home), new_access())
    with pytest.raises(BadInput, match="did not come up; got no room left"):
        up(home, docker=False, **told)
    assert not down(home)


@pytest.mark.parametrize("port", [0, 70_000, -1])
def test_no_such_port(tmp_path: Path, port: int) -> None:
    with pytest.raises(BadInput, match="--port: no such port"):
        up(tmp_path, port=port, tell=lambda line: None)
    assert find_access(tmp_path) is None


def test_the_environment_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_environment(tmp_path, "def main():\n    raise SystemExit('no room left')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="no room left"):
        up(Path("home"), port=free_port(), environment=Path("venv"), tell=lambda line: None)
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    monkeypatch.setattr(sys, "executable", "/bin/false")  # nothing is installed anew
    with pytest.raises(BadInput, match="no room left"):
        up(Path("../home"), tell=lambda line: None)


def test_of_two_first_starts_one_waits_and_both_have_the_same_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(server, "_start", lambda home, access, tell: time.sleep(0.3))
    monkeypatch.setattr(server, "_wait", lambda home, access: None)
    monkeypatch.setattr(server, "personal_token", lambda address, email, password: f"token of {password}")
    monkeypatch.setattr(server, "token_works", lambda address, token: True)

    def start(_: int) -> Access:
        began.wait()
        return up(tmp_path, port=8123, environment=tmp_path, tell=lambda line: None)

    with ThreadPoolExecutor(2) as both:
        first, second = both.map(start, range(2))
    assert first == second == read_access(tmp_path)


def listeners(port: int) -> set[str]:
    """The addresses, in hexadecimal, that something listens on at this port (IPv4 and IPv6)."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, number = line.split()[1].split(":")
            if int(number, 16) == port and line.split()[3] == "0A":
                found.add(address)
    return found


@pytest.mark.slow
@pytest.mark.studio
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")
def test_the_whole_life_of_a_server(tmp_path: Path) -> None:
    home = tmp_path / "labels"
    access = start_studio(home)
    folder = home / "studio"
    try:
        assert httpx.get(f"{access.address}/health").json() == {"status": "UP"}
        assert token_works(access.address, access.token)
        assert listeners(access.port) == {"0100007F"}
        assert mode(folder / "data") == 0o700
        page = httpx.get(f"{access.address}/user/login/").text
        assert not re.search(r"googletagmanager\.com/gtm|heap-|ingest\.sentry\.io", page)
        assert up(home) == access  # runs already: nothing changes
        with pytest.raises(BadInput, match="runs with other settings"):
            up(home, port=free_port())

        person = add_person(access, "zhou@example.cn")
        with pytest.raises(BadInput, match=r"did not make the account; got zhou@example\.cn"):
            add_person(access, person.email)

        os.kill(int((folder / "server.lock").read_text()), signal.SIGKILL)
        while Process(folder).running():
            time.sleep(0.05)
        again = up(home)
        assert again == access
        assert token_works(again.address, again.token)

        (folder / "access.json").write_text(
            json.dumps({**json.loads((folder / "access.json").read_text()), "token": ""})
        )
        fresh = up(home)
        assert fresh.token not in ("", access.token)
        assert not token_works(fresh.address, access.token)
    finally:
        assert down(home)
    assert not down(home)
    time.sleep(0.1)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{access.address}/health")
