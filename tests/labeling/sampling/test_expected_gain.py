"""What further labels are expected to narrow, held against what they do narrow."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from statsmodels.stats.proportion import proportion_confint

from xundan.errors import BadInput
from xundan.labeling.records import Annotation
from xundan.labeling.sampling.draw import Wish, draw
from xundan.labeling.sampling.drawn import Drawn
from xundan.labeling.sampling.expected_gain import Counted, expected_gain, micro_gain, narrowing
from xundan.labeling.sampling.table import render
from xundan.labeling.store import Store
from xundan.taxonomy.trees import load

TREE = load("attention")


def futures() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_width_expected_is_the_width_that_comes() -> None:
    """Precision 0.8 of 200 rows, 30 of the next 100 inform it: simulated with the truth known."""
    found = narrowing(Counted(160, 200, 200), 0.3, futures())
    assert (found.value, found.rows, found.informing) == (0.8, 200, 30)
    chance = np.random.default_rng(9)
    new = chance.binomial(100, 0.3, 4000)
    low, high = proportion_confint(160 + chance.binomial(new, 0.8), 200 + new, method="wilson")
    assert found.after == pytest.approx((high - low).mean(), abs=0.001)
    assert found.best < found.after < found.worst
    assert found.after < found.width


def test_of_nothing_known_the_width_is_all_there_is() -> None:
    found = narrowing(Counted(), 0.05, futures())
    assert (found.value, found.width, found.rows) == (None, 1.0, 0)
    assert 0.3 < found.after < 0.9


def test_labels_that_do_not_touch_a_leaf_do_not_narrow_it() -> None:
    found = narrowing(Counted(8, 10, 10), 0.0, futures())
    assert found.after == found.best == found.worst == pytest.approx(found.width)


def test_rows_of_unequal_weight_narrow_less() -> None:
    equal = narrowing(Counted(50, 100, 100), 1.0, futures())
    unequal = narrowing(Counted(25, 50, 100), 1.0, futures())
    assert unequal.after > equal.after


LEARNING = {
    "points": [
        {"rows": 500, "micro": {"value": 0.6, "low": 0.57, "high": 0.63}},
        {"rows": 1000, "micro": {"value": 0.7, "low": 0.68, "high": 0.72}},
    ],
    "exponent": {"value": 0.4, "low": 0.2, "high": 0.5},
}


def test_the_gain_follows_the_learning_curve() -> None:
    gains = micro_gain(LEARNING, 350)
    assert [gain.labels for gain in gains] == [100, 200, 300]
    assert gains[0].value == pytest.approx(0.3 * (1 - 1.1**-0.4))
    assert gains[0].low == pytest.approx(0.28 * (1 - 1.1**-0.2))
    assert gains[0].high == pytest.approx(0.32 * (1 - 1.1**-0.5))
    assert gains[0].value < gains[1].value < gains[2].value < 2 * gains[1].value
    assert micro_gain(None, 350) == ()


def test_a_curve_that_may_fall_says_so() -> None:
    falling = {**LEARNING, "exponent": {"value": 0.1, "low": -0.1, "high": 0.3}}
    assert micro_gain(falling, 100)[0].low < 0 < micro_gain(falling, 100)[0].high


@pytest.fixture
def drawn(busy_shop: Callable[..., Any], store: Store) -> Drawn:
    """Return a draw of 60 random tasks, 20 of a rate, all of which are answered as predicted but 10."""
    found = draw(busy_shop().lake(), store, Wish("attention", {"random": 60}))
    at = datetime(2026, 3, 9, tzinfo=UTC)
    for number, task in enumerate(store.tasks()):
        leaf = "dialog_ack" if number < 10 else task.predicted[0][0]
        store.put_annotations([Annotation(f"t{number}", task.key, "lin", (leaf,), at)])
    return found


def test_figures_come_from_the_answered_random_tasks(store: Store, drawn: Drawn) -> None:
    gain = expected_gain(store, TREE, drawn)
    assert gain.source == "60 answered random tasks"
    leaves = {one.leaf: one for one in gain.leaves}
    assert len(leaves) == len(TREE.leaves)
    color = leaves["product_color"]
    tasks = [task for task in store.tasks() if task.predicted[0][0] == "product_color"]
    assert color.precision.rows == len(tasks)
    assert color.recall.value == 1.0
    assert color.share.rows == 60
    assert color.precision.informing == pytest.approx(100 * 20 / 140)
    assert all(one.share.after < one.share.width for one in gain.leaves)
    narrowed = [one.narrowed for one in gain.leaves]
    assert narrowed == sorted(narrowed, reverse=True)


def test_figures_of_an_evaluation_are_taken_where_they_are_given(
    store: Store, drawn: Drawn, tmp_path: Path
) -> None:
    figure = {"precision": {"hits": 45, "n": 60}, "recall": {"hits": 45, "n": 90}}
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"model": {"leaves": {"product_color": figure}}, "learning": LEARNING}))
    gain = expected_gain(store, TREE, drawn, path)
    color = next(one for one in gain.leaves if one.leaf == "product_color")
    assert (color.precision.value, color.precision.rows, color.recall.value) == (0.75, 60, 0.5)
    # Half of what has the leaf is named: for 14 named rows, of which 11 have it, 21 have it.
    assert color.recall.informing == pytest.approx(100 * 20 / 140 * 0.75 / 0.5, rel=0.02)
    assert gain.source == str(path)
    assert [one.labels for one in gain.micro] == [100]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "[]",
        '{"leaves": {"a": {"precision": 0.5}}}',
        '{"model": null}',
        '{"leaves": {"a": {"precision": {"hits": 1, "n": 2}, "recall": {"hits": 1}}}}',
        '{"leaves": {"a": {"precision": {"hits": 3, "n": 2}, "recall": {"hits": 1, "n": 1}}}}',
        '{"leaves": {}, "learning": {"points": [], "exponent": {}}}',
    ],
)
def test_a_file_without_figures(store: Store, drawn: Drawn, tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(wrong)
    with pytest.raises(BadInput, match=r"metrics\.json: no figures of a model; .* xundan evaluate"):
        expected_gain(store, TREE, drawn, path)


def shown(drawn: Drawn, store: Store, metrics: Path | None = None) -> str:
    console = Console(width=160, record=True, file=StringIO())
    for part in render(drawn, expected_gain(store, TREE, drawn, metrics), TREE):
        console.print(part)
    return console.export_text()


def test_the_table_says_what_was_drawn_and_what_was_not(store: Store, drawn: Drawn) -> None:
    text = shown(drawn, store)
    assert "attention-20260306-" in text
    assert "60 of 60" in text
    assert (
        f"140 messages = 60 drawn + {drawn.alike} nearly the same as one drawn + {drawn.not_drawn} not drawn"
        in text
    )
    assert "random: 60 tasks stand for 140 messages, each for " in text
    assert "known from 60 answered random tasks" in text
    assert "product_color 颜色色差" in text
    assert "micro-F1: no learning curve" in text


def test_the_table_of_a_repeated_draw_says_so(busy_shop: Any, store: Store, tmp_path: Path) -> None:
    lake, wish = busy_shop().lake(), Wish("attention", {"random": 20, "disputed": 5})
    first = draw(lake, store, wish)
    assert "was drawn before" not in shown(first, store)
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"leaves": {}, "learning": LEARNING}))
    text = shown(draw(lake, store, wish), store, path)
    assert "was drawn before and nothing was added; another --seed draws further tasks" in text
    assert "5 short; 0 tags contradict the model, 0 tasks are in dispute" in text
    assert "micro-F1 after 100 further labels: +0.0112 [+0.0053, +0.0149]" in text
