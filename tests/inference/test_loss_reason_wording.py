"""How the sentences about lost sessions are worded: clock times, durations, quotes, in both languages.

pytest tests/inference/test_loss_reason_wording.py
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from xundan.errors import BadInput
from xundan.inference.loss.reason import sentence_head
from xundan.inference.loss.reason_wording import Wording, reason_words

ZH, EN = (Wording(reason_words(lang), date(2026, 3, 2)) for lang in ("zh", "en"))


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (-5, "0 秒", "0 s"),
        (59.4, "59 秒", "59 s"),
        (60, "1 分钟", "1 min"),
        (95, "1 分 35 秒", "1 min 35 s"),
        (659, "10 分钟", "10 min"),
        (3600, "1 小时", "1 h"),
        (7325, "2 小时 2 分", "2 h 2 min"),
    ],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float, zh: str, en: str) -> None:
    assert (ZH.span(seconds), EN.span(seconds)) == (zh, en)


def test_the_day_is_told_where_it_is_not_the_first() -> None:
    moments = (datetime(2026, 3, 2, 15, 59, tzinfo=UTC), datetime(2026, 3, 2, 16, 0, tzinfo=UTC))
    assert [ZH.clock(at) for at in moments] == ["23:59", "03-03 00:00"]


def test_a_quote_is_one_line_that_is_cut_and_a_picture_is_named() -> None:
    assert ZH.quote("这盏\n  灯", "text") == "这盏 灯"
    assert ZH.quote("灯" * 40, "text") == "灯" * 40
    assert ZH.quote("灯" * 41, "text") == "灯" * 40 + "…"
    assert (ZH.quote(" ", "image"), EN.quote("", "voice")) == ("[图片]", "[voice]")


def test_both_languages_have_the_same_words_and_there_is_no_third() -> None:
    assert list(reason_words("zh")) == list(reason_words("en"))
    assert (sentence_head("zh"), sentence_head("en")) == ("一句话说明", "Why, in a sentence")
    with pytest.raises(BadInput, match="no such language"):
        reason_words("fr")
