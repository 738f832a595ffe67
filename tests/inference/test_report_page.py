"""The report page: complete, honest where data are missing, self-contained, and safe with any text.

pytest tests/inference/test_report_page.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xundan.errors import BadInput
from xundan.inference.report.cards import sentence
from xundan.inference.report.header import make_header
from xundan.inference.report.page import write_page
from xundan.inference.report.scopes import make_view
from xundan.inference.report.tallies import agents, funnel, loss_reasons, open_book, stage_by_reason
from xundan.inference.report.texts import method, texts
from xundan.inference.trends.counts import compute_trend
from xundan.inference.trends.findings import Finding, find
from xundan.lake import Lake
from xundan.taxonomy.trees import load

TREES = {"attention": load("attention"), "loss": load("loss")}
Tables = dict[str, pa.Table]
MakeShops = Callable[..., Tables]
MakeEvent = Callable[..., object]
EVENT = ("A店", [5], 0.35, {"price_change": 0.8, "price_bargain": 0.5}, "loss_price_change")


def fill(folder: Path, tables: Tables) -> tuple[Lake, list[Finding]]:
    parts = (tables["sessions"], tables["attention"], tables["loss"])
    trend = compute_trend(*parts, TREES)
    lake = Lake(folder)
    lake.write({**tables, "trend": trend})
    return lake, find(trend, *parts, TREES)


def page_of(folder: Path, tables: Tables, lang: str = "zh") -> str:
    lake, findings = fill(folder / "lake", tables)
    write_page(lake, findings, make_header(lake), folder / "report.html", lang)
    return (folder / "report.html").read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Collects what a browser would load, and the text it would show outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.shown: list[str] = []
        self.data = ""
        self.scripts = 0
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.loads += [value for key in ("src", "href", "srcset", "action") if (value := values.get(key))]
        if tag in ("script", "style"):
            self._inside = values.get("id") or tag
            self.scripts += tag == "script"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data += data
        elif not self._inside:
            self.shown.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.fixture(scope="module")
def eventful(
    make_shops: MakeShops, make_event: MakeEvent, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Reader]:
    tables = make_shops(shops=("A店", "B店"), weeks=7, per_week=200, events=[make_event(*EVENT)])
    page = page_of(tmp_path_factory.mktemp("eventful"), tables)
    return page, read(page)


def test_the_header_says_what_the_report_rests_on(eventful: tuple[str, Reader]) -> None:
    shown = "|".join(eventful[1].shown)
    for label in ("店铺", "周期", "口径", "样本量", "覆盖率", "模型版本", "未成熟占比"):
        assert f"|{label}|" in shown
    assert "A店、B店" in shown
    assert "2025-03-03 至 2025-04-20" in shown
    assert "2,800 个会话" in shown
    assert "taobao-day+1/1 付款口径 day+1" in shown


def test_a_finding_is_a_card_with_shares_interval_n_owner_and_quotes(eventful: tuple[str, Reader]) -> None:
    shown = "".join(eventful[1].shown)
    card = shown[shown.index("这段时间变了什么") : shown.index("关注点趋势")]
    assert "价格变动与差异▲ 上升" in card
    assert re.search(r"\d+\.\d%→\d+\.\d%\+\d+\.\d pp", card)
    assert re.search(r"95% 区间（已做多重比较校正）\+\d+\.\d pp ~ \+\d+\.\d pp", card)
    assert re.search(r"前 n=800 会话，后 n=200 会话", card)
    assert "价格变动不满（流失点）" in card
    assert "运营" in card
    assert "这款price_change怎么样" in card


def test_the_page_loads_nothing_and_stays_small(eventful: tuple[str, Reader]) -> None:
    page, reader = eventful
    assert all(target.startswith("#") for target in reader.loads)
    assert not re.search(r"@import|url\(\s*['\"]?http", page[: page.index('<script id="data"')])
    assert reader.scripts == 3
    assert len(page.encode()) < 12_000_000


def test_the_charts_data_have_each_shop_and_gaps_as_null(make_shops: MakeShops, tmp_path: Path) -> None:
    data = json.loads(read(page_of(tmp_path, make_shops(weeks=4, per_week=60, empty_weeks=[1]))).data)
    week = data["series"]["0"]["attention"]["week"]
    hits, low, _, verdicts = week["nodes"]["price_bargain"]
    assert week["x"] == ["2025-03-03", "2025-03-10", "2025-03-17", "2025-03-24"]
    assert (week["n"][1], hits[1], low[1], verdicts[1]) == (0, 0, None, "g")
    assert set(data["figures"]["0"]) == {"sessions", "heat"}
    assert len(data["series"]["0"]["attention"]["day"]["x"]) == 28


def test_hostile_text_is_shown_and_never_run(make_shops: MakeShops, tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \" ' & 说{leaf}"
    shop = "<b>坏店</b></script><script>alert(2)</script>"
    page = page_of(tmp_path, make_shops(shops=(shop, "B店"), weeks=2, per_week=40, message_text=hostile))
    assert "<script>alert" not in page
    assert "<img" not in page
    reader = read(page)
    assert reader.scripts == 3
    assert "<script>alert(1)</script>" in "".join(reader.shown)
    assert json.loads(reader.data)["min_n"] == 30


def test_a_quiet_month_says_that_nothing_changed(make_shops: MakeShops, tmp_path: Path) -> None:
    shown = "".join(read(page_of(tmp_path, make_shops(weeks=4, per_week=60))).shown)
    assert "没有显著变化各店每周" in shown


def test_a_month_too_thin_to_test_does_not_claim_that_nothing_changed(
    make_shops: MakeShops, tmp_path: Path
) -> None:
    shown = "".join(read(page_of(tmp_path, make_shops(weeks=4, per_week=12))).shown)
    assert "数据还不够，不能判断变化" in shown
    assert "没有显著变化" not in shown


def test_without_orders_the_page_says_so_instead_of_drawing(make_shops: MakeShops, tmp_path: Path) -> None:
    tables = make_shops(weeks=3, per_week=50, with_orders=False)
    del tables["orders"]
    reader = read(page_of(tmp_path, tables))
    shown = "".join(reader.shown)
    assert "没有订单数据，不能判断成交与流失" in shown
    assert "结果未知占比100.0%" in shown
    assert json.loads(reader.data)["figures"]["0"] == {}


def test_the_english_page_has_english_words_and_names(
    make_shops: MakeShops, make_event: MakeEvent, tmp_path: Path
) -> None:
    tables = make_shops(weeks=6, per_week=200, events=[make_event(*EVENT)])
    page = page_of(tmp_path, tables, "en")
    assert '<html lang="en">' in page
    shown = "".join(read(page).shown)
    assert "What changed" in shown
    assert TREES["attention"].name_of("price_change", "en") in shown
    assert "这段时间变了什么" not in shown


def test_both_languages_say_the_same_things() -> None:
    assert set(texts("zh")) == set(texts("en"))
    assert len(method("zh")) == len(method("en"))
    for key, chinese in texts("zh").items():
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", texts("en")[key])), key
    with pytest.raises(BadInput, match='the report has no such language; got \'fr\'; expected "zh" or "en"'):
        texts("fr")


def test_a_finding_is_one_sentence(make_shops: MakeShops, make_event: MakeEvent, tmp_path: Path) -> None:
    lake, findings = fill(tmp_path, make_shops(weeks=6, per_week=200, events=[make_event(*EVENT)]))
    with open_book(lake) as book:
        line = sentence(findings[0], make_view(book, "zh", TREES))
    assert re.fullmatch(r"A店：关注点「价格变动与差异」占比上升，\d+\.\d% → \d+\.\d%（\+\d+\.\d pp）", line)


def test_the_header_counts_coverage_and_versions(make_shops: MakeShops, tmp_path: Path) -> None:
    tables = make_shops(weeks=4, per_week=50, switch_week=2)
    header = make_header(fill(tmp_path, tables)[0])
    leaves = tables["attention"]["leaf"].to_pylist()
    assert header.coverage == pytest.approx(1 - leaves.count("dialog_other") / len(leaves))
    assert (header.model_version, header.n_sessions, header.open_share) == ("m1 / m2", 200, 0.0)


def test_an_empty_lake_has_no_header(make_shops: MakeShops, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(make_shops(weeks=0))
    with pytest.raises(BadInput, match="there are no dated sessions to report on; import chats first"):
        make_header(lake)


def test_losses_add_up_and_the_funnel_narrows(make_shops: MakeShops, tmp_path: Path) -> None:
    tables = make_shops(shops=("A店", "B店"), weeks=3, per_week=60)
    # Two lost sessions of which no reason is known must still be counted.
    tables["loss"] = tables["loss"].slice(2)
    lake, _ = fill(tmp_path, tables)
    outcomes: list[Any] = tables["sessions"]["outcome"].to_pylist()
    with open_book(lake) as book:
        reasons, cells = loss_reasons(book, None), stage_by_reason(book, None)
        steps, rows = dict(funnel(book, None)), agents(book, None)
    assert sum(reason.sessions for reason in reasons) == outcomes.count("lost_no_order")
    assert (reasons[-1].leaf, reasons[-1].sessions) == ("", 2)
    assert sum(count for _, _, count in cells) == outcomes.count("lost_no_order")
    assert steps["asked"] >= steps["inquiries"] >= steps["mature"] >= steps["ordered"] >= steps["paid"]
    assert steps["paid"] == outcomes.count("won")
    assert sum(agent.sessions for agent in rows) == len(outcomes)
    assert sum(agent.lost for agent in rows) == outcomes.count("lost_no_order")
