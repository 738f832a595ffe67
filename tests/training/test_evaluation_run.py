"""A whole evaluation with the shipped model: what is written, what it says, what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput
from xundan.models.registry import SHIPPED
from xundan.taxonomy.save import save
from xundan.taxonomy.trees import load
from xundan.training.evaluation.page.sentences import sentences
from xundan.training.evaluation.page.view import words_of
from xundan.training.evaluation.result import Evaluation
from xundan.training.evaluation.run import METRICS_FILE, PAGE_FILE, EvaluationJob, run_evaluation
from xundan.training.evaluation.tree_of import TAXONOMY_FILE, tree_of

ROWS = [
    ("a#0", "到云南的运费要多少钱", "logistics_freight"),
    ("a#1", "能不能再便宜点", "price_bargain"),
    ("b#0", "今天拍明天可以发货吗", "logistics_ship_time"),
    ("b#1", "好的谢谢啦", "dialog_ack"),
    ("c#0", "有没有红色的", "product_color"),
    ("c#1", "我快递到哪里了 单号一直不动", "logistics_tracking"),
    ("d#0", "可以开专票不", "invoice_issue"),
    ("d#1", "这個尺碼偏大嗎", "product_size_fit"),
    ("e#0", "<script>alert(1)</script> 收到是坏的", "aftersale_quality_issue"),
    ("e#1", "有优惠券领吗", "promo_coupon"),
    ("f#0", "拍了3件发错颜色了", "aftersale_missing_wrong"),
    ("f#1", "在吗", "dialog_greeting"),
]


def write_labels(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = [
        {"id": id_, "text": text, "labels": [leaf], "context": ["客:在的亲"] if id_ == "a#1" else []}
        for id_, text, leaf in rows
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the labels and a second model: the shipped one, stricter and unsure of much."""
    folder = tmp_path_factory.mktemp("evaluation")
    write_labels(folder / "test.jsonl", ROWS)
    shutil.copytree(SHIPPED / "attention", folder / "candidate")
    described = json.loads((folder / "candidate" / "model.json").read_text())
    described |= {
        "version": "attention-v9",
        "thresholds": [0.02] * len(described["leaves"]),
        "uncertain_below": 0.9,
        "uncertain_risk": 0.05,
    }
    (folder / "candidate" / "model.json").write_text(json.dumps(described))
    return folder


@dataclass(frozen=True)
class Done:
    """An evaluation and its files."""

    evaluation: Evaluation
    metrics: dict[str, Any]
    page: str


@pytest.fixture(scope="module")
def done(home: Path) -> Done:
    """The candidate against the shipped model."""
    out = home / "out"
    job = EvaluationJob(home / "candidate", (home / "test.jsonl",), out, against=SHIPPED / "attention")
    evaluation = run_evaluation(job)
    page = (out / PAGE_FILE).read_text(encoding="utf-8")
    return Done(evaluation, json.loads((out / METRICS_FILE).read_text(encoding="utf-8")), page)


