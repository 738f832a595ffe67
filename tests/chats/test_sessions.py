"""Sessions: where the gap rule cuts, and the figures of each session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from xundan.chats.records import MESSAGES, SESSIONS, from_rows
from xundan.chats.sessions import assign_sessions, build_sessions
from xundan.settings import Settings

NOON = datetime(2026, 9, 13, 4, tzinfo=UTC)
GAP = timedelta(hours=4)


def _messages(*spoken: tuple[int, str, str | None], session: str = "s1", item: str | None = None) -> pa.Table:
    """(seconds after noon, role, account) of each message of one session."""
    rows: list[dict[str, Any]] = [
        {
            "platform": "taobao",
            "shop": "小店",
            "session_id": session,
            "message_id": f"{session}-{number}",
            "seq": number,
            "sent_at": NOON + timedelta(seconds=seconds),
            "role": role,
            "account": account,
            "buyer": "b_1",
            "content_type": "text",
            "text": "话",
            "item_id": item,
        }
        for number, (seconds, role, account) in enumerate(spoken, start=1)
    ]
    return from_rows(rows, MESSAGES)


def _one(table: pa.Table) -> dict[str, Any]:
    (row,) = build_sessions(table, Settings()).to_pylist()
    return dict(row)


def test_a_pause_of_exactly_the_gap_does_not_cut_and_order_of_rows_does_not_matter() -> None:
    times = [NOON + GAP * 2 + timedelta(seconds=1), NOON, NOON + GAP]
    ids = assign_sessions([("taobao", "a", "b_1")] * 3, times, GAP)
    assert ids[1] == ids[2] != ids[0]
    assert assign_sessions([("taobao", "a", "b_1")] * 3, times, GAP) == ids


def test_buyers_shops_and_platforms_do_not_share_sessions() -> None:
    keys = [("taobao", "a", "b_1"), ("taobao", "a", "b_2"), ("taobao", "b", "b_1"), ("jd", "a", "b_1")]
    assert len(set(assign_sessions(keys, [NOON] * 4, GAP))) == 4


def test_counts_responses_and_the_agent_with_most_messages() -> None:
    row = _one(
        _messages(
            (0, "agent", "小店:早"),
            (10, "buyer", "b_1"),
            (12, "bot", "机器人"),
            (20, "buyer", "b_1"),
            (40, "agent", "小店:美"),
            (50, "agent", "小店:美"),
            (100, "buyer", "b_1"),
            (105, "system", None),
            (110, "agent", "小店:早"),
            (115, "agent", "小店:美"),
            (200, "buyer", "b_1"),
            item="i9",
        )
    )
    assert (row["n_buyer"], row["n_agent"], row["n_bot"]) == (4, 5, 1)
    assert row["first_response_s"] == 30.0
    assert row["mean_response_s"] == (30 + 10) / 2
    assert row["agent"] == "小店:美"
    assert row["item_id"] == "i9"
    assert (row["started_at"], row["ended_at"]) == (NOON, NOON + timedelta(seconds=200))


def test_a_bot_alone_is_no_response() -> None:
    row = _one(_messages((0, "buyer", "b_1"), (1, "bot", "机器人")))
    assert (row["first_response_s"], row["mean_response_s"], row["agent"]) == (None, None, None)


def test_sessions_have_the_schema_and_come_by_start_without_outcomes() -> None:
    later = _messages((60, "buyer", "b_1"), session="a")
    table = build_sessions(pa.concat_tables([later, _messages((0, "buyer", "b_1"), session="z")]), Settings())
    assert table.schema.equals(SESSIONS)
    assert table["session_id"].to_pylist() == ["z", "a"]
    for name in ("outcome", "is_inquiry", "filtered", "stage", "order_id", "amount"):
        assert table[name].null_count == 2


def test_no_messages_make_no_sessions() -> None:
    assert build_sessions(MESSAGES.empty_table(), Settings()).num_rows == 0
