"""`xundan label suggest` against a server of the test's own, and what `push` fills in of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.in_process import Run, runner
from tests.labeling.fake_studio import FakeStudio
from tests.labeling.model_server import Said, answer, complaint, serving
from tests.labeling.own_tasks import message_tasks
from xundan import cli_label
from xundan.labeling.records import Annotation, Suggestion
from xundan.labeling.store import Store
from xundan.labeling.studio import project
from xundan.labeling.studio.migrate import Migration
from xundan.labeling.studio.moves import Moves
from xundan.taxonomy.trees import load

HOME = "xundan-labels"
KEY = "sk-of-this-test"
AT = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def xundan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `xundan label …` in a folder with four drawn tasks, in this process, where nobody can be asked."""
    monkeypatch.setenv("XUNDAN_LLM_KEY", KEY)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with Store.open(tmp_path / HOME) as store:
        store.add_tasks(
            replace(task, purpose=purpose)
            for task, purpose in zip(
                message_tasks(4), ("random", "uncertain", "uncertain", "rare"), strict=True
            )
        )
    return runner(tmp_path, monkeypatch, capsys, "label")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--n", 0), "greater than or equal to 1"),
        (("--price-in", "nan", "--price-out", 1), "the price tokens_in is no number; got nan"),
        (("--price-in", 1), "prices are incomplete"),
        (("--price-cached", 1), "prices are incomplete"),
        (("--max-yuan", 1), "--max-yuan needs prices"),
        (("--price-in", 1, "--price-out", 1, "--max-yuan", "nan"), "--max-yuan is no number; got nan"),
        (("--price-in", 1, "--price-out", 1, "--max-yuan", -1), "--max-yuan is negative; got -1"),
        (("--per-minute", "nan"), "per_minute is no number; got nan"),
        (("--timeout", "inf"), "timeout_s is no number; got inf"),
        (("--timeout", 0), "timeout_s must be above 0"),
        (("--extra-body", "[1]"), "--extra-body: not a JSON object"),
        (("--extra-body", '{"a": NaN}'), "--extra-body: values that JSON does not have, such as NaN"),
        (("--extra-body", '{"n": 9, "max_tokens": 9}'), "not yours to set; got max_tokens, n"),
        (("--endpoint", "http://a..b/v1"), "not the address of an endpoint"),
        (("--endpoint", "http://a b/v1"), "not the address of an endpoint"),
        (("--endpoint", "https://a.cn/v1#sk-1"), "the address holds a secret or a query"),
        (("--purpose", "random"), "--purpose chooses what is compared, not what is asked; add --compare"),
        (("--which", "none"), "unknown choice of tasks; got none"),
        (("--batch", "draw-9"), "no task to ask about; got tree attention, batch draw-9"),
        (("--examples", "none.jsonl"), "none.jsonl: the labelled examples cannot be read"),
        (("--tree", "weather"), "no such taxonomy; got 'weather'"),
    ],
)
def test_wrong_words_are_one_message_and_nothing_is_sent(
    words: tuple[object, ...], message: str, xundan: Run
) -> None:
    with serving(lambda asked, number: answer(["price_inquiry"])) as server:
        result = xundan("suggest", "--endpoint", server.url, "--model", "q", "--yes", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.lower().count("error:") == 1
    assert server.asked == []


def test_where_nobody_can_be_asked_the_cost_is_shown_and_nothing_is_sent(xundan: Run) -> None:
    with serving(lambda asked, number: answer(["price_inquiry"])) as server:
        result = xundan("suggest", "--endpoint", server.url, "--model", "q")
    assert (result.code, result.out, server.asked) == (2, "", [])
    assert "questions: 4 to send" in result.err
    assert "nobody can be asked here, so nothing was sent; look at the cost, then add --yes" in result.err


@pytest.mark.parametrize("variable", ["sk-of-somebody", "XUNDAN_OTHER_KEY"])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(
    variable: str, xundan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUNDAN_OTHER_KEY", "密钥一二三")
    with serving(lambda asked, number: answer(["price_inquiry"])) as server:
        result = xundan("suggest", "--endpoint", server.url, "--model", "q", "--yes", "--key-env", variable)
    assert (result.code, server.asked) == (2, [])
    assert "Traceback" not in result.err
    for secret in ("sk-of-somebody", "密钥"):
        assert secret not in result.err


def test_json_is_the_report_alone_and_the_key_is_kept_nowhere(xundan: Run, tmp_path: Path) -> None:
    with serving(lambda asked, number: answer(["price_inquiry"])) as server:
        words = ("--endpoint", server.url, "--model", "q", "--yes", "--per-minute", 60_000, "--json")
        result = xundan("suggest", *words, "--n", 3)
        assert result.code == 0, result.err
        assert json.loads(result.out)["endings"] == {"answered": 3}
        assert json.loads(xundan("suggest", *words).out)["tasks"] == 1
        assert len(server.asked) == 4
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in kept
    assert KEY not in result.out + result.err


def test_no_answer_is_exit_code_1_and_the_endpoints_words_are_shown_as_they_are(xundan: Run) -> None:
    def behave(asked: object, number: int) -> Said:
        if number == 0:
            return complaint(400, "see [/docs] and [bold]help")
        return complaint(503, "down", {"retry-after": "0"})

    with serving(behave) as server:
        words = ("--endpoint", server.url, "--model", "q", "--yes", "--per-minute", 60_000)
        result = xundan("suggest", *words, "--concurrent", 1)
    assert result.code == 1
    assert "no suggestion: 1 × declined: HTTP 400: see [/docs] and [bold]help" in result.out
    assert "error: 3 of 4 tasks got no answer; run the same command again to go on" in result.err


def test_the_comparison_is_a_table_and_json(xundan: Run, tmp_path: Path) -> None:
    with Store.open(tmp_path / HOME) as store:
        (first, *_) = store.tasks()
        store.put_annotations([Annotation("studio:1:1", first.key, "lin", ("price_inquiry",), AT)])
        store.put_suggestions([Suggestion(first.key, "q [/x]", "p1", ("price_inquiry",), AT, None, {})])
    result = xundan("suggest", "--compare", "--purpose", "random")
    assert result.code == 0, result.err
    assert "q [/x], prompt p1, tree attention" in result.out
    (found,) = json.loads(xundan("suggest", "--compare", "--json").out, parse_constant=pytest.fail)
    assert found["suggested"]["micro"]["hits"] == 1


def test_push_fills_a_proposal_in_but_for_the_audit_part_and_for_one_without_leaves(
    xundan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = FakeStudio()

    @contextmanager
    def at_work(home: Path, tree: str) -> Iterator[object]:
        with Store.existing(home) as store:
            yield store, load(tree), studio, None

    found = project.Project(
        1,
        "询单",
        False,
        Migration(Moves({}, {}, (), {"old_leaf": "旧"}, (), {}), left={"old_leaf": ("a", "b")}),
    )
    monkeypatch.setattr(cli_label, "_at_work", at_work)
    monkeypatch.setattr(project, "ensure_project", lambda *_, **__: found)
    with Store.open(tmp_path / HOME) as store:
        audited, with_leaf, without, _ = tasks = store.tasks()
        proposed = ((audited, ("price_bargain",)), (with_leaf, ("price_bargain",)), (without, ()))
        store.put_suggestions(
            Suggestion(task.key, "q", "p1", leaves, AT, None, {}) for task, leaves in proposed
        )
    none = xundan("push", "--suggested", "--batch", "draw-9")
    assert (none.code, studio.tasks) == (2, {})
    assert "no task to push; got tree attention, batch draw-9; see what there is: xundan label status" in (
        none.err
    )
    result = xundan("push", "--suggested", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["pushed"] == 4
    assert json.loads(result.out)["leaves_left"] == {"old_leaf": ["a", "b"]}
    filled = {row["data"]["xundan_key"]: row["data"]["model"] for row in studio.tasks.values()}
    models = [filled[task.key] for task in tasks]
    assert models[0] == ""
    assert ["语言模型建议" in model for model in models] == [False, True, False, False]
    assert all(models[1:])