class Reader(HTMLParser):
    """What a browser would load, the tags, and the text it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.shown = ""
        self.scripts = 0
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value for key, value in attrs if key in ("src", "href") and value]
        if tag in ("script", "style"):
            self._inside, self.scripts = tag, self.scripts + (tag == "script")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.shown += data


def test_metrics_have_the_documented_keys_and_n_beside_every_figure(done: Done) -> None:
    written = done.metrics
    assert list(written) == [
        "schema", "tree", "taxonomy_version", "labels", "model", "against", "paired", "seen", "learning",
    ]  # fmt: skip
    assert written["labels"]["rows"] == len(ROWS)
    assert written["labels"]["sessions"] == 6
    assert len(written["labels"]["sha256"]) == 64
    assert written["learning"] is None

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "low" in value and "value" in value:
                assert isinstance(value["value"], float)
                assert isinstance(value["n"], int)
                assert value["low"] <= value["value"] <= value["high"]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(written)


def test_metrics_hold_no_message_text(done: Done) -> None:
    written = json.dumps(done.metrics, ensure_ascii=False)
    assert not re.search(r"[一-鿿]", written)


def test_metrics_equal_what_the_models_chose(done: Done) -> None:
    evaluation = done.evaluation
    judged, row = evaluation.model.judged, evaluation.rows[0]
    column = judged.leaves.index(row.labels[0])
    due = [row.labels[0] in other.labels for other in evaluation.rows]
    chosen = judged.chosen[:, column]
    recall = done.metrics["model"]["leaves"][row.labels[0]]["recall"]
    assert (recall["hits"], recall["n"]) == (sum(chosen[due]), sum(due))
    differ = (judged.chosen != evaluation.against.judged.chosen).any(axis=1)  # type: ignore[union-attr]
    assert done.metrics["paired"]["churn"]["hits"] == differ.sum() > 0


def test_the_page_is_complete_and_loads_nothing(done: Done) -> None:
    reader = Reader(done.page)
    assert all(target.startswith("#") for target in reader.loads)
    assert '<html lang="zh-CN">' in done.page
    for head in ("verdict", "groups", "leaves", "confusions", "slices", "certainty", "calibration", "pairs"):
        assert words_of("zh")[f"{head}_head"] in reader.shown
    assert "attention-v9" in reader.shown
    for name in ("reliability", "certainty"):
        assert f'data-plot="{name}"' in done.page
    assert "$" not in reader.shown


def test_text_of_a_message_is_shown_and_never_run(done: Done) -> None:
    assert "<script>alert" not in done.page
    assert "<script>alert(1)</script> 收到是坏的" in Reader(done.page).shown
    assert Reader(done.page).scripts == 3


def test_the_verdict_comes_first_with_intervals_and_n(done: Done) -> None:
    said = sentences(done.evaluation)
    shown = Reader(done.page).shown
    assert all(line in shown for line in said)
    told = r"attention-v9 .+ attention-shipped-\d+ .+micro-F1 差 [+-]\d\.\d{3} \[.+\].+（n=\d+）"
    assert re.search(told, said[0])
    assert "符号检验" in said[1]
    assert any("标为“不确定”" in line or "全部标为" in line for line in said)


def test_english_has_the_same_words_as_chinese(done: Done) -> None:
    chinese, english = words_of("zh"), words_of("en")
    assert chinese.keys() == english.keys()
    for key, word in chinese.items():
        assert type(english[key]) is type(word), key
        if isinstance(word, str):
            fields = [set(re.findall(r"{(\w+)", text)) for text in (word, english[key])]
            assert fields[0] == fields[1], key
    said = " ".join(sentences(done.evaluation, "en"))
    assert "sign test" in said
    assert not re.search(r"[一-鿿]", said)


def test_train_labels_add_the_curve_and_what_was_seen(home: Path) -> None:
    leaves = [("邮费多少钱", "logistics_freight"), ("便宜一点嘛", "price_bargain"), ("好滴", "dialog_ack")]
    train = [(f"t{i}#0", *leaves[i % 3]) for i in range(60)] + [("a#7", "包邮不", "logistics_freight")]
    job = EvaluationJob(
        SHIPPED / "attention",
        (home / "test.jsonl",),
        home / "with-train",
        train=(write_labels(home / "train.jsonl", train),),
        lang="en",
    )
    evaluation = run_evaluation(job)
    written = json.loads((home / "with-train" / METRICS_FILE).read_text(encoding="utf-8"))
    assert (written["against"], written["paired"]) == (None, None)
    assert written["learning"]["verdict"] in ("label", "model", "open")
    assert written["learning"]["rows"] == 61
    assert written["seen"]["hits"] == 2  # session a stands in the train labels too
    page = (home / "with-train" / PAGE_FILE).read_text(encoding="utf-8")
    assert '<html lang="en">' in page
    assert 'data-plot="learning"' in page
    assert any("learnt from 2 of these messages" in line for line in sentences(evaluation, "en"))


def test_a_model_of_a_tree_without_a_file_is_judged_on_its_own_leaves(home: Path, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "attention", tmp_path / "own")
    described = json.loads((tmp_path / "own" / "model.json").read_text()) | {"tree": "topics"}
    (tmp_path / "own" / "model.json").write_text(json.dumps(described))
    run_evaluation(EvaluationJob(tmp_path / "own", (home / "test.jsonl",), tmp_path / "out"))
    written = json.loads((tmp_path / "out" / METRICS_FILE).read_text(encoding="utf-8"))
    assert (written["tree"], written["model"]["pairs"]["passed"]["n"]) == ("topics", 0)
    page = (tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8")
    assert 'id="leaves"' in page
    assert 'id="groups"' not in page  # there is only one


def test_a_model_is_judged_by_the_tree_it_carries_unless_a_file_is_given(home: Path, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "attention", tmp_path / "own")
    described = json.loads((tmp_path / "own" / "model.json").read_text())
    described |= {"tree": "topics", "taxonomy_version": "3"}
    (tmp_path / "own" / "model.json").write_text(json.dumps(described))
    carried = replace(load("attention"), tree="topics", version="3")
    save(carried, tmp_path / "own" / TAXONOMY_FILE)
    run_evaluation(EvaluationJob(tmp_path / "own", (home / "test.jsonl",), tmp_path / "out"))
    written = json.loads((tmp_path / "out" / METRICS_FILE).read_text(encoding="utf-8"))
    assert (written["tree"], written["taxonomy_version"]) == ("topics", "3")
    assert 'id="groups"' in (tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8")
    assert tree_of(tmp_path / "own") == carried
    given = replace(carried, version="4")
    save(given, tmp_path / "topics.yaml")
    assert tree_of(tmp_path / "own", tmp_path / "topics.yaml") == given
    assert tree_of(SHIPPED / "attention") is load("attention")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a#0", "text": "几天到", "labels": ["logistics_fright"]}', "logistics_freight"),
        ("", "no labelled row"),
        (
            '{"id": "a#0~1", "text": "几天到", "labels": ["dialog_ack"], "part": "augmented"}',
            "all are augmented",
        ),
    ],
)
def test_labels_that_cannot_be_judged_by_are_refused(tmp_path: Path, content: str, message: str) -> None:
    labels = tmp_path / "test.jsonl"
    labels.write_text(content, encoding="utf-8")
    job = EvaluationJob(SHIPPED / "attention", (labels,), tmp_path / "out")
    with pytest.raises(BadInput, match=message):
        run_evaluation(job)
    assert not (tmp_path / "out").exists()


def test_models_of_different_trees_are_refused(home: Path, tmp_path: Path) -> None:
    job = EvaluationJob(
        SHIPPED / "attention", (home / "test.jsonl",), tmp_path / "out", against=SHIPPED / "action"
    )
    with pytest.raises(BadInput, match="made for different trees; got attention and action"):
        run_evaluation(job)


def test_a_tree_of_another_model_is_refused(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("leaves: [fee, time]", encoding="utf-8")
    job = EvaluationJob(SHIPPED / "attention", (home / "test.jsonl",), tmp_path / "out", tree=own)
    with pytest.raises(BadInput, match="the model was made for another tree; got attention; expected own"):
        run_evaluation(job)


def test_a_model_with_other_leaves_is_refused(home: Path, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "attention", tmp_path / "turned")
    described = json.loads((tmp_path / "turned" / "model.json").read_text())
    described["leaves"].reverse()
    (tmp_path / "turned" / "model.json").write_text(json.dumps(described))
    job = EvaluationJob(tmp_path / "turned", (home / "test.jsonl",), tmp_path / "out")
    with pytest.raises(BadInput, match=r"the model was made for other leaves; .*different: their order"):
        run_evaluation(job)


def test_a_language_the_page_lacks_is_refused(home: Path, tmp_path: Path) -> None:
    job = EvaluationJob(SHIPPED / "attention", (home / "test.jsonl",), tmp_path / "out", lang="fr")
    with pytest.raises(BadInput, match='no such language; got \'fr\'; expected "zh" or "en"'):
        run_evaluation(job)
