"""Find the masked messages that back a finding or a category.

quotes = quotes_of(book, ("m1", "m2"))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from xundan.inference.report.tallies import Book

MOST_QUOTES = 3
LONGEST_QUOTE = 120


@dataclass(frozen=True)
class Quote:
    """One masked message; ``day`` is its session's first day in Asia/Shanghai."""

    message_id: str
    text: str
    shop: str
    day: date


def quotes_of(book: Book, message_ids: Sequence[str]) -> list[Quote]:
    """Return the messages with these ids, in the order of the ids; ids without a message are left out."""
    rows = book.rows(
        "SELECT message_id, m.text, shop_name, day FROM messages m JOIN dated USING (session_id) "
        "WHERE message_id IN (SELECT unnest(CAST($1 AS VARCHAR[])))",
        [list(message_ids)],
    )
    found = {row[0]: Quote(row[0], shorten(row[1]), row[2], row[3]) for row in rows}
    return [found[message_id] for message_id in message_ids if message_id in found]


def quotes_by_leaf(book: Book, tree: str) -> dict[str, list[Quote]]:
    """Return up to three messages for each leaf of a tree, of different sessions, the surest first."""
    said = (
        "SELECT session_id, leaf, message_id, score FROM attention"
        if tree == "attention"
        else "SELECT session_id, leaf, evidence[1] AS message_id, score FROM loss WHERE rank = 1"
    )
    rows = book.rows(
        "WITH said AS (SELECT leaf, message_id, m.text, shop_name, day, session_id, score "
        f"FROM ({said}) JOIN messages m USING (session_id, message_id) JOIN dated USING (session_id)), "
        "firsts AS (SELECT * FROM said QUALIFY row_number() OVER "
        "(PARTITION BY leaf, session_id ORDER BY score DESC, message_id) = 1) "
        "SELECT leaf, message_id, text, shop_name, day FROM firsts QUALIFY row_number() OVER "
        f"(PARTITION BY leaf ORDER BY score DESC, message_id) <= {MOST_QUOTES} ORDER BY leaf, score DESC, 2"
    )
    quotes: dict[str, list[Quote]] = {}
    for leaf, message_id, text, shop, day in rows:
        quotes.setdefault(leaf, []).append(Quote(message_id, shorten(text), shop, day))
    return quotes


def shorten(text: str) -> str:
    """Return the text on one line, cut after `LONGEST_QUOTE` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + "…"
