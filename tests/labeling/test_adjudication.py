"""Disputes: what is one, how it reaches an adjudicator, what settles a task."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.labeling.voting import AT, TREE, annotation, fill, task
from xundan.labeling.adjudication import (
    Taken,
    adjudication_batch,
    adjudication_key,
    count_disputes,
    disputes,
    take_decisions,
)
from xundan.labeling.adjudication_project import (
    adjudication_config,
    adjudication_tree,
    ensure_adjudication_project,
)
from xundan.labeling.agreement.poll import poll
from xundan.labeling.agreement.votes import dispute_of, read_votes, standing_decisions
from xundan.labeling.guideline import rulings
from xundan.labeling.records import Decision
from xundan.labeling.settle import counts, settle
from xundan.labeling.status import Line, Loose, loose, status
from xundan.labeling.store import Store
from xundan.labeling.studio.config import leaves_in
from xundan.labeling.studio.config_parts import COMMENT
from xundan.labeling.studio.results import answer_of
from xundan.taxonomy.trees import load

TREE_NAME = TREE.tree


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


@pytest.mark.parametrize(
    ("said", "why", "how", "leaves"),
    [
        ("ann:fee bo:fee", None, "agreement", ("fee",)),
        ("ann:fee,time bo:time,fee", None, "agreement", ("fee", "time")),
        ("ann:fee", None, "single", ("fee",)),
        ("ann:fee bo:time", "differ", "undecided", ()),
        ("ann:fee bo:fee,time", "differ", "undecided", ()),
        ("ann:? bo:fee", "unsure", "undecided", ()),
        ("ann:? bo:fee cy:fee", None, "agreement", ("fee",)),
        ("ann:?", "unsure", "undecided", ()),
        ("ann:", "unsure", "undecided", ()),
        ("ann:! bo:fee", "unreadable", "undecided", ()),
        ("ann:! bo:fee cy:fee", None, "agreement", ("fee",)),
        ("ann:! bo:!", None, "unreadable", ()),
        ("ann:!", None, "unreadable", ()),
        ("ann:! bo:?", "unsure", "undecided", ()),
        ("ann:fee bo:time cy:size", "differ", "undecided", ()),
    ],
)
def test_what_is_disputed_and_what_settles_it(
    store: Store, said: str, why: str | None, how: str, leaves: tuple[str, ...]
) -> None:
    fill(store, {"k": said})
    votes = read_votes(store, TREE_NAME)
    assert dispute_of(votes.by_task["k"], votes.tasks["k"]) == why
    (found,) = settle(store, TREE_NAME)
    assert (found.how, found.leaves) == (how, leaves)


def test_sessions_are_disputed_over_the_primary_leaf(store: Store) -> None:
    fill(
        store,
        {"same": "ann:fee,time bo:fee,size cy:fee,time", "other": "ann:fee,time bo:time,fee"},
        whole=True,
    )
    found = {one.key: (one.how, one.leaves) for one in settle(store, TREE_NAME)}
    assert found == {"same": ("agreement", ("fee", "time")), "other": ("undecided", ())}


def test_three_votes_settle_a_dispute_only_with_dawid_skene(store: Store) -> None:
    alike = {f"k{n}": f"ann:{leaf} bo:{leaf} cy:{leaf}" for n, leaf in enumerate(["fee", "time", "size"] * 6)}
    fill(store, alike | {"two of three": "ann:fee bo:fee cy:time", "three ways": "ann:fee bo:time cy:size"})
    found = {one.key: one for one in settle(store, TREE_NAME)}
    assert (found["two of three"].how, found["two of three"].leaves) == ("vote", ("fee",))
    assert found["two of three"].votes == 3
    assert found["three ways"].how == "undecided"
    waiting = disputes(store, TREE_NAME)
    assert [(one.task.key, one.voted) for one in waiting] == [("three ways", False), ("two of three", True)]
    assert count_disputes(waiting) == {"differ": 2, "unsure": 0, "unreadable": 0, "settled by votes": 1}
    assert [one.key for one in adjudication_batch(store, TREE)] == [adjudication_key("three ways")]
    assert len(adjudication_batch(store, TREE, voted=True)) == 2


def test_every_task_is_settled_in_one_way(store: Store) -> None:
    fill(
        store, {"a": "ann:fee bo:fee", "b": "ann:fee bo:time", "c": "ann:fee", "d": "", "e": "ann:!", "f": ""}
    )
    store.put_decisions(
        [Decision("b", ("time",), "boss", "看日期", AT), Decision("c", (), "boss", "闲聊", AT)]
    )
    store.put_annotations(
        [
            annotation("f", "lin:fee", 1, id="agent_tag:1", source="agent_tag"),
            annotation("f", "qa:fee", 2, id="qa_import:1", source="qa_import"),
            annotation("a", "lin:time", 3, id="agent_tag:2", source="agent_tag"),
        ]
    )
    found = settle(store, TREE_NAME)
    assert [(one.key, one.how, one.leaves) for one in found] == [
        ("a", "agreement", ("fee",)),  # a tag never outweighs people
        ("b", "decision", ("time",)),
        ("c", "unreadable", ()),
        ("e", "unreadable", ()),
    ]
    assert counts(found, 6) == {
        "decision": 1,
        "agreement": 1,
        "vote": 0,
        "single": 0,
        "tag": 0,
        "unreadable": 2,
        "undecided": 0,
        "unanswered": 2,
    }
    with_tags = {one.key: one for one in settle(store, TREE_NAME, tags=True)}
    assert (with_tags["f"].how, with_tags["f"].leaves) == ("tag", ("fee",))
    store.put_annotations([annotation("f", "qa:time", 4, id="qa_import:2", source="qa_import")])
    assert "f" not in {
        one.key for one in settle(store, TREE_NAME, tags=True)
    }  # the tags contradict each other


def test_an_adjudicator_sees_all_answers_and_no_name(store: Store) -> None:
    fill(store, {f"k{n}": "ann:fee bo:time,gone cy:?,size" for n in range(12)})
    store.put_annotations([annotation("k0", "ann:fee", 9, comment="电话 13800001234 问的")])
    found = adjudication_batch(store, TREE)
    assert {one.key for one in found} == {f"adjudicate.k{n}" for n in range(12)}
    first = found[0]
    lines = sorted(line.partition("：")[2] for line in first.why.splitlines())
    assert lines == ["不确定（先选了尺码）", "发货时间、gone", "运费（备注：电话 [手机] 问的）"]
    assert [line[0] for line in first.why.splitlines()] == ["甲", "乙", "丙"]
    assert (first.predicted, first.model_version, first.purpose) == ((), None, "disputed")
    assert first.text == store.tasks()[0].text
    # 甲 is not always the same person
    assert len({one.why.splitlines()[0].partition("：")[2] for one in found[1:]}) > 1
    assert not any(name in one.why for one in found for name in ("ann", "bo", "cy"))
    assert found == adjudication_batch(store, TREE)


def test_an_adjudicator_sees_primary_and_secondary_leaves_apart(store: Store) -> None:
    fill(store, {"k": "ann:fee,time bo:time,size"}, whole=True)
    (found,) = adjudication_batch(store, TREE)
    assert sorted(line[2:] for line in found.why.splitlines()) == ["发货时间，次要尺码", "运费，次要发货时间"]


def decide(store: Store, key: str, said: str, number: int, comment: str | None = None, **more: Any) -> None:
    store.put_annotations([annotation(adjudication_key(key), said, number, comment=comment, **more)])


def test_decisions_come_back_with_their_reason(store: Store) -> None:
    fill(store, {f"k{n}": "ann:fee bo:time" for n in range(6)})
    decide(store, "k0", "boss:time", 10, "问的是哪天发，电话 13800001234")
    decide(store, "k1", "ann:fee", 10)  # she decides about her own answer, and gives no reason
    decide(store, "k2", "boss:?,fee", 10, "我也不知道")
    decide(store, "k3", "boss:!", 10, "只有一个表情")
    decide(store, "k4", "boss:fee", 10, withdrawn=True)
    decide(store, "nowhere", "boss:fee", 10)
    taken = take_decisions(store)
    assert taken == Taken(
        answers=6, new=3, changed=0, same=0, unsure=1, older=1, strangers=1, reasonless=1, own=1
    )
    assert taken.answers == sum(
        (taken.new, taken.changed, taken.same, taken.unsure, taken.older, taken.strangers)
    )
    known = {one.key: one for one in store.decisions()}
    assert known["k0"] == Decision(
        "k0", ("time",), "boss", "问的是哪天发，电话 [手机]", AT + timedelta(minutes=10)
    )
    assert known["k3"].leaves == ()
    how = {one.key: (one.how, one.leaves) for one in settle(store, TREE_NAME)}
    assert how["k0"] == ("decision", ("time",))
    assert how["k3"] == ("unreadable", ())
    assert how["k2"] == ("undecided", ())
    assert {one.key for one in adjudication_batch(store, TREE)} == {
        adjudication_key(key) for key in ("k2", "k4", "k5")
    }


def test_a_decision_is_taken_once_and_may_be_changed(store: Store) -> None:
    fill(store, {"k": "ann:fee bo:time"})
    decide(store, "k", "boss:time", 10, "看日期")
    assert take_decisions(store).new == 1
    moved = Decision("k", ("size",), "boss", "看日期", AT + timedelta(minutes=10))
    store.put_decisions([moved])  # a newer taxonomy calls it otherwise
    again = take_decisions(store)
    assert (again.new, again.changed, again.same) == (0, 0, 1)
    assert store.decisions() == [moved]
    decide(store, "k", "vice:fee", 30, "看金额", id="studio:9:2")
    later = take_decisions(store)
    assert (later.changed, later.older) == (1, 1)
    assert (store.decisions()[0].leaves, store.decisions()[0].by) == (("fee",), "vice")


def test_adjudication_is_no_vote(store: Store) -> None:
    fill(store, {"k": "ann:fee bo:time"})
    store.add_tasks(adjudication_batch(store, TREE))
    decide(store, "k", "boss:time", 10, "看日期")
    votes = read_votes(store, TREE_NAME)
    assert [vote.by for vote in votes.by_task["k"]] == ["ann", "bo"]
    assert len(votes.tasks) == 1


@pytest.mark.parametrize("tree", ["attention", "loss"])
def test_the_page_shows_the_answers_and_asks_for_a_reason(tree: str) -> None:
    taxonomy = load(tree)
    xml = adjudication_config(taxonomy)
    page = ElementTree.fromstring(xml)
    assert xml.startswith(f"<!-- xundan {tree}.adjudication {taxonomy.version} -->")
    (shown,) = [tag for tag in page.iter("Text") if tag.get("value") == "$why"]
    assert shown.get("name") == "why"
    (reason,) = page.iter("TextArea")
    assert (reason.get("name"), reason.get("required"), reason.get("requiredMessage")) == (
        COMMENT,
        "true",
        "请写下裁定的理由",
    )
    assert set(leaves_in(xml)) == {leaf.id for leaf in taxonomy.leaves}
    written = [{"from_name": COMMENT, "value": {"text": ["问的是尺码"]}}]
    assert answer_of(written).comment == "问的是尺码"


class Server:
    """As much of Label Studio as projects need."""

    def __init__(self) -> None:
        self.made: dict[int, SimpleNamespace] = {}
        self.silent = False
        self.projects: Any = self

    def list(self, **_: Any) -> Iterator[SimpleNamespace]:
        return iter(list(self.made.values()))

    def create(self, request_options: Any, **values: Any) -> SimpleNamespace:
        assert request_options == {"max_retries": 0}
        number = len(self.made) + 1
        self.made[number] = SimpleNamespace(id=number, **values)
        if self.silent:
            raise httpx.RemoteProtocolError("the server hung up")
        return self.made[number]

    def update(self, number: int, request_options: Any = None, **values: Any) -> None:
        vars(self.made[number]).update(values)


def test_the_project_is_made_once_also_when_the_answer_is_lost(store: Store) -> None:
    pytest.importorskip("label_studio_sdk")
    server: Any = Server()
    server.silent = True
    assert ensure_adjudication_project(server, store, TREE) == 1
    server.silent = False
    assert ensure_adjudication_project(server, store, TREE, guideline="## 运费\n到付也算") == 1
    assert ensure_adjudication_project(server, store, TREE) == 1
    assert len(server.made) == 1
    assert server.made[1].title == "询单 裁定 parcel 7"
    assert server.made[1].maximum_annotations == 1
    assert store.note(f"studio.project.{adjudication_tree(TREE_NAME)}") == "1"


def test_status_counts_every_task_once(store: Store) -> None:
    fill(store, {"a": "", "b": "ann:fee", "c": "ann:fee bo:time", "d": "ann:fee bo:fee cy:fee dee:?"})
    store.add_tasks([task("e", batch="w11", purpose="rare"), task("f", batch="w11", purpose="rare")])
    store.put_annotations(
        [
            annotation("e", "ann:fee", 3),
            annotation("e", "bo:time", 4),
            annotation("adjudicate.e", "boss:fee", 9),
            annotation("place:parcel", "lin:fee", 5, id="agent_tag:1", source="agent_tag"),
            annotation("unheard", "ann:fee", 6),
        ]
    )
    take_decisions(store)
    assert status(store) == [
        Line("parcel", "w10", "random", 4, (1, 1, 1, 1), disputed=1, decided=0, usable=2),
        Line("parcel", "w11", "rare", 2, (1, 0, 1, 0), disputed=0, decided=1, usable=1),
    ]
    assert all(sum(line.people) == line.tasks for line in status(store))
    assert loose(store) == Loose(adjudication=1, tags=1, strangers=1)


def test_votes_settle_a_session_only_with_the_same_primary_leaf(store: Store) -> None:
    leaves = ["fee", "time", "size", "stock"] * 8
    said = {f"k{n}": f"cy:{leaf} dee:{leaf} eve:{leaf}" for n, leaf in enumerate(leaves)}
    wrong = ["time", "size", "stock", "fee"] * 8
    said |= {
        f"x{n}": f"ann:{other} bo:{other} cy:{leaf} dee:{leaf} eve:{leaf}"
        for n, (leaf, other) in enumerate(zip(leaves, wrong, strict=True))
    }
    fill(store, said | {"k": "ann:fee,time bo:fee,time cy:time,fee"}, whole=True)
    found = poll(read_votes(store, TREE_NAME))["k"]
    assert (found.majority, found.dawid_skene) == (("fee", "time"), ("time", "fee"))
    assert not found.alike
    assert {one.key: one.how for one in settle(store, TREE_NAME)}["k"] == "undecided"


def test_tags_of_a_session_agree_only_on_the_same_primary_leaf(store: Store) -> None:
    store.add_tasks([task("same", whole=True), task("other", whole=True)])
    given = {"same": ("x:fee,time", "y:fee,time"), "other": ("x:fee,time", "y:time,fee")}
    store.put_annotations(
        annotation(key, one, n, id=f"agent_tag:{key}{n}", source="agent_tag")
        for key, both in given.items()
        for n, one in enumerate(both)
    )
    assert [(one.key, one.leaves) for one in settle(store, TREE_NAME, tags=True)] == [
        ("same", ("fee", "time"))
    ]


@pytest.mark.parametrize("back", [{"unsure": True}, {"withdrawn": True}, {"leaves": ()}])
def test_a_decision_that_was_taken_back_decides_no_more(store: Store, back: dict[str, Any]) -> None:
    fill(store, {"k": "ann:fee bo:time"})
    decide(store, "k", "boss:time", 10, "看日期", id="studio:9:1")
    assert take_decisions(store).new == 1
    assert [one.key for one in standing_decisions(store)] == ["k"]
    decide(store, "k", "boss:time", 20, "看日期", id="studio:9:1", **back)
    taken = take_decisions(store)
    assert (taken.answers, taken.unsure + taken.older, taken.reasonless) == (1, 1, 0)
    assert [(one.how, one.leaves) for one in settle(store, TREE_NAME)] == [("undecided", ())]
    assert [one.key for one in adjudication_batch(store, TREE)] == [adjudication_key("k")]
    assert [(line.disputed, line.decided) for line in status(store)] == [(1, 0)]
    assert rulings(store, TREE) == []
    decide(store, "k", "boss:fee", 30, "看金额", id="studio:9:1")
    assert take_decisions(store).changed == 1
    assert [(one.how, one.leaves) for one in settle(store, TREE_NAME)] == [("decision", ("fee",))]


def test_where_the_later_decision_is_withdrawn_the_one_before_holds_again(store: Store) -> None:
    fill(store, {"k": "ann:fee bo:time"})
    decide(store, "k", "boss:time", 10, "看日期", id="studio:9:1")
    decide(store, "k", "vice:fee", 30, "看金额", id="studio:9:2")
    take_decisions(store)
    assert [one.by for one in store.decisions()] == ["vice"]
    decide(store, "k", "vice:fee", 30, "看金额", id="studio:9:2", withdrawn=True)
    taken = take_decisions(store)
    assert (taken.changed, taken.older) == (1, 1)
    assert [(one.by, one.leaves) for one in store.decisions()] == [("boss", ("time",))]
    assert take_decisions(store).same == 1
