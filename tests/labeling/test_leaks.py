"""What ties two rows together: equal and nearly equal texts, unless everybody says them; sessions; buyers.

pytest tests/labeling/test_leaks.py
"""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest

from xundan.labeling.freeze.collect import Row
from xundan.labeling.freeze.leaks import (
    COMMON,
    NEAR,
    Leak,
    Link,
    Links,
    find_leaks,
    near_pairs,
    squeezed,
    text_links,
)
from xundan.labeling.freeze.split import Earlier, Shares, divide, measurable, weaker_twins

LONG = "请问这盆栀子花冬天要搬进屋里养吗"


def row(n: int, text: str, *context: str, session: str = "", buyer: str | None = None, **more: str) -> Row:
    return Row(
        f"r{n}",
        f"k{n}",
        session or f"s{n}",
        buyer,
        text,
        context,
        ("leaf",),
        more.get("source", "human"),
        more.get("part", "random"),
        "agreement",
        None,
        {},
    )


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (row(0, LONG), row(1, "請問這盆梔子花，冬天要搬進屋裏養嗎？"), "text"),
        (row(0, LONG), row(1, LONG + "亲"), "near-duplicate"),
        (row(0, LONG), row(1, "[图片]" + LONG), "text"),
        (row(0, LONG), row(1, "请问这株茉莉花夏天能放阳台上晒吗"), None),
        (row(0, "有货吗"), row(1, "有货吗"), None),
        (row(0, "有货吗", "客:在的亲"), row(1, "有货吗", "客:在的亲"), "text"),
        (row(0, "有货吗", "客:在的亲"), row(1, "有货吗", "客:您好呀"), None),
        (row(0, "[图片][图片][图片]"), row(1, "[图片][图片][图片]"), "text"),
    ],
)
def test_two_texts_are_tied_or_not(one: Row, other: Row, kind: str | None) -> None:
    found = text_links([one, other]).found
    assert {link.kind for link in found} == ({kind} if kind else set())


def test_what_everybody_says_ties_nobody() -> None:
    greeting = "欢迎光临小店有什么可以帮您"
    few = [row(n, greeting, f"买:{n}") for n in range(COMMON)]
    assert len(text_links(few).found) == COMMON - 1
    many = [*few, row(90, greeting + "呢", "买:九十")]
    assert text_links(many) == Links((), COMMON + 1)
    same_session = [row(n, greeting, f"买:{n}", session="one") for n in range(20)]
    assert text_links(same_session).common == 0


def test_near_pairs_are_all_pairs_that_overlap_enough() -> None:
    chooser = random.Random(7)
    texts = ["".join(chooser.choices("甲乙丙丁", k=chooser.randint(1, 12))) for _ in range(150)]
    grams = [{a + b for a, b in pairwise(text)} for text in texts]
    wanted = {
        (one, other)
        for one, other in combinations(range(len(texts)), 2)
        if grams[one] and len(grams[one] & grams[other]) >= NEAR * len(grams[one] | grams[other])
    }
    assert len(wanted) > 20
    assert set(near_pairs(texts)) == wanted


def test_squeezing_keeps_what_tells() -> None:
    assert squeezed("【這款】 ＸＬ 有 貨 嗎？？[图片]") == "这款xl有货吗"


def test_every_way_of_crossing_sides_is_found() -> None:
    rows = [
        row(0, LONG, session="a", buyer="x"),
        row(1, LONG, session="b", buyer="y"),
        row(2, "花肥多久用一次合适", session="a", buyer="x"),
        row(3, "盆底要不要垫陶粒呢", session="c", buyer="y"),
        row(4, LONG + "呀", session="d"),
    ]
    sides = ["train", "train", "test", "dev", "dev"]
    leaks = find_leaks(rows, sides, text_links(rows))
    assert [(leak.kind, leak.one, leak.other) for leak in leaks] == [
        ("near-duplicate", "r0", "r4"),
        ("session", "r0", "r2"),
        ("buyer", "r0", "r2"),
        ("buyer", "r1", "r3"),
    ]
    assert str(leaks[1]) == "session 'a' in train (r0) and test (r2)"
    assert find_leaks(rows, ["dev"] * 5, text_links(rows)) == []
    assert isinstance(leaks[0], Leak)


def test_texts_that_are_tied_go_together() -> None:
    rows = [row(n, f"{chr(0x4E00 + n // 2 * 40)}{chr(0x5000 + n // 2 * 30)}" * 5) for n in range(60)]
    links = text_links(rows).found
    sides = divide(rows, links, Shares(0.2, 0.3), Earlier()).sides
    assert all(sides[n] == sides[n + 1] for n in range(0, 60, 2))
    assert {side: sides.count(side) for side in set(sides)} == {"train": 30, "dev": 12, "test": 18}


def test_the_same_rows_are_divided_alike_in_any_order() -> None:
    rows = [row(n, f"{chr(0x4E00 + n * 40)}{chr(0x5000 + n * 30)}" * 5) for n in range(40)]
    sides = divide(rows, (), Shares(), Earlier()).sides
    turned = divide(rows[::-1], (), Shares(), Earlier()).sides
    assert turned == sides[::-1]
    assert divide(rows, (), Shares(seed=1), Earlier()).sides != sides


def test_few_audit_rows_are_shared_by_test_and_dev() -> None:
    rows = [row(n, "", part="random" if n < 12 else "rare") for n in range(100)]
    sides = divide(rows, (), Shares(0.1, 0.2), Earlier()).sides
    assert [sides[:12].count(side) for side in ("train", "dev", "test")] == [0, 4, 8]
    assert set(sides[12:]) == {"train"}


def test_without_audit_rows_all_human_rows_may_be_measured_on() -> None:
    rows = [row(0, "", part="rare"), row(1, "", part="rare", source="qa_import")]
    assert measurable(rows) == [True, False]
    assert measurable([*rows, row(2, "")]) == [False, False, True]


def test_an_earlier_side_wins_over_the_draw_and_test_over_all() -> None:
    rows = [row(n, "", buyer="x" if n < 2 else None) for n in range(10)]
    earlier = Earlier({"s0": "train", "s3": "dev"}, {"x": "test"})
    division = divide(rows, (), Shares(0, 0), earlier)
    assert division.sides == ("test", "test", "train", "dev", *["train"] * 6)
    assert (division.kept, division.moved) == (3, 1)


def test_of_rows_that_say_the_same_the_weaker_side_gives_way() -> None:
    rows = [row(n, "") for n in range(5)]
    links = [Link(0, 1, "text"), Link(1, 2, "near-duplicate"), Link(3, 4, "text")]
    assert weaker_twins(rows, ["train", "dev", "test", "train", "train"], links) == {0, 1}
