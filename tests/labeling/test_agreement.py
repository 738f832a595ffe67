"""Alpha, F1, confusions, speed, Dawid-Skene: against counts made by hand and published examples."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from tests.labeling.voting import TREE, annotation, fill, task
from xundan.labeling.agreement.alpha import leaf_alphas, masi, masi_alpha, primary_alpha
from xundan.labeling.agreement.ballots import Ballots, ballots_of
from xundan.labeling.agreement.confusion import NOTHING, confused, confusion_matrix
from xundan.labeling.agreement.dawid_skene import one_coin
from xundan.labeling.agreement.figures import per_session, ratio, resample
from xundan.labeling.agreement.pairwise import leaf_f1, micro_f1, people_f1, person_f1, same_sets
from xundan.labeling.agreement.poll import poll
from xundan.labeling.agreement.result import measure
from xundan.labeling.agreement.speed import speeds
from xundan.labeling.agreement.table import SCHEMA, rows_of, to_json, write_tables
from xundan.labeling.agreement.votes import read_votes
from xundan.labeling.store import Store

TREE_NAME = TREE.tree
# Krippendorff 2011, section C: four observers, twelve units, nominal alpha 0.743.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def ballots(store: Store) -> Ballots:
    return ballots_of(read_votes(store, TREE_NAME))


def test_every_annotation_is_counted_once(store: Store) -> None:
    fill(store, {"k1": "ann:fee bo:? cy:!", "k2": "ann: bo:fee"})
    store.put_annotations(
        [
            annotation("k1", "ann:time", 8),  # she answered again: the first one no longer counts
            annotation("k1", "dee:fee", 9, withdrawn=True),
            annotation("k2", "ann:fee", 7, id="agent_tag:1", source="agent_tag"),
            annotation("k2", "qa:time", 7, id="qa_import:1", source="qa_import"),
            annotation("adjudicate.k1", "boss:fee", 10),
        ]
    )
    store.add_tasks([task("adjudicate.k1")])
    votes = read_votes(store, TREE_NAME)
    counts = vars(votes.counts)
    assert counts == {
        "annotations": 9,
        "labels": 2,
        "unsure": 1,
        "unreadable": 1,
        "empty": 1,
        "superseded": 1,
        "withdrawn": 1,
        "agent_tag": 1,
        "qa_import": 1,
    }
    assert counts["annotations"] == sum(counts.values()) - counts["annotations"]
    assert [(v.by, v.leaves, v.changed) for v in votes.labels("k1")] == [("ann", ("time",), True)]
    assert set(votes.tasks) == {"k1", "k2"}


def test_nominal_alpha_of_the_published_example(store: Store) -> None:
    leaves = dict(zip("12345", ("fee", "time", "size", "stock", "thanks"), strict=True))
    columns = list(zip(*(line.split() for line in OBSERVERS), strict=True))
    said = {
        f"u{unit}": " ".join(f"p{who}:{leaves[value]}" for who, value in enumerate(column) if value != ".")
        for unit, column in enumerate(columns)
    }
    fill(store, said, whole=True)
    found = primary_alpha(ballots(store))
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert (found.n, found.sessions) == (11, 11)  # the twelfth unit has one observer
    assert found.low < 0.743 < found.high
    assert found == primary_alpha(ballots(store))  # the seed is fixed


def test_masi_by_hand(store: Store) -> None:
    sets = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=bool)
    expected = [[0, 2 / 3, 1, 1], [2 / 3, 0, 8 / 9, 1], [1, 8 / 9, 0, 2 / 3], [1, 1, 2 / 3, 0]]
    np.testing.assert_allclose(masi(sets), expected)
    # Observed (2/3 + 2/3) / 4 = 1/3, expected 2 (2/3 + 2 + 4/3) / 12 = 2/3.
    fill(store, {"k1": "ann:fee bo:fee,time", "k2": "ann:time bo:time"})
    assert masi_alpha(ballots(store)).value == pytest.approx(0.5)


def test_alpha_of_a_leaf_is_chance_corrected(store: Store) -> None:
    said = {f"k{n}": "ann:fee bo:fee" for n in range(8)} | {"x": "ann:fee bo:time", "y": "ann:time bo:fee"}
    fill(store, said)
    found = leaf_alphas(ballots(store))
    # time: 2 of 20 answers; observed 4/20, expected 2 x 2 x 18 / (20 x 19)
    assert found["time"].value == pytest.approx(1 - 0.2 / (72 / 380))
    assert found["fee"].value == pytest.approx(found["time"].value)
    assert set(found) == {"fee", "time"}


def test_alpha_of_a_leaf_that_all_chose_always_is_not_defined(store: Store) -> None:
    fill(store, {"k1": "ann:fee bo:fee", "k2": "ann:fee bo:fee"})
    found = masi_alpha(ballots(store))
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (-1, 1, 2)


def test_f1_of_two_people_by_hand(store: Store) -> None:
    fill(
        store,
        {
            "k1": "ann:fee bo:fee",
            "k2": "ann:fee bo:fee,time",
            "k3": "ann:size bo:time",
            "k4": "ann:fee cy:fee",
        },
    )
    found = leaf_f1(ballots(store))
    assert {leaf: (f.value, f.n) for leaf, f in found.items()} == {
        "fee": (1, 3),
        "time": (0, 2),
        "size": (0, 1),
    }
    assert found["fee"].low < 0.8  # three agreements out of three prove little
    total = micro_f1(ballots(store))
    assert total.value == pytest.approx(2 * 3 / 9)
    assert (total.n, total.sessions) == (4, 4)
    assert same_sets(ballots(store)).value == 0.5
    pairs = {(pair.one, pair.other): pair for pair in people_f1(ballots(store))}
    assert set(pairs) == {("ann", "bo"), ("ann", "cy")}
    assert pairs["ann", "bo"].tasks == 3
    assert pairs["ann", "bo"].micro.value == pytest.approx(4 / 7)
    assert set(pairs["ann", "cy"].leaves) == {"fee"}
    people = person_f1(ballots(store))
    assert (people["ann"].n, people["bo"].n, people["cy"].value) == (4, 3, 1)


def test_of_sessions_only_the_primary_leaf_is_compared(store: Store) -> None:
    fill(store, {"k1": "ann:fee,time bo:fee,size", "k2": "ann:time bo:size"}, whole=True)
    assert same_sets(ballots(store)).value == 0.5
    assert set(leaf_f1(ballots(store))) == {"fee", "time", "size"}
    assert leaf_f1(ballots(store))["time"].n == 1
    assert masi_alpha(ballots(store)).value < primary_alpha(ballots(store)).value  # secondary leaves differ


def test_three_answers_are_three_pairs(store: Store) -> None:
    fill(store, {"k1": "ann:fee bo:fee cy:time", "k2": "ann:? bo:fee cy:fee", "k3": "ann:fee"})
    found = ballots(store)
    assert (found.keys, len(found.first)) == (("k1", "k2"), 4)
    assert leaf_f1(found)["fee"].value == pytest.approx(2 * 2 / (2 * 2 + 2))


def test_answers_that_cluster_in_sessions_say_less(store: Store) -> None:
    said = {f"k{n}": f"ann:fee bo:{'fee' if n % 2 else 'time'}" for n in range(60)}
    fill(store, said)
    apart = micro_f1(ballots(store))
    counts = np.array([1.0, 0.0] * 30)
    by_session = per_session(np.repeat(np.arange(6), 10), np.repeat(counts[:6], 10), 6)
    together = ratio(by_session, np.full(6, 10.0), resample(6), 60)
    assert together.sessions == 6
    assert together.high - together.low > apart.high - apart.low


def test_nothing_to_compare(store: Store) -> None:
    fill(store, {"k1": "ann:fee", "k2": "ann:? bo:!"})
    found = measure(store, TREE)
    assert math.isnan(found.alpha.value)
    assert (found.alpha.n, found.micro.n, found.leaves, found.pairs, found.confused) == (0, 0, (), (), ())
    assert to_json(found)["f1"]["value"] is None
    assert [speed.by for speed in found.speeds] == ["ann", "bo"]


def test_confusions_count_pairs_of_answers_and_keep_examples(store: Store) -> None:
    fill(
        store,
        {
            "k1": "ann:fee bo:time",
            "k2": "ann:time bo:fee cy:fee",
            "k3": "ann:fee bo:fee,size",
            "k4": "ann:fee bo:fee",
        },
    )
    found = confused(ballots(store))
    said = [(c.one, c.other, c.hits, c.share.n, [e.key for e in c.examples]) for c in found]
    assert said == [("fee", "time", 3, 6, ["k1", "k2"]), ("size", NOTHING, 1, 1, ["k3"])]
    assert found[0].examples[0].leaves == ("fee",)
    assert found[0].examples[0].others == ("time",)
    matrix = confusion_matrix(ballots(store), order=("time", "size", "fee"))
    assert matrix.leaves == ("time", "size", "fee")
    hits = matrix.hits.tolist()
    assert hits[0] == [0, 0, 3, 0]  # with time, the other three times chose fee
    assert hits[1] == [0, 0, 0, 1]  # size was left out once, and nothing taken instead
    assert hits[2] == [3, 0, 6, 0]
    assert matrix.share[2, 2] == pytest.approx(leaf_f1(ballots(store))["fee"].value)  # the diagonal is F1
    assert confusion_matrix(ballots(store), most=1).leaves == ("fee",)


def test_speed_is_the_median_of_the_timed_answers(store: Store) -> None:
    fill(store, {f"k{n}": "bo:fee" for n in range(3)})
    store.put_annotations(
        [
            annotation(f"k{n}", what, n + 5, id=f"t{n}", seconds=seconds, history=history)
            for n, (what, seconds, history) in enumerate(
                [("ann:fee", 10.0, ()), ("ann:?", 20.0, ()), ("ann:fee", 4000.0, (("time",),))]
            )
        ]
    )
    first, second = speeds(read_votes(store, TREE_NAME))
    assert (first.by, first.answers, first.labels, first.unsure, first.changed, first.timed) == (
        "ann",
        3,
        2,
        1,
        1,
        3,
    )
    assert (first.low, first.median, first.high, first.per_hour) == (15, 20, 2010, 180)
    assert (second.timed, math.isnan(second.median)) == (0, True)


def test_one_coin_gives_what_crowd_kit_gives() -> None:
    votes = "1110/1111/0111/0001/1010/0000/0100/1110/0010/1101/0000/1011/0000/1100"
    lines = votes.split("/")
    rows = np.array([(t, p, int(v)) for t, line in enumerate(lines) for p, v in enumerate(line)])
    found = one_coin(rows[:, 0], rows[:, 1], rows[:, 2], 2, pseudo=0)
    # OneCoinDawidSkene of crowd-kit 1.4.2 on the same votes
    expected = [0.988339, 0.995236, 0.52841, 0.014305, 0.906067, 0.005853, 0.04919]
    np.testing.assert_allclose(found.posterior[:7, 1], expected, atol=2e-6)
    np.testing.assert_allclose(found.skill, [0.931762, 0.747747, 0.747747, 0.610891], atol=2e-6)
    np.testing.assert_allclose(found.prior[1], 0.525856, atol=2e-6)


def test_dawid_skene_hears_the_reliable_person_where_a_majority_cannot(store: Store) -> None:
    said = {f"k{n}": f"ann:{leaf} bo:{leaf} cy:{leaf}" for n, leaf in enumerate(["fee", "time"] * 10)}
    said |= {f"x{n}": f"ann:{leaf} bo:{leaf} dee:thanks" for n, leaf in enumerate(["fee", "time"] * 5)}
    said |= {"split": "ann:fee cy:time dee:thanks", "two": "ann:fee bo:time"}
    fill(store, said, whole=True)
    found = poll(read_votes(store, TREE_NAME))
    assert "two" not in found
    assert (found["k0"].majority, found["k0"].dawid_skene) == (("fee",), ("fee",))
    assert (found["x1"].majority, found["x1"].dawid_skene) == (("time",), ("time",))
    assert found["split"].majority == ()
    assert found["k0"].sure > 0.9


def test_votes_on_messages_are_counted_leaf_by_leaf(store: Store) -> None:
    said = {f"k{n}": "ann:fee bo:fee cy:fee" for n in range(12)} | {
        f"t{n}": "ann:time bo:time cy:time" for n in range(12)
    }
    fill(store, said | {"m": "ann:fee,size bo:fee cy:fee,time"})
    found = poll(read_votes(store, TREE_NAME))["m"]
    assert (found.majority, found.dawid_skene) == (("fee",), ("fee",))


def test_the_table_holds_every_figure_with_interval_and_n(store: Store, tmp_path: Path) -> None:
    fill(store, {"k1": "ann:fee bo:time", "k2": "ann:fee bo:fee", "k3": "ann:time bo:time"})
    found = measure(store, TREE)
    paths = write_tables([found], tmp_path)
    assert [path.name for path in paths] == ["agreement.parquet", "agreement.csv", "agreement.json"]
    table = parquet.read_table(paths[0])
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert len(rows) == len(list(rows_of(found)))
    measures = {(row["measure"], row["leaf"], row["one"], row["other"]) for row in rows}
    assert ("f1", "fee", "ann", "bo") in measures
    assert ("alpha_masi", None, None, None) in measures
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows if row["value"] is not None)
    assert paths[1].read_bytes().startswith(b"\xef\xbb\xbftree,measure")
    document = json.loads(paths[2].read_text(encoding="utf-8"))[0]
    assert document["leaves"][0]["leaf"] == "fee"
    assert document["people"][0]["per_hour"] is None
    assert document["settled"]["undecided"] == 1
    assert "云南" not in paths[2].read_text(encoding="utf-8")  # figures only, no message
