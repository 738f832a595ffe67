"""How a sentence about a lost session is worded: clock times, durations, quotes, who said what.

wording = Wording(reason_words("zh"), first_day=date(2026, 3, 2)); wording.span(2040)     # "34 分钟"
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

from xundan.inference.report.texts import read_words
from xundan.settings import SHANGHAI

LONGEST_QUOTE = 40
"""Characters of a message that a sentence quotes."""
_MARKS = {"[图片]": "media_image", "[卡片]": "media_card", "[语音]": "media_voice", "[链接]": "media_link"}
_TO_THE_SECOND = 600  # seconds below which a duration is told with its seconds


@functools.cache
def reason_words(lang: str) -> Mapping[str, str]:
    """The words of the sentences in "zh" or "en"; `BadInput` for another language."""
    words: dict[str, str] = read_words("xundan.inference.loss", lang, "reason_words")
    return words


@dataclass(frozen=True)
class Wording:
    """The words of one language, for a session that began on ``first_day`` (Asia/Shanghai)."""

    words: Mapping[str, str]
    first_day: date

    def clock(self, at: datetime) -> str:
        """A moment in Asia/Shanghai, with month and day where it is not the session's first day."""
        local = at.astimezone(SHANGHAI)
        return f"{local:%H:%M}" if local.date() == self.first_day else f"{local:%m-%d %H:%M}"

    def span(self, seconds: float) -> str:
        """A duration in words; clocks that disagree never make it negative."""
        minutes, rest = divmod(max(0, round(seconds)), 60)
        hours, beyond = divmod(minutes, 60)
        if hours:
            return self.words["hours_minutes" if beyond else "hours"].format(hours=hours, minutes=beyond)
        if not minutes:
            return self.words["seconds"].format(seconds=rest)
        exact = rest and seconds < _TO_THE_SECOND
        return self.words["minutes_seconds" if exact else "minutes"].format(minutes=minutes, seconds=rest)

    def quote(self, text: str, content_type: str) -> str:
        """A masked message on one line, cut after `LONGEST_QUOTE` characters; without text, its kind.

        A mark that an export left in place of a picture or the like is named in the language, too.
        """
        line = " ".join(text.split()) or self.words[f"media_{content_type}"]
        line = self.words[_MARKS[line]] if line in _MARKS else line
        return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "…"

    def speak(self, said: Iterable[tuple[str, str]]) -> str:
        """Clauses of (role, what they did) as one, each speaker named once in a row."""
        turns = (
            self.words[f"who_{role}"] + self.words["same"].join(clause for _, clause in clauses)
            for role, clauses in groupby(said, key=itemgetter(0))
        )
        return self.words["clause"].join(turns)

    def sentence(self, parts: Iterable[str]) -> str:
        """The parts as one sentence."""
        text = self.words["part"].join(parts)
        return text[:1].upper() + text[1:] + self.words["end"]
