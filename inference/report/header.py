"""Say in one line what a report rests on: shops, period, definition, sample, coverage, versions, maturity.

header = make_header(Lake(Path("out")))
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from xundan.errors import BadInput
from xundan.inference.report.tallies import Unsure, open_book, unsure_messages
from xundan.lake import Lake

UNCLASSIFIED = "dialog_other"


@dataclass(frozen=True)
class Header:
    """The facts above every report; shares are between 0 and 1, None where there is nothing to divide by.

    ``coverage``: buyer messages with any category but ``dialog_other``, of all buyer messages.
    ``unsure_buyer`` and ``unsure_agent``: messages the model was uncertain of, None where it has no cutoff.
    ``open_share`` and ``unknown_share``: inquiries whose window is open, or whose outcome cannot be known.
    """

    shops: tuple[str, ...]
    start: date
    end: date
    loss_definition: str
    n_messages: int
    n_sessions: int
    n_inquiries: int
    coverage: float | None
    unsure_buyer: Unsure | None
    unsure_agent: Unsure | None
    open_share: float | None
    unknown_share: float | None
    model_version: str
    taxonomy_version: str


def make_header(lake: Lake) -> Header:
    """Count the header's facts in a lake with messages, sessions and attention; `BadInput` if it is empty."""
    with open_book(lake) as book:
        row = book.one(
            "SELECT min(day), max(day), count(*), count(*) FILTER (is_inquiry), "
            "count(*) FILTER (is_inquiry AND outcome = 'open'), "
            "count(*) FILTER (is_inquiry AND coalesce(outcome, 'outcome_unknown') = 'outcome_unknown') "
            "FROM dated"
        )
        start, end, n_sessions, n_inquiries, n_open, n_unknown = row
        if start is None:
            raise BadInput(
                "there are no dated sessions to report on", do="import chats first", where=str(lake.folder)
            )
        n_messages, n_buyer = book.one("SELECT count(*), count(*) FILTER (role = 'buyer') FROM messages")
        (n_covered,) = book.one(
            "SELECT count(DISTINCT message_id) FROM attention WHERE leaf <> ?", [UNCLASSIFIED]
        )
        unsure_buyer, unsure_agent = (unsure_messages(book, tree) for tree in ("attention", "action"))
        shops = book.column("SELECT DISTINCT shop_name FROM dated ORDER BY 1")
        definitions = book.column("SELECT DISTINCT loss_definition FROM dated WHERE is_inquiry ORDER BY 1")
    return Header(
        shops=tuple(str(shop) for shop in shops),
        start=start,
        end=end,
        loss_definition=" / ".join(str(name) for name in definitions if name),
        n_messages=n_messages,
        n_sessions=n_sessions,
        n_inquiries=n_inquiries,
        coverage=_share(n_covered, n_buyer),
        unsure_buyer=unsure_buyer,
        unsure_agent=unsure_agent,
        open_share=_share(n_open, n_inquiries),
        unknown_share=_share(n_unknown, n_inquiries),
        model_version=_versions(lake.read("attention"), "model_version"),
        taxonomy_version=_versions(lake.read("attention"), "taxonomy_version"),
    )


def _versions(table: pa.Table, column: str) -> str:
    return " / ".join(sorted({str(value) for value in table[column].unique().to_pylist() if value}))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
