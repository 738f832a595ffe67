"""The loss part of the page: ladder, Pareto, evidence, silent leavers, and who can still be won back.

pytest tests/inference/test_report_loss.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from xundan.chats.records import LOSS, MESSAGES, ORDERS, SESSIONS, from_rows
from xundan.inference.loss.cost import money_at_stake
from xundan.inference.loss.evidence import Evidence
from xundan.inference.loss.ladder import ladder
from xundan.inference.loss.matching import Gap
from xundan.inference.loss.reason import sentences
from xundan.inference.loss.recover import recoverable_buyers
from xundan.inference.report.header import make_header
from xundan.inference.report.loss_facts import cases_by_leaf
from xundan.inference.report.loss_sections import comparison, yuan
from xundan.inference.report.page import write_page
from xundan.inference.report.recover_sheet import WIDTHS, recover_heads, recover_lines
from xundan.inference.report.scopes import make_view
from xundan.inference.report.tallies import Book, open_book
from xundan.inference.trends.counts import compute_trend
from xundan.lake import Lake
from xundan.settings import Limits, Settings
from xundan.taxonomy.trees import load

TREES = {"attention": load("attention"), "loss": load("loss")}
Tables = dict[str, pa.Table]
MakeShops = Callable[..., Tables]


def fill(folder: Path, tables: Tables) -> Lake:
    lake = Lake(folder)
    trend = compute_trend(tables["sessions"], tables["attention"], tables["loss"], TREES)
    lake.write({**tables, "trend": trend})
    return lake


def page_of(lake: Lake, lang: str = "zh", settings: Settings | None = None) -> str:
    out = lake.folder / "report.html"
    write_page(lake, [], make_header(lake), out, lang, settings=settings)
    return out.read_text(encoding="utf-8")


def losses(page: str) -> str:
    """Return the HTML of the loss section."""
    return page[page.index('<section id="loss">') : page.index('<section id="agents">')]


def shown(page: str) -> str:
    """Return the text of the loss section without tags."""
    return re.sub(r"<[^>]+>", "|", losses(page))


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found.group(1)))


def priced(tables: Tables, amount: str = "99.00") -> Tables:
    """Give every order an amount, the item of its session, and a time after the talk."""
    items = dict(
        zip(
            tables["sessions"]["order_id"].to_pylist(), tables["sessions"]["item_id"].to_pylist(), strict=True
        )
    )
    orders = [
        {
            **row,
            "amount": Decimal(amount),
            "quantity": 1,
            "item_id": items[row["order_id"]],
            "created_at": row["created_at"] + timedelta(hours=1),
            "paid_at": row["paid_at"] + timedelta(hours=1),
        }
        for row in tables["orders"].to_pylist()
    ]
    return {**tables, "orders": from_rows(orders, ORDERS)}


@pytest.fixture(scope="module")
def lake(make_shops: MakeShops, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    tables = priced(make_shops(shops=("A店", "B店"), weeks=4, per_week=60))
    return fill(tmp_path_factory.mktemp("lake"), tables)


@pytest.fixture(scope="module")
def page(lake: Lake) -> str:
    return page_of(lake)


def test_the_ladder_shows_each_step_and_what_it_lost(lake: Lake, page: str) -> None:
    with open_book(lake) as book:
        steps = ladder(book, None)
    text = shown(page)
    for rung, name in zip(steps.rungs, ("咨询", "人工接待", "询单", "询单（已成熟）"), strict=False):
        assert re.search(rf"\|{name}\|+{rung.entered.sessions:,}\|+{rung.entered.people:,}\|", text)
    lost = steps.rungs[3].lost
    assert f"|{lost.sessions:,}|" in text
    assert re.search(rf"合计流失\|+{lost.sessions:,}\|+{lost.people:,}\|+{yuan(lost.yuan)}\|", text)
    assert "发货这一步看不到" in text


def test_each_loss_point_has_sessions_amount_interval_evidence_and_owner(lake: Lake, page: str) -> None:
    with open_book(lake) as book:
        stakes = money_at_stake(book, None, TREES["loss"], Limits())
    stake = next(one for one in stakes.leaves if one.node == "loss_price_too_high")
    assert stake.amount is not None
    assert stake.low is not None
    assert stake.high is not None
    line = re.search(r"\|价格超预算\|+(\d+) \|[^店]*?商品/运营", shown(page))
    assert line
    assert line.group(1) == str(stake.sessions)
    assert f"{yuan(stake.amount)} |[{stake.low:,.0f}, {stake.high:,.0f}]" in line.group(0)
    assert re.search(r"\|(强|中|弱|无)\| \|\S+", line.group(0))
    assert "占询单 [95% 区间]" in shown(page)


def test_the_words_correlation_not_cause_stand_beside_the_amounts(page: str) -> None:
    panel = losses(page)
    assert '流失主因 <span class="causal">相关，非因果</span></h3>' in panel
    assert "怎么算的、有什么局限" in panel
    assert "强度为“无”的金额不能作为行动依据" in panel


def test_the_pareto_can_be_drawn_by_sessions_and_by_yuan_with_intervals(lake: Lake, page: str) -> None:
    with open_book(lake) as book:
        stakes = money_at_stake(book, None, TREES["loss"], Limits())
    bars = data_of(page)["figures"]["0"]["yuan"]["data"][0]
    top = stakes.leaves[0]
    assert top.amount is not None
    assert top.low is not None
    assert (bars["y"][0], bars["x"][0]) == (pytest.approx(top.amount), TREES["loss"].name_of(top.node))
    assert bars["error_y"]["arrayminus"][0] == pytest.approx(top.amount - top.low)
    assert bars["customdata"][0][1].startswith("why-0-")
    assert '<option value="sessions">流失会话数</option><option value="yuan">估计金额（元）</option>' in page


def test_every_bar_and_row_opens_a_text_that_is_there(page: str) -> None:
    texts = set(re.findall(r'<template id="([^"]+)">', page))
    asked = set(re.findall(r'data-why="([^"]+)"', page))
    figures = data_of(page)["figures"]
    asked |= {
        why
        for shop in figures.values()
        for name in ("sessions", "yuan")
        for _, why in shop[name]["data"][0]["customdata"]
    }
    assert asked == texts
    assert '<dialog id="why">' in page


def test_every_session_of_evidence_says_why_it_was_lost(lake: Lake) -> None:
    for lang in ("zh", "en"):
        page = losses(page_of(lake, lang))
        with open_book(lake) as book:
            shown = [case.session_id for cases in cases_by_leaf(book, "A店").values() for case in cases]
            why = sentences(book, shown, Settings(), lang)
        assert shown
        for session_id in shown:
            assert f"<code>{session_id}</code></p><p>{escape(why[session_id])}</p><ul" in page


def test_the_evidence_is_that_of_the_shop_the_surest_first(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    sessions, messages, loss = [], [], []
    for number, shop in enumerate(["甲", "甲", "甲", "甲", "乙"]):
        key = f"s{number}"
        at = datetime(2025, 3, 3 + number, 4, tzinfo=UTC)
        base = {"session_id": key, "shop": shop, "is_inquiry": True, "started_at": at}
        sessions.append({**base, "outcome": "lost_no_order"})
        said = {"session_id": key, "shop": shop, "sent_at": at, "role": "buyer", "content_type": "text"}
        messages += [{**said, "message_id": f"{key}m{seq}", "seq": seq, "text": f"话{seq}"} for seq in (0, 1)]
        score = 0.9 if key == "s1" else 0.5
        backed = {"evidence": [f"{key}m1", f"{key}m0"], "score": score, "rank": 1}
        loss.append({**backed, "session_id": key, "leaf": "loss_stock_out"})
    lake.write(
        {
            "sessions": from_rows(sessions, SESSIONS),
            "messages": from_rows(messages, MESSAGES),
            "loss": from_rows(loss, LOSS),
        }
    )
    with open_book(lake) as book:
        own, every = cases_by_leaf(book, "甲"), cases_by_leaf(book, None)
    assert [case.session_id for case in own["loss_stock_out"]] == ["s1", "s3", "s2"]
    assert own["loss_stock_out"][0].messages == (("buyer", "话0", "s1m0"), ("buyer", "话1", "s1m1"))
    assert [case.shop for case in every["loss_stock_out"]] == ["甲", "乙", "甲"]


def test_the_comparison_is_won_with_the_sign_less_won_without() -> None:
    gap = Gap(120, 340, 0.125, 0.05, 0.2, "matched", "item", 0.05)
    evidence = Evidence("strong", "", ("attention", "price_change"), 40, gap)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE dated (shop_name VARCHAR)")
        view = make_view(Book(connection, True), "zh", TREES)
    text = comparison(evidence, view)
    assert (
        "（有「价格变动与差异」减没有）是 -12.5 pp [-20.0 pp, -5.0 pp]（n=120 对 340）。相关，非因果。"
        in text
    )
    assert comparison(Evidence("none", "no_sign"), view).endswith("没有可对照的迹象</small></p>")


def test_the_silent_are_taken_apart_beside_the_won(lake: Lake, page: str) -> None:
    text = shown(page)
    assert re.search(r"静默离开 \d+ 个会话，占流失 \d+\.\d% \[\d+\.\d%, \d+\.\d%\]（n=\d+）", text)
    for fact in ("最后在问什么", "最后说话的人", "最后一问多久有人答", "离窗口关闭还剩多久可跟进"):
        assert f"|{fact}|" in text
    assert re.search(r"静默 n=\d+\|+成交 n=\d+\|", text)
    slower = Settings(limits=Limits(slow_response_s=45, first_response_s=240))
    assert "|45 秒内|" in shown(page_of(lake, settings=slower))


def test_buyers_to_win_back_are_graded_and_nothing_names_them(lake: Lake, page: str) -> None:
    text = shown(page)
    assert re.search(r"A \|\d+\|+B \|\d+\|+C \|\d+\|", text)
    assert re.search(r"先列 \d+ 人，共 \d+ 人。", text)
    assert re.search(r"\|\d\d-\d\d \d\d:\d\d\|+次日同一时段回访\|", text)
    assert "b_A店" not in page


def test_the_sheet_of_buyers_lists_everybody_under_its_heads(lake: Lake) -> None:
    with open_book(lake) as book:
        view = make_view(book, "zh", TREES)
        buyers = recoverable_buyers(book, None, TREES["loss"], Settings())
    lines, heads = recover_lines(buyers, view), recover_heads(view)
    assert len(lines) == len(buyers) > 0
    assert {len(line) for line in lines} == {len(heads)} == {len(WIDTHS)}
    first = dict(zip(heads, lines[0], strict=True))
    assert (first["级别"], first["会话ID"]) == (buyers[0].grade, buyers[0].session_id)
    assert (first["金额"], first["金额来源"]) == (99.0, "商品中位价")
    assert buyers[0].buyer not in map(str, lines[0])


def test_without_a_won_inquiry_there_are_no_amounts_and_it_says_why(
    make_shops: MakeShops, tmp_path: Path
) -> None:
    tables = make_shops(weeks=2, per_week=40)
    kept = [row for row in tables["sessions"].to_pylist() if row["outcome"] != "won"]
    tables["sessions"] = from_rows(kept, SESSIONS)
    page = page_of(fill(tmp_path, tables))
    assert "没有成交的询单，无从对照，估不出金额" in shown(page)
    assert set(data_of(page)["figures"]["0"]) == {"sessions", "heat"}
    assert 'value="yuan"' not in page


def test_sessions_without_a_price_are_counted(make_shops: MakeShops, tmp_path: Path) -> None:
    tables = make_shops(weeks=2, per_week=40)  # orders without amounts, so nothing lost has a price
    lost = tables["sessions"]["outcome"].to_pylist().count("lost_no_order")
    text = shown(page_of(fill(tmp_path, tables)))
    assert "流失会话都没有价格，估不出金额" in text
    assert f"没有价格 {lost}（计入会话数，不计入金额）" in text


def test_the_heat_map_and_the_table_add_up_to_the_lost_sessions(
    make_shops: MakeShops, tmp_path: Path
) -> None:
    tables = make_shops(weeks=2, per_week=40)
    leaves = [leaf.id for leaf in TREES["loss"].leaves]
    rows = tables["loss"].to_pylist()
    tables["loss"] = from_rows([{**row, "leaf": leaves[n % 20]} for n, row in enumerate(rows)], LOSS)
    page = page_of(fill(tmp_path, tables))
    heat = data_of(page)["figures"]["0"]["heat"]["data"][0]
    lost = sum(str(one).startswith("lost_") for one in tables["sessions"]["outcome"].to_pylist())
    assert heat["x"][-1] == "（其余 8 个）"
    assert sum(map(sum, heat["z"])) == lost
    first = losses(page)[: losses(page).index("<details><summary>其余 8 个细类")]
    rows = re.findall(r"<tr><td>(?:<button[^>]*>[^<]+</button>|其余 8 个细类)</td><td>(\d+) <small>", first)
    assert sum(map(int, rows)) == lost
    assert f"<td>合计</td><td>{lost} <small>100%" in first


def test_the_limits_in_the_silent_table_are_those_that_were_counted_by(lake: Lake) -> None:
    text = shown(page_of(lake, settings=Settings(limits=Limits(slow_response_s=40, first_response_s=30))))
    assert "|40 秒内|" in text
    assert "|超过 40 秒|" in text
    assert "40–30 秒" not in text
    assert "超过 30 秒" not in text


def test_without_orders_it_says_so(make_shops: MakeShops, tmp_path: Path) -> None:
    tables = make_shops(weeks=2, per_week=40, with_orders=False)
    del tables["orders"]
    text = shown(page_of(fill(tmp_path, tables)))
    assert "没有订单数据，不能判断成交与流失" in text
    assert "静默" not in text


def test_hostile_evidence_is_escaped(make_shops: MakeShops, tmp_path: Path) -> None:
    said = "<img src=x onerror=alert(1)></template>{leaf}"
    tables = make_shops(weeks=2, per_week=40, message_text=said)
    page = losses(page_of(fill(tmp_path, tables)))
    assert "&lt;img src=x onerror=alert(1)&gt;&lt;/template&gt;" in page
    assert page.count("<template") == page.count("</template>")


def test_the_english_section_has_no_chinese_words_of_ours(lake: Lake) -> None:
    text = shown(page_of(lake, "en"))
    for words in ("Correlation, not cause", "Silent leavers", "Who can still be won back", "Who left"):
        assert words in text
    for words in ("相关，非因果", "流失会话", "静默离开", "次日"):
        assert words not in text.replace("静默离开；", "")
    assert "|merchandise/operations|" in text
    for leaf in TREES["loss"].leaves:
        assert f"|{leaf.owner}|" not in text
        assert f"|{leaf.recoverable}|" not in text
