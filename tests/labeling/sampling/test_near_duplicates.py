"""Near-duplicates: what says nearly the same is one group, what says something else is another."""

from __future__ import annotations

import random

import pytest

from xundan.labeling.sampling.near_duplicates import NEAR, groups_of, reading_of

LONG = "我上周买的那条灰色围巾洗过一次以后起了很多毛球请问这种情况可以换新的吗"


def same(*texts: str) -> bool:
    return len(set(groups_of([reading_of(text, ()) for text in texts]).tolist())) == 1


@pytest.mark.parametrize(
    "other",
    [
        LONG,
        f"{LONG}？？",
        f"亲，{LONG}",
        LONG.replace("可以", "可"),
        LONG.replace("请问", " 请问 "),
    ],
)
def test_small_changes_are_the_same(other: str) -> None:
    assert same(LONG, other)


@pytest.mark.parametrize("other", ["我上周买的那条灰色围巾什么时候能发货呢", "洗过一次以后起了很多毛球", ""])
def test_other_texts_are_others(other: str) -> None:
    assert not same(LONG, other)


def test_numbers_are_like_numbers() -> None:
    assert same("身高165体重102斤应该穿哪个码", "身高170体重98斤应该穿哪个码")


def test_a_short_text_is_the_same_only_after_nearly_the_same_turns() -> None:
    asked, other = "客:亲这款是加绒的可以吗要的话帮您备注", "客:那给您换成顺丰到付可以吗亲"
    readings = [
        reading_of("好的", (asked,)),
        reading_of("好的。", (asked + "哦",)),
        reading_of("好的", (other,)),
    ]
    first, second, third = groups_of(readings).tolist()
    assert first == second != third
    assert groups_of([reading_of("好的", (asked,)), reading_of("不要", (asked,))]).tolist() == [0, 1]


def test_signs_alone_are_told_apart() -> None:
    assert groups_of([reading_of("？？", ()), reading_of("[图片]", ())]).tolist() == [0, 1]


def test_nothing_has_no_groups() -> None:
    assert groups_of([]).tolist() == []


def test_groups_do_not_depend_on_the_order() -> None:
    texts = [
        LONG,
        f"{LONG}呀",
        "换个别的颜色行吗我想要蓝色的那款",
        "换个别的颜色行吗我想要蓝色的那款呢",
        "早上好呀老板在不在",
    ]
    readings = [reading_of(text, ()) for text in texts]
    forward = groups_of(readings).tolist()
    backward = groups_of(readings[::-1]).tolist()[::-1]
    assert [[one == other for other in forward] for one in forward] == [
        [one == other for other in backward] for one in backward
    ]
    assert len(set(forward)) == 3


def test_planted_pairs_are_found_among_many_texts() -> None:
    chance = random.Random(5)
    letters = [chr(code) for code in range(0x4E00, 0x5200)]
    texts = ["".join(chance.choices(letters, k=30)) for _ in range(2000)]
    twins = [text[:-1] + "呢" for text in texts[:400]]  # 29 of 33 different 3-grams are shared
    groups = groups_of([reading_of(text, ()) for text in texts + twins]).tolist()
    found = sum(groups[place] == groups[2000 + place] for place in range(400))
    assert found >= 396
    assert len(set(groups)) == 2400 - found
    assert NEAR == 0.8
