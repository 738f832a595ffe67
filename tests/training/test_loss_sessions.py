"""Labelled sessions from JSON lines: what is read, what is refused, and where it says so."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput
from xundan.training.loss.sessions import LabelledSession, read_sessions, with_leaves

ROW: dict[str, Any] = {
    "session_id": "k1",
    "messages": [
        {"seq": 11, "at": "2026-03-02 10:00:00", "role": "buyer", "text": "這條毯子多大"},
        {
            "seq": 12,
            "at": "2026-03-02 10:00:30",
            "role": "agent",
            "text": "一米五的",
            "leaves": ["act_explain"],
        },
    ],
    "orders": [{"created_at": "2026-03-02 10:05:00", "paid_at": None, "closed_at": "2026-03-02 11:05:00"}],
    "outcome": "lost_unpaid",
    "stage": "stage_order_unpaid",
    "loss_primary": "loss_service_no_followup",
    "loss_secondary": ["loss_buyer_hesitate"],
    "evidence": [12],
}


def written(folder: Path, *rows: dict[str, Any] | str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "sessions.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def read_one(folder: Path, **changed: Any) -> LabelledSession:
    (session,) = read_sessions([written(folder, {**ROW, **changed})])
    return session


def test_a_session_is_read_whole(tmp_path: Path) -> None:
    session = read_one(tmp_path)
    case = session.case
    assert (session.id, session.primary, session.part) == ("k1", "loss_service_no_followup", "real")
    assert session.secondary == ("loss_buyer_hesitate",)
    assert session.evidence == ("12",)
    assert session.stage == "stage_order_unpaid"
    assert session.believed == {"loss_service_no_followup": 1.0}
    assert [(turn.message_id, turn.role, turn.text) for turn in case.turns] == [
        ("11", "buyer", "这条毯子多大"),
        ("12", "agent", "一米五的"),
    ]
    assert case.turns[1].leaves == {"act_explain"}
    assert case.ordered_at is not None
    assert case.closed_at is not None
    assert case.ordered_at - case.turns[0].at == timedelta(minutes=5)
    assert case.closed_at - case.ordered_at == timedelta(hours=1)
    assert (case.outcome, case.paid_at) == ("lost_unpaid", None)


def test_what_is_not_known_may_be_left_out(tmp_path: Path) -> None:
    bare = {name: ROW[name] for name in ("session_id", "loss_primary")}
    said = [{"at": "2026-03-02T10:00:00+08:00", "role": "buyer", "text": "在吗"}]
    (session,) = read_sessions([written(tmp_path, {**bare, "messages": said})])
    assert (session.stage, session.secondary, session.evidence) == (None, (), ())
    assert (session.case.outcome, session.case.ordered_at) == ("lost_no_order", None)
    assert session.case.turns[0].message_id == "1"


def test_the_last_of_several_orders_counts(tmp_path: Path) -> None:
    orders = [{"created_at": "2026-03-02 10:01:00"}, {"created_at": "2026-03-02 10:09:00"}]
    case = read_one(tmp_path, orders=orders).case
    assert case.ordered_at is not None
    assert (case.ordered_at - case.turns[0].at).total_seconds() == 540


def test_readers_who_differ_are_kept(tmp_path: Path) -> None:
    believed = {"loss_service_no_followup": 0.75, "loss_silent_leave": 0.25}
    assert read_one(tmp_path, believed=believed).believed == believed


def test_a_session_made_from_another_is_of_its_family(tmp_path: Path) -> None:
    made = read_one(tmp_path, session_id="k1~2", part="augmented")
    assert (made.family, made.augmented) == ("k1", True)
    assert (read_one(tmp_path).family, read_one(tmp_path).augmented) == ("k1", False)


def test_turns_stand_in_order_of_time_and_keep_their_numbers(tmp_path: Path) -> None:
    late, early = ROW["messages"][1], ROW["messages"][0]
    turns = read_one(tmp_path, messages=[late, early]).case.turns
    assert [turn.message_id for turn in turns] == ["11", "12"]
    bare = [{**each, "seq": None} for each in (late, early)]
    turns = read_one(tmp_path, messages=bare, evidence=[1]).case.turns
    assert [turn.message_id for turn in turns] == ["2", "1"]


def test_a_time_without_a_zone_stands_beside_one_with(tmp_path: Path) -> None:
    case = read_one(tmp_path, orders=[{"created_at": "2026-03-02T10:05:00+08:00"}]).case
    assert case.ordered_at is not None
    assert case.ordered_at - case.turns[0].at == timedelta(minutes=5)


def test_a_session_given_twice_is_refused_and_one_id_for_two_talks_is_not(tmp_path: Path) -> None:
    other = [{**ROW["messages"][0], "text": "有红色吗"}, ROW["messages"][1]]
    path = written(tmp_path, ROW, {**ROW, "messages": other})
    assert len(read_sessions([path])) == 2
    with pytest.raises(BadInput, match=r"sessions.jsonl:1: a session given twice; got k1, as in .*jsonl:1"):
        read_sessions([path, written(tmp_path / "more", ROW)])
    with pytest.raises(BadInput, match=r"sessions.jsonl:2: a session given twice; got k1"):
        read_sessions([written(tmp_path, ROW, {**ROW, "loss_primary": "loss_silent_leave"})])


def test_a_text_may_hold_other_ends_of_lines(tmp_path: Path) -> None:
    said = [{**ROW["messages"][0], "text": "多大\u2028红色\x85吗"}, ROW["messages"][1]]
    assert len(read_one(tmp_path, messages=said).case.turns) == 2


def test_a_line_that_is_no_session_and_a_file_of_another_encoding(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"sessions.jsonl:2: no session; got \[1, 2\]"):
        read_sessions([written(tmp_path, ROW, "[1, 2]")])
    path = tmp_path / "gbk.jsonl"
    path.write_bytes(json.dumps(ROW, ensure_ascii=False).encode("gbk"))
    with pytest.raises(BadInput, match=r"gbk.jsonl: not UTF-8; got "):
        read_sessions([path])


def test_leaves_come_by_message(tmp_path: Path) -> None:
    session = with_leaves(read_one(tmp_path), {"11": frozenset({"product_size"})})
    assert [turn.leaves for turn in session.case.turns] == [{"product_size"}, {"act_explain"}]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss_primary": ""}, "field 'loss_primary' is missing; expected a labelled session"),
        ({"messages": []}, "field 'messages' is missing"),
        ({"session_id": None}, "field 'session_id' is missing"),
        ({"loss_primary": "loss_moon"}, "no such leaf in the loss tree; got loss_moon; see `xundan taxonomy"),
        ({"loss_secondary": ["loss_sun"]}, "no such leaf in the loss tree; got loss_sun"),
        ({"believed": {"loss_star": 1.0}}, "no such leaf in the loss tree; got loss_star"),
        ({"outcome": "gone"}, "no such outcome or stage; got gone, stage_order_unpaid"),
        ({"stage": "stage_moon"}, "no such outcome or stage; got lost_unpaid, stage_moon"),
        ({"orders": [{"created_at": "noon"}]}, "not a time; got noon; expected such as 2026-10-17 22:30:33"),
        (
            {"messages": [{"at": "2026-03-02", "role": "cat", "text": "喵"}]},
            "a message without role, text or time",
        ),
        ({"messages": [{"role": "buyer", "text": "在吗"}]}, "a message without role, text or time"),
        ({"messages": [{"at": "2026-03-02", "role": "buyer"}]}, "a message without role, text or time"),
        ({"messages": ["在吗"]}, "field 'messages' is of another form; got ['在吗']; expected a list"),
        ({"messages": {"text": "在吗"}}, "field 'messages' is of another form"),
        ({"orders": {"created_at": "2026-03-02"}}, "field 'orders' is of another form"),
        ({"loss_primary": ["loss_silent_leave"]}, "field 'loss_primary' is of another form"),
        ({"loss_secondary": "loss_silent_leave"}, "field 'loss_secondary' is of another form"),
        ({"believed": ["loss_silent_leave"]}, "field 'believed' is of another form"),
        ({"believed": {"loss_silent_leave": 0}}, "believed must say how likely each leaf is"),
        (
            {"believed": {"loss_silent_leave": -1, "loss_stock_out": 3}},
            "believed must say how likely each leaf is",
        ),
        ({"believed": {"loss_silent_leave": "0.5"}}, "believed must say how likely each leaf is"),
        ({"part": 3}, "field 'part' is of another form"),
        ({"evidence": [12, 99]}, "or evidence that is no message; got evidence 12, 99 of 11, 12"),
        ({"messages": [*ROW["messages"], ROW["messages"][1]]}, "message numbers that stand twice"),
        (
            {"messages": [{"at": "2026-03-02", "role": "buyer", "text": "在吗", "leaves": "product_size"}]},
            "leaves are no list of texts",
        ),
        ({"messages": [{"at": 5, "role": "buyer", "text": "在吗"}]}, "not a time; got 5"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_row(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, ROW, {**ROW, "session_id": "k2", **changed})
    with pytest.raises(BadInput) as raised:
        read_sessions([path])
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"{path}:2: ")


def test_a_broken_line_a_missing_file_and_an_empty_one(tmp_path: Path) -> None:
    path = written(tmp_path, ROW, "", "{half")
    with pytest.raises(BadInput, match=r"sessions.jsonl:3: not a JSON line; got "):
        read_sessions([path])
    with pytest.raises(BadInput, match=r"no such label file; got .*absent.jsonl; expected JSON lines"):
        read_sessions([tmp_path / "absent.jsonl"])
    with pytest.raises(BadInput, match="no labelled session"):
        read_sessions([written(tmp_path, "")])
