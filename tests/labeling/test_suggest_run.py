"""Asking a model: what is sent, what is kept, and that no answer is paid for twice.

pytest tests/labeling/test_suggest_run.py
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from tests.labeling.asking_help import ATTENTION, KEY, ask, asking, endings, freight, in_turn, plan_of, task
from tests.labeling.model_server import MODEL, Asked, Said, answer, serving
from xundan import errors
from xundan.errors import BadInput, MissingExtra
from xundan.labeling.records import Task, Turn
from xundan.labeling.store import Store
from xundan.labeling.suggest import Asking, Examples, Prices, make_plan, run
from xundan.labeling.suggest.cache import FILE_NAME, Cache, question_hash
from xundan.labeling.suggest.endpoint import Endpoint
from xundan.labeling.suggest.run import LOCK_FILE
from xundan.taxonomy.trees import load


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as store:
        yield store


def test_an_answer_becomes_a_suggestion_with_its_price_and_never_a_label(store: Store) -> None:
    with serving(freight) as server:
        report = ask(store, server.url, prices=Prices(2.0, 8.0))
    assert endings(report) == {"answered": 1}
    (found,) = store.suggestions()
    assert found.leaves == ("logistics_freight",)
    assert found.model == "qwen-test"
    assert found.prompt_version.startswith("p1-attention-")
    assert found.price == pytest.approx((1000 * 2 + 50 * 8) / 1e6)
    assert report.yuan == found.price
    details = found.details
    assert (details["served_by"], details["tokens_in"], details["tokens_out"]) == (MODEL, 1000, 50)
    assert (details["reason"], details["unsure"], details["answers"]) == ("买家在问这个", False, 1)
    assert details["endpoint"] == server.url
    assert store.annotations() == []
    assert store.decisions() == []
    kept = store.note(f"suggest:qwen-test:{found.prompt_version}")
    assert kept is not None
    assert json.loads(kept)["per_minute"] == 600_000


def test_the_request_asks_for_the_schema_and_carries_nothing_but_the_key(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-provider")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-ambient\nX-Secret: yes")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # a proxy must not see what stays on this machine
    with serving(freight) as server:
        ask(store, server.url, extra_body={"enable_thinking": False})
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    names = {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type"}
    assert set(asked.headers) == names | {"host", "user-agent", "x-stainless-raw-response"}
    assert asked.headers["user-agent"] == "xundan"
    assert asked.body["temperature"] == 0
    assert asked.body["enable_thinking"] is False
    form = asked.body["response_format"]["json_schema"]
    assert len(form["schema"]["properties"]["leaves"]["items"]["enum"]) == len(ATTENTION.leaves)


def test_the_key_is_kept_nowhere(store: Store) -> None:
    with serving(freight) as server:
        ask(store, server.url)
    written = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert b"logistics_freight" in written
    assert KEY.encode() not in written


def test_a_server_on_this_machine_needs_no_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-provider")
    with serving(freight) as server:
        run(plan_of(store, server.url), store, None)
    assert "authorization" not in server.asked[0].headers


def test_what_was_answered_is_not_asked_again(store: Store) -> None:
    with serving(freight) as server:
        ask(store, server.url, 3)
        again = plan_of(store, server.url, 3)
        assert dict(again.counts) == {"to ask about": 0, "answered by this model and prompt": 3}
        anew = make_plan(store, ATTENTION, asking(server.url), Examples(), again=True)
        assert (anew.estimate.questions, anew.estimate.kept) == (0, 3)
        report = run(anew, store, None)
    assert (report.paid, report.free, len(server.asked)) == (0, 3, 3)
    assert len(store.suggestions()) == 3


def test_an_answer_kept_before_a_crash_is_not_paid_for_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(self: Store, rows: object) -> None:
        raise KeyboardInterrupt

    with serving(freight) as server:
        with monkeypatch.context() as patched:
            patched.setattr(Store, "put_suggestions", crash)
            with pytest.raises(KeyboardInterrupt):
                ask(store, server.url, 1)
        assert store.suggestions() == []
        report = ask(store, server.url, 1)
    assert (report.paid, report.free, len(server.asked)) == (0, 1, 1)
    assert len(store.suggestions()) == 1


def test_another_model_or_address_is_another_question(store: Store) -> None:
    with serving(freight) as server:
        ask(store, server.url)
        other = make_plan(store, ATTENTION, replace(asking(server.url), model="qwen-other"), Examples())
        assert other.estimate.questions == 1
        run(other, store, KEY)
    assert {one.model for one in store.suggestions()} == {"qwen-test", "qwen-other"}


def test_tasks_that_read_the_same_once_cut_share_one_answer(store: Store) -> None:
    def long(number: int) -> Task:
        turns = (
            Turn(f"o{number}", "buyer", f"第{number}句"),
            *(Turn(f"t{i}", "agent", "好的") for i in range(6)),
        )
        return replace(task("包邮吗", number), key=f"k{number}", turns=turns)

    store.add_tasks([long(1), long(2)])
    with serving(freight) as server:
        report = run(make_plan(store, ATTENTION, asking(server.url), Examples()), store, KEY)
        assert len(server.asked) == 1
    assert endings(report) == {"answered": 2}
    prices = {one.key: one.details["question"] for one in store.suggestions()}
    assert set(prices) == {"k1", "k2"}
    assert len(set(prices.values())) == 1


def test_evidence_of_a_session_is_kept_as_message_ids(store: Store) -> None:
    turns = (Turn("m1", "buyer", "太贵了"), Turn("m2", "agent", "亲 已是底价"))
    session = replace(task("", tree="loss"), message_id=None, turns=turns)
    store.add_tasks([session])
    said = answer(["loss_price_too_high", "loss_price_bargain_failed"], evidence=[1])
    with serving(in_turn(said)) as server:
        run(make_plan(store, load("loss"), asking(server.url), Examples()), store, KEY)
    (found,) = store.suggestions()
    assert found.leaves == ("loss_price_too_high", "loss_price_bargain_failed")
    assert found.details["evidence"] == ["m1"]


def test_one_run_at_a_time_asks_in_a_folder(store: Store) -> None:
    with serving(freight) as server:
        plan = plan_of(store, server.url)
        with (
            FileLock(store.folder / LOCK_FILE),
            pytest.raises(BadInput, match="another run asks a model in this folder"),
        ):
            run(plan, store, KEY)
    assert server.asked == []


def test_a_damaged_cache_is_said(store: Store) -> None:
    (store.folder / FILE_NAME).write_text("no database " * 100)
    with pytest.raises(BadInput, match=f"{FILE_NAME}: not a cache of answers"):
        plan_of(store, "http://127.0.0.1:9/v1")


def test_without_the_library_the_install_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.setitem(errors.EXTRA_OF, "openai", "label")
    with pytest.raises(MissingExtra, match=r"openai is not installed: pip install \"xundan\[label\]\""):
        Endpoint(asking("http://127.0.0.1:9/v1"), None)


CHILD = """
import sys
from pathlib import Path
from xundan.labeling.store import Store
from xundan.labeling.suggest import Asking, Examples, make_plan, run
from xundan.taxonomy.trees import load

