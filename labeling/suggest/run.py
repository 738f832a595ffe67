"""Ask a language model about the planned tasks; its answers become suggestions, never labels.

report = run(make_plan(store, load("attention"), asking, examples), store, key)

A killed run is mended by running it again: each answer received is kept, and is not asked for twice.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from filelock import FileLock, Timeout

from xundan.errors import BadInput, XundanError
from xundan.labeling.records import Suggestion
from xundan.labeling.store import Store
from xundan.labeling.suggest.ask import Desk, Outcome, ask
from xundan.labeling.suggest.cache import Cache, Unanswered
from xundan.labeling.suggest.cost import Budget
from xundan.labeling.suggest.endpoint import Endpoint
from xundan.labeling.suggest.pace import Pace
from xundan.labeling.suggest.plan import Job, Plan
from xundan.progress import Begin, silent

LOCK_FILE = "suggest.lock"
IN_A_ROW = 10
"""So many questions in a row without an answer, and the endpoint is taken to be down."""


@dataclass(frozen=True)
class Report:
    """How it went. ``endings`` counts tasks and adds up to ``tasks``; ``reasons`` says why some have no
    suggestion; ``paid``: answers received now, ``free``: taken from earlier runs; ``yuan``: of this run, what
    was never answered at its worst (None: prices unknown); ``stopped``: why the run ended early.
    """

    tasks: int
    endings: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    paid: int
    free: int
    tokens_in: int
    tokens_out: int
    yuan: float | None
    unanswered: Unanswered
    stopped: str

    def lines(self) -> list[str]:
        """What a person reads afterwards."""
        endings = " + ".join(f"{count:,} {name}" for name, count in self.endings) or "0"
        money = "price unknown" if self.yuan is None else f"{self.yuan:.4f} yuan"
        lines = [
            f"asked about {self.tasks:,} tasks = {endings}",
            f"{self.paid:,} answers received, {self.free:,} kept from before; "
            f"{self.tokens_in:,} tokens in, {self.tokens_out:,} out; {money}",
        ]
        lines += [f"no suggestion: {count:,} × {reason}" for reason, count in self.reasons]
        if self.unanswered.requests:
            most = f", {self.unanswered.yuan:.4f} yuan at most" if self.yuan is not None else ""
            lines.append(
                f"{self.unanswered.requests:,} requests of all runs here were never answered "
                f"(killed, timed out, broken off, filtered) and may have been billed{most}"
            )
        return [*lines, f"stopped: {self.stopped}; run again to go on"] if self.stopped else lines

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {**asdict(self), "endings": dict(self.endings), "reasons": dict(self.reasons)}


@dataclass
class _Tally:
    endings: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    paid: int = 0
    free: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    in_a_row: int = 0
    stopped: str = ""

    def add(self, job: Job, outcome: Outcome) -> None:
        self.endings[outcome.ending] += len(job.keys)
        if outcome.why:
            self.reasons[f"{outcome.ending}: {outcome.why}"] += len(job.keys)
        new = outcome.exchanges[len(outcome.exchanges) - outcome.paid :]
        self.paid += outcome.paid
        self.free += len(outcome.exchanges) - outcome.paid
        self.tokens_in += sum(exchange.tokens_in for exchange in new)
        self.tokens_out += sum(exchange.tokens_out for exchange in new)
        failed = outcome.ending in ("declined", "unreachable")
        self.in_a_row = self.in_a_row + 1 if failed else 0


def run(plan: Plan, store: Store, key: str | None, begin: Begin = silent) -> Report:
    """Ask, and put each checked answer into the store as it comes. ``key``: the endpoint's, held in memory.

    Raises `BadInput` or `Refused` where the endpoint refuses the key, the address or the account; what was
    answered before is kept. One run at a time in a folder.
    """
    asking = plan.asking
    with _alone(store), Cache.open(store.folder) as cache, Endpoint(asking, key) as endpoint:
        stop, budget = threading.Event(), Budget(asking.max_yuan)
        desk = Desk(asking, endpoint, cache, budget, Pace(asking.per_minute, stop), stop)
        for version in sorted({job.version for job in plan.jobs}):
            store.put_note(f"suggest:{asking.model}:{version}", asking.to_json())
        tally = _ask_all(plan, store, desk, begin)
        return Report(
            tasks=sum(len(job.keys) for job in plan.jobs),
            endings=tuple(sorted(tally.endings.items())),
            reasons=tuple(tally.reasons.most_common()),
            paid=tally.paid,
            free=tally.free,
            tokens_in=tally.tokens_in,
            tokens_out=tally.tokens_out,
            yuan=budget.spent if asking.prices else None,
            unanswered=cache.unanswered(),
            stopped=tally.stopped,
        )


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """The folder's lock, which the system frees when a process dies."""
    try:
        with FileLock(store.folder / LOCK_FILE, timeout=0):
            yield
    except Timeout:
        raise BadInput(
            "another run asks a model in this folder", do="wait until it ends", where=str(store.folder)
        ) from None


