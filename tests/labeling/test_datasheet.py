"""The datasheet: every count adds up, agreement comes with n and interval, what is missing is said.

pytest tests/labeling/test_datasheet.py
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xundan.labeling.freeze.write import FreezeJob, Frozen, freeze
from xundan.labeling.guideline_versions import write_guideline
from xundan.labeling.records import Annotation, Decision, Task, Turn, task_key
from xundan.labeling.store import Store
from xundan.taxonomy.trees import load

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
TREE = load("attention")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as opened:
        yield opened


def put(store: Store, n: int, purpose: str, people: Sequence[str], seconds: float | None = 30.0) -> None:
    text = f"{chr(0x4E00 + 41 * n)}{chr(0x5E00 + 23 * n)}问"
    turns = (Turn("t", "agent", f"第{n}位"),)
    weight = 12.5 if purpose == "random" else None
    key = task_key("attention", text, turns)
    task = Task(
        key, "attention", f"s{n}", f"m{n}", "花店", f"b{n}", text, turns, purpose=purpose, weight=weight
    )
    store.add_tasks([task])
    leaves = ("product_color", "promo_gift") if n % 2 else ("promo_gift",)
    store.put_annotations(
        Annotation(
            f"{n}{by}",
            key,
            by,
            leaves if by == "小周" or n % 5 else ("price_bulk",),
            NOW,
            unreadable=by == "小孙",
            seconds=seconds,
        )
        for by in people
    )
    if n in (0, 5) and people:
        store.put_decisions([Decision(key, ("promo_gift",), "组长", "问的是赠品", NOW)])


def filled(store: Store, purpose: str = "random") -> None:
    """42 tasks: 20 by two people (who differ on four, two decided), 20 by one, one 看不懂, one unanswered."""
    for n in range(20):
        put(store, n, purpose, ("小周", "小吴"))
    for n in range(20, 40):
        put(store, n, "rare", ("小周",), seconds=None)
    put(store, 40, "rare", ("小孙",))
    put(store, 41, purpose, ())


def frozen(store: Store, lang: str = "zh") -> tuple[Frozen, str]:
    made = freeze(store, FreezeJob("春季", TREE, lang=lang), NOW)
    return made, (made.folder / "datasheet.md").read_text("utf-8")


def table(text: str, first: str) -> dict[str, list[str]]:
    """The rows of the table whose header begins with ``first``, by their first cell."""
    block = text[text.index(f"| {first} |") :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in block]
    return {row[0]: row[1:] for row in cells}


def test_every_count_adds_up(store: Store) -> None:
    filled(store)
    made, text = frozen(store)
    sheet = made.sheet
    left = {"no answer": 1, "undecided": 2, "unreadable": 1}
    assert (sheet.tasks, sheet.rows.rows, dict(sheet.left)) == (42, 38, left)
    assert "任务 42 个 = 入集 38 行 + 未入集 4 个（无人标注 1；有争议未定 2；看不懂或无叶子可归 1）" in text
    rows = sheet.rows
    files = f"训练 train {rows.train} + 开发 dev {rows.dev} + 测试 test {rows.test} + 旁置 aside 0"
    assert f"38 行 = {files}" in text
    assert [row[-1] for row in table(text, "来源").values()] == ["38"]
    how = {name: row[-1] for name, row in table(text, "标签如何定下").items()}
    assert how == {"single": "20", "agreement": "16", "decision": "2"}
    leaves = table(text, "叶子")
    assert (leaves["promo_gift"][-1], leaves["product_color"][-1]) == ("38", "18")
    assert [sum(int(row[k]) for row in leaves.values()) for k in (1, 2, 3)] == [
        sum(
            len(json.loads(line)["labels"]) for line in (made.folder / f"{name}.jsonl").open(encoding="utf-8")
        )
        for name in ("train", "dev", "test")
    ]
    purposes = table(text, "抽样目的")
    assert (purposes["random"][0], *purposes["random"][-2:]) == ("21", "18", "225")
    assert (purposes["rare"][0], *purposes["rare"][-2:]) == ("21", "20", "-")
    people = table(text, "标注人")
    assert people == {"小周": ["human", "38", "9.0"], "小吴": ["human", "18", "9.0"]}


def test_agreement_comes_with_n_and_interval(store: Store) -> None:
    filled(store)
    made, text = frozen(store)
    found = made.sheet.agreement
    assert found is not None
    assert (found.alpha.n, found.f1.n) == (20, 20)
    assert found.f1.low < found.f1.value < found.f1.high
    said = rf"{found.alpha:.2f}，两人以上标过的任务 n=20（会话 20 个）；两两 F1 {found.f1:.2f}，答案对 n=20"
    assert said in text


def test_without_a_second_person_agreement_is_not_known(store: Store) -> None:
    for n in range(20):
        put(store, n, "random", ("小周",))
    made, text = frozen(store)
    assert made.sheet.agreement is None
    assert "没有任务由两人以上标过，一致性未知（n=0）" in text
    assert json.loads((made.folder / "datasheet.json").read_text("utf-8"))["agreement"] is None


def test_always_the_same_answer_leaves_alpha_undefined(store: Store) -> None:
    for n in range(0, 40, 2):
        put(store, n, "random", ("小周", "小郑") if n % 5 else ("小周",))
    made, text = frozen(store, "en")
    assert "alpha (MASI distance) not defined (everybody always gave the same answer), n=16 tasks" in text
    kept = json.loads((made.folder / "datasheet.json").read_text("utf-8"))
    assert kept["agreement"]["alpha"]["value"] is None
    assert kept["agreement"]["f1"]["value"] == 1.0


@pytest.mark.parametrize(
    ("purpose", "zh", "en"),
    [
        ("random", "随机审计行 18 行（抽了 21 个任务）", "18 rows are of the random audit sample (21 tasks"),
        ("uncertain", "没有随机审计行", "There are no audit rows"),
    ],
)
def test_it_says_whether_there_are_audit_rows(store: Store, purpose: str, zh: str, en: str) -> None:
    filled(store, purpose)
    made, text = frozen(store)
    assert zh in text
    again = freeze(store, FreezeJob("again", TREE, lang="en"), NOW)
    assert en in (again.folder / "datasheet.md").read_text("utf-8")
    assert made.sheet.audit == (18 if purpose == "random" else 0)


def test_it_names_the_guideline_or_its_absence(store: Store) -> None:
    filled(store)
    _, text = frozen(store)
    assert "标注规程：冻结时尚未生成" in text
    version = write_guideline(store, TREE, NOW).version
    later = freeze(store, FreezeJob("later", TREE), NOW)
    text = (later.folder / "datasheet.md").read_text("utf-8")
    assert f"标注规程第 1 版（哈希 {version.hash}，分类 {TREE.version}）" in text
    assert later.sheet.guideline == version


def test_hashes_are_those_of_the_files(store: Store) -> None:
    filled(store)
    made, text = frozen(store)
    hashes = table(text, "文件")
    others = {"datasheet.md", "datasheet.json"}
    assert set(hashes) == {path.name for path in made.folder.iterdir()} - others
    for name, (digest,) in hashes.items():
        assert hashlib.sha256((made.folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_both_languages_have_all_headings_and_no_gap(store: Store, lang: str) -> None:
    filled(store)
    _, text = frozen(store, lang)
    headings = re.findall(r"^## (?:\S+ )?([A-Z].*)$", text, re.MULTILINE)
    assert [heading.split(",")[0].split()[0] for heading in headings] == [
        "Motivation",
        "Composition",
        "Collection",
        "Preprocessing",
        "Uses",
        "Distribution",
        "Maintenance",
    ]
    assert not re.search(r"[{}]", text)
