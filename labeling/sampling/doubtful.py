"""Purposes that go by the model's doubt: near or below a leaf's threshold, and dear sessions in doubt.

offers = uncertain(frame, [0, 1, 2], hints)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from xundan.errors import BadInput
from xundan.labeling.sampling.frame import Frame
from xundan.labeling.sampling.offers import Hints, Offer, Offers
from xundan.labeling.sampling.pool import LOST, Candidate, Pool, Prediction

WIDE = 0.5
"""Where the model has no cutoff, a margin below this counts as doubtful."""


def margin(
    predicted: Prediction, thresholds: Mapping[str, float] | None, is_session: bool
) -> tuple[float, str]:
    """How far the leaf in most doubt is from its threshold, between -1 and 1, and that leaf.

    0 is on the threshold, 1 is a score of 1; below 0 no leaf reached its threshold, this one came nearest.
    Leaves of a session have no thresholds: its margin is the lead of the first leaf over the second, 0 to 1.
    `BadInput` where a model's leaf has no threshold.
    """
    if not predicted.leaves:
        return -1.0, ""
    if is_session:
        scores = [score for _, score in predicted.leaves]
        return scores[0] - (scores[1] if len(scores) > 1 else 0.0), predicted.first
    if thresholds is None:
        raise BadInput("doubt needs the model's thresholds", do="name its folder: --model DIR")
    return min((_above(score, leaf, thresholds), leaf) for leaf, score in predicted.leaves)


def _above(score: float, leaf: str, thresholds: Mapping[str, float]) -> float:
    try:
        threshold = thresholds[leaf]
    except KeyError:
        raise BadInput(
            "the model knows no threshold for a leaf of the workspace",
            got=leaf,
            do="classify the workspace with this model first: xundan classify",
        ) from None
    return (score - threshold) / (1 - threshold if score >= threshold else threshold)


def uncertain(frame: Frame, free: Sequence[int], hints: Hints) -> Offers:
    """Groups whose most doubtful message is below the model's cutoff, the least margin first."""
    offers = []
    for group in free:
        away, leaf, number, one = min(
            ((*_margin(frame, one, hints), number, one) for number, one in frame.members(group)),
            key=lambda found: (found[0], found[2]),
        )
        unsure = one.predicted.unsure
        if unsure or (unsure is None and away < WIDE) or away < 0:
            offers.append(Offer(group, number, leaf, f"{leaf or 'no leaf'}: {_said(away, frame.pool)}", away))
    return Offers(tuple(offers), "the model is sure of all others")


def valuable(frame: Frame, free: Sequence[int], hints: Hints) -> Offers:
    """Groups of lost sessions, the most yuan times doubt first; of a session its most doubtful message."""
    worth = values(frame.pool)
    found: dict[str, Offer] = {}
    for group in free:
        for number, one in frame.members(group):
            if one.session_id not in worth:
                continue
            yuan, how = worth[one.session_id]
            away, leaf = _margin(frame, one, hints)
            doubt = (1 - away) / 2
            offer = Offer(
                group, number, leaf, f"{yuan:.2f} yuan lost ({how}), doubt {doubt:.2f}", -yuan * doubt
            )
            before = found.get(one.session_id)
            if before is None or offer.rank < before.rank:
                found[one.session_id] = offer
    once: dict[int, Offer] = {}
    for offer in sorted(found.values(), key=lambda offer: (offer.rank, offer.candidate)):
        once.setdefault(offer.group, offer)
    lost = sum(row["outcome"] in LOST for row in frame.pool.sessions.values())
    return Offers(tuple(once.values()), f"a price is known for {len(worth)} of {lost} lost sessions")


def values(pool: Pool) -> dict[str, tuple[float, str]]:
    """What each lost session would have brought, in yuan, and how that is known: from its own order, or
    from the middle price of the item; sessions of which neither is known are absent."""
    prices: dict[str, list[float]] = defaultdict(list)
    for order in pool.orders:
        if order["item_id"] and order["amount"] is not None:
            prices[order["item_id"]].append(float(order["amount"]) / max(order["quantity"] or 1, 1))
    found = {}
    for name, row in pool.sessions.items():
        if row["outcome"] not in LOST:
            continue
        if row["amount"] is not None:
            found[name] = (float(row["amount"]), "its order")
        elif row["item_id"] in prices:
            found[name] = (median(prices[row["item_id"]]), "price of the item")
    return found


def _margin(frame: Frame, one: Candidate, hints: Hints) -> tuple[float, str]:
    return margin(one.predicted, hints.thresholds, frame.pool.tree == "loss")


def _said(away: float, pool: Pool) -> str:
    if pool.tree == "loss":
        return f"{abs(away):.2f} {'behind' if away < 0 else 'ahead of'} the second leaf"
    return f"{abs(away):.0%} of the way {'down from' if away < 0 else 'up from'} its threshold"
