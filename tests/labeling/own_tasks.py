"""Tasks written for the tests: messages of an imagined shop, as many as wanted, and one session.

tasks = message_tasks(200)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

from xundan.labeling.records import Task, Turn, task_key

THINGS = ("搪瓷杯", "亚麻窗帘", "登山杖", "儿童雨靴", "台灯", "砂锅", "瑜伽垫", "围裙", "风筝", "拼图")
ASKS = (
    ("{}现在多少钱", "price_inquiry"),
    ("{}还能再便宜点吗", "price_bargain"),
    ("{}今天能发出来吗", "logistics_ship_time"),
    ("{}包邮到家吗", "logistics_freight"),
    ("{}还有货没有", "stock_availability"),
)
LEAVES = tuple(leaf for _, leaf in ASKS)
BEGAN = datetime(2026, 3, 2, 1, tzinfo=UTC)


def message_tasks(count: int) -> list[Task]:
    """Different messages, each with two turns before it and the leaf it was written for as predicted."""
    made = []
    for number, ((thing, (ask, leaf)), day) in enumerate(
        (pair, day) for day in range(1 + count // 50) for pair in product(THINGS, ASKS)
    ):
        if number == count:
            break
        text = ask.format(f"{day + 1} 号看的{thing}" if day else thing)
        turns = (
            Turn(f"m{number}-1", "buyer", "在吗", BEGAN),
            Turn(f"m{number}-2", "agent", "在的亲，想看点什么", BEGAN + timedelta(seconds=20)),
        )
        made.append(
            Task(
                key=task_key("attention", text, turns),
                tree="attention",
                session_id=f"s{number}",
                message_id=f"m{number}-3",
                shop="青柳杂货",
                buyer=f"b{number % 7}",
                text=text,
                turns=turns,
                item=thing,
                predicted=((leaf, 0.9),),
                model_version="attention-test-1",
                batch="draw-1",
            )
        )
    return made


def session_task() -> Task:
    """A session of four turns that ended without an order."""
    said = (
        ("buyer", "这把伞多少钱"),
        ("agent", "亲，59 元"),
        ("buyer", "别家才 39"),
        ("agent", "我们的布厚一些"),
    )
    turns = tuple(
        Turn(f"t{number}", role, text, BEGAN + timedelta(minutes=number))
        for number, (role, text) in enumerate(said)
    )
    return Task(
        key=task_key("loss", "", turns),
        tree="loss",
        session_id="s-umbrella",
        message_id=None,
        shop="青柳杂货",
        buyer="b1",
        text="",
        turns=turns,
    )
