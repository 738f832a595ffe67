"""Money at stake: what planted reasons cost, what chance alone looks like, and that all figures add up.

pytest tests/inference/test_loss_cost.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xundan.chats.records import SCHEMAS, from_rows
from xundan.inference.loss.cost import Stake, Stakes, money_at_stake
from xundan.inference.report.tallies import NO_REASON, open_book
from xundan.lake import Lake
from xundan.taxonomy.trees import load

NOON = datetime(2025, 3, 5, 4, tzinfo=UTC)
BARGAIN = "loss_price_bargain_failed"
PRICES = (40, 60, 90, 150, 220, 400)
RATES = (0.60, 0.50, 0.45, 0.40, 0.30, 0.20)
OTHERS = ("loss_price_too_high", "loss_stock_out", "loss_silent_leave", "loss_buyer_hesitate")
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Shop:
    """The rows of a workspace, written session by session."""

    rows: Rows = field(default_factory=lambda: {name: [] for name in SCHEMAS if name != "rejects"})

    def won(
        self, key: str, at: datetime = NOON, item: str | None = "i1", amount: int = 100, **more: Any
    ) -> None:
        order = {
            "order_id": f"o-{key}",
            "buyer": more.get("buyer", f"b-{key}"),
            "shop": more.get("shop", "甲"),
        }
        order |= {"item_id": item, "amount": Decimal(amount), "quantity": 1, "created_at": at, "paid_at": at}
        self.rows["orders"].append(order)
        self._session(key, at, item, outcome="won", order_id=f"o-{key}", amount=Decimal(amount), **more)

    def lost(
        self, key: str, leaf: str = "", at: datetime = NOON, item: str | None = "i1", **more: Any
    ) -> None:
        if leaf:
            self.rows["loss"].append({"session_id": key, "leaf": leaf, "rank": 1, "score": 0.9})
        self._session(key, at, item, **{"outcome": "lost_no_order", **more})

    def _session(self, key: str, at: datetime, item: str | None, **more: Any) -> None:
        base = {"session_id": key, "shop": "甲", "buyer": f"b-{key}", "started_at": at, "item_id": item}
        base |= {"n_buyer": 2, "n_agent": 2, "n_bot": 0, "first_response_s": 20.0, "is_inquiry": True}
        self.rows["sessions"].append({**base, **more})

    def said(self, key: str, leaf: str, at: datetime | None = None) -> None:
        self.rows["attention"].append({"message_id": f"{key}-{leaf}", "session_id": key, "leaf": leaf})
        if at is not None:
            sent = {"seq": 0, "sent_at": at, "role": "buyer", "content_type": "text", "text": "能少点吗"}
            self.rows["messages"].append({"message_id": f"{key}-{leaf}", "session_id": key, **sent})

    def stakes(self, folder: Path, shop: str | None = None, rounds: int = 60, orders: bool = True) -> Stakes:
        lake = Lake(folder)
        names = [name for name in self.rows if orders or name != "orders"]
        lake.write({name: from_rows(self.rows[name], SCHEMAS[name]) for name in names})
        with open_book(lake) as book:
            return money_at_stake(book, shop, load("loss"), rounds=rounds)


@pytest.fixture(scope="session")
def market() -> Callable[..., tuple[Shop, float]]:
    """Return a maker of shops in which bargaining is refused to some who would else have bought.

    ``effect``: the chance that a bargaining buyer leaves over it, before anything else is decided. The second
    value is the truth: the sum of price x own chance of buying over the sessions that bargaining cost.
    """

    def make(n: int = 2500, seed: int = 1, effect: float = 0.5) -> tuple[Shop, float]:
        random, shop, truth = np.random.default_rng(seed), Shop(), 0.0
        for number in range(n):
            key, kind = f"s{number:05}", int(random.integers(6))
            at = NOON + timedelta(minutes=float(random.uniform(0, 60 * 24 * 42)))
            again = bool(random.random() < 0.3)
            buyer = f"r{random.integers(n // 10)}" if again else f"b{number}"
            chance = RATES[kind] + (0.15 if again else 0.0)
            bargains = bool(random.random() < (0.35 if kind < 3 else 0.15))
            refused = bargains and bool(random.random() < effect)
            if not refused and random.random() < chance:
                shop.won(key, at, f"i{kind}", PRICES[kind], buyer=buyer)
            else:
                truth += chance * PRICES[kind] if refused else 0.0
                shop.lost(
                    key, BARGAIN if refused else str(random.choice(OTHERS)), at, f"i{kind}", buyer=buyer
                )
            if bargains:
                shop.said(key, "price_bargain")
        return shop, truth

    return make


def leaf(stakes: Stakes, node: str) -> Stake:
    (found,) = [stake for stake in stakes.leaves if stake.node == node]
    return found


def test_a_planted_reason_costs_what_was_planted_and_is_strongly_supported(
    market: Callable[..., tuple[Shop, float]], tmp_path: Path
) -> None:
    for seed in range(3):
        shop, truth = market(seed=seed)
        planted = leaf(shop.stakes(tmp_path / str(seed)), BARGAIN)
        assert planted.amount == pytest.approx(truth, rel=0.12)
        assert (planted.low or 0.0) < truth < (planted.high or 0.0)
        assert (planted.evidence.strength, planted.evidence.sign) == (
            "strong",
            ("attention", "price_bargain"),
        )
        gap = planted.evidence.gap
        assert gap is not None
        assert gap.low > 0
        # Half of those who bargain leave over it, of whom 0.45 or so would have bought: about 0.22.
        assert gap.low < 0.225 < gap.high


def test_reasons_dealt_at_random_have_no_evidence(
    market: Callable[..., tuple[Shop, float]], tmp_path: Path
) -> None:
    shop, _ = market(seed=5)
    leaves = [row["leaf"] for row in shop.rows["loss"]]
    dealt = np.random.default_rng(0).permutation(leaves)
    for row, name in zip(shop.rows["loss"], dealt, strict=True):
        row["leaf"] = str(name)
    stakes = shop.stakes(tmp_path)
    assert {stake.evidence.strength for stake in (*stakes.leaves, *stakes.groups)} == {"none"}
    assert {stake.evidence.why for stake in stakes.leaves} == {"no_sign"}


def test_a_reason_that_only_names_those_who_would_leave_anyway_has_no_strong_evidence(tmp_path: Path) -> None:
    # Bargaining buyers buy as often as others; those who leave are called lost to bargaining.
    random, shop = np.random.default_rng(3), Shop()
    for number in range(1500):
        at = NOON + timedelta(hours=int(random.integers(0, 24 * 28)))
        bargains = bool(random.random() < 0.3)
        if random.random() < 0.4:
            shop.won(f"s{number}", at)
        else:
            shop.lost(f"s{number}", BARGAIN if bargains else "loss_silent_leave", at)
        if bargains:
            shop.said(f"s{number}", "price_bargain")
    evidence = leaf(shop.stakes(tmp_path), BARGAIN).evidence
    assert evidence.sign == ("attention", "price_bargain")
    assert evidence.strength in ("none", "weak")


def test_leaves_add_up_to_groups_and_groups_to_the_total_and_never_above_the_price_of_what_was_lost(
    market: Callable[..., tuple[Shop, float]], tmp_path: Path
) -> None:
    shop, _ = market(n=800)
    shop.lost("without-reason")
    stakes = shop.stakes(tmp_path)
    assert stakes == shop.stakes(tmp_path)  # the bootstrap is seeded
    assert stakes.total is not None
    assert stakes.why_not == ""
    assert stakes.causal is False
    tree = {one.id: one.group for one in load("loss").leaves}
    for name in ("sessions", "unpriced", "close", "face", "orders", "amount"):
        total = getattr(stakes.total, name)
        assert sum(getattr(one, name) for one in stakes.leaves) == pytest.approx(total)
        assert sum(getattr(one, name) for one in stakes.groups) == pytest.approx(total)
        price = [getattr(one, name) for one in stakes.leaves if tree.get(one.node) == "loss_price"]
        (group,) = [getattr(one, name) for one in stakes.groups if one.node == "loss_price"]
        assert sum(price) == pytest.approx(group)
    assert stakes.won + stakes.total.sessions == stakes.inquiries
    assert sum(stakes.price_sources.values()) == stakes.total.sessions
    assert stakes.total.amount is not None
    assert stakes.total.amount < stakes.total.face
    assert (stakes.leaves[-1].node, stakes.leaves[-1].sessions) == (NO_REASON, 1)
    amounts = [one.amount or 0.0 for one in stakes.leaves[:-1]]
    assert amounts == sorted(amounts, reverse=True)


def test_the_estimate_is_price_times_the_rate_of_the_others_by_hand(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(6):
        shop.won(f"w{number}")
    for number in range(3):
        shop.lost(f"x{number}", "loss_stock_out")
    shop.lost("y", BARGAIN)
    stakes = shop.stakes(tmp_path)
    # All ten are alike. Without the three: 6 of 7 were won; without the one: 6 of 9. The price is 100 yuan.
    assert leaf(stakes, "loss_stock_out").amount == pytest.approx(3 * 100 * 6 / 7)
    assert leaf(stakes, BARGAIN).amount == pytest.approx(100 * 6 / 9)
    assert leaf(stakes, "loss_stock_out").orders == pytest.approx(3 * 6 / 7)
    assert (stakes.inquiries, stakes.won) == (10, 6)


def test_each_shop_is_matched_with_itself_and_shops_add_up(tmp_path: Path) -> None:
    shop = Shop()
    for name, wins, losses, price in (("甲", 8, 2, 100), ("乙", 1, 9, 50)):
        for number in range(wins):
            shop.won(f"{name}w{number}", item=f"{name}1", amount=price, shop=name)
        for number in range(losses):
            shop.lost(f"{name}x{number}", "loss_stock_out", item=f"{name}1", shop=name)
    shop.lost("other", BARGAIN, item="乙1", shop="乙")
    one, two, both = (shop.stakes(tmp_path, name) for name in ("甲", "乙", None))
    assert leaf(one, "loss_stock_out").amount == pytest.approx(2 * 100 * 1.0)
    assert leaf(two, "loss_stock_out").amount == pytest.approx(9 * 50 * 1 / 2)
    assert leaf(both, "loss_stock_out").amount == pytest.approx(200 + 225)


def test_the_price_is_the_own_order_else_the_item_else_the_shop_and_else_counted_as_unknown(
    tmp_path: Path,
) -> None:
    shop = Shop()
    for number, price in enumerate((80, 100, 120)):
        shop.won(f"w{number}", item="i1", amount=price)
    shop.rows["orders"][2] |= {"quantity": 3, "amount": Decimal(360)}  # 120 yuan a piece
    shop.lost("own", BARGAIN, outcome="lost_unpaid", amount=Decimal(999))
    shop.lost("item", BARGAIN)
    shop.lost("shop", BARGAIN, item="never sold")
    shop.won("elsewhere", item="i9", amount=7, shop="乙")
    shop.rows["orders"].pop()
    shop.lost("nothing", BARGAIN, item=None, shop="乙")
    stakes = shop.stakes(tmp_path)
    assert dict(stakes.price_sources) == {"order": 1, "item": 1, "shop": 1, "unknown": 1}
    stake = leaf(stakes, BARGAIN)
    assert (stake.sessions, stake.unpriced) == (4, 1)
    assert stake.face == pytest.approx(999 + 100 + 100)


def test_a_session_alone_in_its_shop_is_counted_as_unmatched(tmp_path: Path) -> None:
    shop = Shop()
    shop.won("w")
    shop.lost("x", BARGAIN)
    shop.lost("alone", BARGAIN, shop="乙", item="i1")
    stake = leaf(shop.stakes(tmp_path), BARGAIN)
    assert (stake.sessions, stake.unmatched) == (2, 1)
    assert stake.amount == pytest.approx(100.0)


def test_what_is_asked_after_paying_is_no_sign(tmp_path: Path) -> None:
    def evidence_when_winners_asked(minutes: int) -> Any:
        shop = Shop()
        for number in range(200):
            shop.won(f"w{number}")
            shop.said(f"w{number}", "price_bargain", NOON + timedelta(minutes=minutes))
        for number in range(100):
            shop.lost(f"x{number}", BARGAIN)
            shop.said(f"x{number}", "price_bargain", NOON)
            shop.lost(f"y{number}", "loss_silent_leave")
        return leaf(shop.stakes(tmp_path, rounds=5), BARGAIN).evidence

    assert evidence_when_winners_asked(-1).why == "no_gap"
    assert evidence_when_winners_asked(+1).strength == "strong"


def test_declining_is_how_buyers_leave_and_no_sign_of_why(tmp_path: Path) -> None:
    shop = Shop()
    for number in range(60):
        shop.won(f"w{number}")
        shop.lost(f"x{number}", BARGAIN)
        shop.said(f"x{number}", "dialog_hesitate")
        shop.lost(f"y{number}", "loss_silent_leave")
    assert leaf(shop.stakes(tmp_path, rounds=5), BARGAIN).evidence.why == "no_sign"


def test_behaviour_that_won_sessions_show_too_is_a_sign(tmp_path: Path) -> None:
    random, shop = np.random.default_rng(2), Shop()
    for number in range(1200):
        slow = bool(random.random() < 0.3)
        more: dict[str, Any] = {"first_response_s": 400.0 if slow else 20.0}
        at = NOON + timedelta(minutes=int(random.integers(0, 60 * 24 * 7)))
        if random.random() < (0.25 if slow else 0.55):
            shop.won(f"s{number}", at, **more)
        else:
            shop.lost(f"s{number}", "loss_service_slow" if slow else "loss_silent_leave", at, **more)
    evidence = leaf(shop.stakes(tmp_path), "loss_service_slow").evidence
    assert (evidence.strength, evidence.sign) == ("strong", ("behaviour", "slow_first_response"))


def test_where_there_can_be_no_amount_the_reason_is_said(tmp_path: Path) -> None:
    unknown = Shop()
    unknown.lost("x", outcome="outcome_unknown")
    without_orders = unknown.stakes(tmp_path / "a", orders=False)
    assert (without_orders.why_not, without_orders.total) == ("no_orders", None)
    assert unknown.stakes(tmp_path / "b").why_not == "no_inquiries"

    nobody_left = Shop()
    nobody_left.won("w")
    assert nobody_left.stakes(tmp_path / "c").why_not == "none_lost"

    nobody_bought = Shop()
    nobody_bought.lost("x", BARGAIN)
    stakes = nobody_bought.stakes(tmp_path / "d")
    (stake,) = stakes.leaves
    assert stakes.why_not == "none_won"
    assert (stake.sessions, stake.orders, stake.amount, stake.low) == (1, None, None, None)

    no_prices = Shop()
    no_prices.won("w")
    no_prices.lost("x", BARGAIN)
    no_prices.rows["orders"][0]["amount"] = None
    stakes = no_prices.stakes(tmp_path / "e")
    (stake,) = stakes.leaves
    assert stakes.why_not == "no_prices"
    assert (stake.sessions, stake.unpriced, stake.amount) == (1, 1, None)
