"""The page agreement.html: what it says, in both languages, offline and escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.labeling.voting import AT, TREE, annotation, fill, task
from xundan.errors import BadInput
from xundan.labeling.agreement.page.page import page_of, write_page
from xundan.labeling.agreement.page.sentences import sentences
from xundan.labeling.agreement.page.view import View, words_of
from xundan.labeling.agreement.result import measure
from xundan.labeling.records import Decision
from xundan.labeling.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def well_labelled(store: Store) -> None:
    """30 tasks on which two agree, 3 on which they do not, one of them decided."""
    said = {f"k{n}": f"ann:{leaf} bo:{leaf}" for n, leaf in enumerate(["fee", "time", "size"] * 10)}
    fill(store, said | {"x1": "ann:fee bo:time", "x2": "ann:time bo:fee", "x3": "ann:fee bo:? cy:fee,time"})
    store.put_decisions([Decision("x1", ("fee",), "boss", "问的是钱", annotation("x1", "a:").at)])


def visible(page: str) -> str:
    """The page without scripts and data."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.S)


def drawn(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)
    assert found
    plots: dict[str, Any] = json.loads(found[1])
    return plots


def test_the_page_says_whether_the_labels_can_be_trusted(store: Store, tmp_path: Path) -> None:
    well_labelled(store)
    out = tmp_path / "agreement.html"
    found = measure(store, TREE)
    write_page([found], out)
    page = out.read_text(encoding="utf-8")
    shown = visible(page)
    assert '<html lang="zh-CN">' in shown
    assert "可作初步结论" in shown or "还不能信赖" in shown or "可以信赖" in shown
    assert f"{found.alpha:.3f}" in shown
    assert "最常混的是「运费」和「发货时间」" in shown
    assert "待裁决 2 个任务，已裁决 1 个" in shown
    assert "一人：运费 ⇄ 另一人：发货时间" in shown
    assert "到云南要加钱吗 x1" in shown
    for head in ("结论", "答案与任务的去向", "每个叶子", "混淆", "标注人两两之间", "标注人", "怎么算的"):
        assert f">{head}</h2>" in shown
    assert "三人以上的投票" not in shown  # nobody was asked a third time
    assert "https://" not in shown  # it works offline
    plots = drawn(page)
    assert list(plots) == ["parcel"]
    confusions, own = plots["parcel"]["data"]
    assert confusions["x"] == ["运费", "发货时间", "（没有选别的）"]
    assert own["z"][0][0] == pytest.approx(next(x.f1.value for x in found.leaves if x.leaf == "fee"))
    assert confusions["z"][0][0] is None
    assert re.fullmatch(
        r"一人选「运费」时，另一人没选它、选了「发货时间」：.*% \[.*%, .*%\]（2/\d+）",
        confusions["customdata"][0][1],
    )


def test_counts_on_the_page_add_up(store: Store) -> None:
    well_labelled(store)
    shown = visible(page_of([measure(store, TREE)]))
    for head, total in (("份数", 67), ("任务", 33)):
        part = re.search(rf'<th tabindex="0">{head}</th></tr></thead><tbody>(.*?)</tbody>', shown, re.S)
        assert part
        numbers = [int(n) for n in re.findall(r'data-v="(\d+)"', part[1])]
        assert numbers[-1] == total == sum(numbers[:-1])


def test_the_page_in_english(store: Store) -> None:
    well_labelled(store)
    shown = visible(page_of([measure(store, TREE)], "en"))
    assert '<html lang="en">' in shown
    assert "Most often taken for each other: “Fee” and “Time”" in shown
    assert not re.search("[一-鿿]", re.sub(r"到云南要加钱吗 \w+|[买客]：[^<]*|系统", "", shown))
    assert set(words_of("en")) == set(words_of("zh"))
    with pytest.raises(BadInput, match="got 'fr'; expected zh or en"):
        page_of([measure(store, TREE)], "fr")


def test_nothing_a_buyer_or_annotator_writes_becomes_markup(store: Store) -> None:
    store.add_tasks([task("k", text="<script>alert(1)</script>", session_id="s")])
    store.put_annotations([annotation("k", "<b>ann</b>:fee", 1), annotation("k", "bo:</script>", 2)])
    page = page_of([measure(store, TREE)])
    assert "<script>alert" not in page
    assert "<b>ann" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\u003c/script>" in page  # a leaf of an older tree, in the data of the plot


@pytest.mark.parametrize(
    ("alike", "other", "expected"),
    [(120, 0, "可以信赖"), (110, 12, "可作初步结论"), (60, 40, "还不能信赖"), (8, 0, "样本太少")],
)
def test_the_verdict_is_by_the_lower_bound(store: Store, alike: int, other: int, expected: str) -> None:
    said = {
        f"k{n}": f"ann:{leaf} bo:{leaf}" for n, leaf in enumerate(["fee", "time", "size"] * (alike // 3 + 1))
    }
    fill(store, said | {f"x{n}": "ann:fee bo:time" for n in range(other)})
    assert expected in sentences(View.of(measure(store, TREE), "zh"))[0]


def test_one_person_alone_agrees_with_nobody(store: Store) -> None:
    fill(store, {"k1": "ann:fee", "k2": "ann:?"})
    page = page_of([measure(store, TREE)])
    shown = visible(page)
    assert "还没有一个任务由两个人以上标了叶子" in shown
    assert "2 份有效答案里，不确定 1、看不懂 0、没选叶子 0" in shown
    assert ">标注人</h2>" in shown
    assert ">每个叶子</h2>" not in shown
    assert drawn(page) == {}


def test_always_the_same_leaf_is_no_proof(store: Store) -> None:
    fill(store, {f"k{n}": "ann:fee bo:fee" for n in range(30)})
    said = sentences(View.of(measure(store, TREE), "zh"))
    assert "无法计算" in said[0]
    assert "没有待裁决的争议。" in said


def test_sessions_are_spoken_of_by_their_primary_leaf(store: Store) -> None:
    leaves = ["fee", "time", "size"] * 10
    fill(
        store,
        {f"k{n}": f"ann:{leaf} bo:{leaf},thanks cy:{leaf}" for n, leaf in enumerate(leaves)},
        whole=True,
    )
    shown = visible(page_of([measure(store, TREE)]))
    assert "Krippendorff α（主要流失点） 1.000" in shown
    assert "三人以上的投票" in shown


def test_what_the_votes_come_to_does_not_say_that_decided_tasks_wait(store: Store) -> None:
    fill(store, {"k": "ann:fee bo:time cy:size"})
    store.put_decisions([Decision("k", ("fee",), "boss", "看金额", AT)])
    shown = visible(page_of([measure(store, TREE)]))
    assert ">没有叶子过半</td>" in shown
    assert "已裁决 1 个" in shown
