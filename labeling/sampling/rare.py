"""Leaves with too few labels: what the model calls so, then what says nearly what their examples say.

offers = rare(frame, free, hints)
in_turn(offers.all, 200, room(hints))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from xundan.labeling.sampling.frame import Frame
from xundan.labeling.sampling.likeness import Likeness
from xundan.labeling.sampling.offers import Hints, Offer, Offers

ALIKE = 0.3
"""The least cosine with an example of a leaf: of 1,761 labelled buyer messages above it 66 % had the leaf (by
the examples of the shipped attention tree), about as many as where the model itself names a leaf."""


def room(hints: Hints) -> dict[str, int]:
    """How many labels each leaf lacks, those counted that are drawn and wait for an answer."""
    have = Counter(hints.known.counts) + Counter(hints.known.waiting)
    lacking = {leaf.id: hints.target - have[leaf.id] for leaf in hints.taxonomy.leaves}
    return {leaf: number for leaf, number in lacking.items() if number > 0}


def rare(frame: Frame, free: Sequence[int], hints: Hints) -> Offers:
    """Groups for leaves below the target, each for the leaf that lacks most, or is named least often."""
    lacking = room(hints)
    often = Counter(leaf for one in frame.pool.candidates for leaf, _ in one.predicted.leaves)
    wanted = {leaf: (-number, often[leaf]) for leaf, number in lacking.items()}
    named = [offer for group in free if (offer := _named(frame, group, wanted, hints))]
    supply = Counter(offer.leaf for offer in named)
    short = {leaf for leaf, number in lacking.items() if supply[leaf] < number}
    taken = {offer.group for offer in named}
    rest = [group for group in free if group not in taken]
    alike = _alike(frame, rest, short, hints) if short and rest else []
    note = f"{len(lacking)} of {len(hints.taxonomy.leaves)} leaves are under {hints.target} labels"
    empty = len(lacking.keys() - {offer.leaf for offer in (*named, *alike)})
    return Offers((*named, *alike), f"{note}, {empty} of them have no candidate" if empty else note)


def _named(frame: Frame, group: int, wanted: Mapping[str, tuple[int, int]], hints: Hints) -> Offer | None:
    """The offer of a group in which the model names a leaf that lacks labels; in random order, because the
    best scores are of messages that teach nothing new."""
    found = [
        (wanted[leaf], leaf, number)
        for number, one in frame.members(group)
        for leaf, _ in one.predicted.leaves
        if leaf in wanted
    ]
    if not found:
        return None
    _, leaf, number = min(found)
    place = hints.order[group] / len(hints.order)
    return Offer(group, number, leaf, f"{leaf}: {_lacks(leaf, hints)}, named by the model", place)


def _alike(frame: Frame, rest: Sequence[int], short: set[str], hints: Hints) -> list[Offer]:
    """Groups that the model does not name so, but that are like an example of a leaf that lacks labels."""
    examples = [
        (leaf.id, text)
        for leaf in hints.taxonomy.leaves
        if leaf.id in short
        for text in (*leaf.examples, *leaf.includes)
    ]
    if not examples:
        return []
    place, cosine = Likeness([frame.text(group) for group in rest]).nearest([text for _, text in examples])
    offers = []
    for group, at, near in zip(rest, place.tolist(), cosine.tolist(), strict=True):
        if near >= ALIKE:
            leaf, text = examples[at]
            why = f"{leaf}: {_lacks(leaf, hints)}, like its example {text!r} ({near:.2f})"
            offers.append(Offer(group, frame.groups[group][0], leaf, why, 2 - near))
    return offers


def _lacks(leaf: str, hints: Hints) -> str:
    waiting = hints.known.waiting.get(leaf, 0)
    return f"{hints.known.counts.get(leaf, 0)} labels" + (f" and {waiting} waiting" if waiting else "")
