"""A tree's project is made once, found again, and follows its taxonomy without losing an answer."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from tests.labeling.fruit_trees import MOVED, NEW, OLD, picked, quick, tree
from tests.labeling.own_tasks import message_tasks
from xundan.errors import BadInput
from xundan.labeling.records import Annotation, Decision, Suggestion
from xundan.labeling.store import Pushed, Store
from xundan.labeling.studio import project as project_module
from xundan.labeling.studio.config import hotkeys_in, leaves_in
from xundan.labeling.studio.project import ensure_project, find_project, instruction, note_of

AT = datetime(2026, 4, 8, tzinfo=UTC)


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Fake:
    """A Label Studio in memory, as far as projects need one. ``die_at``: the number of the call at which the
    process dies, after the server acted. ``lose``: the answer to making a project gets lost."""

    made: dict[int, SimpleNamespace] = field(default_factory=dict)
    rows: list[SimpleNamespace] = field(default_factory=list)
    tabs: dict[int, Any] = field(default_factory=dict)
    die_at: int = -1
    lose: bool = False
    calls: int = 0
    changes: int = 0
    last: int = 0

    @property
    def projects(self) -> Any:
        verbs = {"create": self._create, "update": self._update, "delete": self._delete}
        return SimpleNamespace(get=self._get, list=self._list, **verbs)

    @property
    def tasks(self) -> Any:
        return SimpleNamespace(list=self._tasks)

    @property
    def views(self) -> Any:
        return SimpleNamespace(list=lambda project, **_: self.tabs.get(project), create=self._tab)

    @property
    def annotations(self) -> Any:
        return SimpleNamespace(get=self._annotation, update=self._annotate)

    @property
    def predictions(self) -> Any:
        return SimpleNamespace(update=self._predict)

    def label(self, number: int, result: list[dict[str, Any]]) -> None:
        """A person answers the task of this number."""
        annotations = self.rows[number].annotations
        annotations.append({"id": 100 * number + len(annotations), "result": result})

    def leaves(self) -> list[list[Any]]:
        """What stands in the annotations, item by item."""
        return [
            [next(iter(item["value"].values())) for item in annotation["result"]]
            for row in self.rows
            for annotation in row.annotations
        ]

    def _called(self) -> None:
        self.calls += 1
        if self.calls == self.die_at:
            raise Killed

    def _get(self, number: int, **_: Any) -> SimpleNamespace:
        self._called()
        return SimpleNamespace(**vars(self.made[number]), task_number=len(self.rows))

    def _list(self, **_: Any) -> Iterator[SimpleNamespace]:
        self._called()
        return iter(list(self.made.values()))

    def _create(self, **values: Any) -> SimpleNamespace:
        assert values.pop("request_options") == {"max_retries": 0}
        number = self.last = 1 + max(self.made, default=self.last)  # a number is never given out twice
        self.made[number] = SimpleNamespace(id=number, **values)
        if self.lose:
            raise httpx.RemoteProtocolError("the server hung up")
        self._called()
        return self.made[number]

    def _update(self, number: int, request_options: Any, **values: Any) -> None:
        before = dict(vars(self.made[number]))
        vars(self.made[number]).update(values)
        self.changes += before != vars(self.made[number])
        self._called()

    def _delete(self, number: int, request_options: Any) -> None:
        del self.made[number]
        self._called()

    def _tab(self, project: int, data: dict[str, Any], request_options: Any) -> None:
        self.tabs[project] = data
        self._called()

    def _tasks(self, **_: Any) -> list[SimpleNamespace]:
        self._called()
        return copy.deepcopy(self.rows)

    def _annotation(self, number: int, request_options: Any) -> SimpleNamespace:
        (found,) = [one for row in self.rows for one in row.annotations if one["id"] == number]
        return SimpleNamespace(**copy.deepcopy(found))

    def _annotate(self, number: int, result: list[dict[str, Any]], request_options: Any) -> None:
        (found,) = [one for row in self.rows for one in row.annotations if one["id"] == number]
        found["result"] = result
        self._called()

    def _predict(self, number: int, result: list[dict[str, Any]], request_options: Any) -> None:
        (found,) = [one for row in self.rows for one in row.predictions if one.id == number]
        found.result = result
        self._called()


def client(fake: Fake) -> Any:
    return cast(Any, fake)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def row(number: int, result: list[dict[str, Any]], drafts: list[Any] | None = None) -> SimpleNamespace:
    """A task with its prediction and no annotation."""
    return SimpleNamespace(
        id=number,
        data={"xundan_key": f"k{number}"},
        annotations=[],
        predictions=[SimpleNamespace(id=number, result=result)],
        drafts=drafts or [],
    )


def test_a_project_is_made_once_and_found_again(store: Store) -> None:
    fake = Fake()
    first = ensure_project(
        client(fake), store, OLD, counts={"box": 7}, guideline="# 说明\n\n**别急**", annotators=2
    )
    assert (first.number, first.title, first.created, first.migration) == (1, "询单 fruit 1", True, None)
    assert store.note(note_of("fruit")) == "1"
    made = fake.made[1]
    assert made.expert_instruction == "<h1>说明</h1>\n<p><strong>别急</strong></p>\n"
    assert (made.show_collab_predictions, made.show_skip_button, made.enable_empty_annotation) == (
        True,
        True,
        False,
    )
    assert made.maximum_annotations == 2
    assert hotkeys_in(made.label_config)[0] == "box"

    assert "tasks:data.dialogue" in fake.tabs[1]["hiddenColumns"]["explore"]

    again = ensure_project(client(fake), store, OLD, counts={"box": 7}, guideline="# 说明\n\n**别急**")
    assert made.maximum_annotations == 2, "not said again is not taken back"
    assert (again.number, again.created) == (1, False)
    assert len(fake.made) == 1
    assert fake.changes == 0


def test_keys_stay_with_their_leaves_until_new_ones_are_asked_for(store: Store) -> None:
    fake = Fake()
    ensure_project(client(fake), store, OLD, counts={"box": 7})
    ensure_project(client(fake), store, OLD, counts={"ripe": 9})
    assert hotkeys_in(fake.made[1].label_config)[0] == "box"
    ensure_project(client(fake), store, OLD, counts={"ripe": 9}, new_keys=True)
    assert hotkeys_in(fake.made[1].label_config)[0] == "ripe"


def test_a_project_whose_answer_got_lost_is_found_by_its_description(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake(lose=True)
    monkeypatch.setattr(project_module, "_BETWEEN_S", 0)
    assert ensure_project(client(fake), store, OLD).number == 1
    assert len(fake.made) == 1

    fake.lose, fake.die_at = False, fake.calls + 2  # dies when the server has made it, before it is noted
    with Store.open(tmp_path / "other") as other:
        with pytest.raises(Killed):
            ensure_project(client(fake), other, OLD)
        assert other.note(note_of("fruit")) is None
        assert ensure_project(client(fake), other, OLD).number == 2
    assert len(fake.made) == 2  # another store has a project of its own


def test_a_project_deleted_in_label_studio_is_made_anew(store: Store) -> None:
    fake = Fake()
    ensure_project(client(fake), store, OLD)
    del fake.made[1]
    assert find_project(client(fake), store, "fruit") is None
    fake.made[5] = SimpleNamespace(id=5, description=None, label_config=None)
    assert ensure_project(client(fake), store, OLD).number == 6


def test_a_strangers_project_with_our_number_is_left_alone_and_a_new_description_is_no_loss(
    store: Store,
) -> None:
    fake = Fake()
    ensure_project(client(fake), store, OLD)
    fake.made[1].description = "给新同事练手"
    assert find_project(client(fake), store, "fruit") == 1
    fake.made[1].label_config = "<View/>"  # another server: its first project is not ours
    assert find_project(client(fake), store, "fruit") is None
    assert ensure_project(client(fake), store, OLD).number == 2
    assert fake.made[1].label_config == "<View/>"


def test_in_a_new_label_studio_a_project_never_has_a_number_that_the_ledger_knows(store: Store) -> None:
    ensure_project(client(Fake()), store, OLD)
    store.put_pushed([Pushed("k", 1, 1), Pushed("k", 2, 9)])
    new = Fake()  # its data folder was replaced: it counts from 1 again
    assert ensure_project(client(new), store, OLD).number == 3
    assert list(new.made) == [3]
    assert ensure_project(client(new), store, OLD).number == 3


def test_at_least_one_person_is_asked(store: Store) -> None:
    with pytest.raises(BadInput, match=r"--annotators: nobody would be asked; got 0"):
        ensure_project(client(Fake()), store, OLD, annotators=0)


def test_a_silent_label_studio_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()

    def silent(**_: Any) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(fake, "_list", silent)
    with pytest.raises(BadInput, match=r"Label Studio does not answer; got .*refused.*xundan label up"):
        ensure_project(client(fake), store, OLD)


def labelled(store: Store) -> Fake:
    """A project of the old tree with six answered tasks, one of them with a draft."""
    fake = Fake()
    ensure_project(client(fake), store, OLD, counts={"sour": 3, "sweet": 2, "box": 1})
    fake.rows = [row(number, [quick("sweet")]) for number in range(6)]
    fake.rows[5].drafts = [{"id": 9, "result": [quick("sour")]}]
    fake.label(0, [quick("sweet", "weight")])
    fake.label(1, [quick("sweet"), picked(["taste", "sour"])])
    fake.label(1, [picked(["parcel", "box"])])
    fake.label(2, [quick("ripe")])
    fake.label(3, [quick("weight")])
    return fake


def test_renamed_and_merged_leaves_take_their_answers_along(store: Store) -> None:
    fake = labelled(store)
    done = ensure_project(client(fake), store, NEW, moved=MOVED).migration
    assert done is not None
    assert done.moves.merged == MOVED
    assert done.moves.regrouped == ("box",)
    assert (done.annotations, done.predictions) == (3, 6)
    assert fake.leaves() == [
        [["sweetness", "weight"]],
        [["sweetness"], [["taste", "sweetness"]]],
        [[["rest", "box"]]],
        [["ripe"]],
        [["weight"]],
    ]
    assert {tuple(one.result[0]["value"]["choices"]) for task in fake.rows for one in task.predictions} == {
        ("sweetness",)
    }
    config = fake.made[1].label_config
    assert hotkeys_in(config)[:2] == ("sweetness", "box")
    assert fake.made[1].title == "询单 fruit 2"
    assert done.left == {"sour": ("k5",)}  # a draft is not touched: it keeps its leaf, and that is offered
    assert leaves_in(config)["sour"].group == ("_retired",)


def test_a_deleted_leaf_is_reported_and_stays_to_be_seen_while_it_is_named(store: Store) -> None:
    fake = labelled(store)
    fake.rows[5].drafts = []
    smaller = tree("3", taste=["sweet", "sour"], parcel=["weight", "box"])
    done = ensure_project(client(fake), store, smaller).migration
    assert done is not None
    assert done.moves.deleted == {"ripe": "名ripe"}
    assert done.left == {"ripe": ("k2",)}
    assert fake.leaves()[3] == [["ripe"]]
    assert leaves_in(fake.made[1].label_config)["ripe"].name == "名ripe"

    fake.rows[2].annotations[0]["result"] = [quick("sour")]  # a person chose another
    done = ensure_project(client(fake), store, smaller).migration
    assert done is not None
    assert done.left == {}
    assert "ripe" not in leaves_in(fake.made[1].label_config)


def test_killed_at_any_call_and_run_again_it_ends_in_the_same_state(tmp_path: Path) -> None:
    with Store.open(tmp_path / "whole") as store:
        whole = labelled(store)
        ensure_project(client(whole), store, NEW, moved=MOVED)
    for step in range(1, 100):
        with Store.open(tmp_path / f"killed{step}") as store:
            fake = labelled(store)
            fake.die_at = fake.calls + step
            try:
                ensure_project(client(fake), store, NEW, moved=MOVED)
            except Killed:
                shown = leaves_in(fake.made[1].label_config)
                named = {leaf for task in fake.rows for leaf in _named(task)}
                assert named <= shown.keys()  # at no moment is an answer hidden
                fake.die_at = -1
                ensure_project(client(fake), store, NEW, moved=MOVED)
            else:
                break
        assert fake.leaves() == whole.leaves()
        assert fake.made[1].label_config == whole.made[1].label_config
    assert step > 12


def test_an_answer_changed_meanwhile_is_not_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = labelled(store)
    listed = fake._tasks

    def then_changed(**query: Any) -> list[SimpleNamespace]:
        found = listed(**query)
        fake.rows[0].annotations[0]["result"] = [quick("ripe", "sour")]
        return found

    monkeypatch.setattr(fake, "_tasks", then_changed)
    ensure_project(client(fake), store, NEW, moved=MOVED)
    assert fake.leaves()[0] == [["ripe", "sweetness"]]


def _named(task: SimpleNamespace) -> set[str]:
    items = [item for one in task.annotations for item in one["result"]]
    return {
        leaf if isinstance(leaf, str) else leaf[-1]
        for item in items
        for leaf in next(iter(item["value"].values()))
    }


def test_a_migration_that_leads_nowhere_changes_nothing(store: Store) -> None:
    fake = labelled(store)
    before = copy.deepcopy((fake.made, fake.rows))
    with pytest.raises(BadInput, match="leads to no leaf"):
        ensure_project(client(fake), store, NEW, moved={"sweet": "sweat"})
    assert (fake.made, fake.rows) == before


def test_what_the_store_holds_moves_too(store: Store) -> None:
    first, second = (
        replace(task, tree=name) for task, name in zip(message_tasks(2), ("fruit", "nut"), strict=True)
    )
    store.add_tasks([first, second])
    for task in (first, second):
        answer = Annotation(
            f"a{task.tree}", task.key, "lin", ("sweet", "sour", "ripe"), AT, taxonomy_version="1"
        )
        store.put_annotations([answer])
        store.put_decisions([Decision(task.key, ("sour",), "wu", "听口气", AT)])
        store.put_suggestions([Suggestion(task.key, "llm", "p1", ("sweet",), AT)])
    fake = Fake()
    ensure_project(client(fake), store, OLD)
    ensure_project(client(fake), store, NEW, moved=MOVED)
    moved = {one.key: (one.leaves, one.taxonomy_version) for one in store.annotations()}
    assert moved == {
        first.key: (("sweetness", "ripe"), "2"),
        second.key: (("sweet", "sour", "ripe"), "1"),
    }
    assert {one.key: one.leaves for one in store.decisions()} == {
        first.key: ("sweetness",),
        second.key: ("sour",),
    }
    assert {one.key: one.leaves for one in store.suggestions()} == {
        first.key: ("sweetness",),
        second.key: ("sweet",),
    }


def test_an_instruction_runs_nothing() -> None:
    assert "<script" not in instruction("<script>alert(1)</script>")
    assert "<table>" in instruction("|叶子|定义|\n|-|-|\n|甜|问甜|\n")
