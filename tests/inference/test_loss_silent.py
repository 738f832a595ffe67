"""The silent leavers taken apart: each fact of a hand-written talk, and tables that add up.

pytest tests/inference/test_loss_silent.py
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from xundan.chats.records import ATTENTION, LOSS, MESSAGES, ORDERS, SESSIONS, from_rows
from xundan.inference.loss.silent import LEVELS, Silence, Talk, decompose, read_talks
from xundan.inference.report.tallies import open_book
from xundan.inference.trends.intervals import wilson
from xundan.lake import Lake
from xundan.settings import Settings

# 10:00 in Shanghai: the window of the default definition closes 38 hours later, at the end of the next day.
START = datetime(2026, 3, 2, 2, tzinfo=UTC)
Said = tuple[int, str, str]  # seconds after the start, role, text
QUICK: tuple[Said, ...] = ((0, "buyer", "这个锅几斤重"), (30, "agent", "亲 一公斤左右哦"))


class Shop:
    """Collects sessions with their messages, leaves, orders and loss points."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("messages", "sessions", "orders", "attention", "loss")
        }

    def talk(
        self,
        name: str,
        said: Sequence[Said],
        *,
        shop: str = "锅店",
        reason: str | None = "loss_silent_leave",
        ordered_after: int | None = None,
        leaves: Sequence[tuple[int, str]] = (),
        last_attention: str | None = None,
        image_at: int | None = None,
    ) -> None:
        stamp = {"session_id": name, "model_version": "m", "taxonomy_version": "1"}
        for seq, (seconds, role, text) in enumerate(said):
            kind = "image" if seq == image_at else "text"
            row = {"message_id": f"{name}-{seq}", "session_id": name, "seq": seq, "role": role, "text": text}
            row |= {"sent_at": START + timedelta(seconds=seconds), "content_type": kind}
            self.rows["messages"].append(row)
        for seq, leaf in leaves:
            self.rows["attention"].append(
                {**stamp, "message_id": f"{name}-{seq}", "leaf": leaf, "score": 0.9}
            )
        session = {"session_id": name, "shop": shop, "started_at": START, "is_inquiry": True, "n_buyer": 1}
        session |= {"last_attention": last_attention}
        if ordered_after is None:
            self.rows["loss"].append({**stamp, "leaf": reason, "rank": 1})
            self.rows["sessions"].append({**session, "outcome": "lost_no_order"})
        else:
            created = START + timedelta(seconds=ordered_after)
            self.rows["orders"].append({"order_id": f"o-{name}", "created_at": created, "paid_at": created})
            self.rows["sessions"].append({**session, "outcome": "won", "order_id": f"o-{name}"})

    def read(self, folder: Path, shop: str | None = None) -> tuple[dict[str, Talk], Silence]:
        schemas = {"messages": MESSAGES, "sessions": SESSIONS, "orders": ORDERS}
        schemas |= {"attention": ATTENTION, "loss": LOSS}
        lake = Lake(folder)
        lake.write({name: from_rows(self.rows[name], schema) for name, schema in schemas.items()})
        with open_book(lake) as book:
            talks = read_talks(book, Settings())
            return {talk.session_id: talk for talk in talks}, decompose(book, talks, shop)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_the_facts_of_a_talk_whose_agent_answered_at_once(shop: Shop, tmp_path: Path) -> None:
    shop.talk("s", QUICK, last_attention="product_spec")
    talk = shop.read(tmp_path)[0]["s"]
    assert talk.facts == {
        "last_attention": "product_spec",
        "last_speaker": "agent",
        "reply": "fast",
        "answered": "person",
        "price": "none",
        "image": "none",
        "follow_up": "no",
        "room": "36_to_48h",
    }
    assert (talk.reply_s, talk.room_s) == (30, 38 * 3600 - 30)


@pytest.mark.parametrize(
    ("seconds", "level"), [(60, "fast"), (61, "medium"), (180, "medium"), (181, "slow"), (None, "none")]
)
def test_the_wait_runs_from_the_buyers_last_message_to_the_next_person(
    seconds: int | None, level: str, shop: Shop, tmp_path: Path
) -> None:
    said: list[Said] = [(0, "buyer", "在吗"), (5, "agent", "在的"), (100, "buyer", "有蓝色吗")]
    said.append((101, "bot", "您好 稍等"))
    if seconds is not None:
        said += [(100 + seconds, "agent", "有的"), (500, "agent", "喜欢可以拍")]
    shop.talk("s", said)
    talk = shop.read(tmp_path)[0]["s"]
    assert (talk.reply_s, talk.facts["reply"]) == (seconds, level)


