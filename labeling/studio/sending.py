"""Send batches of tasks so that none is lost or doubled, whatever becomes of the answer or the sender.

Sender(store, studio, project=3).send(keys, row_of, after=0, batch=200, advance=print)

Label Studio imports a batch wholly or not at all, but never asks whether it had it before. So a batch is
noted in the store before it is sent, read back after it, and looked for where its answer was lost; only what
did not arrive is sent again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xundan.errors import BadInput, Refused
from xundan.labeling.store import Store
from xundan.labeling.studio.client import Studio, Unclear
from xundan.labeling.studio.ledger import keys_of, note
from xundan.progress import Advance

SETTLES_S = 60.0
"""How long a batch whose answer was lost is looked for; an import takes the server a second or two."""
_FRUITLESS = 5
_PAUSE_S = 0.5


@dataclass(frozen=True)
class Sender:
    """Sends into one project; ``settles_s``: see `SETTLES_S`."""

    store: Store
    studio: Studio
    project: int
    settles_s: float = SETTLES_S

    def settle(self) -> None:
        """Wait for the batch that an earlier sender did not live to see arrive, as long as it may be under
        way."""
        text = self.store.note(self._name)
        if text:
            noted = json.loads(text)
            began = min(noted["at"], time.time())
            self._look_for(noted["keys"], noted["after"], began + self.settles_s)
            self._close()

    def send(
        self,
        keys: Sequence[str],
        row_of: Callable[[str], Mapping[str, Any]],
        *,
        after: int,
        batch: int,
        advance: Advance,
    ) -> None:
        """Bring these keys in, none of which stands there yet, and enter them into the ledger.

        ``after``: the highest number of a task in the project. Raises `Refused` where the server answers
        several times without taking anything.
        """
        queue, fruitless = list(keys), 0
        while queue:
            now, queue = queue[:batch], queue[batch:]
            arrived = self._one(now, [row_of(key) for key in now], after)
            after = max(arrived, default=after)
            note(self.store, self.project, arrived)
            came = set(arrived.values())
            missing = [key for key in now if key not in came]
            advance(len(now) - len(missing))
            fruitless = fruitless + 1 if len(missing) == len(now) else 0
            if fruitless == _FRUITLESS:
                raise Refused(
                    f"Label Studio took none of {len(now)} tasks in {_FRUITLESS} tries",
                    do="look at the end of studio/server.log, then run the same command again",
                )
            queue = missing + queue

    def _one(self, keys: list[str], rows: list[Mapping[str, Any]], after: int) -> dict[int, str]:
        """Send one batch; what of it stands there now, by number."""
        noted = {"keys": keys, "after": after, "at": time.time()}
        self.store.put_note(self._name, json.dumps(noted))
        try:
            numbers = self.studio.add(self.project, rows)
        except Unclear as error:
            wait = 0.0 if error.over else self.settles_s
            arrived = self._look_for(keys, after, time.time() + wait)
        except BadInput:  # refused: nothing is under way
            self._close()
            raise
        else:
            arrived = keys_of(self.studio, self.project, numbers)
        self._close()
        return arrived

    def _look_for(self, keys: Collection[str], after: int, until: float) -> dict[int, str]:
        """What stands above ``after`` as soon as one of the keys does (a batch comes as a whole), or at the
        latest at ``until``."""
        while True:
            tasks = [one.task for page in self.studio.standing(self.project, after) for one in page]
            arrived = keys_of(self.studio, self.project, tasks)
            if not set(keys).isdisjoint(arrived.values()) or time.time() >= until:
                return arrived
            time.sleep(_PAUSE_S)

    @property
    def _name(self) -> str:
        return f"studio:sending:{self.project}"

    def _close(self) -> None:
        self.store.put_note(self._name, "")
