"""Ask about one task until there is a checked answer: from the cache, else paid for, told its mistakes.

outcome = ask(prompt, desk)
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from xundan.errors import Refused, XundanError
from xundan.labeling.suggest.answer import Answer, cleaned
from xundan.labeling.suggest.asking import Asking
from xundan.labeling.suggest.cache import Cache, Exchange
from xundan.labeling.suggest.cost import Budget, estimated_tokens, most_tokens
from xundan.labeling.suggest.endpoint import Busy, Declined, Endpoint, Reply
from xundan.labeling.suggest.pace import Pace
from xundan.labeling.suggest.prompt import Message, Prompt
from xundan.labeling.suggest.talk import Talk, recall

Ending = Literal["answered", "malformed", "declined", "unreachable", "no money", "stopped"]


@dataclass(frozen=True)
class Desk:
    """What all questions of a run share."""

    asking: Asking
    endpoint: Endpoint
    cache: Cache
    budget: Budget
    pace: Pace
    stop: threading.Event


@dataclass(frozen=True)
class Outcome:
    """How asking about a task ended; ``exchanges``: its answers, the malformed ones first; ``paid``: how many
    of them came in this run; ``why``: of an ending without answer."""

    ending: Ending
    answer: Answer | None = None
    exchanges: tuple[Exchange, ...] = ()
    paid: int = 0
    question: str = ""
    why: str = ""


class _Ended(Exception):
    def __init__(self, ending: Ending, why: str) -> None:
        super().__init__(why)
        self.ending, self.why = ending, why


def ask(prompt: Prompt, desk: Desk) -> Outcome:
    """Ask, check, and where the answer cannot be used tell the model why, ``repairs`` times at most.

    Every answer received is in the cache before anything else happens, the unusable ones too. Raises
    `BadInput` or `Refused` where the run must end.
    """
    talk = recall(prompt, desk.asking, desk.cache)
    free = len(talk.exchanges)
    ending, why = None, ""
    try:
        while not talk.ended:
            talk.hear(_send(talk, desk))
    except _Ended as end:
        ending, why = end.ending, end.why
    except XundanError:
        desk.stop.set()  # at once, or the others would send more
        raise
    if ending is None:
        ending, why = ("answered", "") if talk.answer else ("malformed", talk.why)
    return Outcome(ending, talk.answer, tuple(talk.exchanges), len(talk.exchanges) - free, talk.question, why)


def _send(talk: Talk, desk: Desk) -> Exchange:
    """Send until an answer comes, ``tries`` times at most; keep it and return it."""
    question, messages, schema = talk.question, talk.messages, talk.prompt.wanted.schema()
    worst = worst_yuan(messages, schema, desk.asking)
    why = ""
    for attempt in range(desk.asking.tries):
        if not desk.pace.turn():
            raise _Ended("stopped", why)
        if not desk.budget.reserve(worst, desk.stop.is_set):
            raise _Ended("stopped" if desk.stop.is_set() else "no money", "--max-yuan is reached")
        note, cost, begun = desk.cache.sending(question, worst), worst, time.monotonic()
        try:
            reply = desk.endpoint.ask(messages, schema)
            exchange = _exchange(reply, messages, desk.asking, time.monotonic() - begun)
            desk.cache.put(question, desk.asking.model, estimated_tokens(messages), exchange, note)
            cost = exchange.price or 0.0
            return exchange
        except Busy as error:
            why = str(error)
            if not error.billed:
                cost = 0.0
                desk.cache.not_billed(note)
            _wait(error, attempt, desk)
        except Declined as error:
            if not error.billed:
                cost = 0.0
                desk.cache.not_billed(note)
            raise _Ended("declined", str(error)) from None
        except XundanError:
            cost = 0.0
            desk.cache.not_billed(note)
            raise
        finally:
            desk.budget.settle(worst, cost)
    raise _Ended("unreachable", why)


def _wait(error: Busy, attempt: int, desk: Desk) -> None:
    """Wait as long as the endpoint asks; else twice as long each time, with a random part so that not all
    come back at once. Who was turned away makes everyone wait. `Refused` for longer than anyone would."""
    limit = desk.asking.longest_wait_s
    if error.after is not None and error.after > limit:
        raise Refused(
            "the endpoint asks for a long wait",
            got=f"{error.after:.0f} s",
            expected=f"{limit:g} s at most",
            do="run the same command later; the answers so far are kept",
        )
    delay = min(limit, desk.asking.backoff_s * 2**attempt) * random.uniform(0.5, 1.0)
    if error.after is not None:
        delay = error.after
    if error.billed:
        desk.stop.wait(delay)
    else:
        desk.pace.pause(delay)


def worst_yuan(messages: tuple[Message, ...], schema: Mapping[str, Any], asking: Asking) -> float:
    """What a request may cost at worst, in yuan; 0 where prices are unknown."""
    if asking.prices is None:
        return 0.0
    return asking.prices.yuan(most_tokens(messages, len(json.dumps(schema))), asking.max_tokens)


def _exchange(reply: Reply, messages: tuple[Message, ...], asking: Asking, seconds: float) -> Exchange:
    counted = reply.tokens_in is not None and reply.tokens_out is not None
    tokens_in = estimated_tokens(messages) if reply.tokens_in is None else reply.tokens_in
    answer = [{"content": reply.content}]
    tokens_out = estimated_tokens(answer) if reply.tokens_out is None else reply.tokens_out
    cached = reply.tokens_cached
    return Exchange(
        content=cleaned(reply.content),
        finished=reply.finish != "length",
        served_by=reply.served_by,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=cached,
        counted=counted,
        price=asking.prices.yuan(tokens_in, tokens_out, cached) if asking.prices else None,
        at=datetime.now(UTC).isoformat(),
        seconds=round(seconds, 3),
    )
