"""Reconciliation: each step alone moves the count by what it should, and all of them add up.

pytest tests/inference/test_reconcile_explain.py
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from rich.console import Console

from xundan.chats.outcomes import decide
from xundan.chats.records import MESSAGES, ORDERS, REJECTS, from_rows
from xundan.chats.sessions import build_sessions
from xundan.errors import BadInput
from xundan.inference.reconcile import Reconciliation, reconcile, tables, to_json, write_reconciliation_xlsx
from xundan.inference.reconcile.ladder import STEPS
from xundan.lake import Lake
from xundan.settings import SHANGHAI, Settings

Rows = list[dict[str, Any]]
HEAD = "biz_day,客服账号,询单人数,最终成团人数,询单流失人数\n"
MEI, LI = "果铺:小美", "果铺:小丽"


def at(moment: str) -> datetime:
    return datetime.fromisoformat(f"2026-{moment}").replace(tzinfo=SHANGHAI)


def talk(session: str, buyer: str, *said: tuple[str, str | None], shop: str = "果铺") -> Rows:
    """Messages of one session: (time, agent), the agent None for the buyer."""
    return [
        {
            "platform": "pdd",
            "shop": shop,
            "session_id": session,
            "message_id": f"{session}-{number}",
            "seq": number,
            "sent_at": at(moment),
            "role": "agent" if agent else "buyer",
            "account": agent or buyer,
            "buyer": buyer,
            "content_type": "text",
            "text": "这款还有吗" if agent is None else "有的",
        }
        for number, (moment, agent) in enumerate(said)
    ]


def order(buyer: str, created: str, paid: str | None = None, refunded: str | None = None) -> dict[str, Any]:
    times = {"created_at": created, "paid_at": paid, "refunded_at": refunded}
    placed = {name: at(moment) if moment else None for name, moment in times.items()}
    return {"order_id": f"o-{buyer}-{created}", "platform": "pdd", "buyer": buyer, "shop": "果铺", **placed}


COVER = [order("b_x", "08-01 10:00"), order("b_y", "09-30 20:00")]
ONE = talk("s1", "b_1", ("09-10 09:00", None), ("09-10 09:01", MEI))


@pytest.fixture
def compare(tmp_path: Path) -> Callable[..., Reconciliation]:
    """Return a function: messages, orders and the text of an export in; the comparison out."""

    def make(messages: Rows, orders: Rows | None, export: str, own: Sequence[str] = (), **more: Any) -> Any:
        table = from_rows(messages, MESSAGES)
        book = None if orders is None else from_rows(COVER + orders, ORDERS)
        last = max([row["sent_at"] for row in messages] + ([at("09-30 20:00")] if book else []))
        settings = Settings()
        sessions = decide(build_sessions(table, settings), table, book, settings.loss, last, own_buyers=own)
        written = {"messages": table, "sessions": sessions, "rejects": from_rows([], REJECTS)}
        Lake(tmp_path / "out").write(written if book is None else {**written, "orders": book})
        (tmp_path / "out/settings.json").write_text(settings.to_json(), encoding="utf-8")
        file = tmp_path / "export.csv"
        file.write_text(export, encoding="utf-8")
        return reconcile(tmp_path / "out", file, **more)

    return make


def parts(result: Reconciliation, measure: str = "lost") -> dict[str, int]:
    """What is not 0 in the sum, the rest included."""
    one = getattr(result.total, measure)
    return {name: n for name, n in {**one.parts, "unexplained": one.unexplained}.items() if n}


def adds_up(result: Reconciliation) -> None:
    for line in (*result.lines, *result.days, *result.agents, result.total):
        for one in (line.inquiries, line.lost):
            assert tuple(one.parts) == STEPS
            assert one.unexplained is not None
            assert one.ours + sum(one.parts.values()) + one.unexplained == one.platform


LATE = [order("b_1", "09-11 10:00", "09-12 10:00")]
REFUNDED = [order("b_1", "09-10 10:00", "09-10 10:01", "09-20 10:00")]
LAST_DAY = talk("s1", "b_1", ("09-30 09:00", None), ("09-30 09:01", MEI))
TOO_EARLY = talk("s1", "b_1", ("07-31 09:00", None), ("07-31 09:01", MEI))
TWICE = ONE + talk("s2", "b_1", ("09-10 15:00", None), ("09-10 15:01", MEI))
NIGHT = talk("s1", "b_1", ("09-10 23:58", None), ("09-10 23:59", MEI), ("09-11 00:03", None))
HANDED = ONE + talk("s2", "b_2", ("09-10 10:00", None), ("09-10 10:01", MEI), ("09-10 10:02", MEI),
                    ("09-10 10:03", LI))  # fmt: skip
UNANSWERED = ONE + talk("s2", "b_2", ("09-10 10:00", None))


@pytest.mark.parametrize(
    ("messages", "orders", "rows", "ours", "inquiries", "lost"),
    [
        (ONE, [], "2026-09-10,小美,1,0,1", (1, 1), {}, {}),
        (ONE, LATE, "2026-09-10,小美,1,1,0", (1, 1), {}, {"window": -1}),
        (ONE, REFUNDED, "2026-09-10,小美,1,1,0", (1, 1), {}, {"refund": -1}),
        (LAST_DAY, [], "2026-09-30,小美,1,0,1", (1, 0), {}, {"open": 1}),
        (TOO_EARLY, [], "2026-07-31,小美,1,0,1", (1, 0), {}, {"unknown": 1}),
        (TWICE, [], "2026-09-10,小美,1,0,1", (2, 2), {"people": -1}, {"people": -1}),
        (NIGHT, [], "2026-09-10,小美,1,0,1\n2026-09-11,小美,1,0,1", (1, 1), {"midnight": 1}, {"midnight": 1}),
        (UNANSWERED, [], "2026-09-10,小美,1,0,1", (2, 2), {"agents": -1}, {"agents": -1}),
        (ONE, [], "2026-09-10,小美,4,1,3", (1, 1), {"unexplained": 3}, {"unexplained": 2}),
        (ONE, [], "2026-09-10,小美,1,0,1\n2026-09-20,小美,5,3,2", (1, 1), {"no_chats": 5}, {"no_chats": 2}),
    ],
)
def test_each_step_alone(
    compare: Callable[..., Reconciliation], messages: Rows, orders: Rows, rows: str, ours: tuple[int, int],
    inquiries: dict[str, int], lost: dict[str, int],
) -> None:  # fmt: skip
    result = compare(messages, orders, HEAD + rows + "\n")
    assert (result.total.inquiries.ours, result.total.lost.ours) == ours
    assert parts(result, "inquiries") == inquiries
    assert parts(result) == lost
    adds_up(result)


def test_a_buyer_of_two_agents_belongs_to_the_last(compare: Callable[..., Reconciliation]) -> None:
    result = compare(HANDED, [], HEAD + "2026-09-10,小美,1,0,1\n2026-09-10,小丽,1,0,1\n")
    moved = {line.agent: (line.lost.ours, line.lost.parts["agents"]) for line in result.lines}
    assert moved == {"小美": (2, -1), "小丽": (0, 1)}
    assert parts(result) == {}
    adds_up(result)


def test_talks_without_an_agent_are_not_said_to_have_several(compare: Callable[..., Reconciliation]) -> None:
    console = Console(record=True, width=100)
    for part in tables(compare(UNANSWERED, [], HEAD + "2026-09-10,小美,1,0,1\n")):
        console.print(part)
    assert "（无客服） │       0/1 │       0/1 │ 多客服或无客服 -1 │" in console.export_text()


def test_own_accounts_are_counted_by_a_platform_that_does_not_know_them(
    compare: Callable[..., Reconciliation],
) -> None:
    messages = ONE + talk("s2", "b_own", ("09-10 10:00", None), ("09-10 10:01", MEI))
    result = compare(messages, [], HEAD + "2026-09-10,小美,2,0,2\n", own=("b_own",))
    assert parts(result, "inquiries") == parts(result) == {"filters": 1}
    assert result.left_out_by_us == {"own_account": 1}


def test_after_sale_talks_are_explained_where_the_platform_is_said_to_count_them(
    compare: Callable[..., Reconciliation],
) -> None:
    orders = [order("b_2", "09-05 10:00", "09-05 10:01"), order("b_3", "09-05 10:00", "09-05 10:01")]
    messages = [
        *ONE,
        *talk("s2", "b_2", ("09-10 10:00", None), ("09-10 10:01", MEI)),
        *talk("s3", "b_3", ("09-10 11:00", None), ("09-10 11:01", MEI)),
    ]
    export = HEAD + "2026-09-10,小美,3,0,3\n"
    blind = compare(messages, orders, export)
    assert parts(blind) == {"unexplained": 2}
    (hint, *_) = blind.hints
    assert (hint.option, hint.before, hint.after) == ("--leaves-out agent_initiated,spam", 4, 0)
    told = compare(messages, orders, export, leaves_out=("agent_initiated", "spam"))
    assert parts(told, "inquiries") == parts(told) == {"aftersale": 2}
    assert told.hints == ()


def test_agents_and_days_of_one_side_are_listed(compare: Callable[..., Reconciliation]) -> None:
    messages = HANDED + talk("s3", "b_3", ("09-12 10:00", None), ("09-12 10:01", MEI))
    result = compare(messages, [], HEAD + "2026-09-10,小美,2,0,2\n2026-09-11,阿强,1,0,1\n")
    assert result.agents_only_ours == ("小丽",)
    assert result.agents_only_platform == ("阿强",)
    assert result.days_only_ours == (date(2026, 9, 12),)
    assert result.days_only_platform == (date(2026, 9, 11),)
    assert {(line.agent, line.seen) for line in result.lines} == {
        ("小美", "both"), ("小丽", "ours"), ("阿强", "platform")
    }  # fmt: skip
    assert "prefix" in {note.id for note in result.notes}
    adds_up(result)


def test_without_a_column_of_agents_only_days_are_compared(compare: Callable[..., Reconciliation]) -> None:
    result = compare(UNANSWERED, [], "biz_day,询单人数,询单流失人数\n20260910,2,2\n")
    assert [(line.agent, line.lost.ours, line.lost.platform) for line in result.lines] == [("", 2, 2)]
    assert parts(result) == {}
    assert result.agents_only_ours == result.agents_only_platform == ()


def test_two_shops_must_be_told_apart(compare: Callable[..., Reconciliation]) -> None:
    both = ONE + talk("s2", "b_2", ("09-10 10:00", None), ("09-10 10:01", "小美"), shop="糖铺")
    export = HEAD + "2026-09-10,小美,1,0,1\n"
    with pytest.raises(BadInput, match=r"names no shop, and the workspace has 2 of pdd; .*say --shop"):
        compare(both, [], export)
    assert parts(compare(both, [], export, shops=["果铺"])) == {}
    assert parts(compare(both, [], export.replace("小美", "果铺:小美"))) == {}
    with pytest.raises(BadInput, match="--shop: the workspace has no such shop; got 茶铺"):
        compare(both, [], export, shops=["茶铺"])


def test_rows_of_shops_that_are_not_ours_are_left_out_and_said(
    compare: Callable[..., Reconciliation],
) -> None:
    head = "biz_day,店铺,客服账号,询单人数,最终成团人数,询单流失人数\n"
    result = compare(ONE, [], head + "2026-09-10,果铺,小美,1,0,1\n2026-09-10,别家,小美,30,1,29\n")
    assert (result.total.lost.platform, parts(result)) == (1, {})
    assert "其他店铺" in "".join(str(part) for part in tables(result))
    with pytest.raises(BadInput, match="no row of the shop asked for; got 果铺旗舰店"):
        compare(ONE, [], head + "2026-09-10,果铺旗舰店,小美,1,0,1\n", shops=["果铺"])


def test_an_export_of_another_platform_is_refused(compare: Callable[..., Reconciliation]) -> None:
    with pytest.raises(BadInput, match="the workspace has no session of jd; got pdd"):
        compare(ONE, [], HEAD + "2026-09-10,小美,1,0,1\n", platform="jd")


def test_an_empty_table_of_losses_proves_nothing(compare: Callable[..., Reconciliation]) -> None:
    messages = [{**row, "platform": "taobao"} for row in ONE]
    orders = [{**row, "platform": "taobao"} for row in COVER]
    result = compare(messages, orders, "startTime,endTime,buyerNick,psnNickName\n")
    assert (result.total.lost.ours, result.total.lost.platform) == (1, None)
    assert result.total.lost.difference is None
    assert "空表不证明没有流失" in "".join(str(part) for part in tables(result))


def test_rows_of_lost_inquiries_are_counted_by_day(compare: Callable[..., Reconciliation]) -> None:
    messages = [{**row, "platform": "taobao"} for row in ONE]
    head = "startTime,endTime,buyerNick,psnNickName\n"
    rows = (
        "2026-09-08 10:00:00,2026-09-08 10:05:00,x**,小美\n2026-09-10 09:00:00,2026-09-10 09:01:00,y**,小美\n"
    )
    result = compare(messages, [{**row, "platform": "taobao"} for row in COVER], head + rows)
    assert [(str(line.day), line.lost.platform, line.lost.ours) for line in result.days] == [
        ("2026-09-08", 1, 0), ("2026-09-10", 1, 1)
    ]  # fmt: skip
    assert result.total.inquiries.platform is None
    assert {"masked", "lost_from_rows"} <= {note.id for note in result.notes}


def test_a_workspace_without_orders_says_so(compare: Callable[..., Reconciliation]) -> None:
    result = compare(ONE, None, HEAD + "2026-09-10,小美,1,0,1\n")
    assert parts(result) == {"unknown": 1}
    assert "no_orders" in {note.id for note in result.notes}


def test_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEAD + "2026-09-10,小美,1,0,1\n", encoding="utf-8")
    with pytest.raises(BadInput, match="there is no workspace here; run: xundan import"):
        reconcile(tmp_path, tmp_path / "a.csv")


def test_a_name_with_brackets_is_printed_as_it_is(compare: Callable[..., Reconciliation]) -> None:
    result = compare(ONE, [], HEAD + "2026-09-10,[/b]小强,1,0,1\n")
    console = Console(record=True, width=100)
    for part in tables(result):
        console.print(part)
    assert console.export_text().count("[/b]小强") == 2


def test_excel_terminal_and_json_tell_the_same(
    compare: Callable[..., Reconciliation], tmp_path: Path
) -> None:
    result = compare(TWICE, LATE, HEAD + "2026-09-10,小美,4,1,3\n")
    write_reconciliation_xlsx(result, tmp_path / "对账表.xlsx")
    book = load_workbook(tmp_path / "对账表.xlsx")
    assert book.sheetnames == ["汇总", "按天按客服", "按天", "按客服", "说明"]
    summary = {row[0]: row[1:3] for row in book["汇总"].iter_rows(min_row=2, values_only=True)}
    asked, lost = ([pair[place] for pair in summary.values()] for place in (0, 1))
    assert sum(asked[:-1]) == asked[-1] == 4
    assert sum(lost[:-1]) == lost[-1] == 3
    heads, *lines = book["按天按客服"].iter_rows(values_only=True)
    assert heads[:6] == ("日期", "客服", "出现在", "询单 平台", "询单 我方", "询单 差额（平台−我方）")
    assert lines[0][1:6] == ("小美", "两边", 4, 2, 2)
    plain = to_json(result)
    assert plain["total"]["lost"]["unexplained"] == summary["未解释"][1]
    console = Console(record=True, width=100)
    for part in tables(result, "en"):
        console.print(part)
    shown = console.export_text()
    assert "same person, same day" in shown
    assert "Our rule: taobao-day+1/1 by payment, day+1" in shown
    assert not re.search("[一-鿿]", shown.replace("小美", ""))
    write_reconciliation_xlsx(replace(result, lines=()), tmp_path / "en.xlsx", "en")
    assert load_workbook(tmp_path / "en.xlsx").sheetnames[0] == "Summary"
