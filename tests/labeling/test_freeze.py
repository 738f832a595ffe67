"""A frozen set: the format training reads, a split that sticks, all or nothing on disk, reasons to refuse.

pytest tests/labeling/test_freeze.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput, Refused
from xundan.labeling.adjudication import adjudication_key
from xundan.labeling.freeze.collect import collect
from xundan.labeling.freeze.latest import latest_train
from xundan.labeling.freeze.split import Shares
from xundan.labeling.freeze.write import FreezeJob, freeze
from xundan.labeling.records import Annotation, Decision, Source, Task, Turn, task_key
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Leaf, from_leaves, load
from xundan.training.labels import read_labels

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
ATTENTION = load("attention")
TOPICS = ("price_bargain", "logistics_ship_time", "product_color", "stock_restock", "promo_gift")
# Sentences that have hardly a pair of characters in common.
SAID = (
    "能不能再便宜二十块呀",
    "今晚拍下明早发得出吗",
    "奶咖与燕麦哪种更显白",
    "三十七码几号重新上架",
    "满额送杯垫还剩没有哦",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as opened:
        yield opened


def message(
    session: str, text: str, buyer: str | None = None, purpose: str = "random", tree: str = "attention"
) -> Task:
    turns = (Turn(f"{session}-1", "buyer", "在吗"), Turn(f"{session}-2", "agent", f"在的{session}"))
    return Task(
        task_key(tree, text, turns),
        tree,
        session,
        f"{session}-3",
        "花店",
        buyer or f"b-{session}",
        text,
        turns,
        purpose=purpose,
        weight=20.0 if purpose == "random" else None,
        taxonomy_version=ATTENTION.version,
    )


def say(task: Task, leaf: str, by: str = "小周", source: Source = "human", version: str = "") -> Annotation:
    name = f"{source}:{task.key}:{by}"
    known = version or ATTENTION.version
    return Annotation(name, task.key, by, (leaf,), NOW, source, seconds=6.0, taxonomy_version=known)


def fill(store: Store, first: int, last: int, purpose: str = "random") -> list[Task]:
    """Labelled messages of as many sessions, each of its own words."""
    tasks = [
        message(f"s{n:03}", f"{SAID[n % 5]}{chr(0x5000 + 7 * n)}{chr(0x6000 + 11 * n)}" * 2, purpose=purpose)
        for n in range(first, last)
    ]
    store.add_tasks(tasks)
    store.put_annotations(say(task, TOPICS[n % 5]) for n, task in enumerate(tasks))
    return tasks


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def sessions(folder: Path, name: str) -> set[str]:
    return {line["id"].partition("#")[0] for line in lines(folder, name)}


def job(name: str = "w14", **changes: Any) -> FreezeJob:
    return FreezeJob(name, ATTENTION, **changes)


def test_training_reads_what_was_frozen(store: Store) -> None:
    fill(store, 0, 40)
    frozen = freeze(store, job(), NOW)
    assert frozen.folder == store.folder / "frozen" / "w14"
    rows = read_labels([frozen.folder / "labels.jsonl"], ATTENTION)
    first = rows[0]
    assert (first.id, first.session) == ("花店:s000#s000-3", "花店:s000")
    assert first.context == ("买:在吗", "客:在的s000")
    assert (first.labels, first.source, first.part) == (("price_bargain",), "human", "random")
    parts = [read_labels([frozen.folder / f"{name}.jsonl"], ATTENTION) for name in ("train", "dev", "test")]
    assert sorted(row.id for part in parts for row in part) == [row.id for row in rows]
    assert [len(part) for part in parts] == [28, 4, 8]
    assert lines(frozen.folder, "aside") == []
    assert load(frozen.folder / "taxonomy.yaml") == ATTENTION


def test_the_audit_sample_feeds_dev_and_test_and_a_biased_row_beside_it_stands_aside(store: Store) -> None:
    fill(store, 0, 12)
    fill(store, 12, 60, purpose="uncertain")
    beside = message("s003", "这束花能摆几天不谢呢亲", purpose="uncertain")
    store.add_tasks([replace(beside, message_id="s003-9")])
    store.put_annotations([say(beside, "product_quality")])
    frozen = freeze(store, job(), NOW)
    held = lines(frozen.folder, "dev") + lines(frozen.folder, "test")
    assert {line["part"] for line in held} == {"random"}
    assert (len(lines(frozen.folder, "dev")), len(lines(frozen.folder, "test"))) == (4, 8)
    assert [line["id"] for line in lines(frozen.folder, "aside")] == ["花店:s003#s003-9"]
    assert {line["part"] for line in lines(frozen.folder, "train")} == {"uncertain"}


def test_a_session_and_a_buyer_stay_together(store: Store) -> None:
    tasks = [
        replace(
            message(f"s{n:02}-{k}", f"{SAID[n % 5]}{chr(0x5000 + 9 * n + 200 * k)}" * 2, buyer=f"b{n}"),
            message_id=f"m{n}-{k}-{turn}",
            key=f"{n}-{k}-{turn}",
        )
        for n in range(15)
        for k in range(2)
        for turn in range(2)
    ]
    store.add_tasks(tasks)
    store.put_annotations(say(task, "price_bargain") for task in tasks)
    frozen = freeze(store, job(), NOW)
    said = json.loads((frozen.folder / "split.json").read_text("utf-8"))
    assert set(said["buyers"].values()) == {"train", "dev", "test"}
    for task in tasks:
        assert said["sessions"][task.session_id] == said["buyers"][task.buyer]
    names = [sessions(frozen.folder, name) for name in ("train", "dev", "test")]
    assert sum(map(len, names)) == len(set.union(*names)) == 30


def test_what_was_in_test_stays_in_test(store: Store) -> None:
    fill(store, 0, 30)
    first = freeze(store, job("w14"), NOW)
    fill(store, 30, 90)
    old = next(iter(sorted(sessions(first.folder, "test")))).removeprefix("花店:")
    again = message("s900", "老客又来问花瓶多高", buyer=f"b-{old}")
    store.add_tasks([again])
    store.put_annotations([say(again, "product_size")])
    second = freeze(store, job("w15"), NOW + timedelta(days=7))
    assert latest_train(store.folder, "attention") == second.folder / "train.jsonl"
    assert latest_train(store.folder, "action") is None
    assert sessions(first.folder, "test") | {"花店:s900"} <= sessions(second.folder, "test")
    assert sessions(first.folder, "dev") <= sessions(second.folder, "dev")
    assert sessions(first.folder, "train") <= sessions(second.folder, "train")
    assert second.sheet.sticky == 31
    assert second.sheet.earlier == ("w14",)
    assert len(lines(second.folder, "test")) == 18


def test_a_training_session_whose_buyer_is_found_in_test_moves_and_is_counted(store: Store) -> None:
    tasks = fill(store, 0, 30)
    first = freeze(store, job("w14"), NOW)
    trained = next(iter(sorted(sessions(first.folder, "train")))).removeprefix("花店:")
    tested = next(iter(sorted(sessions(first.folder, "test")))).removeprefix("花店:")
    assert {trained, tested} <= {task.session_id for task in tasks}
    link = message(trained, "同一通会话里的另一句话", buyer=f"b-{tested}")
    store.add_tasks([replace(link, message_id="later")])
    store.put_annotations([say(link, "product_size")])
    second = freeze(store, job("w15"), NOW)
    assert f"花店:{trained}" in sessions(second.folder, "test")
    assert second.sheet.moved == 2


def test_a_name_is_never_overwritten_and_the_same_again_is_the_same(store: Store) -> None:
    fill(store, 0, 20)
    first = freeze(store, job(), NOW)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = freeze(store, job(), NOW + timedelta(days=1))
    assert (first.is_new, again.is_new) == (True, False)
    fill(store, 20, 25)
    with pytest.raises(Refused, match=r"w14 is frozen already and holds other rows .*take another name") as e:
        freeze(store, job(), NOW)
    assert e.value.exit_code == 1
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_nothing_labelled_is_refused_with_where_the_tasks_are(store: Store) -> None:
    with pytest.raises(Refused, match="nothing is labelled in the tree attention: 0 tasks"):
        freeze(store, job())
    task, other = message("s1", "这句没人标"), message("s2", "这句两人不一样")
    store.add_tasks([task, other])
    store.put_annotations([say(other, "promo_gift"), say(other, "price_bargain", by="小吴")])
    with pytest.raises(Refused, match=r"2 tasks \(1 no answer, 1 undecided\)"):
        freeze(store, job())
    assert [path.name for path in (store.folder / "frozen").iterdir()] == [".lock"]


def test_a_decision_settles_what_people_disputed(store: Store) -> None:
    fill(store, 0, 20)
    task = message("s77", "这句两人不一样好难办")
    store.add_tasks([task])
    store.put_annotations([say(task, "promo_gift"), say(task, "price_bargain", by="小吴")])
    store.put_decisions([Decision(task.key, ("price_bulk",), "组长", "问的是量大", NOW)])
    frozen = freeze(store, job(), NOW)
    found = [line for line in lines(frozen.folder, "labels") if line["id"] == "花店:s77#s77-3"]
    assert [line["labels"] for line in found] == [["price_bulk"]]
    assert [(part.value, part.rows) for part in frozen.sheet.how] == [("single", 20), ("decision", 1)]


def test_labels_of_another_taxonomy_version_need_a_migration(store: Store) -> None:
    tasks = fill(store, 0, 20)
    old = from_leaves("attention", [Leaf("colour", "颜色", "", "g"), Leaf("size", "尺寸", "", "g")], "0.9")
    store.put_annotations(say(task, "colour", version=old.version) for task in tasks[:7])
    with pytest.raises(Refused) as error:
        freeze(store, job(), NOW)
    said = str(error.value)
    assert "7 rows were labelled under version 0.9, the taxonomy is attention 1.0.0" in said
    assert "7 rows have the leaf 'colour', which attention 1.0.0 does not have" in said
    assert "for 2 reason(s)" in said
    frozen = freeze(store, job(migration={"colour": "product_color"}), NOW)
    labels = [line["labels"] for line in lines(frozen.folder, "labels")]
    assert labels.count(["product_color"]) == 7 + sum(n % 5 == 2 for n in range(7, 20))
    assert frozen.sheet.versions == {"0.9": 7, ATTENTION.version: 13}


def test_a_version_in_which_nothing_moved_is_taken_when_said(store: Store) -> None:
    for task in fill(store, 0, 20):
        store.put_annotations([say(task, "price_bargain", version="0.9")])
    with pytest.raises(Refused, match="--nothing-moved if every leaf still means the same"):
        freeze(store, job(), NOW)
    assert freeze(store, job(migration={}), NOW).sheet.versions == {"0.9": 20}


def test_a_decision_in_newer_words_is_not_moved_again(store: Store) -> None:
    task = fill(store, 0, 20)[0]
    answer = say(task, "price_bulk", by="组长", version="0.9")
    store.put_annotations([replace(answer, id="a", key=adjudication_key(task.key))])
    store.put_decisions([Decision(task.key, ("price_bargain",), "组长", "是砍价", NOW)])
    moved = {"price_bulk": "price_bargain", "price_bargain": "price_change"}
    frozen = freeze(store, job(migration=moved), NOW)
    assert lines(frozen.folder, "labels")[0]["labels"] == ["price_bargain"]


def test_texts_that_an_earlier_split_parted_are_refused_or_left_out(store: Store) -> None:
    tasks = fill(store, 0, 30)
    first = freeze(store, job("w14"), NOW)
    by_side = {name: sorted(sessions(first.folder, name))[0] for name in ("train", "test")}
    text = {task.session_id: task.text for task in tasks}
    trained, tested = (text[by_side[name].removeprefix("花店:")] for name in ("train", "test"))
    bridge = [message("s801", trained + "呀"), message("s801", tested + "呀")]
    bridge[1] = replace(bridge[1], message_id="s801-4")
    store.add_tasks(bridge)
    store.put_annotations(say(task, "price_bargain") for task in bridge)
    with pytest.raises(Refused, match=r"must not say the same \(1 near-duplicate\); --leave-out") as error:
        freeze(store, job("w15"), NOW)
    assert f"in train ({by_side['train']}#" in str(error.value)
    second = freeze(store, job("w15", leave_out=True), NOW)
    assert by_side["test"] in sessions(second.folder, "test")
    assert second.sheet.leaks.left_out == 1
    assert second.sheet.tasks == 32 == second.sheet.rows.rows + sum(second.sheet.left.values())


def test_rows_that_cannot_be_divided_are_refused(store: Store) -> None:
    tasks = [message(f"s{n}", f"{said}呢", buyer="b") for n, said in enumerate(SAID)]
    store.add_tasks(tasks)
    store.put_annotations(say(task, "price_bargain") for task in tasks)
    with pytest.raises(Refused, match=r"dev would be empty: 5 rows of 5 sessions hang together"):
        freeze(store, job())
    frozen = freeze(store, job(shares=Shares(0, 0)))
    assert len(lines(frozen.folder, "train")) == 5


def test_a_weaker_source_is_trained_on_and_never_measured_on(store: Store) -> None:
    fill(store, 0, 30)
    tags = [
        message(f"t{n}", f"{chr(0x7000 + 13 * n)}{SAID[n % 5]}{chr(0x7100 + 5 * n)}" * 2) for n in range(30)
    ]
    store.add_tasks(tags)
    store.put_annotations(say(task, "promo_gift", by="客服A", source="agent_tag") for task in tags)
    frozen = freeze(store, job(tags=True), NOW)
    for name in ("dev", "test"):
        assert {line["source"] for line in lines(frozen.folder, name)} == {"human"}
    assert {part.value: part.rows for part in frozen.sheet.sources} == {"human": 30, "agent_tag": 30}


@pytest.mark.parametrize("step", ["pathlib.Path.write_bytes", "os.fsync", "pathlib.Path.rename"])
def test_a_killed_freeze_leaves_nothing_in_the_way(store: Store, step: str) -> None:
    fill(store, 0, 20)
    assert kill(store, f"{step} = lambda *a: os.kill(os.getpid(), signal.SIGKILL)") == -9
    left = sorted(path.name[:5] for path in (store.folder / "frozen").iterdir())
    assert left == [".lock", ".new-"]
    assert freeze(store, job(), NOW).is_new
    assert sorted(path.name for path in (store.folder / "frozen").iterdir()) == [".lock", "w14"]


def test_killed_after_the_rename_the_set_is_there(store: Store) -> None:
    fill(store, 0, 20)
    rename = "rename = pathlib.Path.rename"
    then = "pathlib.Path.rename = lambda *a: (rename(*a), os.kill(os.getpid(), signal.SIGKILL))"
    assert kill(store, f"{rename}\n{then}") == -9
    assert not freeze(store, job(), NOW).is_new


def kill(store: Store, patch: str) -> int:
    """Freeze w14 in another process in which a call was replaced; its exit status."""
    code = f"""
