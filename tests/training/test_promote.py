"""From a candidate in a registry to a champion, or to a refusal that the history remembers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput, Refused
from xundan.models.history import Event, read_history
from xundan.models.loss.runtime import OtherSignals
from xundan.models.manifest import Facts, seal
from xundan.models.registry import SHIPPED, champion_name, new_version, promote
from xundan.models.runtime import Description, Model
from xundan.taxonomy.save import save
from xundan.taxonomy.trees import Taxonomy, load
from xundan.training.evaluation.tree_of import TAXONOMY_FILE
from xundan.training.gate import GateLimits, PromoteJob, promote_candidate
from xundan.training.labels import LabelledMessage, read_labels
from xundan.training.lineage import write_rows

SAID = [
    ("请问您的订单号是多少呢", "买:帮我查下快递", "act_ask_info"),
    ("亲 请稍等哦", "买:在吗", "act_hold"),
    ("非常抱歉给您带来不便", "买:都坏了", "act_apologize"),
    ("麻烦您发一下收件人电话", "买:改个地址", "act_ask_info"),
    ("稍等 我这边看一下", "买:有货吗", "act_hold"),
    ("真的很对不起 让您久等了", "买:怎么还没到", "act_apologize"),
]
FEW = GateLimits(least_rows=len(SAID), least_sessions=len(SAID))
OTHERS = [LabelledMessage("other#1", "这款今天下单明天就能发出", (), ("act_hold",))]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Labelled agent messages, each of a session of its own."""
    path = tmp_path / "test.jsonl"
    rows = [
        {"id": f"s{i}#1", "text": text, "context": [context], "labels": [leaf]}
        for i, (text, context, leaf) in enumerate(SAID)
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def loaded() -> Model:
    """The shipped action model, read once."""
    return Model.load(SHIPPED / "action")


@pytest.fixture(autouse=True)
def _one_graph(loaded: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """All versions here have the same weights, so that their graph need not be compiled again."""

    def load_with_it(folder: Path) -> Model:
        return Model(Description.read(folder), loaded.tokenizer, loaded._graph)

    monkeypatch.setattr("xundan.models.runtime.Model.load", load_with_it)


def add(
    registry: Path,
    changed: Mapping[str, Any] | None = None,
    rows: list[LabelledMessage] = OTHERS,
    own: Taxonomy | None = None,
) -> str:
    """Register the shipped action model (its graph comes from `loaded`), some of its description changed,
    perhaps with a taxonomy of its own."""
    taxonomy = load("action")
    with new_version(registry, "action") as (name, folder):
        said = json.loads((SHIPPED / "action" / "model.json").read_text(encoding="utf-8"))
        said = {**said, "version": f"action-{name}", **(changed or {})}
        (folder / "model.json").write_text(json.dumps(said), encoding="utf-8")
        (folder / "model.bin").write_text("weights", encoding="utf-8")
        write_rows(folder, rows)
        if own:
            save(own, folder / TAXONOMY_FILE)
        seal(folder, Facts("d" * 64, len(rows), taxonomy, {}, {}))
    return name


def job(name: str, labels: Path, registry: Path, **given: Any) -> PromoteJob:
    return PromoteJob(name, (labels,), registry, "action", **{"limits": FEW, **given})


def last_event(registry: Path) -> Event:
    return read_history(registry / "action")[-1]


def talkative() -> dict[str, Any]:
    """A description with which the model gives every message one wrong leaf more."""
    taxonomy = load("action")
    low = [leaf.id for leaf in taxonomy.leaves].index("act_promo")
    shipped = json.loads((SHIPPED / "action" / "model.json").read_text(encoding="utf-8"))
    return {"thresholds": [1e-9 if i == low else value for i, value in enumerate(shipped["thresholds"])]}


def test_an_equal_candidate_becomes_champion(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path)
    begun: list[str] = []

    def begin(what: str, total: int) -> Any:
        begun.append(f"{what}: {total}")
        return lambda rows: None

    verdict = promote_candidate(job(name, labels, tmp_path), begin)
    assert verdict.ok
    assert begun == ["score with shipped: 6", "score with v1: 6"]
    assert (verdict.champion, verdict.candidate) == ("shipped", "v1")
    assert champion_name(tmp_path, "action") == "v1"
    event = last_event(tmp_path)
    assert (event.action, event.before, event.after, event.why) == (
        "promote",
        "shipped",
        "v1",
        "passed the gate",
    )
    assert event.verdict["ok"] is True
    assert event.verdict["limits"]["micro_margin"] == 0.01
    with pytest.raises(Refused, match="v1 is the champion already"):
        promote_candidate(job(name, labels, tmp_path))


def test_a_champion_that_judges_no_more_does_not_stand_in_the_way(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, load_it = add(tmp_path), Model.load

    def load_or_not(folder: Path) -> Model:
        if folder.name != name:
            raise OtherSignals("a judge of another making", got="540 signals")
        return load_it(folder)

    monkeypatch.setattr("xundan.models.runtime.Model.load", load_or_not)
    verdict = promote_candidate(job(name, labels, tmp_path))
    assert (verdict.ok, verdict.champion) == (True, "")
    assert verdict.passed_over == "shipped was not compared: a judge of another making; got 540 signals"
    assert last_event(tmp_path).why == verdict.passed_over
    assert champion_name(tmp_path, "action") == "v1"


def test_a_worse_candidate_is_refused_and_remembered(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, talkative())
    verdict = promote_candidate(job(name, labels, tmp_path))
    assert not verdict.promoted
    assert "micro_worse" in [reason.code for reason in verdict.reasons]
    assert champion_name(tmp_path, "action") == "shipped"
    event = last_event(tmp_path)
    assert (event.action, event.after) == ("refuse", "v1")
    assert "micro-F1 is worse than the champion's" in event.why
    assert event.verdict["reasons"][0]["code"] == "micro_worse"


def test_a_person_may_overrule_the_gate_with_a_reason(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, talkative())
    verdict = promote_candidate(job(name, labels, tmp_path, force_reason="the test labels are old"))
    assert not verdict.ok
    assert verdict.promoted
    assert champion_name(tmp_path, "action") == "v1"
    assert last_event(tmp_path).why == "the test labels are old"
    assert last_event(tmp_path).verdict["ok"] is False
    with pytest.raises(BadInput, match="a forced promotion needs a reason"):
        job(name, labels, tmp_path, force_reason=" ")


def test_nobody_may_overrule_that_a_model_is_of_another_taxonomy(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, {"taxonomy_version": "0.1.0"})
    verdict = promote_candidate(job(name, labels, tmp_path, force_reason="I want it"))
    assert [reason.code for reason in verdict.reasons] == ["taxonomy_version"]
    assert not verdict.promoted
    assert champion_name(tmp_path, "action") == "shipped"


def test_a_candidate_trained_on_the_test_labels_is_refused(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, rows=read_labels([labels], load("action")))
    verdict = promote_candidate(job(name, labels, tmp_path))
    assert [reason.code for reason in verdict.reasons] == ["trained_on_test_rows"]


def test_a_changed_candidate_is_refused_before_it_is_loaded(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path)
    (tmp_path / "action" / name / "model.bin").write_bytes(b"")
    with pytest.raises(Refused, match=r"model\.bin was changed"):
        promote_candidate(job(name, labels, tmp_path))
    assert last_event(tmp_path).action == "refuse"
    assert "model.bin was changed" in last_event(tmp_path).why


def test_a_champion_promoted_meanwhile_is_not_replaced(tmp_path: Path, labels: Path) -> None:
    name, other = add(tmp_path), add(tmp_path)

    def begin(what: str, total: int) -> Any:
        if what == "score with v1":
            promote(tmp_path, "action", other)
        return lambda rows: None

    with pytest.raises(Refused, match="the champion changed while v1 was judged; got v2; expected shipped"):
        promote_candidate(job(name, labels, tmp_path), begin)
    assert champion_name(tmp_path, "action") == "v2"


def test_rows_written_after_others_are_not_judged_by(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path)
    rows = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    made = [{**row, "id": f"{row['id']}~1", "part": "augmented"} for row in rows]
    labels.write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    with pytest.raises(BadInput, match="no row to judge by: all are augmented"):
        promote_candidate(job(name, labels, tmp_path))


def test_limits_are_the_jobs(tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xundan.training.evaluation.material.load_pairs", lambda tree: ())
    name = add(tmp_path, talkative())
    wide = replace(FEW, micro_margin=1, macro_drop=1, leaf_drop=1, calibration_rise=1)
    assert promote_candidate(job(name, labels, tmp_path, limits=wide)).ok


def test_what_the_champion_tells_apart_the_candidate_must_too(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, talkative())
    verdict = promote_candidate(job(name, labels, tmp_path))
    assert "pairs_broken" in [reason.code for reason in verdict.reasons]


def test_few_test_messages_make_no_champion(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path)
    verdict = promote_candidate(job(name, labels, tmp_path, limits=GateLimits()))
    assert [reason.code for reason in verdict.reasons] == ["too_few_test_messages"]
    assert "6 test message(s) of 6 session(s)" in last_event(tmp_path).why
    assert champion_name(tmp_path, "action") == "shipped"


def test_a_candidate_is_judged_by_the_taxonomy_it_carries(tmp_path: Path, labels: Path) -> None:
    own = replace(load("action"), version="9.0.0")
    name = add(tmp_path, {"taxonomy_version": "9.0.0"}, own=own)
    verdict = promote_candidate(job(name, labels, tmp_path))
    assert [reason.code for reason in verdict.reasons] == ["no_migration"]
    assert "the candidate 9.0.0" in verdict.reasons[0].said
    assert promote_candidate(job(name, labels, tmp_path, migration={})).ok
    assert champion_name(tmp_path, "action") == "v1"


def test_a_tree_file_goes_before_the_taxonomy_a_candidate_carries(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, {"taxonomy_version": "9.0.0"}, own=replace(load("action"), version="9.0.0"))
    newer = tmp_path / "newer.yaml"
    save(replace(load("action"), version="10.0.0"), newer)
    verdict = promote_candidate(PromoteJob(name, (labels,), tmp_path, str(newer), limits=FEW))
    assert [reason.code for reason in verdict.reasons] == ["taxonomy_version"]
    assert "trained for action 9.0.0, the taxonomy in use is 10.0.0" in verdict.reasons[0].said


def test_a_model_of_another_tree_is_no_candidate(tmp_path: Path, labels: Path) -> None:
    name = add(tmp_path, {"tree": "topics"})
    with pytest.raises(BadInput, match="a model of another tree; got topics; expected action"):
        promote_candidate(job(name, labels, tmp_path))


def test_a_champion_trained_on_the_test_labels_is_named(tmp_path: Path, labels: Path) -> None:
    promote(tmp_path, "action", add(tmp_path, rows=read_labels([labels], load("action"))))
    verdict = promote_candidate(job(add(tmp_path), labels, tmp_path))
    assert [reason.code for reason in verdict.reasons] == ["champion_saw_test_rows"]
