"""`xundan label …` without a server: help with examples, one clear refusal at a time, counts, guideline."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.in_process import Result, Run, runner
from tests.labeling.own_tasks import message_tasks
from xundan.labeling.records import Annotation, Decision
from xundan.labeling.store import Store

VERBS = (
    *("up", "down", "next", "push", "pull", "status", "agreement", "adjudicate"),
    *("suggest", "tags", "freeze", "errors", "guideline"),
)
HOME = "xundan-labels"


@pytest.fixture
def xundan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in an empty folder, in this process."""
    return runner(tmp_path, monkeypatch, capsys)


def files(folder: Path) -> list[str]:
    """What lies there, but for locks."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("lock"))
    return sorted(str(path.relative_to(folder)) for path in found)


def labelled(folder: Path, tasks: int = 5) -> None:
    """A store in which the first task is agreed on, the second is disputed, the third was decided."""
    said = (("price_inquiry", "price_inquiry"), ("price_inquiry", "price_bargain"), ("price_bargain", ""))
    at = datetime(2026, 4, 1, tzinfo=UTC)
    with Store.open(folder / HOME) as store:
        made = [replace(task, purpose="uncertain") for task in message_tasks(tasks)]
        store.add_tasks(made)
        store.put_annotations(
            Annotation(f"studio:1:{2 * number + place}", made[number].key, by, (leaf,), at)
            for number, leaves in enumerate(said)
            for place, (by, leaf) in enumerate(zip(("lin", "wu"), leaves, strict=True))
            if leaf
        )
        store.put_decisions([Decision(made[2].key, ("price_inquiry",), "chen", "问的是价格", at)])


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_with_an_example(verb: str, xundan: Run) -> None:
    result = xundan("label", verb, "--help")
    assert result.code == 0
    assert f"Example: xundan label {verb}" in result.out


def test_the_help_lists_exactly_these_verbs(xundan: Run) -> None:
    listed = xundan("label", "--help").out.partition("Commands:")[2].splitlines()
    assert sorted(line.split()[0] for line in listed if line.strip()) == sorted(VERBS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("status",), "xundan-labels: no tasks or labels here; draw some: xundan label next"),
        (("agreement",), "xundan-labels: no tasks or labels here; draw some: xundan label next"),
        (("adjudicate",), "xundan-labels: no tasks or labels here; draw some: xundan label next"),
        (("freeze", "week"), "xundan-labels: no tasks or labels here; draw some: xundan label next"),
        (("suggest", "--compare"), "xundan-labels: no tasks or labels here"),
        (("push",), "xundan-labels: no Label Studio was started here; run: xundan label up"),
        (("pull",), "xundan-labels: no Label Studio was started here; run: xundan label up"),
        (("next", "nowhere", "--n", 5), "nowhere: there is no table messages yet; run: xundan import"),
        (("next", "nowhere"), "how many tasks?"),
        (("next", "nowhere", "--mix", "random=many"), "a purpose without a number; got 'random=many'"),
        (("next", "nowhere", "--mix", "random=5,lucky=5"), "no such purpose; got 'lucky'"),
        (("next", "nowhere", "--mix", "random=1,rare=99"), "at least a fifth is drawn at random"),
        (("next", "nowhere", "--n", 9, "--mix", "random=5"), "the mix is 5 tasks, not 9"),
        (("next", "nowhere", "--n", 5, "--metrics", "m.json"), "m.json: no such file"),
        (("tags", "tags.csv"), "tags.csv: no such file"),
        (("tags", __file__, "--source", "rumour"), "--source: not a source of tags; got rumour"),
        (("tags", __file__, "--map", "map.csv"), "map.csv: no such file"),
        (("tags", __file__, "--workspace", "nowhere"), "nowhere: there is no table messages yet"),
        (
            ("errors", "v1", "labels.jsonl", "--out", "no/e.csv"),
            "--out: no such place for a file; got no/e.csv",
        ),
        (("errors", "v1", "labels.jsonl", "--out", "."), "--out: no such place for a file; got ."),
        (("guideline", "--tree", "weather"), "no such taxonomy; got 'weather'"),
        (("errors", "registry/attention/v1", "labels.jsonl"), "not a model's folder"),
    ],
)
def test_bad_input_in_an_empty_folder_is_one_message_and_writes_nothing(
    words: tuple[str, ...], message: str, xundan: Run, tmp_path: Path
) -> None:
    assert_refused(xundan("label", *words), message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("push",), "no Label Studio was started here; run: xundan label up", 2),
        (("pull",), "no Label Studio was started here; run: xundan label up", 2),
        (("adjudicate",), "no Label Studio was started here; run: xundan label up", 2),
        (("push", "--tree", "weather"), "no Label Studio was started here", 2),
        (("agreement", "--tree", "weather"), "no such taxonomy; got 'weather'", 2),
        (("agreement", "--taxonomy", "mine.yaml"), "mine.yaml", 2),
        (("agreement", "--lang", "fr"), "--lang: unknown language; got fr; expected zh or en", 2),
        (("adjudicate", "--tree", "weather"), "no such taxonomy; got 'weather'", 2),
        (("freeze", "a/b"), "not a name for a frozen set; got 'a/b'", 2),
        (("freeze", "week", "--test", 1.5), "shares out of range", 2),
        (("freeze", "week", "--migration", "moved.yaml"), "moved.yaml", 2),
        (("freeze", "week", "--migration", "a.yaml", "--nothing-moved"), "contradict each other", 2),
        (("freeze", "week", "--tree", "loss"), "nothing is labelled in the tree loss", 1),
        (("freeze", "week"), "would be empty", 1),
        (("tags", "tags.csv", "--source", "rumour"), "no such file", 2),
        (("suggest",), "no endpoint or no model; expected --endpoint and --model, or --compare", 2),
    ],
)
def test_a_refusal_leaves_the_store_as_it_was(
    words: tuple[str, ...], message: str, code: int, xundan: Run, tmp_path: Path
) -> None:
    labelled(tmp_path)
    before, status = files(tmp_path), xundan("label", "status", "--json").out
    assert_refused(xundan("label", *words), message, code)
    assert files(tmp_path) == before
    assert xundan("label", "status", "--json").out == status


@pytest.mark.parametrize("verb", [("next", "out", "--n", "5"), ("guideline",), ("up",), ("status",)])
def test_a_home_that_is_a_file_is_refused(verb: tuple[str, ...], xundan: Run, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    result = xundan("label", *verb, "--home", "notes")
    assert (result.code, result.out) == (2, "")
    assert "'notes' is a file" in result.err
    assert files(tmp_path) == ["notes"]


def test_what_stands_in_brackets_is_printed(xundan: Run, tmp_path: Path) -> None:
    result = xundan("label", "guideline", "--home", "old [bold] [/x]")
    assert result.out.startswith("old [bold] [/x]/guideline/attention/guideline.md: version 1")


def test_tags_on_messages_of_another_tree_are_not_taken_for_this_one(xundan: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("leaves: [a, b]\n")
    (tmp_path / "tags.csv").write_text("会话ID,消息ID,标签\ns1,m1,a\n", encoding="utf-8")
    words = ("tags", "tags.csv", "--taxonomy", "mine.yaml", "--workspace", "out")
    assert_refused(xundan("label", *words), "tasks are not drawn for this tree; got mine")
    assert files(tmp_path) == ["mine.yaml", "tags.csv"]


def test_a_file_that_is_no_store_is_named(xundan: Run, tmp_path: Path) -> None:
    (tmp_path / HOME).mkdir()
    (tmp_path / HOME / "labels.db").write_bytes(b"no database, a list of things to buy" * 50)
    assert_refused(xundan("label", "status"), "xundan-labels/labels.db: not a store of labels")


def assert_refused(result: Result, message: str, code: int = 2) -> None:
    """Exit code and one message, which begins with "error: "."""
    assert result.code == code, result.out + result.err
    assert message in result.err
    assert result.err.startswith("error: ")
    assert result.err.count("error:") == 1
    assert "Traceback" not in result.err
    assert result.out == ""


def test_status_prints_counts_that_add_up(xundan: Run, tmp_path: Path) -> None:
    labelled(tmp_path)
    result = xundan("label", "status")
    assert result.code == 0, result.err
    line = next(line for line in result.out.splitlines() if "attention" in line)
    assert [cell.strip() for cell in line.strip("│ ").split("│")] == [
        *("attention", "draw-1", "uncertain", "5", "2", "1", "2", "0", "1", "1", "2")
    ]
    assert "0 answers of adjudicators, 0 tags, 0 answers to tasks that are not here" in result.out
    (told,) = json.loads(xundan("label", "status", "--json").out)["lines"]
    assert sum(told["people"]) == told["tasks"] == 5
    assert (told["disputed"], told["decided"], told["usable"]) == (1, 1, 2)


def test_agreement_writes_the_page_and_the_tables(xundan: Run, tmp_path: Path) -> None:
    labelled(tmp_path)
    told = json.loads(xundan("label", "agreement", "--json").out)
    assert (told["tasks"], told["answered"], told["compared"]) == (5, 3, 2)
    assert sum(told["settled"].values()) == 5
    for name in ("agreement.html", "agreement.csv", "agreement.parquet", "agreement.json"):
        assert (tmp_path / HOME / name).is_file()
        assert f"{HOME}/{name}" in xundan("label", "agreement").out


def test_the_guideline_is_a_file_with_the_decision_and_a_version(xundan: Run, tmp_path: Path) -> None:
    labelled(tmp_path)
    first = xundan("label", "guideline")
    assert first.code == 0, first.err
    assert first.out == f"{HOME}/guideline/attention/guideline.md: version 1\n"
    assert "问的是价格" in (tmp_path / first.out.partition(":")[0]).read_text(encoding="utf-8")
    assert xundan("label", "guideline").out.endswith("version 1, as before\n")


def test_a_small_set_is_frozen_and_the_counts_are_shown(xundan: Run, tmp_path: Path) -> None:
    labelled(tmp_path)
    result = xundan("label", "freeze", "week", "--dev", 0, "--test", 0)
    assert result.code == 0, result.err
    counts, parts, folder, after = result.out.splitlines()
    assert counts == "5 tasks = 2 rows + 2 no answer + 1 undecided"
    assert parts.startswith("2 rows = 2 train + 0 dev + 0 test + 0 put aside; 2 sessions, 2 buyers")
    assert len((tmp_path / folder / "train.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert after == f"next: xundan train {HOME}/frozen/week/train.jsonl --tree attention --registry registry"
    again = xundan("label", "freeze", "week", "--dev", 0, "--test", 0).out.splitlines()
    assert again[2] == f"{folder} (was frozen before)"


def test_tags_come_in_and_those_without_a_leaf_are_listed(xundan: Run, tmp_path: Path) -> None:
    labelled(tmp_path)
    rows = "会话ID,消息ID,标签,打标人\ns3,m3-3,价格询问,阿宁\ns4,m4-3,天气闲聊,阿宁\n"
    (tmp_path / "tags.csv").write_text(rows, encoding="utf-8")
    result = xundan("label", "tags", "tags.csv")
    assert result.code == 0, result.err
    assert "2 rows = 2 taken + 0 rejected" in result.out
    assert "天气闲聊" in (tmp_path / HOME / "unknown_tags.csv").read_text(encoding="utf-8-sig")
    assert f"fill in the column 叶子 of {HOME}/unknown_tags.csv and give it as --map" in result.out


def test_down_where_nothing_runs(xundan: Run, tmp_path: Path) -> None:
    result = xundan("label", "down")
    assert (result.code, result.out) == (0, "it did not run\n")
    assert list(tmp_path.iterdir()) == []
