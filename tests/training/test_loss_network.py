"""The judge's network on a tiny BERT: it learns words and signals, and runs the same without torch."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from xundan.chats.records import STAGES
from xundan.errors import BadInput, Refused
from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.loss.network import LossNet
from xundan.models.loss.rules import load_rules
from xundan.models.loss.runtime import SIGNALS_FILE, LossModel
from xundan.models.loss.signals import signal_names
from xundan.models.loss.verdict import decide
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.loss import export as module
from xundan.training.loss import finetune
from xundan.training.loss.compact import read_compact
from xundan.training.loss.export import export
from xundan.training.loss.finetune import LossSettings, score, train_judge
from xundan.training.loss.rows import Row, make_rows, stack
from xundan.training.loss.sessions import LabelledSession

LEAVES = [leaf.id for leaf in load("loss").leaves]
SLOW, SILENT, FREIGHT = "loss_service_slow", "loss_silent_leave", "loss_logistics_freight"
QUICK = LossSettings(epochs=12, batch=6, learning_rate=3e-3, head_learning_rate=2e-2, folds=2, dropout=0.1)


def sessions() -> list[LabelledSession]:
    """Answered at once, answered late in the same words, and a stated reason; twelve of each."""
    found = []
    for number, thing in enumerate(("尺码", "快递", "发货", "优惠", "衣服", "包邮") * 2):
        for leaf, lines, evidence in (
            (SILENT, [f"买 {thing}怎么样", "客 +20s 好的"], ()),
            (SLOW, [f"买 {thing}怎么样", "客 +50m 好的"], ("2",)),
            (FREIGHT, [f"买 {thing}怎么样", "客 +20s 好的", "买 +30s 不包邮 不要"], ("3",)),
        ):
            name = f"{leaf}{number}"
            case = read_compact(name, lines)
            found.append(LabelledSession(name, case, leaf, evidence=evidence, believed={leaf: 1.0}))
    return found


@pytest.fixture(scope="module")
def rows(tiny_bert: Path) -> list[Row]:
    return make_rows(sessions(), load_base_tokenizer(tiny_bert), Limits())


@pytest.fixture(scope="module")
def net(rows: list[Row], tiny_bert: Path) -> LossNet:
    steps: list[tuple[int, int]] = []
    found = train_judge(
        rows, [1.0] * len(rows), tiny_bert, QUICK, lambda done, all_, loss: steps.append((done, all_))
    )
    assert steps == [(number, 72) for number in range(1, 73)]
    return found


@pytest.fixture(scope="module")
def folder(net: LossNet, rows: list[Row], tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judge")
    export(net, load_base_tokenizer(tiny_bert), 0.2, "loss-v1", path, rows)
    return path


def chosen(scores: npt.NDArray[np.float32]) -> list[str]:
    return [LEAVES[place] for place in scores.argmax(1)]


def test_logits_of_leaves_stages_and_tokens(rows: list[Row], tiny_bert: Path) -> None:
    fresh = LossNet(TextEncoder.from_folder(tiny_bert), len(signal_names()), len(LEAVES), len(STAGES)).eval()
    batch = stack(rows[:4])
    said = fresh(*batch.inputs())
    assert said.leaves.shape == (4, len(LEAVES))
    assert said.stages.shape == (4, len(STAGES))
    assert said.evidence.shape == tuple(batch.ids.shape)
    # What the signals say begins at nothing.
    other = fresh(batch.ids, batch.segments, batch.mask, batch.signals + 1)
    assert torch.equal(other.leaves, said.leaves)


def test_padding_says_nothing(rows: list[Row], net: LossNet) -> None:
    long, short = max(rows, key=lambda row: len(row.read.ids)), min(rows, key=lambda row: len(row.read.ids))
    with torch.no_grad():
        together = net(*stack([long, short]).inputs()).leaves[1]
        alone = net(*stack([short]).inputs()).leaves[0]
    assert torch.allclose(together, alone, atol=1e-4)


def test_it_learns_the_reason_and_what_proves_it(rows: list[Row], net: LossNet) -> None:
    said = score(net, rows)
    assert chosen(said.leaves) == [session.primary for session in sessions()]
    assert np.allclose(said.leaves.sum(1), 1, atol=1e-4)
    assert np.allclose(said.stages.sum(1), 1, atol=1e-4)
    pointed = [max(its, key=lambda name: its[name]) for its in said.evidence]
    annotated = [(at, session.evidence[0]) for at, session in enumerate(sessions()) if session.evidence]
    assert all(pointed[at] == proof for at, proof in annotated)


def test_scores_come_in_the_order_of_the_rows(rows: list[Row], net: LossNet) -> None:
    backwards = score(net, rows[::-1], size=5)
    assert np.allclose(backwards.leaves[::-1], score(net, rows).leaves, atol=1e-4)


def test_the_words_alone_leave_the_signals_out(rows: list[Row], tiny_bert: Path) -> None:
    settings = replace(QUICK, epochs=1, signals=False)
    words = train_judge(rows, [1.0] * len(rows), tiny_bert, settings)
    assert not words.facts.weight.any()
    changed = [replace(row, signals=row.signals + 1) for row in rows]
    assert np.array_equal(score(words, changed).leaves, score(words, rows).leaves)


def test_training_begins_at_the_odds_of_the_weighted_leaves(rows: list[Row], tiny_bert: Path) -> None:
    weights = [3.0 if session.primary == SLOW else 1.0 for session in sessions()]
    run = finetune._Run(rows, weights, tiny_bert, QUICK)
    shares = torch.exp(run.net.text.bias)
    assert shares[LEAVES.index(SLOW)].item() == pytest.approx(0.6, abs=0.01)
    assert shares[LEAVES.index(SILENT)].item() == pytest.approx(0.2, abs=0.01)
    assert shares[LEAVES.index("loss_stock_out")].item() == pytest.approx(0.001, abs=1e-4)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 0}, {"folds": 1}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="epochs and batch at least 1, folds at least 2; got LossSettings"):
        LossSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["real", "written", "augmented"])
def test_a_part_that_counts_nothing_is_refused(part: str) -> None:
    with pytest.raises(BadInput, match=f"each part must count above 0; got .*'{part}': 0.0"):
        LossSettings(**{part: 0.0})  # type: ignore[arg-type]


def test_the_exported_judge_says_what_the_network_says(folder: Path, net: LossNet, rows: list[Row]) -> None:
    model = LossModel.load(folder)
    assert (model.description.version, model.description.tree) == ("loss-v1", "loss")
    cases = [session.case for session in sessions()]
    heard: list[int] = []
    verdicts = model.judge(cases, Limits(), heard.append)
    assert sum(heard) == len(cases)
    said, rules = score(net, rows), load_rules()
    for case, verdict, scores, proof in zip(cases, verdicts, said.leaves, said.evidence, strict=True):
        named = dict(zip(LEAVES, map(float, scores), strict=True))
        expected = decide(named, proof, rules.apply(case, Limits()), secondary_from=0.2)
        assert [reason.leaf for reason in verdict] == [reason.leaf for reason in expected]
        assert verdict[0].evidence[0] == expected[0].evidence[0]
        assert verdict[0].score == pytest.approx(expected[0].score, abs=0.02)


def test_a_session_is_judged_the_same_alone_and_among_others(folder: Path) -> None:
    model = LossModel.load(folder)
    cases = [session.case for session in sessions()]
    together = model.judge(cases, Limits())
    for at in (0, 1, 2):
        assert model.judge([cases[at]], Limits()) == [together[at]]
    assert model.judge([], Limits()) == []


def test_a_judge_made_for_other_signals_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / SIGNALS_FILE).write_text("fact:slow\nfact:moon\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match=r"a judge of another making; got 2 signals; expected the \d+ signals of"
    ):
        LossModel.load(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.xml", None),
        ("model.xml", b"<net"),
        ("model.bin", None),
        ("model.bin", b"weights"),
        ("tokenizer.json", None),
        ("tokenizer.json", b"{"),
        (SIGNALS_FILE, None),
        (SIGNALS_FILE, b"\xff\xfe"),
    ],
)
def test_a_damaged_folder_is_said_to_be_damaged(
    file: str, content: bytes | None, folder: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(folder, tmp_path / "judge")
    (copied / file).unlink()
    if content is not None:
        (copied / file).write_bytes(content)
    with pytest.raises(BadInput, match=r"judge: not a whole judge; got .*; copy the folder again") as raised:
        LossModel.load(copied)
    assert type(raised.value) is BadInput, "nothing of it can be passed over as merely outdated"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"thresholds": []}, "got 41 leaves, 0 thresholds and a graph of 41 leaves"),
        (
            {"leaves": [SILENT], "thresholds": [0.5]},
            "got 1 leaves, 1 thresholds and a graph of 41 leaves",
        ),
        ({"tree": "attention"}, "a model of another tree; got attention; expected loss"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    changed: dict[str, object], message: str, folder: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(folder, tmp_path / "judge")
    said = json.loads((copied / "model.json").read_text(encoding="utf-8"))
    (copied / "model.json").write_text(json.dumps({**said, **changed}), encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        LossModel.load(copied)


def test_a_graph_that_says_otherwise_is_not_exported(
    net: LossNet, rows: list[Row], tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(Refused, match="the exported graph disagrees with the network"):
        export(net, load_base_tokenizer(tiny_bert), 0.2, "loss-v1", tmp_path, rows)
