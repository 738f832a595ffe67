"""The hand-written wordings of the demo shops, read from the YAML files beside this module.

>>> from xundan.examples.phrasebook import load_book
>>> "{item}" in " ".join(load_book().asks("price_inquiry", "food"))
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "phrases"
TRADES = ("clothing", "appliance", "food")
ATTENTION_FILES = ("product", "price", "order", "aftersale", "dialog")


def _lines(block: str | None) -> tuple[str, ...]:
    return tuple(line.strip() for line in (block or "").splitlines() if line.strip())


@dataclass(frozen=True)
class Leaving:
    """How one loss point looks: the agent's line before it, the buyer's last words, or a behaviour."""

    leaf: str
    behaviour: str
    near: tuple[str, ...]
    signs: tuple[str, ...]
    push: int
    agent: tuple[str, ...]
    close: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Book:
    """Every wording: ``attention`` and ``losses`` by leaf, ``agents`` by kind; ``mix``: a usual week."""

    attention: Mapping[str, Mapping[str, Any]]
    losses: Mapping[str, Leaving]
    agents: Mapping[str, tuple[str, ...]]
    mix: Mapping[str, Any]

    def asks(self, leaf: str, trade: str) -> tuple[str, ...]:
        """The buyers' wordings of one attention leaf in one trade."""
        return self.blocks(leaf, "any") + self.blocks(leaf, trade)

    def blocks(self, leaf: str, key: str) -> tuple[str, ...]:
        """The wordings of one attention leaf in one block only: any, or a trade."""
        return _lines(self.attention[leaf].get(key))

    def replies(self, leaf: str, trade: str) -> tuple[str, ...]:
        """The agents' answers to one attention leaf; the trade's own come instead of the general ones."""
        blocks = self.attention[leaf]["reply"]
        return _lines(blocks.get(trade)) or _lines(blocks.get("any"))

    def count(self) -> dict[str, int]:
        """How many lines of each kind were written."""
        asks = sum(len(self.blocks(leaf, key)) for leaf in self.attention for key in ("any", *TRADES))
        answers = [block for leaf in self.attention.values() for block in leaf["reply"].values()]
        return {
            "asks": asks,
            "replies": sum(len(_lines(block)) for block in answers),
            "closings": sum(len(lines) for loss in self.losses.values() for lines in loss.close.values()),
            "before_closing": sum(len(loss.agent) for loss in self.losses.values()),
            "agents": sum(len(lines) for lines in self.agents.values()),
        }


def _read(name: str) -> dict[str, Any]:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return content


def _leaving(leaf: str, entry: Mapping[str, Any]) -> Leaving:
    return Leaving(
        leaf=leaf,
        behaviour=entry.get("behaviour", ""),
        near=tuple(entry.get("near", ())),
        signs=tuple(entry.get("signs", ())),
        push=int(entry.get("push", 1)),
        agent=_lines(entry.get("agent")),
        close={trade: _lines(block) for trade, block in entry.get("close", {}).items()},
    )


@cache
def load_book() -> Book:
    """Read all phrase files once."""
    attention: dict[str, Mapping[str, Any]] = {}
    for name in ATTENTION_FILES:
        attention |= _read(f"attention_{name}")
    return Book(
        attention=attention,
        losses={leaf: _leaving(leaf, entry) for leaf, entry in _read("loss").items()},
        agents={kind: _lines(block) for kind, block in _read("agents").items()},
        mix=_read("mix"),
    )
