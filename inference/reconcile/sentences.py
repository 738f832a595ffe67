"""What a comparison says besides its numbers, in Chinese or English: rules, notes, hints, one-sided rows.

lines = sentences(result, words("zh"))
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from xundan.inference.reconcile.explain import Reconciliation
from xundan.inference.report.texts import read_words
from xundan.settings import NUMERATORS


@functools.cache
def words(lang: str) -> Mapping[str, str]:
    """The words of a language, "zh" or "en"; `BadInput` for another."""
    found: dict[str, str] = read_words("xundan.inference.reconcile", lang, "words")
    return found


def sentences(result: Reconciliation, words: Mapping[str, str]) -> list[str]:
    """Rules first, then notes, hints, who and which days are on one side only, what we leave out."""
    filters = _filters(result.leaves_out, words)
    return [
        words["our_rule"].format(rule=rule_in(words, result.our_rule)),
        words["their_rule"].format(rule=rule_in(words, result.their_rule), filters=filters),
        *(words[f"note_{note.id}"].format(**_said(note.values, words)) for note in result.notes),
        *(words["hint"].format(**vars(hint)) for hint in result.hints),
        *_one_sided(result, words),
    ]


def rule_in(words: Mapping[str, str], label: str) -> str:
    """The label of a loss definition, with its test of success in the language of the words."""
    for numerator, name in NUMERATORS.items():
        label = label.replace(name, words[f"by_{numerator}"])
    return label


def _one_sided(result: Reconciliation, words: Mapping[str, str]) -> Iterator[str]:
    for name in ("agents_only_ours", "agents_only_platform"):
        agents = getattr(result, name)
        if agents:
            yield words[name].format(names=words["comma"].join(agents))
    for name in ("days_only_ours", "days_only_platform"):
        days: tuple[date, ...] = getattr(result, name)
        if days:
            yield words[name].format(n=len(days), first=days[0], last=days[-1])
    if result.left_out_by_us:
        counts = [
            words["left_out_one"].format(name=words[f"filter_{name}"], n=n)
            for name, n in result.left_out_by_us.items()
        ]
        yield words["left_out"].format(counts=words["comma"].join(counts))


def _said(values: Mapping[str, object], words: Mapping[str, str]) -> dict[str, Any]:
    said = dict(values)
    for name, value in values.items():
        if name == "filters" and isinstance(value, tuple):
            said[name] = _filters(value, words)
        elif isinstance(value, tuple):
            said[name] = words["comma"].join(value)
    return said


def _filters(names: Collection[str], words: Mapping[str, str]) -> str:
    return words["comma"].join(words[f"filter_{name}"] for name in names) or words["nothing"]
