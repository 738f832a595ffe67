"""A real Label Studio: push, two people answer, pull, agree, decide, freeze, train, by the command line.

pytest tests/labeling/test_loop.py        (starts Label Studio; minutes)

Then the same with every command killed on its way, and with every third answer of Label Studio dropped after
it acted: in the end the same answers, the same decisions and the same frozen files.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.labeling.dropping_proxy import dropping
from tests.labeling.loop_help import (
    AT_RANDOM,
    COUNT,
    DECIDED,
    DISPUTED,
    FIRST,
    REASON,
    SECOND,
    TASKS,
    Killed,
    Plain,
    label,
)
from tests.labeling.real_studio import standing
from xundan.labeling.adjudication import adjudication_key
from xundan.labeling.adjudication_project import adjudication_tree
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import library
from xundan.labeling.studio.config_parts import UNREADABLE, UNSURE
from xundan.labeling.studio.project import note_of

pytestmark = [pytest.mark.slow, pytest.mark.studio]

FILES = ("labels", "train", "dev", "test", "aside")
ROWS = COUNT - 60 - 3 - 1  # unanswered, unreadable, undecided


@dataclass(frozen=True)
class Week:
    """What a loop left: the store's folder, its projects, and what the commands printed as JSON."""

    home: Path
    project: int
    decisions: int
    told: dict[str, Any]

    def numbers(self, project: int) -> dict[str, int]:
        """The numbers of a project's tasks by key, as the ledger has them."""
        with Store.open(self.home) as store:
            return {row.key: row.task for row in store.pushed(project)}


def noted(home: Path, tree: str) -> int:
    """The number of a tree's project."""
    with Store.open(home) as store:
        return int(store.note(note_of(tree)) or 0)


def live(hands: Plain, people: tuple[Access, Access]) -> Week:
    """The loop up to the frozen set: the machine's part by these hands, the people's part directly."""
    home, told = hands.home, {}

    def run(verb: str, *words: str, as_json: bool = True) -> None:
        given = ("label", verb, *words, "--home", home, *(["--json"] if as_json else []))
        said = hands.run(*given)
        told[verb] = json.loads(said) if as_json else said

    run("push", "--annotators", "2")
    week = Week(home, noted(home, "attention"), 0, told)
    for person, answers in zip(people, (FIRST, SECOND), strict=True):
        label(person, answers, week.numbers(week.project))
    run("pull")
    told["first pull"] = told["pull"]
    run("agreement")
    run("adjudicate", as_json=False)
    week = Week(home, week.project, noted(home, adjudication_tree("attention")), told)
    decided = {adjudication_key(key): answer for key, answer in DECIDED.items()}
    label(hands.access, decided, week.numbers(week.decisions), REASON)
    run("pull")
    run("freeze", "week")
    return week


