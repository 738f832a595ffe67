"""The rules that name a loss point, read from words.yaml and cues_*.yaml, and how they are matched.

rules = load_rules()
findings = rules.apply(case, Limits())      # best first: tier, then score

Tiers follow the order of causes: what the buyer states, what the order shows, what the agents did,
what can only be inferred, and last what remains.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xundan.models.loss.case import Case, Exchange, Turn
from xundan.models.loss.facts import FACT_NAMES, Ids, Words, facts_of
from xundan.settings import Limits

FOLDER = Path(__file__).parent
# The score of a full-strength finding in each tier; the order of the keys is the order of precedence.
TIERS = {"stated": 0.9, "order": 0.85, "behaviour": 0.75, "inferred": 0.6, "last": 0.4}
_FADE = 0.85  # per exchange between the words and the end of the session
_REACH = 3  # exchanges from the end in which words count, where a rule does not say
_REFUSED_REACH = 2  # the same for a refusal after which the buyer did not turn away
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class Rule:
    """How one leaf shows itself in words; the keys are explained at the head of each cues file."""

    leaf: str
    strength: float
    says: re.Pattern[str]
    asks: re.Pattern[str]
    told: re.Pattern[str]
    attention: frozenset[str]
    told_alone: bool
    fact: str | None
    reach: int | None


@dataclass(frozen=True)
class FactRule:
    """A fact that names a leaf by itself."""

    fact: str
    leaf: str
    tier: str
    strength: float


@dataclass(frozen=True)
class Finding:
    """One candidate: a leaf, how it was found (``tier``), how firmly (``score``, 0 to 1), and where."""

    leaf: str
    tier: str
    score: float
    evidence: Ids

    @property
    def order(self) -> tuple[int, float]:
        """Sorts the best first."""
        return (list(TIERS).index(self.tier), -self.score)


@dataclass(frozen=True)
class Rules:
    """All rules: ``words`` by name, rules about words, rules about facts."""

    version: str
    words: Words
    rules: tuple[Rule, ...]
    facts: tuple[FactRule, ...]

    def apply(self, case: Case, limits: Limits) -> list[Finding]:
        """The findings of a case, one per leaf, best first; never empty for a case with messages."""
        return self.weigh(case, facts_of(case, self.words, limits))

    def weigh(self, case: Case, facts: Mapping[str, Ids]) -> list[Finding]:
        """The same of a case whose facts are known."""
        found = [
            Finding(rule.leaf, rule.tier, TIERS[rule.tier] * rule.strength, facts[rule.fact])
            for rule in self.facts
            if rule.fact in facts
        ]
        for rule in self.rules:
            if rule.fact is None or rule.fact in facts:
                found.extend(self._read(rule, case.exchanges))
        best: dict[str, Finding] = {}
        for finding in sorted(found, key=lambda item: item.order):
            best.setdefault(finding.leaf, finding)
        return list(best.values())

    def _read(self, rule: Rule, exchanges: tuple[Exchange, ...]) -> Iterator[Finding]:
        """What one rule finds near the end: a reason the buyer states, or a wish that was turned down.

        A refusal after which the buyer turns away counts as stated; else it is only inferred.
        """
        for distance, exchange in enumerate(reversed(exchanges[-(rule.reach or _REACH) :])):
            weight = rule.strength * _FADE**distance
            after = [turn for later in exchanges[len(exchanges) - distance :] for turn in later.asked]
            stated = [turn for turn in exchange.asked if rule.says.search(turn.text)]
            if stated:
                yield self._finding(rule, "stated", weight, stated)
            refused = self._refused(rule, exchange)
            turned = [turn for turn in after if self.words["leaving"].search(turn.text)]
            if refused and (turned or distance < (rule.reach or _REFUSED_REACH)):
                yield self._finding(
                    rule, "stated" if turned else "inferred", weight, [*refused, *turned[-1:]]
                )

    def _refused(self, rule: Rule, exchange: Exchange) -> list[Turn]:
        """The question and the refusal, where the agent turned down what this rule is about."""
        told = [turn for turn in exchange.told if turn.role == "agent" and rule.told.search(turn.text)]
        asked = [
            turn for turn in exchange.asked if rule.asks.search(turn.text) or rule.attention & turn.leaves
        ]
        if any(rule.attention & turn.leaves for turn in exchange.asked):
            told = told or [turn for turn in exchange.told if "act_refuse" in turn.leaves]
        if not told or not (asked or rule.told_alone):
            return []
        return [*(asked or exchange.asked)[-1:], told[0]]

    @staticmethod
    def _finding(rule: Rule, tier: str, weight: float, turns: list[Turn]) -> Finding:
        return Finding(rule.leaf, tier, TIERS[tier] * weight, tuple(turn.message_id for turn in turns[-3:]))


@functools.cache
def load_rules() -> Rules:
    """The shipped rules; an unknown key, fact or tier in them is a programming error and raises."""
    common = _read_yaml(FOLDER / "words.yaml")
    cues = [_read_yaml(path) for path in sorted(FOLDER.glob("cues_*.yaml"))]
    return Rules(
        version=common["version"],
        words={name: _any(patterns) for name, patterns in common["words"].items()},
        rules=tuple(_rule(**entry) for document in cues for entry in document["rules"]),
        facts=tuple(_fact(entry) for entry in common["facts"]),
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _any(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else _NEVER


def _rule(
    leaf: str,
    strength: float,
    says: list[str] | None = None,
    asks: list[str] | None = None,
    told: list[str] | None = None,
    attention: list[str] | None = None,
    told_alone: bool = False,
    fact: str | None = None,
    reach: int | None = None,
) -> Rule:
    assert fact is None or fact in FACT_NAMES, fact
    return Rule(
        leaf,
        strength,
        _any(says or []),
        _any(asks or []),
        _any(told or []),
        frozenset(attention or []),
        told_alone,
        fact,
        reach,
    )


def _fact(entry: Mapping[str, Any]) -> FactRule:
    rule = FactRule(**entry)
    assert rule.fact in FACT_NAMES, rule
    assert rule.tier in TIERS, rule
    return rule
