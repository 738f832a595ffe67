"""What a person answered, out of the result items of one annotation in Label Studio.

answer = answer_of(annotation["result"])     # answer.leaves == ("price_bargain",)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xundan.labeling.studio.config_parts import (
    COMMENT,
    DOUBT,
    EVIDENCE,
    LEAVES,
    PRIMARY,
    QUICK,
    SECONDARY,
    STAGE,
    UNREADABLE,
    UNSURE,
)


@dataclass(frozen=True)
class Answer:
    """One annotation's content: ``leaves`` of a message, or of a session the primary one first."""

    leaves: tuple[str, ...] = ()
    stage: str | None = None
    evidence: tuple[str, ...] = ()
    unsure: bool = False
    unreadable: bool = False
    comment: str | None = None


def answer_of(result: Sequence[Mapping[str, Any]]) -> Answer:
    """Read the result items; items of controls that our pages do not have are passed over.

    A leaf is the last item of its path in a tree, or the value of a ticked box; one that is chosen in two
    places counts once. Secondary loss points without a primary one are no leaves: the first of them would
    pass for the primary one.
    """
    chosen: dict[str, list[str]] = {}
    for item in result:
        chosen.setdefault(str(item.get("from_name")), []).extend(_values(item.get("value") or {}))
    doubts = chosen.get(DOUBT, [])
    named = (PRIMARY, SECONDARY) if chosen.get(PRIMARY) else ()
    comment = "\n".join(text.strip() for text in chosen.get(COMMENT, []) if text.strip())
    return Answer(
        leaves=_each_once(leaf for name in (*named, QUICK, LEAVES) for leaf in chosen.get(name, [])),
        stage=next(iter(chosen.get(STAGE, [])), None),
        evidence=_each_once(chosen.get(EVIDENCE, [])),
        unsure=UNSURE in doubts,
        unreadable=UNREADABLE in doubts,
        comment=comment or None,
    )


def _values(value: Mapping[str, Any]) -> list[str]:
    paths = [path[-1] for path in value.get("taxonomy", []) if path]
    texts = value.get("text", [])
    return [*paths, *value.get("choices", []), *([texts] if isinstance(texts, str) else texts)]


def _each_once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
