"""Gather what the loss part of the page shows of each shop, so that texts and charts say the same.

facts = read_loss_facts(book, view, settings)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from xundan.inference.loss.cost import Stakes, money_at_stake
from xundan.inference.loss.ladder import Ladder, ladder
from xundan.inference.loss.reason import sentences
from xundan.inference.loss.recover import Buyer, last_moment, recoverable_buyers
from xundan.inference.loss.silent import Silence, decompose, read_talks
from xundan.inference.report.evidence import MOST_QUOTES, shorten
from xundan.inference.report.scopes import View
from xundan.inference.report.tallies import Book, Reason, loss_reasons, mature_inquiries
from xundan.settings import Settings

MOST_MESSAGES = 6


@dataclass(frozen=True)
class Case:
    """The evidence of one lost session: (role, text, message id) of each message, in the order said."""

    session_id: str
    shop: str
    day: date
    messages: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class LossFacts:
    """All that is known of the losses of one shop; ``now`` is the moment the follow-ups count from.

    ``why``: for each session of ``cases``, in one sentence why it was lost.
    """

    reasons: tuple[Reason, ...]
    mature: int
    waiting: int
    ladder: Ladder
    stakes: Stakes
    silence: Silence
    buyers: tuple[Buyer, ...]
    now: datetime | None
    cases: Mapping[str, Sequence[Case]]
    why: Mapping[str, str]


def read_loss_facts(book: Book, view: View, settings: Settings) -> tuple[LossFacts, ...]:
    """Return the facts of each choice of the shop selector, in its order; ``waiting``: open sessions."""
    talks, now = read_talks(book, settings), last_moment(book)
    cases = [cases_by_leaf(book, scope.shop) for scope in view.scopes]
    shown = {case.session_id for by_leaf in cases for listed in by_leaf.values() for case in listed}
    why = sentences(book, sorted(shown), settings, view.lang, view.taxonomies["attention"])
    return tuple(
        LossFacts(
            reasons=tuple(loss_reasons(book, scope.shop)),
            mature=mature_inquiries(book, scope.shop),
            waiting=_waiting(book, scope.shop),
            ladder=ladder(book, scope.shop),
            stakes=money_at_stake(book, scope.shop, view.taxonomies["loss"], settings.limits),
            silence=decompose(book, talks, scope.shop),
            buyers=tuple(recoverable_buyers(book, scope.shop, view.taxonomies["loss"], settings, now)),
            now=now,
            cases=by_leaf,
            why=why,
        )
        for scope, by_leaf in zip(view.scopes, cases, strict=True)
    )


def _waiting(book: Book, shop: str | None) -> int:
    query = (
        "SELECT count(*) FROM dated WHERE outcome = 'open' "
        "AND (CAST($1 AS VARCHAR) IS NULL OR shop_name = $1)"
    )
    return int(book.one(query, [shop])[0])


def cases_by_leaf(book: Book, shop: str | None) -> dict[str, list[Case]]:
    """Return up to three lost sessions of each primary loss leaf of a shop (None: all shops).

    The surest stand first, and of equals the latest. A session of which the evidence is no longer among the
    messages is left out; at most `MOST_MESSAGES` messages of each are kept.
    """
    rows = book.rows(
        "WITH backed AS (SELECT l.session_id, l.leaf, l.score, shop_name, day, "
        "list({'role': m.role, 'text': m.text, 'id': m.message_id} ORDER BY m.seq) AS said FROM "
        "(SELECT DISTINCT session_id, leaf, score, unnest(evidence) AS message_id FROM loss "
        "WHERE rank = 1) l JOIN messages m USING (session_id, message_id) JOIN lost USING (session_id) "
        "WHERE (CAST($1 AS VARCHAR) IS NULL OR shop_name = $1) GROUP BY ALL) "
        "SELECT leaf, session_id, shop_name, day, said FROM backed QUALIFY row_number() OVER "
        f"(PARTITION BY leaf ORDER BY score DESC, day DESC, session_id) <= {MOST_QUOTES} "
        "ORDER BY leaf, score DESC, day DESC, session_id",
        [shop],
    )
    cases: dict[str, list[Case]] = {}
    for leaf, session_id, shop_name, day, said in rows:
        messages = tuple((one["role"], shorten(one["text"]), one["id"]) for one in said[:MOST_MESSAGES])
        cases.setdefault(leaf, []).append(Case(session_id, shop_name, day, messages))
    return cases
