"""How strongly a loss reason goes with fewer orders, judged on sessions won and lost alike.

evidence = judge_all(people, read_signs(book, people), {"loss_stock_out": rows_of_its_lost_sessions})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, hypergeom

from xundan.inference.loss.matching import Gap, matched_gap
from xundan.inference.loss.population import SIGNED_BEHAVIOUR, Flags, Inquiries, Integers
from xundan.inference.report.tallies import Book
from xundan.inference.trends.findings import IGNORED_GROUP

STRENGTHS = ("none", "weak", "some", "strong")
# What binds a sign to a reason, among lost sessions: often there, twice as often as with other reasons.
SIGN_SHARE, SIGN_LIFT, SIGN_SESSIONS, SIGN_Q = 0.2, 2.0, 10, 0.01
FEW, MANY = 30, 100
BALANCED, COMPARABLE = 0.1, 0.25

# What a buyer writes after paying is no reason for paying or not.
_SIGNS = """
WITH ends AS (
    SELECT session_id, min(coalesce(o.paid_at, o.created_at)) AS until
    FROM dated JOIN orders o USING (order_id) WHERE outcome = 'won' GROUP BY 1)
SELECT DISTINCT a.session_id, a.leaf FROM attention a
LEFT JOIN messages m USING (session_id, message_id) LEFT JOIN ends e USING (session_id)
WHERE e.until IS NULL OR m.sent_at IS NULL OR m.sent_at <= e.until
"""


@dataclass(frozen=True)
class Signs:
    """What can be seen in won and in lost sessions: (tree, id) of each sign, and ``seen`` (n, signs)."""

    names: tuple[tuple[str, str], ...]
    seen: Flags


@dataclass(frozen=True)
class Evidence:
    """One of `STRENGTHS`, why it is none ("no_sign", "no_gap", "few" or ""), and the comparison behind it.

    ``sign``: ("attention", leaf) or ("behaviour", one of `SIGNED_BEHAVIOUR`); ``with_sign``: lost sessions of
    the reason that show it.
    """

    strength: str
    why: str = ""
    sign: tuple[str, str] | None = None
    with_sign: int = 0
    gap: Gap | None = None


def read_signs(book: Book, people: Inquiries) -> Signs:
    """Read attention points (before payment) and behaviours of the inquiries.

    The dialog group is left out: to hesitate or to decline is how a buyer leaves, not what he left over.
    """
    place = {session_id: row for row, session_id in enumerate(people.session_ids)}
    said = [
        (place[session], leaf)
        for session, leaf in book.rows(_SIGNS)
        if session in place and leaf.split("_")[0] != IGNORED_GROUP
    ]
    leaves = sorted({leaf for _, leaf in said})
    column = {leaf: number for number, leaf in enumerate(leaves)}
    seen = np.zeros((people.n, len(leaves)), dtype=bool)
    if said:
        rows, columns = zip(*((row, column[leaf]) for row, leaf in said), strict=True)
        seen[list(rows), list(columns)] = True
    names = [("attention", leaf) for leaf in leaves] + [("behaviour", name) for name in SIGNED_BEHAVIOUR]
    return Signs(tuple(names), np.column_stack([seen, people.behaviour]))


def judge_all(people: Inquiries, signs: Signs, members: Mapping[str, Integers]) -> dict[str, Evidence]:
    """Return the evidence of each reason from the rows (m,) of its lost sessions.

    A session with a loss point is lost by definition, so its own outcome is no evidence. Instead:

    1. A sign of the reason is looked for among lost sessions: an attention point or a behaviour that at least
       `SIGN_SHARE` and `SIGN_SESSIONS` of its sessions show, `SIGN_LIFT` times as often as sessions lost for
       other reasons (one-sided Fisher test, false discovery rate `SIGN_Q` over all reasons and signs:
       Y. Benjamini and Y. Hochberg, JRSS B 57 (1995), 289-300). The most certain one counts.
    2. All inquiries with that sign, won and lost, are compared with matched ones without it (`matched_gap`).

    strong: fewer were won, the interval excludes 0, matched with at least `MANY` sessions on either side, and
    price, hour, weekday and day differ by at most `BALANCED` standard deviations. some: the interval excludes
    0, at least `FEW` on either side, these four differ by at most `COMPARABLE`, or a regression took care of
    them. weak: fewer were won, but one of that does not hold.
    none: no sign, or not fewer won. Reasons dealt at random to lost sessions have no sign, hence no evidence.
    """
    found = _bind(people, signs, members)
    return {reason: _judge(people, signs, found.get(reason)) for reason in members}


def _bind(people: Inquiries, signs: Signs, members: Mapping[str, Integers]) -> dict[str, tuple[int, int]]:
    """Return for each reason that has one its sign (a column) and how many of its sessions show it."""
    lost = ~people.won
    n_lost, seen_lost = int(lost.sum()), signs.seen[lost].sum(axis=0)
    keys: list[tuple[str, int, int]] = []
    chances: list[float] = []
    for reason, rows in members.items():
        shown = signs.seen[rows].sum(axis=0)
        chance = hypergeom.sf(shown - 1, n_lost, seen_lost, len(rows))
        keys += [(reason, column, int(count)) for column, count in enumerate(shown)]
        chances += [float(value) for value in chance]
    if not keys:
        return {}
    adjusted = false_discovery_control(np.clip(chances, 0.0, 1.0))
    best: dict[str, tuple[float, int, int]] = {}
    for (reason, column, count), q, chance in zip(keys, adjusted, chances, strict=True):
        n = len(members[reason])
        elsewhere = (seen_lost[column] - count) / max(n_lost - n, 1)
        often = count >= max(SIGN_SESSIONS, SIGN_SHARE * n, SIGN_LIFT * elsewhere * n)
        if often and q <= SIGN_Q:
            here = (chance, -count, column)
            best[reason] = min(best.get(reason, here), here)
    return {reason: (column, -minus) for reason, (_, minus, column) in best.items()}


def _judge(people: Inquiries, signs: Signs, found: tuple[int, int] | None) -> Evidence:
    if found is None:
        return Evidence("none", "no_sign")
    column, count = found
    gap = matched_gap(people, signs.seen[:, column])
    sign = signs.names[column]
    if gap is None:
        return Evidence("none", "few", sign, count)
    if gap.gap <= 0:
        return Evidence("none", "no_gap", sign, count, gap)
    return Evidence(strength_of(gap), "", sign, count, gap)


def strength_of(gap: Gap) -> str:
    """Return weak, some or strong for a gap above 0; the rule stands in `judge_all`."""
    smaller = min(gap.n_with, gap.n_without)
    if gap.low <= 0 or smaller < FEW or (gap.balance or 0.0) > COMPARABLE:
        return "weak"
    balanced = gap.balance is not None and gap.balance <= BALANCED
    return "strong" if smaller >= MANY and balanced else "some"
