"""What must not be said or counted of lost sessions: questions that are none, prices that were named, windows
that run from another moment, and wins whose losing neighbours are not known yet.

pytest tests/inference/test_loss_truth.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from xundan.chats.records import SCHEMAS, from_rows
from xundan.inference.loss.corrections import export_labels, read_log, standing_corrections
from xundan.inference.loss.cost import Stakes, money_at_stake
from xundan.inference.loss.ladder import ladder
from xundan.inference.loss.reason import sentences
from xundan.inference.loss.recover import recoverable_buyers
from xundan.inference.loss.register import collect
from xundan.inference.loss.silent import read_talks
from xundan.inference.report.excel import write_loss_table_xlsx
from xundan.inference.report.tallies import open_book
from xundan.lake import Lake
from xundan.settings import SHANGHAI, Settings
from xundan.taxonomy.trees import load

# 12:30 in Shanghai.
START = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
DAY = timedelta(days=1)
Said = tuple[int, str, str]  # seconds after the start, role, text
TABLES = ("messages", "orders", "sessions", "attention", "action", "loss", "corrections")


class Shop:
    """Collects the rows of a workspace."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(folder)
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}

    def session(
        self,
        name: str,
        said: Sequence[Said] = (),
        *,
        start: datetime = START,
        leaf: str | None = None,
        evidence: Sequence[int] = (),
        facts: Sequence[str] = (),
        attention: dict[int, str] | None = None,
        order: dict[str, Any] | None = None,
        outcome: str | None = "lost_no_order",
    ) -> None:
        for seq, (seconds, role, text) in enumerate(said):
            row: dict[str, Any] = {
                "session_id": name,
                "message_id": f"{name}-{seq}",
                "seq": seq,
                "role": role,
                "text": text,
            }
            row |= {"sent_at": start + timedelta(seconds=seconds), "content_type": "text"}
            self.rows["messages"].append(row)
        for seq, seen in (attention or {}).items():
            self.rows["attention"].append(
                {"session_id": name, "message_id": f"{name}-{seq}", "leaf": seen, "score": 0.9}
            )
        if leaf:
            judged: dict[str, Any] = {
                "session_id": name,
                "leaf": leaf,
                "rank": 1,
                "score": 0.7,
                "facts": list(facts),
            }
            self.rows["loss"].append({**judged, "evidence": [f"{name}-{seq}" for seq in evidence]})
        session: dict[str, Any] = {
            "session_id": name,
            "shop": "灯店",
            "buyer": f"b-{name}",
            "item_id": "lamp",
        }
        session |= {"started_at": start, "is_inquiry": outcome is not None, "outcome": outcome}
        session |= {"n_buyer": 1, "n_agent": 1}
        if order:
            self.rows["orders"].append(
                {"order_id": f"o-{name}", "shop": "灯店", "item_id": "lamp", "quantity": 1, **order}
            )
            session |= {"order_id": f"o-{name}", "amount": order.get("amount")}
        self.rows["sessions"].append(session)

    def bought(self, name: str, start: datetime = START, amount: int = 100) -> None:
        times = {"created_at": start, "paid_at": start}
        self.session(name, start=start, outcome="won", order={"amount": Decimal(amount), **times})

    def write(self) -> Lake:
        self.lake.write({name: from_rows(rows, SCHEMAS[name]) for name, rows in self.rows.items()})
        return self.lake

    def why(self, name: str = "s", lang: str = "zh") -> str:
        with open_book(self.write()) as book:
            return sentences(book, [name], Settings(), lang)[name]

    def stakes(self) -> Stakes:
        with open_book(self.write()) as book:
            return money_at_stake(book, None, load("loss"), rounds=20)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "还没",
        "我要不",
        "也没啥",
        "没什么",
        "没有什么",
        "就这么",
        "我上班呢",
        "我要买5斤呢",
        "再送一样嘛",
        "换粮 绝育什么的",
        "买了十几",
    ],
)
def test_what_only_ends_like_a_question_was_said_and_not_asked(text: str, shop: Shop) -> None:
    shop.session("s", ((0, "buyer", text),), leaf="loss_stock_out", evidence=[0])
    assert shop.why().startswith(f"买家 12:30 说「{text}」")


