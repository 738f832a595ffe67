"""Tasks come into a project once each: repeated, after lost answers, deaths at any moment, doubles.

pytest tests/labeling/test_push.py -m "not slow"
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labeling.fake_studio import FakeStudio, Killed
from tests.labeling.own_tasks import message_tasks
from xundan.errors import BadInput, Refused
from xundan.labeling.store import Store
from xundan.labeling.studio.ledger import reconcile
from xundan.labeling.studio.push import PushReport, push
from xundan.taxonomy.trees import load

PROJECT = 3
TASKS = message_tasks(95)
KEYS = sorted(task.key for task in TASKS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as opened:
        opened.add_tasks(TASKS)
        yield opened


def run(store: Store, studio: FakeStudio, *, again: bool = False, settles_s: float = 0.0) -> PushReport:
    return push(store, studio, PROJECT, TASKS, load("attention"), again=again, batch=20, settles_s=settles_s)


def assert_once(store: Store, studio: FakeStudio) -> None:
    assert studio.keys() == KEYS
    assert sorted(row.key for row in store.pushed(PROJECT)) == KEYS
    assert {row.task for row in store.pushed(PROJECT)} == studio.tasks.keys()


def test_tasks_are_different() -> None:
    assert len(set(KEYS)) == len(KEYS) == 95


def test_a_second_push_brings_nothing(store: Store) -> None:
    studio = FakeStudio()
    first, second = run(store, studio), run(store, studio)
    assert (first.pushed, first.already, second.pushed, second.already) == (95, 0, 0, 95)
    assert first.rate > 0
    assert_once(store, studio)


def test_the_task_carries_key_text_and_prediction(store: Store) -> None:
    rows = []

    class Watched(FakeStudio):
        def add(self, project, rows_):  # type: ignore[no-untyped-def]
            rows.extend(rows_)
            return super().add(project, rows_)

    run(store, Watched())
    assert rows[0]["data"]["xundan_key"] == TASKS[0].key
    assert rows[0]["predictions"][0]["model_version"] == "attention-test-1"
    assert rows[0]["predictions"][0]["result"][0]["value"] == {"choices": ["price_inquiry"]}


def test_a_task_named_twice_is_sent_once(store: Store) -> None:
    studio = FakeStudio()
    report = push(store, studio, PROJECT, [*TASKS, *TASKS[:10]], load("attention"), settles_s=0)
    assert report.pushed == 95
    assert_once(store, studio)


def test_lost_answers_and_errors_double_nothing(store: Store) -> None:
    studio = FakeStudio(faults=["lost", "", "broken", "lost", "broken", "broken", ""])
    report = run(store, studio)
    assert (report.pushed, report.doubles) == (95, 0)
    assert_once(store, studio)


def test_a_server_that_takes_nothing_is_refused(store: Store) -> None:
    with pytest.raises(Refused, match="took none of 20 tasks in 5 tries"):
        run(store, FakeStudio(faults=["broken"] * 50))


@pytest.mark.parametrize("death", ["killed before", "killed after", "late 3"])
@pytest.mark.parametrize("batch", range(5))
def test_killed_in_any_batch_and_run_again(store: Store, death: str, batch: int) -> None:
    studio = FakeStudio(faults=[""] * batch + [death])
    with pytest.raises(Killed):
        run(store, studio)
    run(store, studio, settles_s=5 if death == "late 3" else 0)
    assert_once(store, studio)


def test_a_batch_that_comes_after_all_waiting_is_removed_by_the_next_push(store: Store) -> None:
    studio = FakeStudio(faults=["late 9"])
    with pytest.raises(Killed):
        run(store, studio)
    run(store, studio, settles_s=0)
    for _ in range(9):
        list(studio.standing(PROJECT))
    assert len(studio.tasks) == 115
    report = run(store, studio)
    assert (report.pushed, report.doubles) == (0, 20)
    assert_once(store, studio)


def test_of_doubles_the_answered_one_stays(store: Store) -> None:
    studio = FakeStudio()
    run(store, studio)
    first = next(iter(studio.tasks))
    twin = studio.insert({"data": studio.tasks[first]["data"]})
    studio.answer(twin, 1, "price_bargain")
    assert run(store, studio).doubles == 1
    assert first not in studio.tasks
    assert twin in studio.tasks
    assert_once(store, studio)


def test_two_answered_doubles_both_stay(store: Store) -> None:
    studio = FakeStudio()
    run(store, studio)
    first = next(iter(studio.tasks))
    twin = studio.insert({"data": studio.tasks[first]["data"]})
    for number in (first, twin):
        studio.answer(number, 1, "price_bargain")
    assert run(store, studio).doubles == 0
    assert {first, twin} <= studio.tasks.keys()


def test_deleted_tasks_stay_deleted_unless_asked_for(store: Store) -> None:
    studio = FakeStudio()
    run(store, studio)
    for number in list(studio.tasks)[:7]:
        del studio.tasks[number]
    report = run(store, studio)
    assert (report.pushed, report.already, report.gone) == (0, 88, 7)
    assert len(studio.tasks) == 88
    assert run(store, studio, again=True).pushed == 7
    assert_once(store, studio)


def test_a_lost_ledger_is_read_from_the_project(tmp_path: Path, store: Store) -> None:
    studio = FakeStudio()
    run(store, studio)
    with Store.open(tmp_path / "other") as other:
        assert run(other, studio).pushed == 0
        assert_once(other, studio)


def test_a_task_that_lost_its_key_is_known_by_its_number(store: Store) -> None:
    studio = FakeStudio()
    run(store, studio)
    number = next(iter(studio.tasks))
    del studio.tasks[number]["data"]["xundan_key"]
    stranger = studio.insert({"data": {"text": "手工加的"}})
    found = reconcile(store, studio, PROJECT)
    assert found.keys[number] == TASKS[0].key
    assert found.strangers == (stranger,)
    assert run(store, studio).pushed == 0


def test_a_refusal_leaves_nothing_under_way(store: Store) -> None:
    class Refusing(FakeStudio):
        def add(self, project, rows):  # type: ignore[no-untyped-def]
            raise BadInput("Label Studio refused a request", got="400 no such field")

    with pytest.raises(BadInput, match="400 no such field"):
        run(store, Refusing(), settles_s=60)
    studio = FakeStudio()
    run(store, studio, settles_s=60)  # would wait a minute if something were still looked for
    assert_once(store, studio)
