"""What the figures say, in a few sentences: can the labels be trusted, where do people disagree, what waits.

for line in sentences(View.of(found, "zh")): print(line)
"""

from __future__ import annotations

import math

from xundan.labeling.agreement.confusion import NOTHING
from xundan.labeling.agreement.page.view import View, is_few

RELIABLE, TENTATIVE = 0.8, 0.667
"""Alpha at which labels may be relied on, and below which nothing should be concluded from them
(K. Krippendorff, Content Analysis, 2nd edition 2004, page 241)."""
_MOST_NAMED = 5


def sentences(view: View) -> list[str]:
    """The sentences in the order of reading."""
    found = view.found
    if not found.ballots.keys:
        tasks, answered = len(found.votes.tasks), len(found.votes.by_task)
        return [view.say("v_nothing", tasks=tasks, answered=answered), *_doubts(view)]
    return [_trust(view), _alike(view), *_weak(view), *_confusion(view), *_waiting(view), *_doubts(view)]


def _trust(view: View) -> str:
    """Judged by the lower bound, as a lucky sample must not be called reliable."""
    alpha = view.found.headline
    kind = "sessions" if view.found.primary else "sets"
    measure = view.words[f"alpha_{kind}"]
    if math.isnan(alpha.value):
        return view.say("v_undefined", measure=measure, n=alpha.n)
    key = "reliable" if alpha.low >= RELIABLE else "tentative" if alpha.low >= TENTATIVE else "doubtful"
    if is_few(alpha):
        key = "few"
    figure = f"{alpha:.3f}"
    return view.say(f"v_{key}", measure=measure, alpha=figure, n=alpha.n, sessions=alpha.sessions)


def _alike(view: View) -> str:
    micro, same = view.found.micro, view.found.same
    return view.say("v_alike", f1=f"{micro:.3f}", same=f"{same:.1%}", n=micro.n, sessions=micro.sessions)


def _weak(view: View) -> list[str]:
    known = [leaf for leaf in view.found.leaves if not is_few(leaf.f1)]
    weakest = sorted(known, key=lambda leaf: leaf.f1.value)[:_MOST_NAMED]
    named = [
        view.say("v_leaf", leaf=view.leaf(leaf.leaf), f1=f"{leaf.f1:.2f}", n=leaf.f1.n) for leaf in weakest
    ]
    return [view.say("v_weak", leaves=view.words["comma"].join(named))] if named else []


def _confusion(view: View) -> list[str]:
    found = next((one for one in view.found.confused if one.other != NOTHING), None)
    if found is None:
        return []
    return [
        view.say(
            "v_confused",
            one=view.leaf(found.one),
            other=view.leaf(found.other),
            hits=found.hits,
            n=found.share.n,
            share=f"{found.share:.0%}",
        )
    ]


def _waiting(view: View) -> list[str]:
    settled = view.found.settled
    if not settled["undecided"] and not settled["decision"]:
        return [str(view.words["v_no_dispute"])]
    return [view.say("v_waiting", waiting=settled["undecided"], decided=settled["decision"])]


def _doubts(view: View) -> list[str]:
    counts = view.found.votes.counts
    doubts = counts.unsure + counts.unreadable + counts.empty
    if not doubts:
        return []
    standing = doubts + counts.labels
    return [
        view.say(
            "v_doubts",
            n=standing,
            unsure=counts.unsure,
            unreadable=counts.unreadable,
            empty=counts.empty,
        )
    ]
