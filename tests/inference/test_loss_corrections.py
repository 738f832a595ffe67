"""What people say wins over the model, as tables: ranks, trends without a break, labels for training.

pytest tests/inference/test_loss_corrections.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xundan.chats.records import CORRECTIONS, LOSS, MESSAGES, ORDERS, SESSIONS, from_rows
from xundan.inference.loss.corrections import apply_corrections, corrected_loss, export_labels
from xundan.inference.trends.counts import compute_trend
from xundan.lake import Lake
from xundan.taxonomy.trees import load

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


def loss_row(leaf: str, rank: int) -> dict[str, Any]:
    row = {"session_id": "s", "leaf": leaf, "rank": rank, "score": 0.5, "evidence": [f"m{rank}"]}
    return {**row, "model_version": "rules", "taxonomy_version": "1"}


def log(*entries: tuple[str, str | None, int]) -> pa.Table:
    lines = [
        {"session_id": name, "leaf": leaf, "by": "小李", "at": NOW + timedelta(days=day)}
        for name, leaf, day in entries
    ]
    return from_rows(lines, CORRECTIONS)


@pytest.mark.parametrize(
    ("chosen", "leaves", "evidence"),
    [("d", ["d", "a", "b"], []), ("b", ["b", "a", "c"], ["m2"]), ("a", ["a", "b", "c"], ["m1"])],
)
def test_the_persons_leaf_is_first_and_the_models_move_down(
    chosen: str, leaves: list[str], evidence: list[str]
) -> None:
    loss = from_rows([loss_row(leaf, rank) for rank, leaf in enumerate("abc", start=1)], LOSS)
    found = apply_corrections(loss, log(("s", "x", 0), ("s", chosen, 1), ("not lost", "a", 0))).to_pylist()
    assert [(row["leaf"], row["rank"]) for row in found] == list(zip(leaves, (1, 2, 3), strict=True))
    assert [row["model_version"] for row in found] == ["person", "rules", "rules"]
    assert (found[0]["score"], found[0]["evidence"]) == (None, evidence)
    assert apply_corrections(loss, log(("s", None, 0))).equals(loss)


def test_a_correction_is_no_change_of_version_in_the_trend(
    make_shops: Callable[..., dict[str, pa.Table]], tmp_path: Path
) -> None:
    lake = Lake(tmp_path)
    lake.write(make_shops(weeks=2, per_week=15))
    trees = {tree: load(tree) for tree in ("attention", "loss")}
    second_week = sorted(
        name for name in set(lake.read("loss")["session_id"].to_pylist()) if name.startswith("A店-1-")
    )
    lake.write({"corrections": log(*((name, "loss_stock_out", 0) for name in second_week[:2]))})
    trend = compute_trend(lake.read("sessions"), lake.read("attention"), corrected_loss(lake), trees, min_n=1)
    assert "break" not in trend["verdict"].to_pylist()


def test_labels_for_training_are_the_sessions_with_the_chosen_leaves(tmp_path: Path) -> None:
    lake, out = Lake(tmp_path), tmp_path / "labels" / "corrections.jsonl"
    assert export_labels(lake, out) == (0, 0)
    said = [
        ("a", 2, "agent", "还有的"),
        ("a", 1, "buyer", "还有货吗"),
        ("b", 1, "buyer", "等活动"),
        ("c", 1, "buyer", "嗯"),
    ]
    lake.write(
        {
            "corrections": log(
                ("b", "loss_promo_wait", 0),
                ("a", "loss_stock_out", 0),
                ("c", None, 0),
                ("gone", "loss_stock_out", 0),
            ),
            "messages": from_rows(
                [
                    {
                        "session_id": name,
                        "message_id": f"{name}{seq}",
                        "seq": seq,
                        "sent_at": NOW + timedelta(minutes=seq),
                        "role": role,
                        "content_type": "text",
                        "text": text,
                    }
                    for name, seq, role, text in said
                ],
                MESSAGES,
            ),
            "sessions": from_rows(
                [
                    {
                        "session_id": "a",
                        "outcome": "lost_unpaid",
                        "stage": "stage_order_unpaid",
                        "order_id": "o",
                    },
                    {"session_id": "b", "outcome": "lost_no_order"},
                    {"session_id": "c", "outcome": "lost_no_order"},
                ],
                SESSIONS,
            ),
            "orders": from_rows([{"order_id": "o", "created_at": NOW + timedelta(minutes=3)}], ORDERS),
        }
    )
    assert export_labels(lake, out) == (2, 1)
    first, second = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert first == {
        "session_id": "a",
        "loss_primary": "loss_stock_out",
        "by": "小李",
        "note": None,
        "outcome": "lost_unpaid",
        "stage": "stage_order_unpaid",
        "orders": [{"created_at": "2026-04-01T08:03:00+00:00"}],
        "messages": [
            {"role": "buyer", "at": "2026-04-01T08:01:00+00:00", "text": "还有货吗"},
            {"role": "agent", "at": "2026-04-01T08:02:00+00:00", "text": "还有的"},
        ],
    }
    assert (second["session_id"], second["loss_primary"], second["orders"]) == ("b", "loss_promo_wait", [])
