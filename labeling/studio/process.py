"""One server process that outlives the command that started it, and is found again after a crash.

server = Process(folder); server.start([...], environment); server.running(); server.stop()

The server inherits an open lock file and holds its lock as long as it lives: a free lock means that nothing
runs, whatever number a crashed server or a restarted machine left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from xundan.errors import BadInput

if sys.platform != "win32":
    import fcntl

LOG_NAME = "server.log"
LOCK_NAME = "server.lock"
_PATIENCE_S = 15.0
# Run by the server's own interpreter: the number is in the lock file before the server can do anything.
_PRELUDE = "import os; os.write({0}, str(os.getpid()).encode());"


class Process:
    """The server of one folder: at most one, in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / LOG_NAME

    def start(self, python: Path, code: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run ``code`` with ``python``; gives the process number. `BadInput` where one runs already."""
        handle = os.open(self.folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _lock(handle, alone=True):
                raise BadInput("Label Studio is already running or being started", where=str(self.folder))
            os.ftruncate(handle, 0)  # the number of one that crashed may by now be anybody's
            with open(self.log, "ab") as log:
                started = subprocess.Popen(
                    [str(python), "-c", _PRELUDE.format(handle) + code, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    cwd=self.folder,
                    pass_fds=(handle,),
                    start_new_session=True,
                )
        finally:
            os.close(handle)
        return started.pid

    def running(self) -> bool:
        """Whether the server lives."""
        try:
            handle = os.open(self.folder / LOCK_NAME, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _lock(handle, alone=False)  # two that ask never take each other for the server
        finally:
            os.close(handle)

    def stop(self) -> bool:
        """End it and wait until it is gone; False where none ran."""
        if not self.running():
            return False
        for kind in (signal.SIGTERM, signal.SIGKILL):
            sent, until = False, time.monotonic() + _PATIENCE_S
            while time.monotonic() < until:
                if not self.running():
                    return True
                sent = sent or self._send(kind)
                time.sleep(0.05)
        raise BadInput("Label Studio does not end", where=str(self.folder / LOCK_NAME))

    def _send(self, kind: signal.Signals) -> bool:
        """Send a signal; False where a server that just starts has not yet written its number."""
        number = (self.folder / LOCK_NAME).read_text(encoding="ascii")
        with suppress(ProcessLookupError):  # it ended of itself
            if number:
                os.killpg(int(number), kind)
        return bool(number)

    def last_words(self, lines: int = 5) -> str:
        """The end of the log."""
        if not self.log.is_file():
            return ""
        return " / ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _lock(handle: int, *, alone: bool) -> bool:
    if sys.platform == "win32":
        raise BadInput("Label Studio is started this way on Linux and macOS only", do="use --docker")
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