import os, pathlib, signal
from xundan.labeling.freeze.write import FreezeJob, freeze
from xundan.labeling.store import Store
from xundan.taxonomy.trees import load
{patch}
with Store.open(pathlib.Path({str(store.folder)!r})) as store:
    freeze(store, FreezeJob("w14", load("attention")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    return done.returncode


def test_private_data_is_masked_and_ids_cannot_be_cut(store: Store) -> None:
    fill(store, 0, 20)
    odd = replace(message("a#b~c%", "打我电话13812345678说发货", purpose="uncertain"), message_id="m~1#2")
    store.add_tasks([odd])
    store.put_annotations([say(odd, "logistics_ship_time")])
    frozen = freeze(store, job(), NOW)
    row = read_labels([frozen.folder / "labels.jsonl"], ATTENTION)[0]
    assert row.text == "打我电话[手机]说发货"
    assert (row.session, row.id) == ("花店:a%23b%7Ec%25", "花店:a%23b%7Ec%25#m%7E1%232")


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "有 空格"])
def test_a_name_must_be_plain(name: str) -> None:
    with pytest.raises(BadInput, match="not a name for a frozen set"):
        job(name)


def test_shares_must_leave_something_to_train_on() -> None:
    with pytest.raises(BadInput, match=r"shares out of range; got dev 0.5, test 0.5"):
        Shares(0.5, 0.5)
    with pytest.raises(BadInput, match="shares out of range; got dev nan"):
        Shares(float("nan"), 0.2)


