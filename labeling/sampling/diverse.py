"""Something of everything: one of each cluster of alike texts, clusters without a label first.

offers = diverse(frame, free, hints, 75)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from xundan.labeling.sampling.frame import Frame
from xundan.labeling.sampling.likeness import Likeness
from xundan.labeling.sampling.offers import Hints, Offer, Offers

NEW, SEEN = "new cluster", "labelled cluster"
MOST = 30_000
"""Groups that are clustered; of more a random part, as others would not be drawn either."""
_SMALLEST, _CLUSTERS = 3, 500
"""Texts a cluster has on average at least, and the most clusters: of them, a long draw takes several each."""


def diverse(frame: Frame, free: Sequence[int], hints: Hints, n: int) -> Offers:
    """Groups round by round: of each cluster the one nearest its middle, then the next; clusters without a
    label before the others, larger before smaller."""
    looked = sorted(sorted(free, key=hints.order.__getitem__)[:MOST])
    known = [one.text for one in hints.known.readings][:MOST]
    note = f"{len(free):,} groups, {len(looked):,} looked at" if len(looked) < len(free) else ""
    if not looked:
        return Offers((), note)
    texts = [*(frame.text(group) for group in looked), *known]
    count = max(1, min(n, _CLUSTERS, len(texts) // _SMALLEST))
    cluster, distance = Likeness(texts).clusters(count, hints.seed)
    labelled = Counter(cluster[len(looked) :].tolist())
    members: dict[int, list[int]] = defaultdict(list)
    for at in sorted(range(len(looked)), key=lambda at: (distance[at], looked[at])):
        members[int(cluster[at])].append(at)
    offers = []
    for number, inside in members.items():
        leaf, size = SEEN if labelled[number] else NEW, len(inside)
        why = f"{leaf} of {size} texts, {labelled[number]} labelled"
        for turn, at in enumerate(inside):
            group = looked[at]
            rank = turn * 2 + bool(labelled[number]) + 1 / (1 + size)
            offers.append(Offer(group, frame.groups[group][0], leaf, why, rank))
    fresh = sum(not labelled[number] for number in members)
    said = f"{fresh} of {len(members)} clusters have no label"
    return Offers(tuple(offers), f"{said}; {note}" if note else said)
