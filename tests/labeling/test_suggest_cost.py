"""What is asked about and what it costs: estimated before, bounded during, counted after.

pytest tests/labeling/test_suggest_cost.py
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.labeling.asking_help import ATTENTION, KEY, ask, asking, endings, freight, in_turn, plan_of, task
from tests.labeling.model_server import completion, serving
from xundan.errors import BadInput
from xundan.labeling.records import Annotation
from xundan.labeling.store import Store
from xundan.labeling.suggest import Examples, Prices, make_plan, run
from xundan.labeling.suggest.cost import Budget, estimated_tokens, most_tokens
from xundan.labeling.suggest.pace import Pace


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as store:
        yield store


def test_retry_after_makes_everyone_wait() -> None:
    """Told with a clock of the test's own: nobody's turn comes before the pause ends."""
    now = [100.0]

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            now[0] += timeout or 0
            return False

    pace = Pace(60, Waits(), clock=lambda: now[0])
    turns = []
    for _ in range(3):
        assert pace.turn()
        turns.append(now[0])
    assert turns == [100, 101, 102]  # 60 a minute, evenly
    pace.pause(30)
    assert pace.turn()
    assert now[0] == 132


def test_a_stopped_run_takes_no_more_turns() -> None:
    stop = threading.Event()
    stop.set()
    assert not Pace(60, stop).turn()


def test_tokens_are_estimated_where_the_server_counts_none(store: Store) -> None:
    silent = completion('{"reason": "", "leaves": ["logistics_freight"]}', usage=None)
    with serving(in_turn(silent)) as server:
        plan = plan_of(store, server.url)
        run(plan, store, KEY)
    details = store.suggestions()[0].details
    assert details["tokens_counted"] is False
    assert details["tokens_in"] == plan.estimate.tokens_in


def test_tokens_read_before_have_their_own_price(store: Store) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 800}}
    said = completion('{"leaves": ["logistics_freight"]}', usage=usage)
    with serving(in_turn(said)) as server:
        ask(store, server.url, prices=Prices(2.0, 8.0, cached=0.5))
    found = store.suggestions()[0]
    assert found.price == pytest.approx((200 * 2 + 800 * 0.5) / 1e6)
    assert found.details["tokens_cached"] == 800


def test_no_more_is_spent_than_allowed_and_the_next_run_goes_on(store: Store) -> None:
    prices = Prices(1000.0, 1000.0)  # 1.05 yuan an answer
    with serving(freight) as server:
        first = plan_of(store, server.url, 12, prices=prices)
        assert first.estimate.most_yuan is not None
        worst = first.estimate.most_yuan / 12
        budget = worst + 2.5  # room for three answers, and for what a fourth might cost no more
        report = ask(store, server.url, 12, prices=prices, max_yuan=budget, concurrent=3)
        assert report.yuan is not None
        assert report.yuan <= budget
        assert 1 <= report.paid < 12
        assert f"--max-yuan {budget:g} is reached" in report.stopped
        done = len(server.asked)
        assert done == report.paid
        assert endings(ask(store, server.url, 12, prices=prices)) == {"answered": 12 - done}
    assert len(server.asked) == 12


def test_too_little_money_sends_nothing(store: Store) -> None:
    with serving(freight) as server:
        report = ask(store, server.url, 3, prices=Prices(1000.0, 1000.0), max_yuan=0.01)
        assert "--max-yuan 0.01 is reached" in report.stopped
    assert server.asked == []


def test_money_held_for_others_is_waited_for() -> None:
    budget = Budget(1.0)
    assert budget.reserve(0.8)
    waited: list[bool] = []
    other = threading.Thread(target=lambda: waited.append(budget.reserve(0.8)))
    other.start()
    budget.settle(0.8, 0.1)
    other.join(10)
    assert waited == [True]
    budget.settle(0.8, 0.8)
    assert not budget.reserve(0.8)
    assert budget.spent == pytest.approx(0.9)
    assert Budget(None).reserve(1e9)


def test_no_tokenizer_of_bytes_finds_more_tokens_than_the_bound() -> None:
    messages = [{"role": "user", "content": "这件衣服包邮吗 ABC 123"}]
    assert most_tokens(messages, 10) > len(messages[0]["content"].encode()) + 10
    assert estimated_tokens(messages) < most_tokens(messages, 0) / 2


def test_the_cost_is_said_before_anything_is_sent(store: Store) -> None:
    with serving(freight) as server:
        plan = plan_of(store, server.url, 4, prices=Prices(2.0, 8.0), max_yuan=3.0)
        said = "\n".join(plan.lines())
        assert "tasks: 4 = 4 to ask about" in said
        assert "questions: 4 to send, 0 answered before and free" in said
        assert plan.estimate.yuan is not None
        assert f"about {plan.estimate.yuan:.2f} yuan" in said
        assert "stop at 3 yuan" in said
        assert f"to: {server.url} (this machine), model qwen-test; masked text only" in said
        unpriced = "\n".join(plan_of(store, "http://10.1.2.3/v1").lines())
    assert "price unknown: give --price-in and --price-out" in unpriced
    assert "NOT ENCRYPTED" in unpriced
    assert server.asked == []


def test_the_estimate_learns_from_what_was_counted(store: Store) -> None:
    with serving(freight) as server:
        before = plan_of(store, server.url, 24)
        run(before, store, KEY)
        store.add_tasks([task("再问一句包邮吗", 99)])
        after = make_plan(store, ATTENTION, asking(server.url), Examples())
    assert before.estimate.tokens_in / 24 != pytest.approx(1000, rel=0.02)
    assert after.estimate.tokens_in == pytest.approx(1000, rel=0.02)  # the server counts 1,000 each


def test_every_task_is_asked_about_or_left_out_for_a_reason(store: Store) -> None:
    tasks = [task(f"第{i}件有货吗", i) for i in range(5)]
    store.add_tasks([*tasks, replace(tasks[0], key=f"adjudicate.{tasks[0].key}")])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    labels = [Annotation(f"a{i}", tasks[i].key, "小王", ("stock_availability",), at) for i in (0, 1, 2)]
    store.put_annotations(
        [labels[0], replace(labels[1], withdrawn=True), replace(labels[2], source="agent_tag")]
    )

    def counts(**choice: Any) -> dict[str, int]:
        plan = make_plan(store, ATTENTION, asking("http://127.0.0.1:9/v1"), Examples(), **choice)
        assert sum(count for _, count in plan.counts) == plan.tasks == 5
        return dict(plan.counts)

    assert counts() == {"to ask about": 4, "labelled already": 1}
    assert counts(which="labelled") == {"to ask about": 1, "not labelled": 4}
    assert counts(which="all", n=2) == {"to ask about": 2, "beyond --n": 3}
    with pytest.raises(
        BadInput, match="unknown choice of tasks; got none; expected unlabelled, labelled, all"
    ):
        counts(which="none")
    with pytest.raises(BadInput, match="no task to ask about; got tree attention, batch b7"):
        counts(batch="b7")
