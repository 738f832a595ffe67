"""Chat exports of every kind and naming become the same messages; bad rows are kept with reasons."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from xundan.chats.masking import hash_buyer
from xundan.chats.readers import read_chats
from xundan.chats.records import MESSAGES
from xundan.chats.rejects import Imported
from xundan.errors import BadInput
from xundan.settings import Settings

SALT = "pepper"
HEADER = ["平台", "店铺", "会话ID", "消息序号", "发送时间", "角色", "发送账号", "发送内容"]
ROWS = [
    ["淘宝", "小店", "c1", "1", "2026-09-13 12:48:07", "买家", "张三", "有货吗"],
    ["淘宝", "小店", "c1", "2", "2026-09-13 12:48:27", "客服", "小店:小美", "有的，亲"],
    ["淘宝", "小店", "c1", "3", "2026-09-13 12:48:36", "买家", "张三", "電話13812345678"],
    ["淘宝", "小店", "c2", "1", "2026/9/14 9:05", "买家", "李四", "[图片]"],
]


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue()


def _read(*paths: Path, settings: Settings | None = None) -> Imported:
    return read_chats(paths, settings or Settings(), SALT)


def _file(folder: Path, text: str, name: str = "chats.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def _refused(*paths: Path) -> str:
    with pytest.raises(BadInput) as error:
        _read(*paths)
    return str(error.value)


def _write_xlsx(path: Path, pages: Sequence[tuple[Sequence[str], Sequence[Sequence[Any]]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, (header, rows) in enumerate(pages):
        sheet = book.create_sheet(f"顾客{number}")
        for row in [header, *rows]:
            sheet.append(list(row))
    book.save(path)
    return path


def _write(folder: Path, kind: str) -> Path:
    records = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    if kind == "xlsx":
        return _write_xlsx(folder / "chats.xlsx", [(HEADER, ROWS)])
    if kind == "parquet":
        pa.parquet.write_table(pa.Table.from_pylist(records), folder / "chats.parquet")
        return folder / "chats.parquet"
    if kind == "jsonl":
        return _file(
            folder, "\n".join(json.dumps(record, ensure_ascii=False) for record in records), "chats.jsonl"
        )
    if kind == "tsv":
        return _file(folder, _csv(HEADER, ROWS, "\t"), "chats.tsv")
    delimiter = ";" if kind == "semicolon" else ","
    return _file(folder, _csv(HEADER, ROWS, delimiter), encoding="utf-8" if kind == "semicolon" else kind)


@pytest.mark.parametrize(
    "kind", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "semicolon", "tsv", "jsonl", "xlsx", "parquet"]
)
def test_every_format_and_encoding_gives_the_same_messages(tmp_path: Path, kind: str) -> None:
    imported = _read(_write(tmp_path, kind))
    table = imported.table
    assert table.schema.equals(MESSAGES)
    assert (imported.rows_in, table.num_rows, imported.duplicates) == (4, 4, 0)
    first, second, third, fourth = table.to_pylist()
    assert first["sent_at"] == datetime(2026, 9, 13, 4, 48, 7, tzinfo=UTC)
    assert (first["platform"], first["shop"], first["session_id"], first["seq"]) == (
        "taobao",
        "小店",
        "c1",
        1,
    )
    assert first["account"] == first["buyer"] == hash_buyer("张三", SALT)
    assert (second["role"], second["account"]) == ("agent", "小店:小美")
    assert second["buyer"] == first["buyer"]
    assert third["text"] == "電話[手机]"
    assert (fourth["content_type"], fourth["text"]) == ("image", "[图片]")
    assert fourth["source_row"] == (4 if kind in {"jsonl", "parquet"} else 5)


def test_reading_again_gives_the_same_ids_and_reading_twice_counts_duplicates(tmp_path: Path) -> None:
    path = _write(tmp_path, "utf-8")
    once, again = _read(path), _read(path)
    assert once.table.equals(again.table)
    twice = _read(path, path)
    assert twice.table.equals(once.table)
    assert (twice.rows_in, twice.duplicates) == (8, 4)


def test_ids_of_the_file_are_kept_and_the_first_of_a_repeated_id_counts(tmp_path: Path) -> None:
    header = ["shop", "session_id", "message_id", "sent_at", "role", "account", "text"]
    rows = [
        ["a", "S-1", "0007", "2026-09-13 12:00:00", "buyer", "zhang", "first"],
        ["a", "S-1", "0007", "2026-09-13 12:00:01", "buyer", "zhang", "repeated"],
        ["b", "S-9", "0007", "2026-09-13 12:00:01", "buyer", "zhang", "other shop"],
        ["b", "S-9", "0008", "2026-09-13 12:00:02", "agent", "mei", "answer"],
    ]
    imported = _read(_file(tmp_path, _csv(header, rows)))
    assert imported.duplicates == 1
    assert imported.table["text"].to_pylist() == ["first", "other shop", "answer"]
    assert imported.table["message_id"].to_pylist() == ["0007@a", "0007@b", "0008"]
    assert imported.table["session_id"].to_pylist() == ["S-1", "S-9", "S-9"]
    assert imported.table["seq"].to_pylist() == [1, 1, 2]


def test_message_ids_that_only_number_the_messages_are_refused(tmp_path: Path) -> None:
    rows = [
        [f"c{s}", str(n), f"2026-09-13 12:0{s}:0{n}", "买家", "张", f"话{s}{n}"]
        for s in range(4)
        for n in (1, 2)
    ]
    path = _file(tmp_path, _csv(["会话ID", "消息ID", "发送时间", "角色", "账号", "内容"], rows))
    message = _refused(path)
    assert "6 of 8 messages have the message_id of another message; got 1" in message
    assert "消息序号" in message
    assert message.startswith(f"{path}:4")


def test_without_session_ids_a_gap_of_four_hours_cuts(tmp_path: Path) -> None:
    header = ["店铺", "客户名", "消息序号", "发送时间", "发送内容", "发送账号", "账号类型"]
    rows = [
        ["店", "张三", "1", "2026-09-13 08:00:00", "在吗", "张三", "买家"],
        ["店", "张三", "2", "2026-09-13 12:00:00", "在的", "店:小美", "客服"],
        ["店", "张三", "3", "2026-09-13 16:00:01", "那算了", "张三", "买家"],
        ["店", "李四", "1", "2026-09-13 12:00:00", "在吗", "李四", "买家"],
        ["店二", "张三", "1", "2026-09-13 12:00:00", "在吗", "张三", "买家"],
    ]
    table = _read(_file(tmp_path, _csv(header, rows))).table
    of_row = dict(zip(table["source_row"].to_pylist(), table["session_id"].to_pylist(), strict=True))
    assert of_row[2] == of_row[3]
    assert len(set(of_row.values())) == 4
    merged = _read(tmp_path / "chats.csv", settings=Settings(session_gap_hours=5)).table
    assert len(set(merged["session_id"].to_pylist())) == 3
    assert all(session.startswith("s_") for session in of_row.values())


def test_the_names_of_the_alibaba_api(tmp_path: Path) -> None:
    common = {
        "SessionId": "x1",
        "SellerNick": "小店",
        "UserNick": "王五",
        "StaffNick": "小店:小美",
        "ProductId": 521521942026,
    }
    sent = [
        ("m1", 1789274887000, "C2B", "PERSON", "TEXT", "有货吗"),
        ("m2", 1789274888500, "B2C", "SYSTEM_AUTO", "TEXT", "您好"),
        ("m3", 1789274890000, "B2C", "PERSON", "CARD", "商品"),
        ("m4", 1789274891000, "B2C", "ASSIST_ROBOT", "TEXT", "推荐"),
        ("m5", 1789274892000, "C2B", "PERSON", "PICTURE", ""),
    ]
    names = ("MessageId", "SendTime", "Direction", "Source", "ContentType", "Content")
    lines = [json.dumps({**common, **dict(zip(names, row, strict=True))}) for row in sent]
    rows = _read(_file(tmp_path, "\n".join(lines), "api.jsonl")).table.to_pylist()
    assert [row["role"] for row in rows] == ["buyer", "bot", "agent", "bot", "buyer"]
    assert [row["content_type"] for row in rows] == ["text", "text", "card", "text", "image"]
    assert rows[0]["sent_at"] == datetime(2026, 9, 13, 4, 48, 7, tzinfo=UTC)
    assert rows[1]["sent_at"].microsecond == 500_000
    assert {row["buyer"] for row in rows} == {hash_buyer("王五", SALT)}
    assert [row["account"] for row in rows[:2]] == [hash_buyer("王五", SALT), "小店:小美"]
    assert {row["item_id"] for row in rows} == {"521521942026"}
    assert rows[4]["text"] == ""


def test_sender_and_receiver_tell_the_roles(tmp_path: Path) -> None:
    header = ["gmtCreated", "userNickFrom", "userNickTo", "msg", "msgId"]
    rows = [
        ["2026-09-13 08:00:00", "王五", "小店:小美", "在吗", "a"],
        ["2026-09-13 08:00:09", "小店:小美", "王五", "在的", "b"],
        ["2026-09-13 08:00:11", "小店:小美", "小店:小王", "内部", "c"],
    ]
    imported = _read(_file(tmp_path, _csv(header, rows)))
    assert [row["role"] for row in imported.table.to_pylist()] == ["buyer", "agent"]
    assert set(imported.table["buyer"].to_pylist()) == {hash_buyer("王五", SALT)}
    (reject,) = imported.rejects.to_pylist()
    assert (reject["row"], reject["reason"]) == (4, "does not tell buyer and agent apart")


def test_bad_rows_are_kept_with_file_row_column_value_and_reason(tmp_path: Path) -> None:
    header = ["会话ID", "发送时间", "角色", "发送账号", "发送内容", "消息类型", "消息序号"]
    good = [["c1", f"2026-09-13 12:00:{n:02d}", "买家", "张三", f"问{n}", "文本", ""] for n in range(10)]
    bad = [
        ["c1", "昨天 13812345678", "买家", "张三", "一", "", ""],
        ["c1", "2026-02-30 12:00:00", "买家", "张三", "二", "", ""],
        ["c1", "2026-09-13 12:00:00", "路人", "张三", "三", "", ""],
        ["c1", "2026-09-13 12:00:00", "买家", "张三", " ", "文本", ""],
        ["", "2026-09-13 12:00:00", "客服", "小美", "五", "", ""],
        ["c1", "2026-09-13", "买家", "张三", "六", "", ""],
        ["c1", "2026-09-13 12:00:00", "买家", "张三", "七", "", "x"],
        ["1.23457E+17", "2026-09-13 12:00:00", "买家", "张三", "八", "", ""],
        ["c1", "2026-09-13 12:00:00", "买家", "张三", "九", "", "", "多了一格"],
        ["c1", "", "买家", "张三", "十", "", ""],
    ]
    imported = _read(_file(tmp_path, _csv(header, [*good, *bad])))
    rejects = imported.rejects.to_pylist()
    assert [(row["row"], row["column"], row["value"]) for row in rejects] == [
        (12, "发送时间", "昨天 [手机]"),
        (13, "发送时间", "2026-02-30 12:00:00"),
        (14, "角色", "路人"),
        (15, "发送内容", ""),
        (16, "会话ID", ""),
        (17, "发送时间", "2026-09-13"),
        (18, "消息序号", "x"),
        (19, "会话ID", "1.23457E+17"),
        (20, "", "多了一格"),
        (21, "发送时间", ""),
    ]
    reasons = [row["reason"] for row in rejects]
    assert reasons[0] == reasons[1] == "is no date"
    assert "is no role we know" in reasons[2]
    assert reasons[4] == "has no session and no buyer"
    assert reasons[5] == "is a date without a time of day"
    assert "a spreadsheet rounded this number" in reasons[7]
    assert reasons[8] == "has 8 cells where the header has 7"
    assert {row["file"] for row in rejects} == {"chats.csv"}
    assert imported.rows_in == imported.table.num_rows + imported.rejects.num_rows == 20


def test_when_most_rows_are_bad_the_file_is_refused_with_the_first(tmp_path: Path) -> None:
    rows = [[row[0], row[1], row[2], row[3], "不是时间", *row[5:]] for row in ROWS]
    path = _file(tmp_path, _csv(HEADER, rows))
    assert _refused(path) == (
        f"{path}:2: 4 of 4 rows cannot be used; the first: 发送时间 is no date; got '不是时间'; "
        "correct the file; nothing was written"
    )
    half = _file(tmp_path, _csv(HEADER, [*rows[:2], *ROWS[:2]]), "half.csv")
    assert _read(half).rejects.num_rows == 2


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("chats.csv", b"", "the file is empty"),
        ("chats.csv", b" \n\n", "the file is empty"),
        ("chats.csv", ",".join(HEADER).encode(), "a header but no rows"),
        (
            "chats.csv",
            b"a,b,c\n1,2,3\n",
            "no column for sent_at; got a, b, c; expected one of 发送时间, sent_at",
        ),
        (
            "chats.csv",
            "发送时间,角色\n1,2\n".encode(),
            "no column for text; got 发送时间, 角色; expected one of 发送内容",
        ),
        ("chats.csv", "发送时间,发送内容,账号\n1,2,3\n".encode(), "no column for role"),
        ("chats.csv", "发送时间,发送内容,角色\n1,2,3\n".encode(), "no column for session_id"),
        ("chats.csv", b"\x89PNG\r\n", "this is a picture, not text"),
        ("chats.csv", b"PK\x03\x04abc", "this is a zip or xlsx file, not text"),
        ("chats.csv", b"a,b\n\x00\x01\x02", "this is a binary file, not text"),
        (
            "chats.csv",
            "角色,内容\n好,".encode("gbk") + b"\xff\xff\n",
            "cannot be read as text; expected UTF-8 or GB18030",
        ),
        (
            "chats.csv",
            "发送时间,角色\n".encode() + b'1,"open,x\n2,3\n4,5\n',
            "a quotation mark is opened and not closed",
        ),
        ("chats.doc", b"x", "unknown kind of file; got .doc; expected .csv, .tsv"),
        ("chats.xls", b"x", "save an old .xls as .xlsx"),
        ("chats.xlsx", b"PK\x03\x04broken", "this is no xlsx workbook"),
        ("chats.parquet", b"PAR1broken", "this is no parquet file"),
        ("chats.jsonl", b"[1]\nx\n", "no line is a JSON object; got 2 other lines"),
    ],
)
def test_a_file_of_no_use_is_refused_with_its_reason(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    text = _refused(path)
    assert message in text
    assert text.startswith(str(path))


def test_no_file_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert "no chat file was given" in _refused()
    assert "no such file" in _refused(tmp_path / "none.csv")
    assert "this is a folder; list the files in it" in _refused(tmp_path)


def test_a_file_without_a_buyer_is_refused(tmp_path: Path) -> None:
    rows = [[*row[:5], "客服", *row[6:]] for row in ROWS]
    assert "no message of a buyer in this file; got 4 of agent" in _refused(
        _file(tmp_path, _csv(HEADER, rows))
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.encode().decode("gbk", "replace"),
        lambda text: text.encode().decode("latin-1"),
        lambda text: text.encode("gbk").decode("utf-8", "replace"),
        lambda text: text.encode("gbk").decode("utf-8", "replace").encode().decode("gbk", "replace"),
    ],
    ids=["utf8-as-gbk", "utf8-as-latin1", "gbk-as-utf8", "锟斤拷"],
)
def test_damaged_text_is_noticed_in_header_and_rows(tmp_path: Path, spoil: Any) -> None:
    everything = _file(tmp_path, spoil(_csv(HEADER, ROWS)))
    assert _refused(everything).startswith(f"{everything}:1: the text is damaged")
    rows = [[*row[:7], spoil("亲，这款还有货的，今天拍下明天就可以发出")] for row in ROWS]
    texts = _file(tmp_path, _csv(HEADER, [ROWS[0], *rows]), "texts.csv")
    assert _refused(texts).startswith(f"{texts}:3: the text is damaged")


def test_one_damaged_row_among_many_is_a_reject_and_rare_letters_are_none(tmp_path: Path) -> None:
    rows = [
        ["c", f"2026-09-13 12:00:{n:02d}", "买家", "张", f"咖啡 café {n} 号 naïve Ørsted"] for n in range(30)
    ]
    rows[3][-1] = "锟斤拷锟斤拷"
    imported = _read(_file(tmp_path, _csv(["会话ID", "发送时间", "角色", "账号", "内容"], rows)))
    assert imported.rejects["row"].to_pylist() == [5]
    assert imported.table.num_rows == 29


def test_texts_stay_as_typed_but_for_control_characters(tmp_path: Path) -> None:
    lines = [
        {"sid": 1, "time": "2026-09-13T12:00:00Z", "role": "buyer", "account": "z", "text": text}
        for text in (
            "這款有貨嗎ＸＬ",
            "a\u0000b\ud83d",
            "行一\r\n行二",
            "👨‍👩‍👧 家庭装",
            "=1+1",
            "x" * 1_000_000,
            165,
        )
    ]
    table = _read(_file(tmp_path, "\n".join(map(json.dumps, lines)), "chats.jsonl")).table
    texts = table["text"].to_pylist()
    assert texts[:5] == ["這款有貨嗎ＸＬ", "ab", "行一\n行二", "👨‍👩‍👧 家庭装", "=1+1"]
    assert [len(text) for text in texts[5:]] == [1_000_000, 3]
    assert table["sent_at"][0].as_py() == datetime(2026, 9, 13, 12, tzinfo=UTC)


def test_lines_that_are_no_objects_are_rejects(tmp_path: Path) -> None:
    line = json.dumps(
        {"sid": 1, "time": "2026-09-13 12:00:00", "role": "buyer", "account": "z", "text": "在"}
    )
    imported = _read(_file(tmp_path, f"{line}\n\n{{broken 13812345678\n", "chats.jsonl"))
    (reject,) = imported.rejects.to_pylist()
    assert (reject["row"], reject["value"], reject["reason"]) == (3, "{broken [手机]", "is no JSON object")


def test_stray_quotation_marks_do_not_swallow_rows(tmp_path: Path) -> None:
    lines = ["会话ID\t发送时间\t角色\t账号\t内容"]
    lines += [f'c\t2026-09-13 12:00:0{n}\t买家\t张\t"{n}寸屏' for n in range(3)]
    texts = _read(_file(tmp_path, "\n".join(lines), "chats.tsv")).table["text"].to_pylist()
    assert texts == ['"0寸屏', '"1寸屏', '"2寸屏']


def test_a_workbook_with_a_sheet_per_customer_and_a_summary(tmp_path: Path) -> None:
    header = ["客户名", "消息序号", "发送时间", "发送内容", "发送账号", "账号类型"]
    moment = datetime(2026, 9, 13, 8, 0, 0)
    pages: list[tuple[Sequence[str], Sequence[Sequence[Any]]]] = [
        (["客户名", "状态", "消息数"], [["张三", "成功", 1], ["李四", "成功", 1]]),
        (header, [["张三", 1, moment, 165, "张三", "买家"]]),
        (header, [["李四", 1, moment, "在吗", "李四", "买家"], ["李四", 2, "坏", "在吗", "李四", "买家"]]),
    ]
    imported = _read(_write_xlsx(tmp_path / "chats.xlsx", pages))
    rows = {row["source_file"]: row for row in imported.table.to_pylist()}
    assert sorted(rows) == ["chats.xlsx#2", "chats.xlsx#3"]
    assert rows["chats.xlsx#2"]["text"] == "165"
    assert rows["chats.xlsx#2"]["sent_at"] == datetime(2026, 9, 13, 0, 0, tzinfo=UTC)
    assert imported.rejects["file"].to_pylist() == ["chats.xlsx#3"]
    assert imported.rows_in == 3


def test_no_name_of_a_buyer_and_no_number_is_in_the_tables(tmp_path: Path) -> None:
    secret = ["13812345678", "张三"]
    rows = [*ROWS, ["淘宝", "小店", "c1", "4", "2026-09-13 12:50", "谁13812345678", "张三", "号13812345678"]]
    imported = _read(_file(tmp_path, _csv(HEADER, rows)))
    stored = json.dumps(
        imported.table.to_pylist() + imported.rejects.to_pylist(), default=str, ensure_ascii=False
    )
    assert imported.rejects.num_rows == 1
    assert not [word for word in secret if word in stored]