def _ask_all(plan: Plan, store: Store, desk: Desk, begin: Begin) -> _Tally:
    tally, failure = _Tally(), None
    advance = begin(f"ask {plan.asking.model}", sum(len(job.keys) for job in plan.jobs))
    pool = ThreadPoolExecutor(desk.asking.concurrent)
    try:
        asked: dict[Future[Outcome], Job] = {pool.submit(ask, job.prompt, desk): job for job in plan.jobs}
        for future in as_completed(asked):
            job = asked[future]
            try:
                outcome = future.result()
            except XundanError as error:
                failure = failure or error  # the others end as stopped; what they had received is kept
                desk.stop.set()
                continue
            tally.add(job, outcome)
            store.put_suggestions(_suggestions(job, outcome, plan))
            advance(len(job.keys))
            _stop_where_hopeless(tally, outcome, desk)
    finally:
        desk.stop.set()
        pool.shutdown(cancel_futures=True)
    if failure is not None:
        raise failure
    return tally


def _stop_where_hopeless(tally: _Tally, outcome: Outcome, desk: Desk) -> None:
    if tally.stopped:
        return
    if outcome.ending == "no money":
        tally.stopped = (
            f"--max-yuan {desk.asking.max_yuan:g} is reached: the next question might go beyond it"
        )
    elif tally.in_a_row >= IN_A_ROW:
        tally.stopped = f"{IN_A_ROW} questions in a row without an answer, the last: {outcome.why}"
    if tally.stopped:
        desk.stop.set()


def _suggestions(job: Job, outcome: Outcome, plan: Plan) -> list[Suggestion]:
    if outcome.answer is None:
        return []
    answer, last = outcome.answer, outcome.exchanges[-1]
    prices = [exchange.price for exchange in outcome.exchanges if exchange.price is not None]
    details = {
        "unsure": answer.unsure,
        "reason": answer.reason,
        "evidence": [job.turns[number - 1] for number in answer.evidence],
        "served_by": last.served_by,
        "endpoint": plan.asking.base_url,
        "taxonomy_version": plan.taxonomy.version,
        "question": outcome.question,
        "examples": list(job.prompt.examples),
        "answers": len(outcome.exchanges),
        "tokens_in": sum(exchange.tokens_in for exchange in outcome.exchanges),
        "tokens_out": sum(exchange.tokens_out for exchange in outcome.exchanges),
        "tokens_cached": sum(exchange.tokens_cached for exchange in outcome.exchanges),
        "tokens_counted": all(exchange.counted for exchange in outcome.exchanges),
        "seconds": sum(exchange.seconds for exchange in outcome.exchanges),
    }
    # Tasks that read the same share one answer; its price is counted once.
    prices_of = [sum(prices) if len(prices) == len(outcome.exchanges) else None, *[0.0] * (len(job.keys) - 1)]
    return [
        Suggestion(
            key,
            plan.asking.model,
            job.version,
            answer.leaves,
            datetime.fromisoformat(last.at),
            price,
            details,
        )
        for key, price in zip(job.keys, prices_of, strict=True)
    ]
