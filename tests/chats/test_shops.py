"""Two shops in one workspace stay two shops, also where their systems number sessions alike."""

from __future__ import annotations

from pathlib import Path

from xundan.chats.readers import read_chats
from xundan.chats.sessions import build_sessions
from xundan.settings import Settings

HEADER = "平台,店铺,会话ID,消息ID,发送时间,角色,客户名,发送内容"
ROWS = (
    "taobao,甲店,1,m1,2026-09-01 10:00:00,买家,明月,包邮吗",
    "jd,乙店,1,m1,2026-09-01 10:00:05,买家,清风,有没有大码",
    "jd,乙店,2,m2,2026-09-01 11:00:00,买家,清风,几天能到",
)


def test_equal_ids_of_two_shops_are_told_apart_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "chats.csv"
    path.write_text("\n".join((HEADER, *ROWS)), encoding="utf-8")
    read = read_chats([path], Settings(), "salt")
    rows = read.table.to_pylist()
    assert {(row["shop"], row["session_id"], row["message_id"]) for row in rows} == {
        ("甲店", "1@taobao/甲店", "m1@taobao/甲店"),
        ("乙店", "1@jd/乙店", "m1@jd/乙店"),
        ("乙店", "2", "m2"),
    }
    assert read.duplicates == 0
    sessions = build_sessions(read.table, Settings()).to_pylist()
    assert sorted((row["shop"], row["n_buyer"]) for row in sessions) == [
        ("乙店", 1),
        ("乙店", 1),
        ("甲店", 1),
    ]
