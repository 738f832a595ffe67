"""What every part of the page needs to speak: the evaluation, the words of a language, names.

view = View.of(evaluation, "zh")
print(view.words["title"], view.leaf("logistics_freight"), view.names)
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from xundan.errors import BadInput
from xundan.training.evaluation.assessment import Assessment
from xundan.training.evaluation.confusions import NOTHING
from xundan.training.evaluation.result import Evaluation

LANGUAGES = ("zh", "en")
FEW_LEAF_ROWS = 10
"""Leaves with fewer rows are grey, and no sentence calls them weak."""


@dataclass(frozen=True)
class View:
    """An evaluation seen in one language."""

    evaluation: Evaluation
    lang: str
    words: Mapping[str, Any]

    @classmethod
    def of(cls, evaluation: Evaluation, lang: str) -> View:
        """`BadInput` for another language than "zh" or "en"."""
        return cls(evaluation, lang, words_of(lang))

    @property
    def models(self) -> tuple[Assessment, ...]:
        """The model, and the one it stands against where there is one."""
        evaluation = self.evaluation
        return (evaluation.model, evaluation.against) if evaluation.against else (evaluation.model,)

    @property
    def names(self) -> tuple[str, ...]:
        """What the models are called; two of the same version are told apart by their role, and by what they
        were asked for as."""
        versions = [model.judged.version for model in self.models]
        if len(set(versions)) == len(versions):
            return tuple(versions)
        notes = [self.words["this_model"], self.words["other_model"]]
        asked = self.evaluation.asked
        if len(set(asked)) == len(versions):
            notes = [f"{role} {name}" for role, name in zip(notes, asked, strict=True)]
        return tuple(f"{version} ({note})" for version, note in zip(versions, notes, strict=True))

    def leaf(self, node: str) -> str:
        """The name of a leaf or group in the page's language."""
        return self.words["nothing"] if node == NOTHING else self.evaluation.taxonomy.name_of(node, self.lang)

    def say(self, key: str, **values: object) -> str:
        """A sentence of the words with its values filled in."""
        return str(self.words[key]).format(**values)

    def columns(self, key: str) -> list[str]:
        """The head of a column: once for one model, else once a model with its name."""
        word = str(self.words[key])
        return [word] if len(self.models) == 1 else [f"{word} · {name}" for name in self.names]


@functools.cache
def words_of(lang: str) -> Mapping[str, Any]:
    """The words of a language."""
    if lang not in LANGUAGES:
        raise BadInput("the page has no such language", got=repr(lang), expected='"zh" or "en"')
    path = files("xundan.training.evaluation.page").joinpath(f"words_{lang}.json")
    words: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return words