asking = Asking(sys.argv[2], "qwen-test", per_minute=600_000, concurrent=3, backoff_s=0.01)
with Store.open(Path(sys.argv[1])) as store:
    run(make_plan(store, load("attention"), asking, Examples()), store, None)
"""


@pytest.mark.slow
def test_killed_again_and_again_it_pays_for_no_answer_twice(tmp_path: Path) -> None:
    """The server lets a few answers out, then the process is killed with others on their way."""
    total, each, at_once = 40, 9, 3
    home = tmp_path / "labels"
    with Store.open(home) as store:
        store.add_tasks([task(f"第{i}件包邮吗", i) for i in range(total)])
    gate, reached, freed = threading.Semaphore(0), threading.Event(), threading.Event()

    def behave(asked: Asked, number: int) -> Said:
        if not freed.is_set() and not gate.acquire(blocking=False):
            reached.set()
            freed.wait(60)
        return answer(["logistics_freight"])

    with serving(behave) as server:
        command = [sys.executable, "-c", CHILD, str(home), server.url]
        kept: set[str] = set()
        for _ in range(3):
            for _ in range(each):
                gate.release()
            reached.clear()
            before = len(server.asked)
            child = subprocess.Popen(command)
            assert reached.wait(120)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            assert not kept & questions(server.asked[before:], server.url)
            assert kept < kept_questions(home)
            kept = kept_questions(home)
        freed.set()
        before = len(server.asked)
        subprocess.run(command, check=True, timeout=300)
        assert not kept & questions(server.asked[before:], server.url)
    again = len(server.asked) - total
    assert again <= 3 * at_once  # what was on its way at a kill
    assert {asked.text for asked in server.asked} == {f"第{i}件包邮吗" for i in range(total)}
    with Store.open(home) as store, Cache.open(home) as cache:
        found = store.suggestions()
        assert sorted(one.key for one in found) == sorted(one.key for one in store.tasks())
        assert store.annotations() == []
        assert again <= cache.unanswered().requests <= 3 * at_once
    assert len(kept_questions(home)) == total


def questions(asked: list[Asked], url: str) -> set[str]:
    """The hashes of what was asked."""
    return {question_hash(Asking(url, "qwen-test"), one.body["messages"]) for one in asked}


def kept_questions(home: Path) -> set[str]:
    """The hashes of the questions whose answer is in the cache."""
    connection = sqlite3.connect(home / FILE_NAME)
    try:
        return {question for (question,) in connection.execute("select question from answers")}
    finally:
        connection.close()
