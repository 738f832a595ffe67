"""From labelled sessions to a candidate judge, measured, and through the gate; on a tiny BERT."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xundan.errors import BadInput
from xundan.models.inventory import list_versions
from xundan.models.loss.runtime import LossModel
from xundan.models.registry import champion
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.evaluation.run import EvaluationJob, run_evaluation
from xundan.training.gate import GateLimits, PromoteJob, promote_candidate
from xundan.training.loss.compact import read_compact
from xundan.training.loss.cross_validate import HeldOut
from xundan.training.loss.finetune import LossSettings
from xundan.training.loss.judged import as_row
from xundan.training.loss.sessions import read_sessions
from xundan.training.loss.train import LossJob, TrainedLoss, assess, main_figures, metrics, train_loss

SLOW, SILENT, FREIGHT = "loss_service_slow", "loss_silent_leave", "loss_logistics_freight"
QUICK = LossSettings(epochs=10, batch=12, learning_rate=3e-3, head_learning_rate=2e-2, folds=2, dropout=0.1)
THINGS = ("雨伞", "水杯", "台灯", "围巾", "书包", "凉席", "毛巾", "拖鞋", "砧板", "花盆")
KINDS = (
    (SILENT, ("买 {}怎么样", "客 +20s 好用的"), ()),
    (SLOW, ("买 {}怎么样", "客 +50m 好用的"), (2,)),
    (FREIGHT, ("买 {}怎么样", "客 +20s 好用的", "买 +30s 不包邮 不要了"), (3,)),
)


def write(path: Path, things: tuple[str, ...], **more: Any) -> Path:
    """Sessions as a file has them: of each thing one answered at once, one late, one with a reason."""
    rows = []
    for thing in things:
        for leaf, lines, evidence in KINDS:
            case = read_compact("x", [line.format(thing) for line in lines])
            said = [
                {"seq": int(t.message_id), "role": t.role, "at": t.at.isoformat(), "text": t.text}
                for t in case.turns
            ]
            row = {"session_id": f"{path.stem}-{thing}-{leaf}", "messages": said, "loss_primary": leaf}
            rows.append({**row, "evidence": evidence, **more})
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions to learn from, others to judge by."""
    folder = tmp_path_factory.mktemp("loss")
    write(folder / "train.jsonl", tuple(f"{opening}{thing}" for opening in ("", "这款") for thing in THINGS))
    write(folder / "made.jsonl", tuple(f"大号{thing}" for thing in THINGS), part="augmented")
    write(folder / "test.jsonl", tuple(f"儿童{thing}" for thing in THINGS[:4]))
    return folder


@pytest.fixture(scope="module")
def trained(home: Path, tiny_bert: Path) -> TrainedLoss:
    job = LossJob((home / "train.jsonl", home / "made.jsonl"), home / "registry", tiny_bert, QUICK)
    return train_loss(job)


def test_a_candidate_is_measured_on_what_people_labelled(trained: TrainedLoss) -> None:
    figures = trained.found.parts["real"]
    assert figures.n == 60, "the augmented ones are only learnt from"
    assert figures.leaf.value > 0.6
    hits, asked = trained.found.evidence["real"]
    assert asked == 40
    assert hits > 20
    written = json.loads((trained.folder / "metrics.json").read_text(encoding="utf-8"))
    assert written["micro"]["value"] == figures.leaf.value
    assert written["parts"]["real"]["n"] == 60
    card = (trained.folder / "card.md").read_text(encoding="utf-8")
    assert "60 real, 30 augmented" in card
    assert f"| real | {SLOW} |" in card


def test_the_card_counts_what_its_own_sessions_lack(trained: TrainedLoss) -> None:
    card = (trained.folder / "card.md").read_text(encoding="utf-8")
    assert "Of the 60 real sessions 33% carry one leaf" in card
    assert "38 of the 41 leaves have fewer than 10" in card
    assert "0 of the real sessions have an order" in card


