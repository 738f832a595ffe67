"""Writes three invented shops with ten weeks of chats and orders, in which four events are planted.

Run it: ``python -m xundan.examples.demo_shop demo/``
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from xundan.examples.assemble import assemble
from xundan.examples.events import BOOSTS, PlantedEvent
from xundan.examples.shops import SHOPS
from xundan.examples.writers import TRUTH_COLUMNS, Row, truth_rows, write_csv, write_shop

SEED = 20260831


@dataclass(frozen=True)
class DemoFiles:
    """What was written: exports to read, the events to find, and what every message meant (to evaluate with).

    ``truth`` has one row per buyer message: shop, week (1 to 10), session_id, message_id, kind,
    attention (leaves joined by ;), loss, outcome, event.
    """

    chats: list[Path]
    orders: list[Path]
    planted: tuple[PlantedEvent, ...]
    truth: Path


def write_demo(folder: Path) -> DemoFiles:
    """Write about 3,000 sessions and their orders into ``folder``, the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    chats: list[Path] = []
    orders: list[Path] = []
    truth: list[Row] = []
    for shop in SHOPS:
        data = assemble(shop, SEED)
        chat_path, order_path = write_shop(data, folder, SEED)
        chats.append(chat_path)
        orders.append(order_path)
        truth.extend(truth_rows(data))
    truth_path = folder / "truth.csv"
    write_csv(truth_path, TRUTH_COLUMNS, truth, "utf-8")
    return DemoFiles(chats, orders, tuple(boost.event for boost in BOOSTS), truth_path)


if __name__ == "__main__":
    files = write_demo(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
    print("\n".join(str(path) for path in [*files.chats, *files.orders, files.truth]))
