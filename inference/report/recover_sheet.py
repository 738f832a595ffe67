"""Write the buyers that can still be won back as rows of a sheet; nothing in them says who a buyer is.

lines = recover_lines(recoverable_buyers(book, None, taxonomy, settings), view)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xundan.inference.loss.recover import Buyer
from xundan.inference.report.scopes import View

WIDTHS = (8, 22, 18, 18, 16, 18, 18, 12, 12, 14, 18, 18, 10, 18, 24, 36)


def recover_heads(view: View) -> list[str]:
    """Return the heads of the columns of `recover_lines`."""
    return view.words["recover_columns"].split("|")


def recover_lines(buyers: Iterable[Buyer], view: View) -> list[list[Any]]:
    """Return one row for each buyer, in the order given; amounts in yuan, times in Asia/Shanghai as text."""
    return [_line(buyer, view) for buyer in buyers]


def _line(buyer: Buyer, view: View) -> list[Any]:
    words = view.words
    return [
        buyer.grade,
        buyer.session_id,
        view.shop(buyer.shop),
        buyer.agent or words["no_agent"],
        buyer.item_id,
        view.name("loss", buyer.leaf) if buyer.leaf else None,
        view.name("attention", buyer.last_attention) if buyer.last_attention else None,
        words.get(buyer.stage or "no_stage", buyer.stage),
        None if buyer.amount is None else round(buyer.amount, 2),
        words[f"amount_{buyer.amount_from}"],
        f"{buyer.asked_at:%Y-%m-%d %H:%M}",
        f"{buyer.closes_at:%Y-%m-%d %H:%M}",
        words["yes" if buyer.is_open else "no"],
        f"{buyer.follow_up_at:%Y-%m-%d %H:%M}",
        words[f"follow_{buyer.follow_up}"],
        words["comma"].join(words[f"sign_{sign}"] for sign in buyer.signs),
    ]