@pytest.mark.parametrize(
    "text",
    ["包邮不", "还有货没", "多少钱一斤啊?", "有没有什么", "送什么呀", "是的么", "那包装呢", "在嘛"],
)
def test_questions_are_asked(text: str, shop: Shop) -> None:
    shop.session("s", ((0, "buyer", text),), leaf="loss_stock_out", evidence=[0])
    assert shop.why().startswith(f"买家 12:30 问「{text}」")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("89", "named"),
        ("亲 129 哦", "named"),
        ("到手149 拍下立减", "named"),
        ("活动价59", "named"),
        ("39.9包邮的", "named"),
        ("满99包邮", "asked"),
        ("一共3件", "asked"),
        ("现在268 有价保30天", "asked"),
        ("12包", "asked"),
        ("价格30天内不变", "asked"),
    ],
)
def test_an_answer_that_is_a_bare_number_names_a_price(text: str, level: str, shop: Shop) -> None:
    said = ((0, "buyer", "怎么卖"), (20, "agent", text))
    shop.session("s", said, leaf="loss_silent_leave", attention={0: "price_inquiry"})
    with open_book(shop.write()) as book:
        (talk,) = read_talks(book, Settings())
    assert talk.facts["price"] == level
    assert ("出现过具体价格" in shop.why()) is (level == "named")


def test_a_silent_leaver_who_asked_nothing_is_told_in_whole_clauses(shop: Shop) -> None:
    shop.session("s", ((0, "buyer", "我要买5斤"), (30, "agent", "好的")), leaf="loss_silent_leave")
    assert "没有识别出买家的提问，买家最后一条消息后 30 秒 客服有回复；" in shop.why()
    assert (
        "no question of the buyer was recognised; the agent wrote 30 s after the buyer's last message; "
        in shop.why(lang="en")
    )


def test_a_bargain_turned_down(shop: Shop) -> None:
    said = ((0, "buyer", "再便宜点"), (60, "agent", "已经是活动价了"), (65, "agent", "给您包邮"))
    shop.session("s", said, leaf="loss_price_bargain_failed", evidence=[0, 1], attention={0: "price_bargain"})
    assert (shop.why(), shop.why(lang="en")) == (
        "买家 12:30 要求「再便宜点」，客服 12:31 回「已经是活动价了」，到会话结束买家未再回复。",
        "The buyer bargained with “再便宜点” at 12:30; the agent replied “已经是活动价了” at 12:31; "
        "the buyer did not write again in the session.",
    )


def test_no_mark_of_a_picture_is_left_chinese_on_the_english_page(shop: Shop) -> None:
    shop.session("s", ((0, "buyer", "[图片]"),), leaf="loss_product_style", evidence=[0])
    assert shop.why().startswith("买家 12:30 发了「[图片]」")
    assert shop.why(lang="en").startswith("The buyer sent “[image]” at 12:30")


def test_nobody_is_blamed_for_not_urging_before_the_session_began(shop: Shop) -> None:
    ordered = {"created_at": START - timedelta(hours=3), "amount": Decimal(80)}
    said = ((0, "buyer", "我那单再想想"), (30, "agent", "好的"))
    shop.session(
        "s",
        said,
        leaf="loss_service_no_followup",
        evidence=[0],
        facts=["unpaid_not_urged"],
        order=ordered,
        outcome="lost_unpaid",
    )
    assert shop.why() == (
        "买家 12:30 说「我那单再想想」，客服 12:30 回复后，到会话结束买家未再说话；"
        "买家 09:30 下的单没有付款。"
    )


def test_the_window_runs_from_the_first_word_of_the_buyer(shop: Shop) -> None:
    late = datetime(2026, 3, 2, 23, 50, tzinfo=SHANGHAI)  # the agent's word; the buyer's comes after midnight
    said = ((0, "agent", "您看的灯还有货"), (1200, "buyer", "能调光吗"), (1260, "agent", "能"))
    shop.session("s", said, start=late, leaf="loss_silent_leave")
    closes = datetime(2026, 3, 5, tzinfo=SHANGHAI)
    with open_book(shop.write()) as book:
        (talk,) = read_talks(book, Settings())
        (buyer,) = recoverable_buyers(book, None, load("loss"), Settings(), now=closes)
    assert talk.room_s == (closes - late - timedelta(seconds=1260)).total_seconds()
    assert talk.facts["room"] == "36_to_48h"
    assert "客服最后一次说话在 03-03 00:11，离窗口关闭还有 47 小时 49 分" in shop.why()
    assert (buyer.closes_at, buyer.asked_at) == (closes, late + timedelta(seconds=1200))


