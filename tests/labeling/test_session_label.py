"""Frozen sessions: the line that training on loss points reads, stage and evidence from those who were right.

pytest tests/labeling/test_session_label.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from xundan.labeling.adjudication import adjudication_key
from xundan.labeling.freeze.collect import collect
from xundan.labeling.freeze.session_label import outcome_of
from xundan.labeling.freeze.write import FreezeJob, freeze
from xundan.labeling.records import Annotation, Decision, Source, Task, Turn, task_key
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.taxonomy.trees import load

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
SAID = ("能不能再便宜二十块呀", "今晚拍下明早发得出吗", "奶咖与燕麦哪种更显白")


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((), "lost_no_order"),
        (("ordered", "closed"), "lost_unpaid"),
        (("ordered", "paid", "refunded"), "lost_refund"),
        (("ordered", "paid"), "lost_no_order"),
        (("ordered", "paid", "ordered"), "lost_unpaid"),
    ],
)
def test_order_events_tell_how_a_session_was_lost(events: tuple[str, ...], outcome: str) -> None:
    assert outcome_of([(name, NOW) for name in events]) == outcome


def test_sessions_are_written_as_loss_training_reads_them(tmp_path: Path) -> None:
    tasks = []
    for n in range(6):
        turns = (
            Turn(f"m{n}-1", "buyer", f"{SAID[n % 3]}{chr(0x5000 + 31 * n)}", NOW),
            Turn(f"m{n}-2", "agent", f"最低了{chr(0x6000 + 17 * n)}亲，真的", NOW + timedelta(minutes=1)),
            Turn(f"m{n}-3", "buyer", "那算了", None),
        )
        key = task_key("loss", "", turns)
        tasks.append(Task(key, "loss", f"s{n}", None, "花店", f"b{n}", "", turns, item="百合花束"))
    events = (("ordered", NOW + timedelta(minutes=2)), ("closed", NOW + timedelta(hours=1)))
    tasks[0] = replace(tasks[0], events=events)
    with Store.open(tmp_path) as store:
        store.add_tasks(tasks)
        leaves = ("loss_price_bargain_failed", "loss_price_too_high")
        for task in tasks:
            marks = [("小周", ("-1", "-2")), ("小吴", ("-2",)), ("小郑", ("-2",))]
            store.put_annotations(
                Annotation(
                    f"{task.key}{by}",
                    task.key,
                    by,
                    leaves,
                    NOW,
                    stage="stage_negotiate",
                    evidence=tuple(f"m{task.session_id[1:]}{mark}" for mark in evidence),
                )
                for by, evidence in marks
            )
        ruled = Annotation(
            "r",
            adjudication_key(tasks[5].key),
            "组长",
            leaves[1:],
            NOW,
            stage="stage_need",
            evidence=("m5-1",),
        )
        store.put_annotations([ruled])
        store.put_decisions([Decision(tasks[5].key, leaves[1:], "组长", "只嫌贵", NOW)])
        frozen = freeze(store, FreezeJob("w14", load("loss")), NOW)
    lines = [json.loads(line) for line in (frozen.folder / "labels.jsonl").read_text("utf-8").splitlines()]
    last = lines[5]
    assert (last["loss_primary"], last["stage"], last["evidence"]) == (leaves[1], "stage_need", [1])
    first = lines[0]
    assert first["session_id"] == "s0"
    assert first["messages"][1] == {
        "seq": 2,
        "at": "2026-04-01 16:01:00",
        "role": "agent",
        "text": f"最低了{chr(0x6000)}亲，真的",
    }
    assert (first["messages"][2]["at"], first["item_title"]) == (None, "百合花束")
    assert first["orders"] == [
        {
            "created_at": "2026-04-01 16:02:00",
            "paid_at": None,
            "closed_at": "2026-04-01 17:00:00",
            "refunded_at": None,
        }
    ]
    assert (first["outcome"], first["stage"]) == ("lost_unpaid", "stage_negotiate")
    assert (first["loss_primary"], first["loss_secondary"]) == (leaves[0], [leaves[1]])
    assert (first["evidence"], first["part"], first["source"]) == ([2], "random", "human")
    assert lines[1]["outcome"] == "lost_no_order"


def test_stage_and_evidence_survive_a_migration_and_a_tag_beside(tmp_path: Path) -> None:
    turns = (
        Turn("m-1", "buyer", "太贵了", NOW),
        Turn("m-2", "agent", "最低了", NOW),
        Turn("m-3", "buyer", "算了", NOW),
    )
    task = Task("k", "loss", "s", None, "花店", "b", "", turns)
    person = Annotation("a", "k", "小周", ("too_dear",), NOW, stage="stage_negotiate", evidence=("m-1",))
    sources: tuple[Source, ...] = ("agent_tag", "qa_import")
    tree, leaf = load("loss"), "loss_price_too_high"
    with Store.open(tmp_path) as store:
        store.add_tasks([task])
        store.put_annotations([replace(person, taxonomy_version="0.9")])
        store.put_annotations(
            Annotation(f"{source}:1", "k", "x", ("too_dear",), NOW, source, evidence=("m-3",))
            for source in sources
        )
        (row,) = collect(store, tree, settle(store, "loss"), {"too_dear": leaf}).rows
    assert (row.record["loss_primary"], row.record["stage"], row.record["evidence"]) == (
        leaf,
        "stage_negotiate",
        [1],
    )