@pytest.mark.parametrize(
    ("said", "answered", "speaker"),
    [
        ((*QUICK, (60, "buyer", "好的谢谢")), "person", "buyer"),
        ((*QUICK, (60, "buyer", "能用电磁炉吗")), "no", "buyer"),
        (((0, "buyer", "能用电磁炉吗"), (1, "bot", "您好")), "bot", "bot"),
        (((0, "buyer", "你好"), (9, "agent", "在的"), (10, "system", "会话结束")), "no_question", "agent"),
    ],
)
def test_who_spoke_after_the_last_question_and_who_spoke_last(
    said: tuple[Said, ...], answered: str, speaker: str, shop: Shop, tmp_path: Path
) -> None:
    shop.talk("s", said)
    facts = shop.read(tmp_path)[0]["s"].facts
    assert (facts["answered"], facts["last_speaker"]) == (answered, speaker)


@pytest.mark.parametrize(
    ("role", "text", "leaf", "level"),
    [
        ("agent", "到手价￥129", None, "named"),
        ("agent", "券后 99.5 元", None, "named"),
        ("buyer", "两百块钱行不行", None, "named"),
        ("buyer", "这个卖什么价", "price_inquiry", "asked"),
        ("agent", "您要2块地毯还是3张", None, "none"),
        ("agent", "明天一块发货", None, "none"),
    ],
)
def test_a_price_is_named_by_an_amount_of_money(
    role: str, text: str, leaf: str | None, level: str, shop: Shop, tmp_path: Path
) -> None:
    said = (*QUICK, (40, role, text))
    shop.talk("s", said, leaves=[(2, leaf)] if leaf else [])
    assert shop.read(tmp_path)[0]["s"].facts["price"] == level


def test_pictures_and_a_second_word_after_a_pause(shop: Shop, tmp_path: Path) -> None:
    shop.talk("buyer's", ((0, "buyer", "看这个"), *QUICK), image_at=0)
    shop.talk("both", (*QUICK, (40, "buyer", "[图片]"), (50, "agent", "[图片]"), (400, "agent", "还在看吗")))
    shop.talk("one breath", (*QUICK, (40, "agent", "还有别的颜色")))
    facts = {name: talk.facts for name, talk in shop.read(tmp_path)[0].items()}
    assert [facts[name]["image"] for name in ("buyer's", "both", "one breath")] == ["buyer", "both", "none"]
    assert [facts[name]["follow_up"] for name in ("buyer's", "both", "one breath")] == ["no", "yes", "no"]


def test_a_won_talk_is_read_up_to_its_order(shop: Shop, tmp_path: Path) -> None:
    shop.talk(
        "won",
        (*QUICK, (90, "bot", "感谢下单"), (95, "buyer", "发什么快递")),
        ordered_after=60,
        leaves=[(0, "product_spec"), (3, "logistics_carrier")],
    )
    shop.talk("ordered first", QUICK, ordered_after=-60)
    shop.talk("s", QUICK)
    talks, found = shop.read(tmp_path)
    assert set(talks) == {"won", "s"}
    assert talks["won"].facts["last_speaker"] == "agent"
    assert talks["won"].facts["last_attention"] == "product_spec"
    assert (found.n, found.n_won) == (1, 1)


def test_every_fact_adds_up_and_stands_beside_the_won(shop: Shop, tmp_path: Path) -> None:
    for number in range(6):
        said = QUICK if number < 4 else QUICK[:1]
        shop.talk(f"s{number}", said, last_attention=("product_spec", "price_inquiry", None)[number % 3])
    for number in range(5):
        shop.talk(f"w{number}", QUICK, ordered_after=60)
    shop.talk("dear", QUICK, reason="loss_price_too_high")
    found = shop.read(tmp_path)[1]
    assert (found.n, found.lost, found.n_won) == (6, 7, 5)
    low, high = wilson([6], [7])
    assert found.of_lost == pytest.approx((6 / 7, low[0], high[0]))
    for fact in LEVELS:
        rows = [split for split in found.splits if split.fact == fact]
        assert sum(row.silent.hits for row in rows) == 6, fact
        if fact == "room":
            assert {row.won for row in rows} == {None}
        else:
            assert sum(row.won.hits for row in rows if row.won) == 5, fact
    none = next(split for split in found.splits if (split.fact, split.level) == ("reply", "none"))
    low, high = wilson([2], [6])
    assert none.silent.hits == 2
    assert none.silent.share == pytest.approx(1 / 3)
    assert (none.silent.low, none.silent.high) == pytest.approx((low[0], high[0]))
    assert none.won is not None
    assert none.won.hits == 0


def test_one_shop_alone(shop: Shop, tmp_path: Path) -> None:
    shop.talk("here", QUICK, shop="碗店")
    shop.talk("there", QUICK)
    found = shop.read(tmp_path, "碗店")[1]
    assert (found.n, found.lost, found.n_won) == (1, 1, 0)
    assert {split.won for split in found.splits} == {None}


def test_without_silent_leavers_there_is_nothing_to_split(shop: Shop, tmp_path: Path) -> None:
    shop.talk("dear", QUICK, reason="loss_price_too_high")
    found = shop.read(tmp_path)[1]
    assert (found.n, found.lost, found.splits) == (0, 1, ())
    assert found.of_lost is not None
    assert found.of_lost[0] == 0
    assert Shop().read(tmp_path / "empty")[1] == Silence(0, 0, None, 0, ())
