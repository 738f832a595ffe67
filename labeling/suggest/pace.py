"""Not faster than agreed: requests spread over the minute, and everyone waits where one was told to.

pace = Pace(60, stop); pace.turn()      # blocks until it is this thread's turn; False once stopped
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """At most ``per_minute`` requests a minute, evenly spread, over all threads."""

    def __init__(
        self, per_minute: float, stop: threading.Event, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gap, self._stop, self._clock = 60.0 / per_minute, stop, clock
        self._next = 0.0
        self._lock = threading.Lock()

    def turn(self) -> bool:
        """Wait for a turn; False where the run was stopped meanwhile."""
        while not self._stop.is_set():
            with self._lock:
                now = self._clock()
                if now >= self._next:
                    self._next = now + self._gap
                    return True
                delay = self._next - now
            self._stop.wait(delay)
        return False

    def pause(self, seconds: float) -> None:
        """Nobody asks for so long: the endpoint said it is busy."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
