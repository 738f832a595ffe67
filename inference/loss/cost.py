"""What lost inquiries were worth, reason by reason, and how strong the evidence is: correlation, not cause.

with open_book(lake) as book: stakes = money_at_stake(book, None, load("loss"))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xundan.inference.loss.evidence import Evidence, Signs, judge_all, read_signs
from xundan.inference.loss.matching import Members, Totals, close_matches, matched_rates
from xundan.inference.loss.population import PRICE_SOURCES, Floats, Inquiries, Integers, read_inquiries
from xundan.inference.report.tallies import NO_REASON, Book
from xundan.settings import Limits
from xundan.taxonomy.trees import Taxonomy

ROUNDS = 400
_SEED = 20_250_301  # the same tables give the same interval
_BOUNDS = (2.5, 97.5)
# Holds the sessions without a reason, and the leaves that the tree no longer has.
NO_GROUP = ""


@dataclass(frozen=True)
class Stake:
    """One reason (level leaf), group of reasons, or all together (level total, node "all").

    ``sessions``: lost sessions with this primary reason. ``face`` (yuan): their prices added up, the most
    they could have brought. ``orders``: how many of them matched sessions would have turned into orders.
    ``amount``, ``low``, ``high`` (yuan): the estimate of `money_at_stake` with its 95 % interval; None where
    it cannot be made. ``unpriced``: sessions of unknown price, in ``sessions`` and ``orders`` and not in the
    amounts. ``unmatched``: sessions of a shop without any other session, in ``sessions`` only. ``close``:
    sessions with at least ten of the same item and kind of buyer that were not lost to the same leaf.
    """

    node: str
    level: str
    sessions: int
    unpriced: int
    unmatched: int
    close: int
    face: float
    orders: float | None
    amount: float | None
    low: float | None
    high: float | None
    evidence: Evidence


@dataclass(frozen=True)
class Stakes:
    """What is at stake in a shop (None: all shops). Every lost session counts once, at its primary reason.

    ``leaves`` add up to their group, ``groups`` to ``total``; most expensive first, sessions without a reason
    (node '') last. ``causal`` is always False: these are correlations. ``why_not`` says why there are no
    amounts: "no_orders", "no_inquiries", "none_lost", "none_won", "no_prices", or "". ``price_sources``: lost
    sessions by where their price comes from (order, item, shop, unknown).
    """

    shop: str | None
    inquiries: int
    won: int
    total: Stake | None
    groups: tuple[Stake, ...]
    leaves: tuple[Stake, ...]
    price_sources: Mapping[str, int]
    why_not: str
    causal: bool = False


def money_at_stake(
    book: Book, shop: str | None, taxonomy: Taxonomy, limits: Limits | None = None, rounds: int = ROUNDS
) -> Stakes:
    """Estimate, for each loss reason, the amount at stake in the lost sessions with that primary reason.

    A session with a loss point is lost by definition: it converts at 0, and its matched sessions without that
    loss point at ``r``. The gap between the two is ``r``, and the amount of reason L is

        sum over the sessions i lost to L of  price_i x r_i

    where ``r_i`` is the share won among the inquiries of i's stratum (same shop, item or else price band, new
    or returning buyer, week, hour band; thin strata lean on wider ones: `matched_rates`) that were not lost
    to L. This is direct standardisation: the strata rates of the others are applied to the sessions of L
    (K. Rothman, S. Greenland, T. Lash, Modern Epidemiology, 3rd ed. 2008, ch. 4), read as the loss that would
    go if this one reason went and all others stayed (C. L. Chiang, Introduction to Stochastic Processes in
    Biostatistics, 1968, ch. 11, net probabilities of competing risks, which must then be independent).

    The interval is the 2.5 and 97.5 percentile of ``rounds`` Poisson bootstraps that weigh buyers, not
    sessions, as sessions of one buyer are alike. It is that of another such period: it holds the chance in
    the number of lost sessions as well as in the rates, not that of prices or of wrongly judged reasons.

    Limits, to be shown with the figures. (1) It is correlation. Who is lost to L may be less willing to buy
    than matched sessions; then the amount is too high. (2) The amount is above 0 wherever anybody buys, for
    whatever reason; whether L goes with fewer orders at all is what ``evidence`` says (see `judge_all`), and
    an amount with evidence none is no ground for acting. (3) Reasons overlap: without two of them at once
    more would be won than the two amounts together say. As r <= 1 the sum never exceeds the price of all
    that was lost. (4) Earlier visits before the first day of the workspace are not known. (5) A long talk
    shows more signs than a short one; where won talks are the longer ones, the evidence is too weak.
    """
    people = read_inquiries(book, shop, (limits or Limits()).first_response_s)
    lost = np.flatnonzero(~people.won)
    why_not = _why_not(book, people, lost)
    if not len(lost):
        return Stakes(shop, people.n, int(people.won.sum()), None, (), (), {}, why_not)
    leaves = {str(leaf): lost[people.reason[lost] == leaf] for leaf in np.unique(people.reason[lost])}
    known = {leaf.id: leaf.group for leaf in taxonomy.leaves}
    groups: dict[str, list[str]] = {}
    for leaf in leaves:
        groups.setdefault(known.get(leaf, NO_GROUP), []).append(leaf)
    draws = {leaf: _Draws.none(rounds) for leaf in leaves} if why_not else _bootstrap(people, leaves, rounds)
    maker = _Maker(people, bool(why_not), read_signs(book, people), draws)
    sources = Counter(str(source) for source in people.price_source[lost])
    return Stakes(
        shop=shop,
        inquiries=people.n,
        won=int(people.won.sum()),
        total=maker.stake("all", "total", lost, list(leaves), Evidence("none", "no_contrast")),
        groups=maker.level("group", leaves, groups),
        leaves=maker.level("leaf", leaves, {leaf: [leaf] for leaf in leaves}),
        price_sources={source: sources[source] for source in PRICE_SOURCES},
        why_not=why_not,
    )


def _why_not(book: Book, people: Inquiries, lost: Integers) -> str:
    """Return why there can be no amounts, or ''."""
    if not book.has_orders:
        return "no_orders"
    if not people.n:
        return "no_inquiries"
    if not len(lost):
        return "none_lost"
    if not people.won.any():
        return "none_won"
    return "no_prices" if np.isnan(people.worth[lost]).all() else ""


@dataclass(frozen=True)
class _Draws:
    """Estimated orders, and amounts: the estimate, and (rounds,) bootstrap values."""

    orders: float
    amount: float
    unmatched: int
    close: int
    amounts: Floats

    @classmethod
    def none(cls, rounds: int) -> _Draws:
        return cls(0.0, 0.0, 0, 0, np.zeros(rounds))

    @classmethod
    def sum(cls, parts: list[_Draws]) -> _Draws:
        return cls(
            sum(part.orders for part in parts),
            sum(part.amount for part in parts),
            sum(part.unmatched for part in parts),
            sum(part.close for part in parts),
            np.sum([part.amounts for part in parts], axis=0),
        )


def _bootstrap(people: Inquiries, by_leaf: Mapping[str, Integers], rounds: int) -> dict[str, _Draws]:
    """Return the estimates of all leaves; shared rounds give sums of leaves their intervals too."""
    members = {leaf: Members.of(people.strata, rows) for leaf, rows in by_leaf.items()}
    worth = np.nan_to_num(people.worth)
    random = np.random.default_rng(_SEED)
    ones = np.ones(people.n)
    totals = Totals.of(people.strata, people.won, ones)
    rates = {
        leaf: matched_rates(people.strata, people.usable, totals, one, ones) for leaf, one in members.items()
    }
    amounts = {leaf: np.zeros(rounds) for leaf in by_leaf}
    people_count = int(people.person.max()) + 1
    for turn in range(rounds):
        weights = random.poisson(1.0, people_count)[people.person].astype(np.float64)
        totals = Totals.of(people.strata, people.won, weights)
        for leaf, one in members.items():
            drawn = matched_rates(people.strata, people.usable, totals, one, weights)
            amounts[leaf][turn] = np.sum(weights[one.rows] * worth[one.rows] * np.nan_to_num(drawn))
    return {
        leaf: _Draws(
            float(np.nansum(rates[leaf])),
            float(np.nansum(worth[one.rows] * rates[leaf])),
            int(np.isnan(rates[leaf]).sum()),
            close_matches(people, one),
            amounts[leaf],
        )
        for leaf, one in members.items()
    }


@dataclass(frozen=True)
class _Maker:
    """Puts stakes together from the draws of the leaves; ``blank``: without amounts."""

    people: Inquiries
    blank: bool
    signs: Signs
    draws: Mapping[str, _Draws]

    def level(
        self, level: str, leaves: Mapping[str, Integers], nodes: Mapping[str, list[str]]
    ) -> tuple[Stake, ...]:
        """Return the stakes of nodes, each the sum of some leaves, in the order of `Stakes`."""
        rows = {node: np.concatenate([leaves[leaf] for leaf in inside]) for node, inside in nodes.items()}
        evidence = judge_all(self.people, self.signs, rows)
        stakes = [self.stake(node, level, rows[node], nodes[node], evidence[node]) for node in nodes]
        return tuple(sorted(stakes, key=_order))

    def stake(self, node: str, level: str, rows: Integers, leaves: list[str], evidence: Evidence) -> Stake:
        """Return the stake of the sessions ``rows``, which are those of ``leaves``."""
        worth, draws = self.people.worth[rows], _Draws.sum([self.draws[leaf] for leaf in leaves])
        unpriced = int(np.isnan(worth).sum())
        unknown = self.blank or draws.unmatched == len(rows)
        no_amount = unknown or unpriced == len(rows)
        low, high = (float(bound) for bound in np.percentile(draws.amounts, _BOUNDS))
        return Stake(
            node=node,
            level=level,
            sessions=len(rows),
            unpriced=unpriced,
            unmatched=draws.unmatched,
            close=draws.close,
            face=float(np.nansum(worth)),
            orders=None if unknown else draws.orders,
            amount=None if no_amount else draws.amount,
            low=None if no_amount else low,
            high=None if no_amount else high,
            evidence=evidence,
        )


def _order(stake: Stake) -> tuple[bool, float, int, str]:
    return stake.node == NO_REASON, -(stake.amount or 0.0), -stake.sessions, stake.node
