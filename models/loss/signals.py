"""What the judge knows of a session beside its words: times, orders, rules, attention points and actions.

values = signals(case, rules.apply(case, limits), facts_of(case, rules.words, limits), limits)
dict(zip(signal_names(), values))["fact:slow"]
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from xundan.models.loss.case import LAST_EXCHANGES, Case, Exchange
from xundan.models.loss.facts import FACT_NAMES, Ids, facts_of
from xundan.models.loss.rules import TIERS, Finding, load_rules
from xundan.settings import Limits
from xundan.taxonomy.trees import load

Floats = npt.NDArray[np.float32]
_REFUSALS = 3  # exchanges from the end in which a refusal may have been the reason
_REFUSE = "act_refuse"
_NUMBERS = (
    "turns",
    "buyer_turns",
    "agent_turns",
    "agent_by_buyer",
    "last_is_buyer",
    "last_is_agent",
    "last_is_bot",
    "longest_wait",
    "last_wait",
    "too_slow",
    "ordered",
    "unpaid",
    "refunded",
)


@functools.cache
def signal_names() -> tuple[str, ...]:
    """The names of all signals, in the order of their values."""
    loss, asked, did = (
        tuple(leaf.id for leaf in load(tree).leaves) for tree in ("loss", "attention", "action")
    )
    blocks = {
        "rule": loss,
        "first": loss,
        "tier": tuple(TIERS),
        "fact": FACT_NAMES,
        "number": _NUMBERS,
        "asked": asked,
        "asked_last": asked,
        "refused": asked,
        "unanswered": asked,
        "did": did,
        "did_last": did,
    }
    return tuple(f"{block}:{name}" for block, names in blocks.items() for name in names)


@functools.cache
def _places() -> Mapping[str, int]:
    return {name: place for place, name in enumerate(signal_names())}


def signals(case: Case, findings: Sequence[Finding], facts: Mapping[str, Ids], limits: Limits) -> Floats:
    """The values [signals] of a case; counts and seconds as log(1 + x), all else 0 to 1. Leaves that
    are not in the shipped trees are left out."""
    values = np.zeros(len(signal_names()), dtype=np.float32)
    places = _places()

    def put(block: str, names: Collection[str], value: float = 1.0) -> None:
        for name in names:
            if (place := places.get(f"{block}:{name}")) is not None:
                values[place] = value

    for finding in findings:
        put("rule", [finding.leaf], finding.score)
    if findings:
        put("first", [findings[0].leaf])
        put("tier", [findings[0].tier])
    put("fact", facts)
    for name, number in _numbers(case, limits).items():
        put("number", [name], number)
    for block, leaves in _leaves(case).items():
        put(block, leaves)
    return values


def observe(case: Case, limits: Limits) -> tuple[list[Finding], Floats]:
    """What the rules find in a case, and its `signals`."""
    rules = load_rules()
    facts = facts_of(case, rules.words, limits)
    findings = rules.weigh(case, facts)
    return findings, signals(case, findings, facts, limits)


def _numbers(case: Case, limits: Limits) -> dict[str, float]:
    buyers, agents = case.by("buyer"), case.by("agent")
    waits = reply_waits(case)
    last = case.turns[-1].role if case.turns else ""
    return {
        "turns": math.log1p(len(case.turns)),
        "buyer_turns": math.log1p(len(buyers)),
        "agent_turns": math.log1p(len(agents)),
        "agent_by_buyer": min(5.0, len(agents) / max(1, len(buyers))),
        **{f"last_is_{role}": float(last == role) for role in ("buyer", "agent", "bot")},
        "longest_wait": math.log1p(max(waits, default=0.0)),
        "last_wait": math.log1p(waits[-1] if waits else 0.0),
        "too_slow": float(max(waits, default=0.0) > limits.first_response_s),
        "ordered": float(case.ordered_at is not None),
        "unpaid": float(case.outcome == "lost_unpaid"),
        "refunded": float(case.outcome == "lost_refund"),
    }


def reply_waits(case: Case) -> list[float]:
    """Seconds from the first message of each buyer burst to the first agent message after it; bursts that no
    agent answered are left out."""
    waits = []
    for exchange in case.exchanges:
        replies = [turn for turn in exchange.told if turn.role == "agent"]
        if exchange.asked and replies:
            waits.append(max(0.0, (replies[0].at - exchange.asked[0].at).total_seconds()))
    return waits


def _leaves(case: Case) -> dict[str, set[str]]:
    last, near = case.exchanges[-LAST_EXCHANGES:], case.exchanges[-_REFUSALS:]
    return {
        "asked": _asked(case.exchanges),
        "asked_last": _asked(last),
        "refused": _asked([each for each in near if _REFUSE in _did([each])]),
        "unanswered": _asked([each for each in last if not each.told]),
        "did": _did(case.exchanges),
        "did_last": _did(last),
    }


def _asked(exchanges: Sequence[Exchange]) -> set[str]:
    return {leaf for exchange in exchanges for turn in exchange.asked for leaf in turn.leaves}


def _did(exchanges: Sequence[Exchange]) -> set[str]:
    return {leaf for exchange in exchanges for turn in exchange.told for leaf in turn.leaves}
