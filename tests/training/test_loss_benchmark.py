"""The benchmark of lost sessions on a handful of them: what it measures, prints and refuses."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks import loss, loss_parts, loss_shipped
from benchmarks.loss_measure import between_authors, judge_all, learning_curve, lines_of
from benchmarks.loss_paired import ahead
from benchmarks.loss_parts import JUDGES, Answer, Bench, Contender, across_authors, cross_validated, taken
from benchmarks.loss_shipped import Shipped, measure_shipped
from benchmarks.loss_tables import shipped_line, show, show_across, show_curve, show_leaves
from xundan.errors import BadInput
from xundan.models.loss.case import Case
from xundan.models.loss.runtime import LossModel
from xundan.models.loss.verdict import Reason, Verdict
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.evaluation.intervals import share
from xundan.training.loss.compact import read_compact
from xundan.training.loss.figures import macro_f1, measure
from xundan.training.loss.finetune import LossSettings, Scored
from xundan.training.loss.pairs import PairsTold, SessionPair, load_pairs
from xundan.training.loss.sessions import LabelledSession

DEAR, WAIT, SILENT = "loss_price_too_high", "loss_promo_wait", "loss_silent_leave"
ENDS = {DEAR: "买 +30s 太贵了{} 不要了", WAIT: "买 +30s 等{}活动再来", SILENT: "买 +30s {}好的"}
BENCH = Bench("no-base", LossSettings(folds=2))


def session(name: str, leaf: str, word: str, part: str) -> LabelledSession:
    lines = ["买 梳子多少钱", "客 +20s 五十九", ENDS[leaf].format(word)]
    case = read_compact(name, lines)
    return LabelledSession(name, case, leaf, evidence=("3",), part=part, believed={leaf: 1.0})


def sessions() -> list[LabelledSession]:
    """Sixteen real ones, sixteen of two authors, and one made from each of these."""
    words = ("店庆", "年底", "双11", "618", "周末", "月底", "开学", "过年")
    real = [session(f"r{i}", (SILENT, DEAR)[i % 2], words[i % 8], "real") for i in range(16)]
    own = [session(f"{'ab'[i % 2]}{i}", (WAIT, DEAR)[i // 2 % 2], words[i % 8], "written") for i in range(16)]
    made = [session(f"{each.id}~1", each.primary, "别的", "augmented") for each in own]
    return [*real, *own, *made]


@pytest.fixture(scope="module")
def pairs() -> tuple[SessionPair, ...]:
    return load_pairs()[40:52]


def as_json(each: LabelledSession) -> str:
    turns = [
        {"role": turn.role, "text": turn.text, "at": turn.at.isoformat(), "leaves": ["dialog_ack"]}
        for turn in each.case.turns
    ]
    row = {"session_id": each.id, "messages": turns, "loss_primary": each.primary, "evidence": [3]}
    return json.dumps(row, ensure_ascii=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labels as the benchmark wants them, which do not name their parts, and sessions made from them."""
    for file, part in (("loss_real_train", "real"), ("loss_train", "written"), ("made", "augmented")):
        lines = [as_json(each) for each in sessions() if each.part == part]
        (tmp_path / f"{file}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_folder_names_the_parts_and_extra_sessions_are_never_measured(folder: Path) -> None:
    arguments = loss.parse([str(folder), "--extra", str(folder / "made.jsonl")])
    found = loss.read_data(arguments)
    assert [each.id for each in found] == [each.id for each in sessions()]
    assert [each.part for each in found] == [each.part for each in sessions()]
    assert len(loss_parts.measured(found)) == 32


def test_what_cannot_be_measured_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XUNDAN_LABELS", raising=False)
    with pytest.raises(BadInput, match="give a folder or files, or set XUNDAN_LABELS"):
        loss.read_data(loss.parse([]))
    with pytest.raises(BadInput, match="sessions given twice; got 16 ids, such as r0"):
        loss.read_data(loss.parse([str(folder), str(folder / "loss_real_train.jsonl")]))
    (folder / "empty").mkdir()
    expected = "no labels of sessions; expected loss_real_train.jsonl or loss_train.jsonl"
    with pytest.raises(BadInput, match=expected):
        loss.read_data(loss.parse([str(folder / "empty")]))
    monkeypatch.setenv("XUNDAN_LABELS", str(folder))
    assert len(loss.read_data(loss.parse([]))) == 32


def test_rows_are_chosen_by_name() -> None:
    assert loss.choose_rows(loss.parse(["x"])) == ["majority", "tfidf", "rules", "text", "fused"]
    assert loss.choose_rows(loss.parse(["x", "--quick"])) == ["majority", "tfidf", "rules"]
    assert loss.choose_rows(loss.parse(["x", "--rows", "fused,tfidf"])) == ["tfidf", "fused"]
    with pytest.raises(BadInput, match="no such row; got tfdif; expected some of majority, tfidf, rules"):
        loss.choose_rows(loss.parse(["x", "--rows", "tfdif"]))


def test_nobody_answers_for_a_session_of_a_family_that_was_learnt_from() -> None:
    seen: list[tuple[set[str], list[str]]] = []

    def judge(bench: Bench, inside: Sequence[Any], outside: Sequence[Any]) -> list[Answer]:
        families = {each.family for each in inside}
        assert not families & {each.family for each in outside}
        seen.append((families, [each.id for each in outside]))
        return [Answer(each.id) for each in outside]

    who = Contender("records", judge)
    answers = cross_validated(who, sessions(), BENCH)
    assert [answer.leaf for answer in answers] == [each.id for each in sessions() if not each.augmented]
    assert len(seen) == 2
    whole = [families for families, _ in seen]
    seen.clear()
    cross_validated(who, sessions(), BENCH, share=0.5)
    assert [families < all_ for (families, _), all_ in zip(seen, whole, strict=True)] == [True, True]


def test_a_smaller_share_lies_within_a_larger_one_and_families_stay_whole() -> None:
    kept = [taken(sessions(), portion, BENCH) for portion in (0.25, 0.5, 0.75, 1.0)]
    counts = [sum(its[:16]) for its in kept]
    assert counts == [4, 8, 12, 16]
    assert all(kept[3])
    for smaller, larger in pairwise(kept):
        assert all(also for its, also in zip(smaller, larger, strict=True) if its)
    assert kept[1][16:32] == kept[1][32:]


def test_floors_are_measured_on_both_parts(pairs: tuple[SessionPair, ...]) -> None:
    results = judge_all(["majority", "tfidf", "rules"], sessions(), pairs, BENCH)
    lines = list(lines_of(results, sessions()))
    assert [(line.part, line.row, line.figures.n) for line in lines] == [
        (part, row, 16) for part in ("real", "written") for row in ("majority", "tfidf", "rules")
    ]
    by_name = {(line.part, line.row): line for line in lines}
    assert by_name["real", "majority"].figures.leaf.value == 0.5
    assert by_name["written", "tfidf"].figures.leaf.value == 1.0
    assert by_name["written", "rules"].evidence == share(16, 16)
    assert by_name["written", "tfidf"].evidence is None
    assert all(line.ahead is None for line in lines)
    dear = next(leaf for leaf in by_name["written", "tfidf"].figures.leaves if leaf.leaf == DEAR)
    assert (dear.precision, dear.recall, dear.support) == (share(8, 8), share(8, 8), 8)
    assert [result.pairs.share.n for result in results] == [12, 12, 12]
    assert results[0].pairs.share.hits == 0


def test_every_row_is_compared_with_ours(
    pairs: tuple[SessionPair, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def knowing(bench: Bench, inside: Sequence[Any], outside: Sequence[Any]) -> list[Answer]:
        return [Answer(each.primary, ("3",)) for each in outside]

    monkeypatch.setitem(JUDGES, "fused", Contender("ours", knowing))
    results = judge_all(["majority", "fused"], sessions(), pairs, BENCH)
    lines = list(lines_of(results, sessions()))
    floor, ours = lines[:2]
    assert floor.ahead is not None
    assert list(floor.ahead) == ["leaf", "group", "macro"]
    assert floor.ahead["leaf"].value == pytest.approx(0.5)
    assert floor.ahead["leaf"].low > 0
    assert (ours.ahead, ours.evidence) == (None, share(16, 16))
    assert results[1].pairs.share.hits == 12


def test_a_difference_is_that_of_the_figures() -> None:
    truth = sessions()[:32]
    ours = [each.primary if at % 5 else SILENT for at, each in enumerate(truth)]
    theirs = [each.primary if at % 3 else DEAR for at, each in enumerate(truth)]
    mine, other = measure(ours, truth), measure(theirs, truth)
    found = ahead(ours, theirs, truth)
    for name in ("leaf", "group", "macro"):
        expected = getattr(mine, name).value - getattr(other, name).value
        assert found[name].value == pytest.approx(expected)
        assert found[name].low <= expected <= found[name].high
    assert ahead(ours, ours, truth)["leaf"].low == ahead(ours, ours, truth)["macro"].high == 0.0


def test_macro_f1_by_hand() -> None:
    said, truth = np.array([0, 0, 2, 3]), np.array([0, 1, 2, 2])
    # 0: 2·1/(1+2), 1: 0, 2: 2·1/(2+1); 3 does not occur
    assert macro_f1(said, truth) == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)


def test_a_learning_curve_ends_at_the_rows_own_figures(pairs: tuple[SessionPair, ...]) -> None:
    results = judge_all(["majority", "tfidf"], sessions(), pairs, BENCH)
    points = list(learning_curve(results, sessions(), BENCH))
    assert [(point.row, point.share, point.sessions) for point in points] == [
        ("tfidf", 0.25, 4),
        ("tfidf", 0.5, 8),
        ("tfidf", 0.75, 12),
        ("tfidf", 1.0, 16),
    ]
    (line,) = [line for line in lines_of(results, sessions()) if (line.row, line.part) == ("tfidf", "real")]
    assert points[-1].parts["real"] == line.figures


def test_across_authors_goes_both_ways_without_the_other_and_the_real_ones() -> None:
    for inside, outside, learnt, truth in across_authors(sessions()):
        assert {each.id[0] for each in learnt} == {inside}
        assert {each.id[0] for each in truth} == {outside}
        assert {each.part for each in learnt} == {"written", "augmented"}
        assert {each.part for each in truth} == {"written"}
    found = list(between_authors(["tfidf"], sessions(), BENCH))
    assert [(each.inside, each.outside, each.learnt, each.figures.n) for each in found] == [
        ("a", "b", 16, 8),
        ("b", "a", 16, 8),
    ]
    assert found[0].figures.leaf.value == 1.0
    with pytest.raises(BadInput, match="no two authors to measure across; got 8 written sessions of a, 0 wr"):
        list(across_authors([each for each in sessions() if each.id[0] != "b"]))


@pytest.mark.parametrize(("row", "signals"), [("text", False), ("fused", True)])
def test_networks_are_trained_on_weighted_rows(
    row: str, signals: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in network that says promotion and points at the last message."""
    leaves = [leaf.id for leaf in load("loss").leaves]

    def train(rows: Sequence[Any], weights: Sequence[float], base: object, settings: LossSettings) -> str:
        assert (len(rows), base, settings.signals) == (3, "no-base", signals)
        assert weights == [settings.real, settings.written, settings.augmented]
        return "net"

    def score(net: str, rows: Sequence[Any]) -> Scored:
        scores = np.zeros((len(rows), len(leaves)), np.float32)
        scores[:, leaves.index(WAIT)] = 1
        return Scored(scores, np.zeros((len(rows), 8), np.float32), [{"1": -3.0, "3": 2.0}] * len(rows))

    monkeypatch.setattr(loss_parts, "train_judge", train)
    monkeypatch.setattr(loss_parts, "score", score)
    monkeypatch.setattr(loss_parts, "load_base_tokenizer", lambda base: None)
    made: list[str] = []

    def make(sessions: Sequence[Any], *_: object) -> Sequence[Any]:
        made.extend(each.id for each in sessions)
        return sessions

    monkeypatch.setattr(loss_parts, "make_rows", make)
    bench = Bench("no-base", LossSettings(folds=2, augmented=0.5))
    three = [sessions()[0], sessions()[16], sessions()[32]]
    for _ in range(2):
        answers = JUDGES[row].judge(bench, three, sessions()[1:3])
        assert [(answer.leaf, answer.evidence) for answer in answers] == [(WAIT, ("3",))] * 2
    assert made == [each.id for each in (*three, *sessions()[1:3])]


class FakeJudge:
    """Finds every session silent."""

    description = type("Description", (), {"version": "loss-v7"})()

    def __init__(self) -> None:
        self.cores: int | None = None

    def judge(self, cases: Sequence[Case], limits: Limits, on_rows: object = None) -> list[Verdict]:
        self.cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        return [(Reason(SILENT, 0.9, ()),) for _ in cases]


def test_the_judge_in_force_is_timed_on_two_cores(
    pairs: tuple[SessionPair, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeJudge()
    monkeypatch.setattr(LossModel, "load", lambda folder: fake)
    monkeypatch.setattr(loss_shipped, "champion", lambda tree, registry: Path(tree))
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    found = measure_shipped([each.case for each in sessions()], pairs, None)
    assert (found.version, found.sessions, found.pairs.share.hits) == ("loss-v7", 48, 0)
    assert found.sessions_a_second > 0
    assert fake.cores in (None, 1, 2)
    assert before == (os.sched_getaffinity(0) if before else None)


def test_tables_are_for_people(pairs: tuple[SessionPair, ...]) -> None:
    results = judge_all(["majority", "rules"], sessions(), pairs, BENCH)
    lines = list(lines_of(results, sessions()))
    out = io.StringIO()
    console = Console(file=out, width=250)
    show(console, lines, results)
    show_leaves(console, lines)
    show_curve(console, list(learning_curve(results, sessions(), BENCH)))
    show_across(console, list(between_authors(["rules"], sessions(), BENCH)))
    text = out.getvalue()
    for expected in (
        "real, 16",
        "written, 16",
        "the commonest leaf",
        "0.500 [",
        "1.00 [0.81, 1.00] of 16",
    ):
        assert expected in text
    assert "0.00 [0.00, 0.24] of 12" in text
    assert "majority: P / R / F1" in text
    assert DEAR in text
    assert "b, 16" in text
    told = Shipped("loss-v7", 48, 1234.5, 2, PairsTold({}, share(6, 12)))
    assert shipped_line(told) == (
        "loss-v7: 1,234 sessions a second on 2 cores (48 sessions, the leaves of their messages known); "
        "it tells 0.50 [0.25, 0.75] of 12 pairs apart"
    )


def test_the_whole_command_prints_json(
    folder: Path,
    pairs: tuple[SessionPair, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nobody(*_: object) -> Shipped:
        raise BadInput("no model for this tree", got="loss")

    monkeypatch.setattr(loss, "measure_shipped", nobody)
    monkeypatch.setattr(loss, "load_pairs", lambda: pairs)
    words = [str(folder), "--extra", str(folder / "made.jsonl"), "--folds", "2", "--rows", "majority,tfidf"]
    monkeypatch.setattr(sys, "argv", ["loss", *words, "--across-authors", "--learning-curve", "--json"])
    loss.main()
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert record["sessions"] == {"real": 16, "written": 16, "augmented": 16}
    assert [(line["part"], line["row"]) for line in record["rows"]] == [
        (part, row) for part in ("real", "written") for row in ("majority", "tfidf")
    ]
    assert set(record["rows"][0]["figures"]["leaf"]) == {"value", "low", "high"}
    assert record["pairs"]["majority"]["share"]["n"] == 12
    assert record["shipped"] == "no model for this tree; got loss"
    assert len(record["learning_curve"]) == 4
    assert len(record["across_authors"]) == 4
    assert "48 sessions: 16 real, 16 written, 16 augmented; leaves of messages: of 48 from the" in said.err