@pytest.mark.parametrize(("days", "outcome"), [(3, "open"), (3, "outcome_unknown"), (-3, "outcome_unknown")])
def test_wins_of_days_whose_losses_are_not_known_raise_no_rate(days: int, outcome: str, shop: Shop) -> None:
    for number in range(20):
        shop.bought(f"w{number}")
        shop.session(f"l{number}", leaf="loss_stock_out" if number % 2 else "loss_price_too_high")
    before = shop.stakes()
    for number in range(30):
        shop.bought(f"now-w{number}", START + days * DAY)
        shop.session(f"now-o{number}", start=START + days * DAY, outcome=outcome)
    after = shop.stakes()
    assert (after.inquiries, after.won) == (before.inquiries, before.won) == (40, 20)
    assert after.total is not None
    assert before.total is not None
    assert after.total.amount == before.total.amount


def test_the_zero_that_exports_give_for_an_unpaid_order_is_no_price(shop: Shop) -> None:
    for number in range(3):
        shop.bought(f"w{number}")
    unpaid = {"created_at": START, "amount": Decimal(0)}
    shop.session("u", outcome="lost_unpaid", leaf="loss_payment_failure", order=unpaid)
    free = {"created_at": START, "paid_at": START, "amount": Decimal(0)}
    shop.session("free", outcome="won", order=free)
    stakes = shop.stakes()
    assert stakes.total is not None
    assert (stakes.total.face, stakes.price_sources["item"]) == (100.0, 1)
    with open_book(shop.lake) as book:
        steps = {rung.step: rung for rung in ladder(book, None).rungs}
    unpaid_money, won = steps["ordered"].lost, steps["won"].entered
    assert (unpaid_money.yuan, unpaid_money.estimated) == (Decimal(100), Decimal(100))
    assert (won.sessions, won.yuan) == (4, Decimal(300))


def test_a_correction_made_after_a_clock_ran_ahead_holds(shop: Shop, tmp_path: Path) -> None:
    shop.session("s", ((0, "buyer", "有货吗"),), leaf="loss_product_style")
    ahead = {"session_id": "s", "leaf": "loss_promo_wait", "by": "小周", "at": START + 300 * DAY}
    shop.rows["corrections"].append(ahead)
    lake, path = shop.write(), tmp_path / "table.xlsx"
    write_loss_table_xlsx(lake, path, "zh")
    _write_reason(path, load("loss").name_of("loss_stock_out"))
    assert collect(lake, path, now=START + DAY).changed == 1
    assert standing_corrections(read_log(lake))["s"].leaf == "loss_stock_out"
    assert collect(lake, path, now=START + 2 * DAY).changed == 0


def _write_reason(path: Path, reason: str) -> None:
    from openpyxl import load_workbook

    book = load_workbook(path)
    book["登记"].cell(2, 10).value = reason
    book.save(path)


@pytest.mark.parametrize("outcome", ["won", "open", "outcome_unknown", None])
def test_a_session_that_is_not_lost_any_more_is_no_label(
    outcome: str | None, shop: Shop, tmp_path: Path
) -> None:
    shop.session("kept", ((0, "buyer", "有货吗"),), leaf="loss_stock_out")
    shop.session("gone", ((0, "buyer", "有货吗"),), leaf="loss_stock_out", outcome=outcome)
    for name in ("kept", "gone"):
        said = {"session_id": name, "leaf": "loss_promo_wait", "by": "小周", "at": START}
        shop.rows["corrections"].append(said)
    out = tmp_path / "labels.jsonl"
    assert export_labels(shop.write(), out) == (1, 1)
    assert [json.loads(line)["session_id"] for line in out.read_text(encoding="utf-8").splitlines()] == [
        "kept"
    ]