@pytest.mark.parametrize("wrong", ['{"sessions": {}}', "[]", '{"sessions": {"s1": "best"}, "buyers": {}}'])
def test_a_damaged_earlier_split_is_not_taken_for_none(store: Store, wrong: str) -> None:
    fill(store, 0, 20)
    folder = store.folder / "frozen" / "w13"
    folder.mkdir(parents=True)
    (folder / "split.json").write_text(wrong)
    with pytest.raises(BadInput, match=r"w13/split\.json: not a frozen set's split.*test session could come"):
        freeze(store, job())


def test_a_tag_beside_an_answer_has_no_say_in_its_version(store: Store) -> None:
    tasks = fill(store, 0, 20)
    tag = say(tasks[0], "price_bulk", by="客服A", source="agent_tag", version="0.9")
    store.put_annotations([tag])
    moved = {"price_bargain": "price_change", "price_bulk": "price_change"}
    plain, migrated = (
        collect(store, ATTENTION, settle(store, "attention"), migration) for migration in (None, moved)
    )
    for found in (plain, migrated):
        assert found.problems == ()
        assert found.rows[0].labels == ("price_bargain",)
        assert {row.version for row in found.rows} == {ATTENTION.version}


def test_a_message_read_twice_is_one_row_of_one_version(store: Store) -> None:
    task = message("s1", "这束花能摆几天不谢呢亲")
    again = replace(task, key="again", turns=task.turns[1:])
    store.add_tasks([task, again])
    store.put_annotations([say(task, "product_quality"), say(again, "product_quality", version="0.9")])
    frozen = freeze(store, job(shares=Shares(0, 0), migration={}), NOW)
    assert (frozen.sheet.rows.rows, frozen.sheet.left) == (1, {"the same message again": 1})
    assert frozen.sheet.versions == {ATTENTION.version: 1}


def test_a_random_row_keeps_how_many_it_stands_for(store: Store) -> None:
    fill(store, 0, 20)
    fill(store, 20, 22, purpose="rare")
    found = lines(freeze(store, job(), NOW).folder, "labels")
    assert [line.get("weight") for line in found] == [20.0] * 20 + [None] * 2
