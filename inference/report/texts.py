"""Every sentence and label of the report in Chinese and English: words_*.json, words_loss_*.json.

words = texts("zh")
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from xundan.errors import BadInput

LANGUAGES = ("zh", "en")


def texts(lang: str) -> Mapping[str, str]:
    """Return the words of a language, "zh" or "en"; `BadInput` for another."""
    return {key: value for key, value in _read(lang).items() if isinstance(value, str)}


def method(lang: str) -> tuple[str, ...]:
    """Return the paragraphs that say how the numbers are made; they take ``min_n`` and ``definition``."""
    return tuple(_read(lang)["method"])


def limits(lang: str) -> tuple[str, ...]:
    """Return the paragraphs that say how amounts are estimated and what they cannot tell."""
    return tuple(_read(lang)["limits"])


@functools.cache
def _read(lang: str) -> dict[str, Any]:
    return read_words("xundan.inference.report", lang, "words", "words_loss")


def read_words(package: str, lang: str, *names: str) -> dict[str, Any]:
    """Return what the files ``NAME_LANG.json`` of a package hold; `BadInput` for another language."""
    if lang not in LANGUAGES:
        raise BadInput("the report has no such language", got=repr(lang), expected='"zh" or "en"')
    words: dict[str, Any] = {}
    for name in names:
        words |= json.loads(files(package).joinpath(f"{name}_{lang}.json").read_text(encoding="utf-8"))
    return words
