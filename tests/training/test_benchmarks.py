"""The benchmarks on a handful of rows: what they measure, print and refuse."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import finetune_speed, quality
from benchmarks.contenders import CONTENDERS, Contender, Made, Setting, as_shipped, floor
from benchmarks.measure import Data, Line, Skipped, at_most, measure
from benchmarks.tables import show, show_leaves
from benchmarks.untrained import untrained_base
from xundan.errors import BadInput, MissingExtra
from xundan.models.encoder import TextEncoder
from xundan.taxonomy.trees import load
from xundan.training.baselines import Fitted
from xundan.training.finetune import FinetuneSettings
from xundan.training.labels import LabelledMessage, read_labels, target_matrix
from xundan.training.lineage import trained_on
from xundan.training.own_labels import load_task


@pytest.fixture(scope="module")
def data(label_file: Path) -> Data:
    rows = read_labels([label_file], load("attention"))
    return Data(rows[:40], rows[40:], load("attention"))


@pytest.fixture
def folder(label_file: Path, tmp_path: Path) -> Path:
    """Labels as the benchmark wants them: TREE_train.jsonl and TREE_dev.jsonl."""
    lines = label_file.read_text(encoding="utf-8").splitlines()
    (tmp_path / "attention_train.jsonl").write_text("\n".join(lines[:40]), encoding="utf-8")
    (tmp_path / "attention_dev.jsonl").write_text("\n".join(lines[40:]), encoding="utf-8")
    return tmp_path


def test_later_rows_are_compared_with_the_floor(data: Data) -> None:
    lines = list(
        measure(["majority", "tfidf", "logistic"], data, Setting(data.train, data.taxonomy, folds=2))
    )
    assert all(isinstance(line, Line) for line in lines)
    majority, tfidf, logistic = (line for line in lines if isinstance(line, Line))
    assert majority.figures.micro.value == pytest.approx(1 / 3, abs=0.05)
    assert tfidf.figures.micro.value == 1.0
    assert (majority.ahead, tfidf.ahead) == (None, None)
    assert logistic.ahead is not None
    assert list(logistic.ahead) == ["micro", "macro", "group"]
    assert logistic.ahead["micro"].value == pytest.approx(logistic.figures.micro.value - 1.0)
    assert tfidf.cross_validated is not None
    assert tfidf.cross_validated.value == 1.0
    assert (tfidf.train_rows, tfidf.figures.rows) == (40, 20)


def test_a_missing_library_is_a_line_that_says_so(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Fitted:
        raise MissingExtra("fasttext is not installed: pip install fasttext-wheel")

    monkeypatch.setitem(CONTENDERS, "fasttext", Contender("fastText", floor(missing)))
    (line,) = measure(["fasttext"], data, Setting(data.train, data.taxonomy))
    assert isinstance(line, Skipped)
    assert "pip install fasttext-wheel" in line.why


def test_rows_that_cannot_be_used_cost_one_line(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Fitted:
        raise BadInput("too few labelled sessions for the folds", got=1)

    monkeypatch.setitem(CONTENDERS, "majority", Contender("the commonest leaf", floor(refused)))
    first, second = measure(["majority", "tfidf"], data, Setting(data.train, data.taxonomy))
    assert isinstance(first, Skipped)
    assert "too few labelled sessions" in first.why
    assert isinstance(second, Line)


def test_a_model_that_saw_test_rows_is_marked(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = [leaf.id for leaf in data.taxonomy.leaves]

    def knowing(_: Setting) -> Made:
        learnt = trained_on(data.test[:4])
        return Made(lambda rows: target_matrix(rows, leaves) > 0, 1.0, None, None, learnt)

    monkeypatch.setitem(CONTENDERS, "shipped", Contender("ours, as shipped", knowing, sized=False))
    names = ["tfidf", "shipped"]
    floored, line = measure(names, data, Setting(data.train, data.taxonomy))
    assert isinstance(floored, Line)
    assert isinstance(line, Line)
    assert (floored.seen, line.ahead is None) == (None, False)
    out = io.StringIO()
    show(Console(file=out, width=300), [line], data)
    assert f"saw {line.seen} of the 20 test rows" in out.getvalue()
    assert "training: of ours, with its cross-validation and export" in out.getvalue()
    *_, apart = measure(names, data, Setting(data.train[:10], data.taxonomy))
    assert isinstance(apart, Line)
    assert apart.ahead is None  # it was made from more rows than this floor


def test_a_session_on_both_sides_is_refused_and_augmented_rows_are_not_tested_on(data: Data) -> None:
    with pytest.raises(BadInput, match=r"share sessions; got 1 of them, such as s0; expected each session"):
        Data.of(data.train, [*data.test, data.train[0]], data.taxonomy)
    spoken = LabelledMessage(f"{data.test[0].id}~1", "邮费几块", (), ("logistics_freight",), part="augmented")
    assert Data.of(data.train, [*data.test, spoken], data.taxonomy).test == data.test
    with pytest.raises(BadInput, match="no test row to measure on"):
        Data.of(data.train, [spoken], data.taxonomy)


def test_the_floors_own_figure_leaves_out_augmented_rows(data: Data) -> None:
    wrong = [
        LabelledMessage(f"{row.id}~1", f"别的话{i}", (), ("price_inquiry",), part="augmented")
        for i, row in enumerate(data.train)
    ]
    (line,) = measure(["tfidf"], data, Setting([*data.train, *wrong], data.taxonomy, folds=2))
    assert isinstance(line, Line)
    assert line.cross_validated is not None
    assert line.cross_validated.value == 1.0


def test_the_shipped_model_answers_in_the_trees_order(data: Data) -> None:
    made = as_shipped(Setting(data.train, data.taxonomy))
    chosen = made.choose(data.test[:6])
    leaves = [leaf.id for leaf in data.taxonomy.leaves]
    assert chosen.shape == (6, len(leaves))
    assert chosen[0, leaves.index(data.test[0].labels[0])]
    assert made.megabytes > 1
    assert made.seconds is None


def test_so_many_rows_a_leaf_are_taken(data: Data) -> None:
    rows = at_most(data.train, 3)
    assert sorted(label for row in rows for label in row.labels) == sorted(
        ["logistics_freight", "price_bargain", "dialog_ack"] * 3
    )
    assert at_most(data.train, 3) == rows
    assert len(at_most(data.train, 1000)) == len(data.train)


def test_the_whole_command_prints_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(folder), "--rows", "shipped,tfidf", "--per-leaf", "2,all", "--folds", "0", "--json"]
    monkeypatch.setattr(sys, "argv", ["quality", *words])
    quality.main()
    record = json.loads(capsys.readouterr().out)
    assert [(line["row"], line["train_rows"]) for line in record["rows"]] == [
        ("tfidf", 6),
        ("tfidf", 40),
        ("shipped", None),
    ]
    assert set(record["rows"][0]["figures"]["micro"]) == {"value", "low", "high"}
    assert record["test_rows"] == 20


def test_the_table_and_the_leaves_are_for_people(data: Data) -> None:
    lines = list(measure(["majority", "tfidf"], data, Setting(data.train, data.taxonomy)))
    out = io.StringIO()
    console = Console(file=out, width=220)
    show(console, [*lines, Skipped("fasttext", "fastText", "not installed: pip install x")], data)
    show_leaves(console, lines)
    assert "attention, 20 test messages" in out.getvalue()
    assert "TF-IDF + linear SVM" in out.getvalue()
    assert "not installed: pip install x" in out.getvalue()
    assert "price_bargain" in out.getvalue()


def test_another_task_needs_no_taxonomy(tmp_path: Path, label_file: Path) -> None:
    arguments = quality.parse(["--labels", str(label_file)])
    data = quality.read_data(arguments)
    assert [leaf.id for leaf in data.taxonomy.leaves] == ["dialog_ack", "logistics_freight", "price_bargain"]
    assert not {row.session for row in data.train} & {row.session for row in data.test}
    assert "shipped" not in quality.choose_rows(arguments, data)
    out = io.StringIO()
    lines = list(measure(["tfidf"], data, Setting(data.train, data.taxonomy)))
    show(Console(file=out, width=220), lines, data)
    assert "own" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rows", "tfdif"], "no such row; got tfdif; expected some of majority, tfidf"),
        (["--rows", "tfidf", "--per-leaf", "few"], "no number of rows a leaf; got few"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], message: str, data: Data) -> None:
    with pytest.raises(BadInput, match=message):
        quality.run(quality.parse(words), data, Console(file=io.StringIO()))


def test_without_labels_it_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XUNDAN_LABELS", raising=False)
    with pytest.raises(BadInput, match="give a folder or --labels, or set XUNDAN_LABELS"):
        quality.read_data(quality.parse([]))


def test_an_untrained_encoder_has_the_form_of_the_trained_one(tiny_bert: Path, tmp_path: Path) -> None:
    untrained_base(tiny_bert, tmp_path, seed=0)
    trained, random = TextEncoder.from_folder(tiny_bert), TextEncoder.from_folder(tmp_path)
    assert {n: w.shape for n, w in trained.named_parameters()} == {
        n: w.shape for n, w in random.named_parameters()
    }
    changed = [(a - b).abs().max() for a, b in zip(trained.parameters(), random.parameters(), strict=True)]
    assert max(changed) > 0.01


def test_both_ways_of_fine_tuning_learn_the_same_task(tiny_bert: Path, label_file: Path) -> None:
    task = load_task([label_file], "attention")
    settings = FinetuneSettings(epochs=10, batch=8, learning_rate=3e-3, head_learning_rate=1e-2)
    runs = finetune_speed.compare(task, tiny_bert, settings, rounds=2)
    assert [run.way for run in runs] == ["Trainer", "ours", "ours", "Trainer"]
    assert all(run.micro > 0.6 for run in runs)
    theirs, ours, ours_again, theirs_again = (run.seconds for run in runs)
    both = theirs / ours + theirs_again / ours_again
    assert finetune_speed.ratio(runs) == pytest.approx(both / 2)


def test_the_speed_benchmark_takes_so_many_rows_of_all(folder: Path) -> None:
    task = finetune_speed.read_task(finetune_speed.parse([str(folder), "--rows", "10"]))
    assert len(task.rows) == 10
    assert len({row.session for row in task.rows}) > 5
