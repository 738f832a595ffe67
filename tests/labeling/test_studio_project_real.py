"""A project in a real Label Studio: made once over a bad line; answers stay when the taxonomy changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.labeling.dropping_proxy import dropping
from tests.labeling.fruit_trees import MOVED, NEW, OLD, picked, quick, tree
from xundan.errors import BadInput
from xundan.labeling.records import Task, task_key
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import connect, library
from xundan.labeling.studio.config import leaves_in
from xundan.labeling.studio.project import ensure_project
from xundan.labeling.studio.push import push
from xundan.labeling.studio.results import answer_of
from xundan.taxonomy.trees import Taxonomy


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def fruit_task(number: int, *predicted: str) -> Task:
    text = f"第 {number} 箱甜不甜"
    return Task(
        key=task_key("fruit", text, ()),
        tree="fruit",
        session_id=f"s{number}",
        message_id=f"m{number}",
        shop="果园",
        buyer=f"b{number}",
        text=text,
        turns=(),
        predicted=tuple((leaf, 0.9) for leaf in predicted),
        model_version="fruit-1",
    )


@pytest.mark.slow
@pytest.mark.studio
def test_a_real_label_studio_keeps_every_answer_when_the_taxonomy_changes(
    access: Access, annotators: tuple[Access, Access], store: Store
) -> None:
    client, person = library(access), library(annotators[0])
    made = ensure_project(client, store, OLD, guideline="# 说明", annotators=2)
    tasks = [fruit_task(1, "sweet"), fruit_task(2, "sour", "weight"), fruit_task(3)]
    push(store, connect(access), made.number, tasks, OLD)
    listing: Any = client.tasks.list(project=made.number)
    numbers = [task.id for task in listing]
    answers = (
        [quick("sweet", "weight")],
        [quick("sour"), picked(["taste", "sweet"])],
        [picked(["parcel", "box"], ["taste", "ripe"])],
    )
    given: list[Any] = []
    for number, answer in zip(numbers, answers, strict=True):
        result = [item | {"id": f"r{place}"} for place, item in enumerate(answer)]
        given.append(person.annotations.create(id=number, result=result, lead_time=3.5))
    person.annotations.create(id=numbers[2], result=[], was_cancelled=True)

    smaller = tree("2", taste=["sweetness"], parcel=["weight"], rest=["box"])
    done = ensure_project(client, store, smaller, guideline="# 说明", annotators=2, moved=MOVED)
    assert (done.number, done.created) == (made.number, False)
    assert done.migration is not None
    assert (done.migration.annotations, done.migration.predictions) == (3, 2)
    assert done.migration.left == {"ripe": (tasks[2].key,)}

    listing = client.tasks.list(project=made.number, fields="all")
    after = {one["id"]: one for task in listing for one in task.annotations}
    assert [answer_of(after[one.id]["result"]).leaves for one in given] == [
        ("sweetness", "weight"),
        ("sweetness",),
        ("box", "ripe"),
    ]
    for one in given:
        now = after[one.id]
        assert (now["completed_by"], now["lead_time"]) == (one.completed_by, 3.5)
        assert datetime.fromisoformat(now["created_at"]) == one.created_at
    assert [view.data["title"] for view in client.views.list(project=made.number)] == ["标注"]
    project = client.projects.get(made.number)
    assert project.title == "询单 fruit 2"
    assert leaves_in(project.label_config or "")["ripe"].group == ("_retired",)

    again = ensure_project(client, store, smaller, guideline="# 说明", annotators=2, moved=MOVED)
    assert again.migration is not None
    assert (again.migration.annotations, again.migration.predictions) == (0, 0)
    assert client.projects.get(made.number).label_config == project.label_config


@pytest.mark.slow
@pytest.mark.studio
def test_a_line_that_drops_every_third_answer_makes_one_project_and_loses_no_answer(
    access: Access, tmp_path: Path
) -> None:
    client = library(access)
    for way in range(3):  # so that each call is once the one whose answer is dropped
        home = tmp_path / f"home{way}"
        with Store.open(home) as store, dropping(access.address, every=3) as line:
            dropped = library(replace(access, address=line.address))
            for _ in range(way):
                with suppress(httpx.TransportError):
                    dropped.users.whoami()
            number = again(dropped, store, OLD, {})
            push(store, connect(access), number, [fruit_task(place, "sweet") for place in range(3)], OLD)
            listing: Any = client.tasks.list(project=number)
            for task in listing:
                client.annotations.create(id=task.id, result=[quick("sweet", "weight") | {"id": "r"}])
            assert again(dropped, store, NEW, MOVED) == number
            assert line.dropped
        mark = client.projects.get(number).description
        listing = client.projects.list(page_size=100)
        assert sum(project.description == mark for project in listing) == 1
        listing = client.tasks.list(project=number, fields="all")
        found = [answer_of(one["result"]).leaves for task in listing for one in task.annotations]
        assert found == [("sweetness", "weight")] * 3


def again(client: Any, store: Store, taxonomy: Taxonomy, moved: dict[str, str]) -> int:
    """What a person does with a command that says Label Studio does not answer."""
    for _ in range(5):
        with suppress(BadInput):
            return ensure_project(client, store, taxonomy, moved=moved).number
    raise AssertionError("five times in vain")


@pytest.mark.slow
@pytest.mark.studio
def test_a_real_label_studio_says_why_it_refuses(access: Access, store: Store) -> None:
    nobody = library(replace(access, token=access.token[:-4] + "AAAA"))
    with pytest.raises(BadInput, match="Label Studio refused a request; got 401"):
        ensure_project(nobody, store, OLD)
