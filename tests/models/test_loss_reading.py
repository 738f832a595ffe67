"""A session as tokens: roles, waits, order events, the end, and what is left out of a long one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from tokenizers import Tokenizer

from xundan.models.loss.case import Case, Turn
from xundan.models.loss.reading import LONGEST, Read, read_session, read_sessions
from xundan.models.tokenizer import build_tokenizer

START = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
WORDS = "这把伞是自动的吗好呢多大过了几分钟半小时很久下单付款订关闭结束你"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer(Counter(WORDS), min_count=1)


def case(*said: tuple[float, str, str], **more: float) -> Case:
    """Turns of (seconds from the start, role, text); order times in seconds from the start."""
    turns = tuple(
        Turn(str(number), role, text, START + timedelta(seconds=at))
        for number, (at, role, text) in enumerate(said, 1)
    )
    return Case("s1", turns, **{name: START + timedelta(seconds=at) for name, at in more.items()})  # type: ignore[arg-type]


def spelled(read: Read, tokenizer: Tokenizer) -> str:
    return "".join(tokenizer.id_to_token(int(token)) or "" for token in read.ids)


def test_roles_and_the_end_are_said(tokenizer: Tokenizer) -> None:
    read = read_session(case((0, "buyer", "是自动的吗"), (20, "agent", "是呢")), tokenizer)
    assert spelled(read, tokenizer) == "[CLS][买]是自动的吗[客]是呢[系]结束[SEP]"
    assert read.spans == {"1": (1, 7), "2": (7, 10)}
    assert len(read.ids) == len(read.segments) == 14


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (179, ""),
        (180, "[系]过了几分钟"),
        (1200, "[系]过了半小时"),
        (21_599, "[系]过了半小时"),
        (21_600, "[系]过了很久"),
    ],
)
def test_a_long_wait_is_said_before_what_ends_it(seconds: float, said: str, tokenizer: Tokenizer) -> None:
    read = read_session(case((0, "buyer", "好吗"), (seconds, "agent", "好")), tokenizer)
    assert spelled(read, tokenizer) == f"[CLS][买]好吗{said}[客]好[系]结束[SEP]"


def test_order_events_stand_where_they_happened(tokenizer: Tokenizer) -> None:
    said = case((0, "buyer", "好"), (60, "agent", "好呢"), ordered_at=30, closed_at=400)
    assert (
        spelled(read_session(said, tokenizer), tokenizer)
        == "[CLS][买]好[系]下单[客]好呢[系]过了几分钟[系]订单关闭[系]结束[SEP]"
    )


def test_the_last_two_exchanges_are_the_end_of_the_talk(tokenizer: Tokenizer) -> None:
    said = case(
        *((0, "buyer", "你好"), (10, "agent", "你好")),
        *((20, "buyer", "多大"), (30, "agent", "很大")),
        *((40, "buyer", "好"), (50, "agent", "好呢")),
    )
    read = read_session(said, tokenizer)
    late = {name for name, (start, end) in read.spans.items() if not read.segments[start:end].any()}
    early = {name for name, (start, end) in read.spans.items() if read.segments[start:end].all()}
    assert (late, early) == ({"3", "4", "5", "6"}, {"1", "2"})
    assert (read.segments[0], read.segments[-1]) == (0, 0)


def test_of_a_long_session_opening_and_end_are_kept(tokenizer: Tokenizer) -> None:
    said = [(10.0 * number, "buyer" if number % 2 else "agent", "这" * 20) for number in range(30)]
    read = read_session(case((0, "buyer", "伞多大"), *said, (400, "buyer", "过了很久")), tokenizer)
    assert len(read.ids) <= LONGEST
    kept = sorted(map(int, read.spans))
    assert kept[:3] == [1, 2, 3]
    assert kept[-1] == 32
    assert kept[3:] == list(range(kept[3], 33))
    assert kept[3] > 4
    assert spelled(read, tokenizer).startswith("[CLS][买]伞多大")
    assert spelled(read, tokenizer).endswith("[买]过了很久[系]结束[SEP]")


def test_of_a_long_message_both_ends_are_kept(tokenizer: Tokenizer) -> None:
    read = read_session(case((0, "buyer", "伞" + "这" * 200 + "吗")), tokenizer)
    start, end = read.spans["1"]
    assert end - start == 64
    text = spelled(read, tokenizer)
    assert text.startswith("[CLS][买]伞这")
    assert text.endswith("这吗[系]结束[SEP]")


def test_many_are_read_as_one_by_one(tokenizer: Tokenizer) -> None:
    cases = [case((0, "buyer", "好吗")), case((0, "agent", "你好"), (500, "buyer", "多大"))]
    for read, alone in zip(
        read_sessions(cases, tokenizer), [read_session(each, tokenizer) for each in cases], strict=True
    ):
        assert read.ids.tolist() == alone.ids.tolist()
        assert read.spans == alone.spans