@pytest.fixture(scope="module")
def hands(access: Access, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """Who runs the undisturbed loop."""
    return Plain(tmp_path_factory.mktemp("plain"), access)


@pytest.fixture(scope="module")
def week(hands: Plain, annotators: tuple[Access, Access]) -> Week:
    """A loop that nothing disturbs."""
    return live(hands, annotators)


def train(hands: Plain, week: Week, registry: Path) -> None:
    """Train on the frozen set, by the quick ways: the registry then holds one version, a candidate."""
    rows, where = week.home / "frozen/week/train.jsonl", ("--tree", "attention", "--registry", registry)
    trained = json.loads(hands.run("train", rows, *where, "--minutes", 0, "--json"))
    assert trained["folder"] == str(registry / "attention/v1")
    states = {one["name"]: one["state"] for one in json.loads(hands.run("models", "list", *where, "--json"))}
    assert {name: state for name, state in states.items() if name.startswith("v")} == {"v1": "candidate"}


def test_what_is_pushed_stands_there_once_with_its_prediction(week: Week, access: Access) -> None:
    assert week.told["push"]["pushed"] == COUNT
    assert_once(week, access)
    settings = library(access).projects.get(week.project)
    assert settings.maximum_annotations == 2
    predictions = library(access).predictions.list(project=week.project)
    # Those drawn at random are answered without one.
    assert len(predictions) == COUNT - AT_RANDOM
    assert {row.model_version for row in predictions} == {"attention-test-1"}


def test_what_people_answered_comes_back(week: Week) -> None:
    (report,) = week.told["first pull"]["pulled"]
    assert (report["new"], report["changed"], report["withdrawn"]) == (len(FIRST) + len(SECOND), 0, 0)
    assert said(week) == given()


def test_the_agreement_is_told_with_its_interval_and_shown_on_a_page(week: Week) -> None:
    found = week.told["agreement"]
    both = sum(
        SECOND[key] not in (UNREADABLE, UNSURE) and FIRST[key] not in (UNREADABLE, UNSURE) for key in SECOND
    )
    assert (found["tasks"], found["answered"], found["compared"]) == (COUNT, len(FIRST), both)
    alpha = found["alpha_masi"]
    assert 0.5 < alpha["low"] < alpha["value"] < alpha["high"] < 1
    assert found["open_disputes"]["differ"] + found["open_disputes"]["unsure"] == len(DISPUTED)
    assert sum(found["settled"].values()) == COUNT
    assert f"{alpha['value']:.2f}" in (week.home / "agreement.html").read_text(encoding="utf-8")
    assert (week.home / "agreement.csv").is_file()


def test_disputes_are_decided(week: Week) -> None:
    assert week.told["adjudicate"].startswith(f"{len(DISPUTED)} disputed: {len(DISPUTED)} brought in")
    taken = week.told["pull"]["decisions"]
    assert (taken["answers"], taken["new"], taken["reasonless"]) == (len(DECIDED), len(DECIDED), 0)
    assert decisions(week) == {
        key: ((), REASON) if x == UNREADABLE else ((x,), REASON) for key, x in DECIDED.items()
    }


def test_every_task_is_frozen_or_counted_and_no_session_stands_on_two_sides(week: Week) -> None:
    sheet = week.told["freeze"]
    assert sheet["left"] == {"no answer": 60, "unreadable": 3, "undecided": 1}
    assert sheet["tasks"] == COUNT == sum(sheet["left"].values()) + sum(sheet["rows"][x] for x in FILES[1:])
    folder = Path(sheet["folder"])
    rows = {name: read(folder / f"{name}.jsonl") for name in FILES}
    assert len(rows["labels"]) == ROWS == sum(len(rows[name]) for name in FILES[1:])
    assert all(rows[name] for name in FILES)
    sides = [{row["id"].partition("#")[0] for row in rows[name]} for name in FILES[1:]]
    train_, dev, test, aside = sides
    assert not train_ & (dev | test | aside)
    assert not dev & test
    assert {row["part"] for row in rows["dev"] + rows["test"]} == {"random"}
    assert "Krippendorff" in (folder / "datasheet.md").read_text(encoding="utf-8")


def test_the_frozen_set_trains_a_candidate_also_where_training_was_killed(
    week: Week, hands: Plain, tmp_path: Path
) -> None:
    train(hands, week, tmp_path / "registry")
    killed = Killed(week.home, hands.access, took=hands.seconds)
    train(killed, week, tmp_path / "other")
    assert killed.deaths == ["train"]


def test_the_same_where_every_command_is_killed_on_its_way(
    week: Week, hands: Plain, annotators: tuple[Access, Access], tmp_path: Path
) -> None:
    killed = Killed(tmp_path / "killed", hands.access, took=hands.seconds)
    other = live(killed, annotators)
    assert_same(other, week, hands.access)
    assert {"push", "pull", "adjudicate"} <= set(killed.deaths)


def test_the_same_where_every_third_answer_is_dropped(
    week: Week, access: Access, annotators: tuple[Access, Access], tmp_path: Path
) -> None:
    hands = Plain(tmp_path / "dropped", access)
    with (
        dropping(access.address, every=1, only="/import") as imports,  # of these every one
        dropping(imports.address, every=3) as proxy,
    ):
        hands.reach(proxy.address)
        other = live(hands, annotators)
    assert len(imports.dropped) == 2
    assert len(proxy.dropped) > 10
    assert_same(other, week, access)


def assert_same(other: Week, week: Week, access: Access) -> None:
    """No task is lost or doubled, and answers, decisions and frozen files are those of the other loop."""
    assert_once(other, access)
    assert said(other) == said(week)
    assert decisions(other) == decisions(week)
    for name in [*(f"{name}.jsonl" for name in FILES), "split.json", "taxonomy.yaml"]:
        mine, theirs = (it.home / "frozen/week" / name for it in (other, week))
        assert mine.read_bytes() == theirs.read_bytes(), name


def assert_once(week: Week, access: Access) -> None:
    """Every task and every dispute stands once in its project, under the number that the ledger has, and
    this store has no other project."""
    for project, keys in (
        (week.project, [task.key for task in TASKS]),
        (week.decisions, [adjudication_key(key) for key in DISPUTED]),
    ):
        there = {number: task["data"]["xundan_key"] for number, task in standing(access, project).items()}
        assert sorted(there.values()) == sorted(keys)
        assert {key: number for number, key in there.items()} == week.numbers(project)
    with Store.open(week.home) as store:
        mine = f"xundan/{store.note('studio.store')}/"
    projects: list[Any] = list(library(access).projects.list(page_size=100))
    found = [one.id for one in projects if mine in (one.description or "")]
    assert sorted(found) == sorted([week.project, week.decisions])


def said(week: Week) -> Counter[tuple[str, tuple[str, ...], bool, bool]]:
    """What people answered, of the store."""
    with Store.open(week.home) as store:
        found = store.annotations("attention")
    assert not any(one.withdrawn or one.history for one in found)
    return Counter((one.key, one.leaves, one.unsure, one.unreadable) for one in found)


def given() -> Counter[tuple[str, tuple[str, ...], bool, bool]]:
    """What people answered, as they were told to."""
    doubts = (UNSURE, UNREADABLE)
    return Counter(
        (key, () if answer in doubts else (answer,), answer == UNSURE, answer == UNREADABLE)
        for answers in (FIRST, SECOND)
        for key, answer in answers.items()
    )


def decisions(week: Week) -> dict[str, tuple[tuple[str, ...], str]]:
    """The decisions of the store with their reasons, by key."""
    with Store.open(week.home) as store:
        return {one.key: (one.leaves, one.reason) for one in store.decisions()}


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
