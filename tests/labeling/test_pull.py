"""What people answered is fetched once and kept: history, withdrawals, lost tasks, crashes.

pytest tests/labeling/test_pull.py -m "not slow"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.labeling.fake_studio import FakeStudio, Killed
from tests.labeling.own_tasks import message_tasks
from xundan.errors import BadInput
from xundan.labeling.records import Annotation
from xundan.labeling.store import Store
from xundan.labeling.studio.pull import OVERLAP, pull
from xundan.labeling.studio.push import push
from xundan.labeling.studio.results import answer_of
from xundan.taxonomy.trees import load

PROJECT = 3
TASKS = message_tasks(40)


@pytest.fixture
def studio() -> FakeStudio:
    return FakeStudio()


@pytest.fixture
def store(tmp_path: Path, studio: FakeStudio) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as opened:
        opened.add_tasks(TASKS)
        push(opened, studio, PROJECT, TASKS, load("attention"), settles_s=0)
        yield opened


def only(store: Store) -> Annotation:
    (annotation,) = store.annotations()
    return annotation


def test_an_answer_comes_with_its_person_time_and_version(store: Store, studio: FakeStudio) -> None:
    row = studio.answer(5, 2, "price_bargain")
    report = pull(store, studio, PROJECT, taxonomy_version="7")
    assert (report.tasks, report.read, report.new) == (40, 1, 1)
    annotation = only(store)
    assert annotation.id == f"studio:3:{row['id']}"
    assert annotation.key == TASKS[4].key
    assert (annotation.by, annotation.leaves) == ("wu@example.cn", ("price_bargain",))
    assert (annotation.seconds, annotation.taxonomy_version) == (4.5, "7")
    assert annotation.at == studio.now
    assert not annotation.withdrawn


def test_only_what_changed_is_read_again(store: Store, studio: FakeStudio) -> None:
    for number in range(1, 31):
        studio.answer(number, 1, "price_inquiry")
    assert pull(store, studio, PROJECT).read == 30
    studio.now += OVERLAP * 2
    studio.answer(30, 2, "price_bargain")
    pull(store, studio, PROJECT)
    studio.reads = 0
    report = pull(store, studio, PROJECT)
    assert (report.read, report.new, report.same) == (1, 0, 2)
    assert studio.reads == 1
    assert len(store.annotations()) == 31


def test_answers_at_the_same_moment_as_the_last_one_seen_are_not_missed(
    store: Store, studio: FakeStudio
) -> None:
    row = studio.answer(1, 1, "price_inquiry")
    other = studio.answer(2, 1, "price_inquiry")
    pull(store, studio, PROJECT)
    moment = studio.now
    # Written within the same tick, and without a new number of answers to show for it.
    row["result"] = [{"from_name": "quick", "value": {"choices": ["price_bargain"]}}]
    row["updated_at"] = moment.isoformat()
    studio.tasks[1]["updated_at"] = moment
    pull(store, studio, PROJECT)
    leaves = {one.id: one.leaves for one in store.annotations()}
    assert leaves == {
        f"studio:3:{row['id']}": ("price_bargain",),
        f"studio:3:{other['id']}": ("price_inquiry",),
    }


def test_a_change_that_shows_late_is_not_missed(store: Store, studio: FakeStudio) -> None:
    studio.now = datetime.now(UTC) - OVERLAP / 2
    row = studio.answer(1, 1, "price_inquiry")
    studio.answer(2, 1, "price_inquiry")
    pull(store, studio, PROJECT)
    # Stamped before the newest that the pull saw, and written only after it.
    late = studio.now - timedelta(seconds=30)
    row["result"] = [{"from_name": "quick", "value": {"choices": ["price_bargain"]}}]
    row["updated_at"] = late.isoformat()
    studio.tasks[1]["updated_at"] = late
    assert pull(store, studio, PROJECT).changed == 1


def test_a_stamp_from_the_future_hides_nothing(store: Store, studio: FakeStudio) -> None:
    studio.now = datetime.now(UTC)
    row = studio.answer(1, 1, "price_inquiry")
    studio.tasks[2]["updated_at"] += timedelta(days=40_000)
    pull(store, studio, PROJECT)
    studio.change(1, row, result=[{"from_name": "quick", "value": {"choices": ["price_bargain"]}}])
    pull(store, studio, PROJECT)
    assert only(store).leaves == ("price_bargain",)


def test_a_changed_answer_keeps_the_earlier_ones(store: Store, studio: FakeStudio) -> None:
    row = studio.answer(1, 1, "price_inquiry")
    pull(store, studio, PROJECT, taxonomy_version="1")
    for leaf in ("price_bargain", "stock_availability"):
        studio.change(1, row, result=[{"from_name": "quick", "value": {"choices": [leaf]}}], lead_time=9.0)
        report = pull(store, studio, PROJECT, taxonomy_version="2")
        assert (report.changed, report.new) == (1, 0)
        assert pull(store, studio, PROJECT, taxonomy_version="3").same == 1
    annotation = only(store)
    assert annotation.leaves == ("stock_availability",)
    assert annotation.history == (("price_inquiry",), ("price_bargain",))
    assert (annotation.seconds, annotation.taxonomy_version) == (9.0, "2")


def test_skipped_and_deleted_answers_are_withdrawn_and_kept(store: Store, studio: FakeStudio) -> None:
    studio.answer(1, 1, "price_inquiry", was_cancelled=True)
    deleted = studio.answer(2, 1, "price_inquiry")
    later = studio.answer(3, 1, "price_bargain")
    assert pull(store, studio, PROJECT).withdrawn == 1
    studio.withdraw(2, deleted)
    studio.change(3, later, was_cancelled=True)
    assert pull(store, studio, PROJECT).withdrawn == 2
    assert [one.withdrawn for one in store.annotations()] == [True, True, True]
    assert store.annotations()[1].leaves == ("price_inquiry",)
    studio.change(3, later, was_cancelled=False)
    pull(store, studio, PROJECT)
    assert [one.withdrawn for one in store.annotations()].count(False) == 1


def test_the_answers_of_a_deleted_task_are_withdrawn(store: Store, studio: FakeStudio) -> None:
    for number in (1, 2):
        studio.answer(number, 1, "price_inquiry")
    pull(store, studio, PROJECT)
    del studio.tasks[1]
    report = pull(store, studio, PROJECT)
    assert (report.tasks, report.withdrawn) == (39, 1)
    assert {one.key: one.withdrawn for one in store.annotations()} == {
        TASKS[0].key: True,
        TASKS[1].key: False,
    }
    assert pull(store, studio, PROJECT).withdrawn == 0


def test_a_task_without_its_key_is_known_and_a_stranger_is_counted(store: Store, studio: FakeStudio) -> None:
    studio.tasks[1]["data"] = {"text": "有人改过这一行"}
    stranger = studio.insert({"data": {"text": "手工加的"}})
    for number in (1, stranger):
        studio.answer(number, 1, "price_bargain")
    report = pull(store, studio, PROJECT)
    assert report.strangers == 1
    assert only(store).key == TASKS[0].key


def test_the_answers_of_both_doubles_are_kept(store: Store, studio: FakeStudio) -> None:
    twin = studio.insert({"data": studio.tasks[1]["data"]})
    first, second = studio.answer(1, 1, "price_inquiry"), studio.answer(twin, 2, "price_bargain")
    pull(store, studio, PROJECT)
    studio.withdraw(twin, second)
    pull(store, studio, PROJECT)
    assert {one.id: one.withdrawn for one in store.annotations()} == {
        f"studio:3:{first['id']}": False,
        f"studio:3:{second['id']}": True,
    }


def test_killed_anywhere_and_run_again(store: Store, tmp_path: Path, studio: FakeStudio) -> None:
    rows = {number: studio.answer(number, 1, "price_inquiry") for number in range(1, 41)}
    pull(store, studio, PROJECT)
    for number, row in rows.items():
        studio.change(number, row, result=[{"from_name": "quick", "value": {"choices": ["price_bargain"]}}])
    studio.withdraw(40, rows[40])
    studio.reads, studio.kill_at_read = 0, 20
    with pytest.raises(Killed):
        pull(store, studio, PROJECT)
    studio.kill_at_read = None
    pull(store, studio, PROJECT)
    found = store.annotations()
    assert len(found) == 40
    assert {one.history for one in found if not one.withdrawn} == {(("price_inquiry",),)}
    assert sum(one.withdrawn for one in found) == 1


def test_another_label_studio_is_noticed(store: Store, studio: FakeStudio) -> None:
    studio.answer(1, 1, "price_inquiry")
    pull(store, studio, PROJECT)
    studio.tasks[2]["annotations"] = studio.tasks[1].pop("annotations")
    studio.tasks[1]["annotations"] = []
    store.put_annotations([replace(only(store), key=TASKS[9].key)])
    with pytest.raises(BadInput, match=r"belongs to another task than before.*use a new store"):
        pull(store, studio, PROJECT)


def test_a_person_who_is_no_more_has_a_number(store: Store, studio: FakeStudio) -> None:
    studio.answer(1, 77, "price_inquiry")
    pull(store, studio, PROJECT)
    assert only(store).by == "user 77"


def test_people_whose_accounts_were_deleted_stay_who_they_were(
    store: Store, studio: FakeStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [studio.answer(1, person, "price_inquiry") for person in (1, 2)]
    pull(store, studio, PROJECT)
    for row in first:
        studio.change(1, row, completed_by=None)
    for _ in range(2):  # never pulled while they had accounts
        studio.answer(2, 1, "price_bargain", completed_by=None)
    monkeypatch.setattr(studio, "people", dict)
    pull(store, studio, PROJECT)
    by = {
        key: [one.by for one in store.annotations() if one.key == key] for key in (TASKS[0].key, TASKS[1].key)
    }
    assert by[TASKS[0].key] == ["lin@example.cn", "wu@example.cn"]
    assert len(set(by[TASKS[1].key])) == 2


def test_a_new_stamp_alone_is_no_new_answer(store: Store, studio: FakeStudio) -> None:
    row = studio.answer(1, 1, "price_inquiry")
    given = studio.now
    pull(store, studio, PROJECT, taxonomy_version="1")
    studio.change(1, row)  # as when leaves are moved to a newer taxonomy
    report = pull(store, studio, PROJECT, taxonomy_version="2")
    assert (report.changed, report.same) == (0, 1)
    assert (only(store).at, only(store).taxonomy_version) == (given, "1")


def test_a_store_that_pushed_nothing_learns_the_keys_once(tmp_path: Path) -> None:
    class Counting(FakeStudio):
        asked = 0

        def data(self, project: int, tasks: Sequence[int]) -> dict[int, dict[str, Any]]:
            self.asked += len(tasks)
            return super().data(project, tasks)

    studio = Counting()
    with Store.open(tmp_path / "first") as first:
        push(first, studio, PROJECT, TASKS, load("attention"), settles_s=0)
    studio.answer(1, 1, "price_inquiry")
    studio.asked = 0
    with Store.open(tmp_path / "other") as other:
        assert [pull(other, studio, PROJECT).new for _ in range(2)] == [1, 0]
        assert studio.asked == 40
        assert only(other).key == TASKS[0].key


def test_an_empty_project_is_read(tmp_path: Path) -> None:
    with Store.open(tmp_path / "labels") as store:
        assert pull(store, FakeStudio(), PROJECT).tasks == 0


def item(name: str, **value: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "value": value}


def test_a_message_answer_is_read_from_tree_boxes_and_doubt() -> None:
    answer = answer_of(
        [
            item("quick", choices=["price_bargain"]),
            item("leaves", taxonomy=[["price", "price_bargain"], ["logistics", "logistics_freight"]]),
            item("doubt", choices=["不确定"]),
        ]
    )
    assert answer.leaves == ("price_bargain", "logistics_freight")
    assert (answer.unsure, answer.unreadable) == (True, False)


def test_a_session_answer_has_the_primary_leaf_first() -> None:
    answer = answer_of(
        [
            item("secondary", taxonomy=[["loss_price", "loss_competitor"], ["loss_service", "loss_slow"]]),
            item("evidence", choices=["t2", "t3"]),
            item("stage", choices=["stage_negotiate"]),
            item("comment", text=["别家便宜 20 元 ", ""]),
            item("primary", taxonomy=[["loss_price", "loss_too_expensive"]]),
        ]
    )
    assert answer.leaves == ("loss_too_expensive", "loss_competitor", "loss_slow")
    assert answer.stage == "stage_negotiate"
    assert answer.evidence == ("t2", "t3")
    assert answer.comment == "别家便宜 20 元"


def test_secondary_loss_points_alone_do_not_become_the_primary_one() -> None:
    answer = answer_of([item("secondary", taxonomy=[["loss_price", "loss_competitor"]])])
    assert answer.leaves == ()


def test_an_answer_may_be_unreadable_or_empty() -> None:
    assert answer_of([item("doubt", choices=["看不懂"])]).unreadable
    assert answer_of([]).leaves == ()
    assert answer_of([{"type": "relation"}]).leaves == ()
