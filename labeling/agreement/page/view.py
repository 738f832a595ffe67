"""What the page is drawn from: an agreement, and its words in one language.

view = View.of(measure(store, load("attention")), "zh"); view.say("fact_tasks", n=120)
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from xundan.errors import BadInput
from xundan.labeling.agreement.figures import Figure
from xundan.labeling.agreement.result import FEW, Agreement

LANGUAGES = ("zh", "en")
_PACKAGE = "xundan.labeling.agreement.page"


@dataclass(frozen=True)
class View:
    """An agreement in a language."""

    found: Agreement
    lang: str
    words: Mapping[str, Any]

    @classmethod
    def of(cls, found: Agreement, lang: str) -> View:
        """The view in "zh" or "en"; `BadInput` for another language."""
        return cls(found, lang, words_of(lang))

    def say(self, key: str, **values: object) -> str:
        """A sentence with its values filled in."""
        return str(self.words[key]).format(**values)

    def leaf(self, leaf: str) -> str:
        """A leaf's name; its id where the tree does not have it any more."""
        known = {one.id for one in self.found.taxonomy.leaves}
        return self.found.taxonomy.name_of(leaf, self.lang) if leaf in known else leaf

    def leaves(self, leaves: Sequence[str]) -> str:
        """Several leaves' names."""
        return str(self.words["comma"]).join(map(self.leaf, leaves))

    @property
    def tree(self) -> str:
        """What the tree is called."""
        return str(self.words["trees"].get(self.found.tree, self.found.tree))


def is_few(figure: Figure) -> bool:
    """Whether a figure rests on too little to decide from."""
    return figure.n < FEW or figure.sessions < FEW


@functools.cache
def words_of(lang: str) -> Mapping[str, Any]:
    """All words of the page in a language; `BadInput` for another than "zh" or "en"."""
    if lang not in LANGUAGES:
        raise BadInput("the page has no such language", got=repr(lang), expected="zh or en")
    words: dict[str, Any] = json.loads(resource(f"words_{lang}.json"))
    return words


def resource(name: str) -> str:
    """A file that lies beside this one."""
    return files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")
