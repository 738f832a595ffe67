"""The demo shops: the same bytes every time, wordings for every leaf, events planted, all else at rest."""

from __future__ import annotations

import csv
import hashlib
import random
import re
from collections import Counter, defaultdict
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from openpyxl import load_workbook

from xundan.examples.demo_shop import DemoFiles, write_demo
from xundan.examples.draw import Bag, Quota, deal
from xundan.examples.events import BOOSTS, Boost
from xundan.examples.noise import as_typed, traditional
from xundan.examples.phrasebook import TRADES, load_book
from xundan.examples.shops import SHOPS
from xundan.taxonomy.trees import load

WEEKS = range(1, 11)
COMMON = (
    "price_change price_inquiry price_bargain logistics_tracking logistics_urge_ship logistics_delivery_time "
    "product_size_fit product_size aftersale_exchange aftersale_return_apply promo_coupon promo_activity"
)
EVENT_LOSSES = (
    "loss_price_change loss_price_too_high loss_logistics_time loss_product_size_mismatch loss_promo_not_met"
)
Truth = list[dict[str, str]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def truth(files: DemoFiles) -> Truth:
    with files.truth.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(path: Path) -> list[list[str]]:
    if path.suffix == ".xlsx":
        sheet = load_workbook(path, read_only=True).worksheets[0]
        return [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
    encoding = "gb18030" if "云裳" in path.name else "utf-8-sig"
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


@cache
def _dicts(path: Path) -> list[dict[str, str]]:
    head, *rows = _table(path)
    return [dict(zip(head, row, strict=True)) for row in rows]


def _hits(truth: Truth, column: str, shop: str) -> dict[str, Counter[int]]:
    """Sessions per leaf and week."""
    found: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for row in truth:
        if row["shop"] == shop:
            for leaf in filter(None, row[column].split(";")):
                found[leaf].add((int(row["week"]), row["session_id"]))
    return {leaf: Counter(week for week, _ in pairs) for leaf, pairs in found.items()}


def _pairs(truth: Truth, shop: str) -> set[tuple[int, str]]:
    return {(int(row["week"]), row["session_id"]) for row in truth if row["shop"] == shop}


def _sessions(truth: Truth, shop: str) -> Counter[int]:
    return Counter(week for week, _ in _pairs(truth, shop))


def test_two_runs_write_the_same_bytes(files: DemoFiles, tmp_path: Path) -> None:
    again = write_demo(tmp_path)
    for first, second in zip(
        [*files.chats, *files.orders, files.truth], [*again.chats, *again.orders, again.truth], strict=True
    ):
        assert first.name == second.name
        assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


def test_three_shops_with_about_a_hundred_sessions_a_week(files: DemoFiles, truth: Truth) -> None:
    assert [path.suffix for path in files.chats] == [".csv", ".csv", ".xlsx"]
    assert files.chats[1].read_bytes().startswith(b"\xef\xbb\xbf")
    for shop in SHOPS:
        assert all(100 <= n <= 112 for n in _sessions(truth, shop.name).values())
    for path in files.chats:
        rows = _dicts(path)
        assert rows[0].keys() >= {"会话ID", "消息ID", "发送时间", "发送内容", "客户名", "商品ID", "订单号"}
        times = [row["发送时间"] for row in rows if "-bad-" not in row["消息ID"]]
        assert min(times) >= "2026-08-31"
        assert max(times) < "2026-11-09"


def test_exports_have_their_usual_faults(files: DemoFiles) -> None:
    for path in files.chats:
        rows = _dicts(path)
        role = "账号类型" if "账号类型" in rows[0] else "角色"
        keys = Counter(tuple(row.values()) for row in rows)
        assert sum(count - 1 for count in keys.values()) == 6
        bad = [row for row in rows if "-bad-" in row["消息ID"]]
        assert {row["发送时间"] for row in bad} >= {"", "昨天 10:20", "2026-13-45 25:61:00"}
        known = {"买家", "客服", "机器人", "系统"}
        assert [row[role] for row in rows if row[role] not in known] == ["路人甲"]


def test_every_leaf_has_wordings_and_every_id_is_of_the_tree() -> None:
    book = load_book()
    asks = {leaf: [w for key in ("any", *TRADES) for w in book.blocks(leaf, key)] for leaf in book.attention}
    assert set(asks) == {leaf.id for leaf in load("attention").leaves}
    assert set(book.losses) == {leaf.id for leaf in load("loss").leaves}
    assert [leaf for leaf, lines in asks.items() if len(set(lines)) < 8] == []
    assert [leaf for leaf in COMMON.split() if len(asks[leaf]) < 15] == []
    for leaf, loss in book.losses.items():
        closings = [line for lines in loss.close.values() for line in lines]
        assert len(closings) >= (15 if leaf in EVENT_LOSSES.split() else 6) or loss.behaviour, leaf
        assert set(loss.near) | set(loss.signs) <= set(asks), leaf


def test_no_wording_stands_under_two_leaves() -> None:
    book = load_book()
    owners: dict[str, set[str]] = defaultdict(set)
    for leaf in book.attention:
        for key in ("any", *TRADES):
            for wording in book.blocks(leaf, key):
                owners[re.sub(r"\W", "", wording)].add(leaf)
    assert {wording: leaves for wording, leaves in owners.items() if len(leaves) > 1} == {}


def test_every_slot_is_filled(files: DemoFiles) -> None:
    for path in files.chats:
        assert [row["发送内容"] for row in _dicts(path) if re.search(r"[{}|]", row["发送内容"])] == []


def test_every_leaf_is_meant_somewhere(truth: Truth) -> None:
    attention = {leaf for row in truth for leaf in row["attention"].split(";") if leaf}
    losses = {row["loss"] for row in truth} - {""}
    assert attention == set(load_book().attention)
    assert losses == set(load_book().losses)


@pytest.mark.parametrize("boost", BOOSTS, ids=lambda boost: boost.event.name)
def test_each_event_is_strong_and_only_in_its_weeks(truth: Truth, boost: Boost) -> None:
    event, weeks = boost.event, set(boost.weeks)
    sessions = _sessions(truth, event.shop)
    for column, leaves in (("attention", event.attention), ("loss", event.loss)):
        hits = _hits(truth, column, event.shop)
        for leaf in leaves:
            inside = sum(hits[leaf][week] for week in weeks) / sum(sessions[week] for week in weeks)
            rest = [week for week in WEEKS if week not in weeks]
            outside = sum(hits[leaf][week] for week in rest) / sum(sessions[week] for week in rest)
            assert inside > 2.5 * outside, leaf
            assert inside - outside > 0.03, leaf
    tagged = {int(row["week"]) for row in truth if row["event"] == event.name}
    assert tagged == weeks


def test_the_courier_event_reaches_a_third_of_sessions(truth: Truth) -> None:
    leaves = {"logistics_tracking", "logistics_urge_ship", "logistics_delivery_time"}
    for weeks, low, high in (((5, 6), 0.30, 0.45), ((1, 2, 3, 4, 7, 8, 9, 10), 0.08, 0.16)):
        rows = [row for row in truth if row["shop"] == "果仁铺子" and int(row["week"]) in weeks]
        asked = {row["session_id"] for row in rows if leaves & set(row["attention"].split(";"))}
        assert low <= len(asked) / len({row["session_id"] for row in rows}) <= high


@pytest.mark.parametrize("shop", [shop.name for shop in SHOPS])
def test_nothing_else_moves_between_weeks(truth: Truth, shop: str) -> None:
    planted = [boost.event for boost in BOOSTS if boost.event.shop == shop]
    sessions = _sessions(truth, shop)
    for column in ("attention", "loss"):
        moved = {leaf for event in planted for leaf in getattr(event, column)}
        for leaf, hits in _hits(truth, column, shop).items():
            if leaf in moved:
                continue
            shares = [hits[week] / sessions[week] for week in WEEKS]
            mean = sum(shares) / len(shares)
            # How buyers take leave follows how many leave; no finding looks at these.
            most = 0.07 if leaf.startswith("dialog_") else 0.035
            assert max(abs(share - mean) for share in shares) <= most, (leaf, shares)


def test_conversion_is_about_half_and_falls_with_the_price_rise(truth: Truth) -> None:
    def conversion(shop: str, weeks: range) -> float:
        rows = [r for r in truth if r["shop"] == shop and r["kind"] == "presale" and int(r["week"]) in weeks]
        won = {row["session_id"] for row in rows if row["outcome"] == "won"}
        return len(won) / len({row["session_id"] for row in rows})

    for shop, weeks in (("云裳女装", range(1, 4)), ("暖居家电", range(1, 7)), ("果仁铺子", range(7, 11))):
        assert 0.45 <= conversion(shop, weeks) <= 0.55
    assert conversion("暖居家电", range(7, 11)) < conversion("暖居家电", range(1, 7)) - 0.1


def test_orders_belong_to_buyers_and_cost_more_after_the_rise(files: DemoFiles) -> None:
    prices: dict[bool, list[float]] = {True: [], False: []}
    for chat_path, order_path in zip(files.chats, files.orders, strict=True):
        orders = _dicts(order_path)
        assert len({row["订单号"] for row in orders}) == len(orders)
        buyers = {row["客户名"] for row in _dicts(chat_path)}
        shared = [row for row in orders if row["买家"] in buyers]
        assert 200 <= len(orders) - len(shared) <= 260
        assert any(row["退款时间"] for row in orders)
        assert any(row["关闭时间"] and not row["付款时间"] for row in orders)
        if "暖居" in order_path.name:
            for row in orders:
                if row["商品ID"] == SHOPS[1].items[0].item_id and row["数量"] == "1":
                    prices[row["下单时间"] >= "2026-10-12"].append(float(row["实付金额"]))
    before, after = (sum(prices[key]) / len(prices[key]) for key in (False, True))
    assert after / before == pytest.approx(1.12, abs=0.01)


def test_events_have_their_days() -> None:
    days = {boost.event.name: (boost.event.start, boost.event.end) for boost in BOOSTS}
    assert days["涨价"] == (date(2026, 10, 12), date(2026, 11, 8))
    assert days["快递瘫痪"] == (date(2026, 9, 28), date(2026, 10, 11))
    assert days["尺码表错误"] == (date(2026, 9, 21), date(2026, 10, 11))
    assert days["优惠券不能叠加"] == (date(2026, 10, 26), date(2026, 11, 8))


def test_quota_keeps_totals_and_every_category() -> None:
    quota = Quota(random.Random(4))
    rates = {"a": 0.3, "b": 1.7, "c": 6.2, "d": 0.0}
    weeks = [quota.take_all("x", rates) for _ in range(20)]
    assert {sum(week.values()) for week in weeks} <= {8, 9}
    for name, rate in rates.items():
        assert abs(sum(week[name] for week in weeks) - 20 * rate) <= 1.5
        assert max(week[name] for week in weeks) - min(week[name] for week in weeks) <= 3


def test_deal_gives_every_session_a_question_and_none_twice() -> None:
    hands = deal({"a": 10, "b": 5, "c": 5}, 10, random.Random(2))
    assert Counter(leaf for hand in hands for leaf in hand) == {"a": 10, "b": 5, "c": 5}
    assert all(hand and len(hand) == len(set(hand)) for hand in hands)


def test_bag_uses_every_line_before_one_again() -> None:
    bag = Bag(random.Random(3))
    assert {bag.pick("k", ["x", "y", "z"]) for _ in range(3)} == {"x", "y", "z"}


def test_noise_keeps_tidy_text_and_knows_traditional_characters() -> None:
    assert as_typed("13800001234", random.Random(1), tidy=True) == ["13800001234"]
    assert traditional("有没有优惠券") == "有沒有優惠券"
