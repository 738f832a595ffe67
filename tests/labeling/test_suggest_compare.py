"""Agreement of a language model with people: the figures, their intervals, and every task accounted for.

pytest tests/labeling/test_suggest_compare.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.labeling.asking_help import task
from xundan.errors import BadInput
from xundan.labeling.records import Annotation, Decision, Suggestion, Task
from xundan.labeling.store import Store
from xundan.labeling.suggest.compare import Comparison, compare
from xundan.labeling.suggest.figures import measure
from xundan.labeling.suggest.show import tables, to_json
from xundan.taxonomy.trees import load

ATTENTION = load("attention")
AT = datetime(2026, 3, 1, tzinfo=UTC)
FREIGHT, BARGAIN, STOCK = "logistics_freight", "price_bargain", "stock_availability"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as store:
        yield store


def add(store: Store, n: int, **changes: object) -> list[Task]:
    tasks = [replace(task(f"第{i}句话", i), **changes) for i in range(n)]  # type: ignore[arg-type]
    store.add_tasks(tasks)
    return tasks


def label(one: Task, *leaves: str, by: str = "小王", **more: object) -> Annotation:
    return replace(Annotation(f"{one.key}:{by}", one.key, by, leaves, AT), **more)  # type: ignore[arg-type]


def said(
    one: Task, *leaves: str, model: str = "qwen", price: float | None = 0.01, hours: int = 0
) -> Suggestion:
    details = {"tokens_in": 90, "tokens_out": 10}
    return Suggestion(one.key, model, "p1", leaves, AT + timedelta(hours=hours), price, details)


def only(store: Store, **choice: str) -> Comparison:
    (found,) = compare(store, ATTENTION, **choice)
    assert sum(found.counts.values()) == found.answered
    return found


def test_rates_of_each_leaf_are_shares_of_what_was_chosen(store: Store) -> None:
    tasks = add(store, 6)
    people = [FREIGHT, FREIGHT, FREIGHT, BARGAIN, BARGAIN, STOCK]
    model = [FREIGHT, FREIGHT, BARGAIN, BARGAIN, FREIGHT, BARGAIN]
    store.put_annotations([label(one, leaf) for one, leaf in zip(tasks, people, strict=True)])
    store.put_suggestions([said(one, leaf) for one, leaf in zip(tasks, model, strict=True)])
    found = only(store)
    assert set(found.leaves) == {FREIGHT, BARGAIN, STOCK}
    assert list(found.leaves) == [leaf.id for leaf in ATTENTION.leaves if leaf.id in found.leaves]
    rates = dict(zip(found.leaves, found.suggested.leaves, strict=True))
    freight = rates[FREIGHT]
    assert (freight.n, freight.said, freight.hits) == (3, 3, 2)
    assert freight.precision.value == pytest.approx(2 / 3)
    assert freight.recall.value == pytest.approx(2 / 3)
    assert freight.f1.value == pytest.approx(2 / 3)
    bargain = rates[BARGAIN]
    assert [bargain.precision.value, bargain.recall.value] == pytest.approx([1 / 3, 1 / 2])
    stock = rates[STOCK]
    assert (stock.n, stock.said, stock.f1.value) == (1, 0, 0)
    assert np.isnan(stock.precision.value)
    assert found.suggested.micro.f1.value == pytest.approx(3 / 6)
    assert found.suggested.macro.value == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)
    assert found.suggested.same.value == pytest.approx(3 / 6)
    assert found.yuan == pytest.approx(0.06)
    assert (found.tokens, found.random) == (600, 6)
    for rate in found.suggested.leaves:
        for figure in (rate.precision, rate.recall, rate.f1):
            assert np.isnan(figure.value) or figure.low <= figure.value <= figure.high


def test_three_hits_out_of_three_are_not_certainty(store: Store) -> None:
    tasks = add(store, 3)
    store.put_annotations([label(one, FREIGHT) for one in tasks])
    store.put_suggestions([said(one, FREIGHT) for one in tasks])
    f1 = only(store).suggested.leaves[0].f1
    assert (f1.value, f1.high, f1.n) == (1, 1, 3)
    assert f1.low < 0.7
    assert only(store).suggested.macro.low < 0.7


def test_sessions_are_drawn_whole() -> None:
    """Twenty equal rows of two sessions tell less than twenty sessions."""
    truth = np.ones((20, 1), dtype=bool)
    guesses = np.repeat([[True], [False]], 10, axis=0)
    alone = measure(truth, guesses, [f"s{i}" for i in range(20)]).leaves[0].recall
    together = measure(truth, guesses, ["a"] * 10 + ["b"] * 10).leaves[0].recall
    assert (alone.value, together.value) == (0.5, 0.5)
    assert (together.low, together.high) == (0, 1)
    assert 0.2 < alone.low < alone.high < 0.8


def test_figures_are_the_same_every_time(store: Store) -> None:
    tasks = add(store, 8)
    store.put_annotations([label(one, (FREIGHT, BARGAIN)[i % 2]) for i, one in enumerate(tasks)])
    store.put_suggestions([said(one, (FREIGHT, BARGAIN)[i % 3 % 2]) for i, one in enumerate(tasks)])
    assert json.dumps(to_json(only(store))) == json.dumps(to_json(only(store)))


def test_every_answered_task_is_compared_or_left_out_for_a_reason(store: Store) -> None:
    agreed, unsuggested, disputed, decided, unreadable, withdrawn, tagged, untouched = add(store, 8)
    store.put_annotations(
        [
            label(agreed, FREIGHT),
            label(agreed, FREIGHT, by="小李"),
            label(unsuggested, FREIGHT),
            label(disputed, FREIGHT),
            label(disputed, BARGAIN, by="小李"),
            label(decided, FREIGHT),
            label(decided, BARGAIN, by="小李"),
            label(unreadable, unreadable=True),
            label(withdrawn, FREIGHT, withdrawn=True),
            label(tagged, FREIGHT, by="客服", source="agent_tag"),
        ]
    )
    store.put_decisions([Decision(decided.key, (BARGAIN,), "主管", "在砍价", AT)])
    rest = (agreed, disputed, decided, unreadable, withdrawn, tagged, untouched)
    store.put_suggestions([said(one, BARGAIN) for one in rest])
    found = only(store)
    assert found.counts == {
        "compared": 2,
        "without a suggestion": 1,
        "undecided": 1,
        "unreadable": 1,
    }
    rates = dict(zip(found.leaves, found.suggested.leaves, strict=True))
    assert (rates[BARGAIN].n, rates[BARGAIN].hits) == (1, 1)  # what was decided holds


def test_beside_our_model_on_the_rows_it_scored(store: Store) -> None:
    tasks = add(store, 12, predicted=((BARGAIN, 0.8),), model_version="attention-v7")
    others = [replace(task(f"另{i}句", 100 + i)) for i in range(3)]
    store.add_tasks(others)
    store.put_annotations([label(one, FREIGHT) for one in [*tasks, *others]])
    store.put_suggestions([said(one, FREIGHT) for one in [*tasks, *others]])
    found = only(store)
    ours = found.ours
    assert ours is not None
    assert ours.versions == ("attention-v7",)
    assert (ours.figures.same.n, found.suggested.same.n) == (12, 15)
    assert ours.figures.micro.f1.value == 0
    assert (ours.micro.value, ours.macro.value) == (1, 1)
    assert ours.micro.low > 0


def test_two_models_that_err_alike_do_not_differ(store: Store) -> None:
    tasks = add(store, 10)
    real = [(FREIGHT, BARGAIN)[i % 2] for i in range(10)]
    wrong = [(FREIGHT, BARGAIN)[i % 3 % 2] for i in range(10)]
    store.put_annotations([label(one, leaf) for one, leaf in zip(tasks, real, strict=True)])
    store.put_suggestions([said(one, leaf) for one, leaf in zip(tasks, wrong, strict=True)])
    alike = [replace(one, predicted=((leaf, 0.9),)) for one, leaf in zip(tasks, wrong, strict=True)]
    with Store.open(store.folder / "again") as other:
        other.add_tasks(alike)
        other.put_annotations(store.annotations())
        other.put_suggestions(store.suggestions())
        ours = only(other).ours
    assert ours is not None
    for figure in (ours.micro, ours.macro):
        assert figure.value == 0
        assert -0.6 < figure.low < 0 < figure.high < 0.6  # ten rows cannot show that they are the same
    assert only(store).ours is None


def test_each_model_and_prompt_is_compared_the_latest_first(store: Store) -> None:
    tasks = add(store, 2)
    store.put_annotations([label(one, FREIGHT) for one in tasks])
    store.put_suggestions([said(one, FREIGHT, model="old") for one in tasks])
    store.put_suggestions([said(tasks[0], FREIGHT, model="new", hours=1, price=None)])
    found = compare(store, ATTENTION)
    assert [(one.model, one.counts["compared"], one.yuan) for one in found] == [
        ("new", 1, None),
        ("old", 2, pytest.approx(0.02)),
    ]
    assert [one.model for one in compare(store, ATTENTION, model="old")] == ["old"]


def test_only_the_random_draw_where_asked_for(store: Store) -> None:
    tasks = add(store, 2)
    others = [task("难的一句", 50, purpose="uncertain")]
    store.add_tasks(others)
    store.put_annotations([label(one, FREIGHT) for one in [*tasks, *others]])
    store.put_suggestions([said(one, FREIGHT) for one in [*tasks, *others]])
    found = only(store)
    assert (found.answered, found.random) == (3, 2)
    assert only(store, purpose="random").answered == 2
    with pytest.raises(BadInput, match="--purpose: unknown purpose; got nice; expected random, uncertain"):
        compare(store, ATTENTION, purpose="nice")


def test_with_nothing_to_compare_it_says_what_to_run(store: Store) -> None:
    tasks = add(store, 1)
    store.put_annotations([label(tasks[0], FREIGHT)])
    with pytest.raises(BadInput, match="got 1 tasks settled by people, none with a suggestion") as caught:
        compare(store, ATTENTION)
    assert "xundan label suggest --which labelled" in str(caught.value)


def test_a_person_reads_every_figure_with_its_n_and_interval(store: Store) -> None:
    tasks = add(store, 4, predicted=((FREIGHT, 0.8),), model_version="attention-v7")
    leaves = [FREIGHT, FREIGHT, "a_leaf_of_last_year", STOCK]
    store.put_annotations([label(one, leaf) for one, leaf in zip(tasks, leaves, strict=True)])
    store.put_suggestions([said(one, FREIGHT) for one in tasks])
    console = Console(width=220, record=True, file=StringIO())
    for part in tables(only(store), ATTENTION):
        console.print(part)
    text = console.export_text()
    assert "answered tasks: 4 = 4 compared" in text
    assert "of the compared, 4 are of the random draw" in text
    assert "on the 4 of them that our model scored (attention-v7)" in text
    assert "language model minus ours: micro-F1 +0.000 [" in text
    row = next(line for line in text.splitlines() if FREIGHT in line)
    assert "运费" in row
    assert "1.000 [" in row
    assert "0.500 [" in row
    assert "n 4" in row
    assert "(not in the tree)" in text
    assert "cost of the suggestions compared: 400 tokens, 0.0400 yuan" in text
    plain = to_json(only(store))
    json.dumps(plain, allow_nan=False)
    assert plain["ours"]["micro_f1_difference"]["value"] == 0
    first = next(one for one in plain["suggested"]["leaves"] if one["leaf"] == FREIGHT)
    assert first["recall"] == {
        "value": 1.0,
        "low": first["recall"]["low"],
        "high": 1.0,
        "n": 2,
        "sessions": 2,
    }