def test_sessions_drawn_for_labelling_are_measured_as_real(home: Path) -> None:
    drawn = [replace(session, part="random") for session in read_sessions([home / "test.jsonl"])]
    leaves = [leaf.id for leaf in load("loss").leaves]
    said = np.zeros((len(drawn), len(leaves)), np.float32)
    for number, session in enumerate(drawn):
        said[number, leaves.index(session.primary)] = 1
    everyone = np.arange(len(drawn))
    stages = np.zeros((len(drawn), 1), np.float32)
    held = HeldOut(everyone, said, stages, [{"1": 0.0} for _ in drawn], everyone % 2)
    found = assess(drawn, held, Limits())
    assert found.parts["real"].n == len(drawn)
    assert main_figures(found)["real_leaf"] == 1.0
    assert metrics(found)["micro"]


def test_two_sessions_of_one_prefix_are_two(home: Path) -> None:
    one, other = (
        as_row(replace(session, id=f"shop#{number}"))
        for number, session in enumerate(read_sessions([home / "test.jsonl"])[:2])
    )
    assert one.session != other.session


def test_it_stands_in_the_registry_with_its_figures(trained: TrainedLoss, home: Path) -> None:
    shown = {version.name: version for version in list_versions(home / "registry", "loss")}
    assert shown["v1"].state == "candidate"
    assert shown["v1"].data_rows == 90
    assert shown["v1"].figures["group"].n == 60


def test_it_says_of_a_session_why_it_was_lost(trained: TrainedLoss, home: Path) -> None:
    model = LossModel.load(trained.folder)
    sessions = read_sessions([home / "test.jsonl"])
    said = model.judge([session.case for session in sessions], Limits())
    right = sum(verdict[0].leaf == s.primary for verdict, s in zip(said, sessions, strict=True))
    assert right >= 8, "of 12"
    assert all(1 <= len(verdict[0].evidence) <= 3 for verdict in said)


def test_evaluate_measures_judges_of_sessions(trained: TrainedLoss, home: Path, tmp_path: Path) -> None:
    job = EvaluationJob(trained.folder, (home / "test.jsonl",), tmp_path / "out")
    found = run_evaluation(job)
    assert found.model.figures.rows == 12
    assert found.seen is not None
    assert found.seen.hits == 0
    page = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    assert "买 这个布艺床能拆洗吗" in page, "the pairs show what both sides share"
    assert len(found.pairs) == len(found.model.judged.pairs) > 100


def test_the_learning_curve_is_of_messages(trained: TrainedLoss, home: Path, tmp_path: Path) -> None:
    job = EvaluationJob(
        trained.folder, (home / "test.jsonl",), tmp_path / "out", train=(home / "train.jsonl",)
    )
    with pytest.raises(BadInput, match="learning curve"):
        run_evaluation(job)
    assert not (tmp_path / "out").exists()


def test_the_gate_lets_a_judge_through_and_sees_its_own_sessions(trained: TrainedLoss, home: Path) -> None:
    registry, few = home / "registry", GateLimits(least_rows=12, least_sessions=12)
    seen = promote_candidate(PromoteJob("v1", (home / "train.jsonl",), registry, "loss", few))
    assert not seen.promoted
    assert "trained_on_test_rows" in [reason.code for reason in seen.reasons]
    judged = promote_candidate(
        PromoteJob(
            "v1", (home / "test.jsonl",), registry, "loss", few, force_reason="a shop of three reasons"
        )
    )
    assert judged.promoted
    assert champion("loss", registry) == trained.folder
    with pytest.raises(Exception, match="champion already"):
        promote_candidate(PromoteJob("v1", (home / "test.jsonl",), registry, "loss", few))


def test_too_few_sessions_make_no_judge(home: Path, tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too few labelled sessions"):
        train_loss(LossJob((home / "test.jsonl",), tmp_path / "registry", tiny_bert, QUICK))
    assert not (tmp_path / "registry").exists()
