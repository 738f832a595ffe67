"""What asking costs: an estimate before, a bound that holds during, the true sum after.

budget = Budget(max_yuan=5.0); budget.reserve(0.02); budget.settle(0.02, 0.006)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

_WIDE = 0.7
_NARROW = 0.35
"""Tokens per Chinese and per other character. Providers say 0.6 and 0.3 (DeepSeek, Qwen: 0.55 to 0.67); a
little more, because too low is worse. Corrected by what was counted before, see `Cache.ratio`."""
_PER_MESSAGE = 8
ANSWER_TOKENS = 60
_ENVELOPE_BYTES = 256

Messages = Sequence[dict[str, str]]


def estimated_tokens(messages: Messages) -> int:
    """About how many tokens a conversation has."""
    total = 0.0
    for message in messages:
        text = message["content"]
        wide = sum(character >= "⺀" for character in text)
        total += wide * _WIDE + (len(text) - wide) * _NARROW + _PER_MESSAGE
    return round(total)


def most_tokens(messages: Messages, schema_bytes: int) -> int:
    """More tokens than a conversation can have with any tokenizer of bytes: its bytes, the schema's and an
    envelope's."""
    text = sum(len(message["content"].encode()) + _PER_MESSAGE for message in messages)
    return text + schema_bytes + _ENVELOPE_BYTES


class Budget:
    """A hard bound on yuan: what a request may cost at worst is held back before it is sent."""

    def __init__(self, max_yuan: float | None) -> None:
        self.max_yuan = max_yuan
        self.spent = 0.0
        self._held: list[float] = []
        self._changed = threading.Condition()

    def reserve(self, worst: float, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Hold ``worst`` yuan; waits while only what is held for others stands in the way. False where the
        money is not there, or ``stopped``."""
        with self._changed:
            while self.max_yuan is not None and self.spent + sum(self._held) + worst > self.max_yuan:
                if not self._held or stopped():
                    return False
                self._changed.wait(timeout=1)
            self._held.append(worst)
            return True

    def settle(self, worst: float, actual: float) -> None:
        """Give back what was held and count what it cost."""
        with self._changed:
            self._held.remove(worst)
            self.spent += actual
            self._changed.notify_all()
