"""The verdict in a few sentences: what to read when there is no time to read more.

for sentence in sentences(evaluation, "zh"): print(sentence)
"""

from __future__ import annotations

from xundan.training.evaluation.certainty import Certainty
from xundan.training.evaluation.confusions import NOTHING
from xundan.training.evaluation.figures import FEW_SESSIONS, MIN_SUPPORT
from xundan.training.evaluation.learning import ROWS_AN_HOUR
from xundan.training.evaluation.page.view import FEW_LEAF_ROWS, View
from xundan.training.evaluation.paired import Paired
from xundan.training.evaluation.result import Evaluation
from xundan.training.evaluation.slices import FEW, Slice

MOST_NAMED = 3


def sentences(evaluation: Evaluation, lang: str = "zh") -> list[str]:
    """The verdict as plain text, the most decisive first; each figure with its interval and n."""
    view = View.of(evaluation, lang)
    return [
        *_between(view),
        _score(view),
        *_seen(view),
        _certain(view),
        _calibration(view),
        *_pairs(view),
        *_weak_leaves(view),
        *_confusion(view),
        *_weak_slice(view),
        *_next_hour(view),
    ]


def _between(view: View) -> list[str]:
    found = view.evaluation.paired
    if found is None:
        return []
    new, old = view.names
    wins = view.say(
        "v_wins",
        new=new,
        old=old,
        wins=found.wins,
        losses=found.losses,
        session_wins=found.session_wins,
        session_losses=found.session_losses,
        n=found.rows,
        p=f"p = {found.p:.3f}" if found.p >= 0.001 else "p < 0.001",
        churn=f"{found.churn:.1%}",
    )
    return [*_ahead(found, view), wins]


def _ahead(found: Paired, view: View) -> list[str]:
    """Which model is better, and whether rare leaves say the opposite."""
    new, old = view.names
    micro, macro, sessions = found.difference["micro"], found.difference["macro"], view.evaluation.sessions
    kind = "ahead" if micro.low > 0 else "behind" if micro.high < 0 else "level"
    kinds = ["few"] if sessions < FEW_SESSIONS else [kind]
    if kinds == ["ahead"] and macro.high < 0:
        kinds.append("rare_worse")
    if kinds == ["behind"] and macro.low > 0:
        kinds.append("rare_better")
    return [
        view.say(
            "v_" + each,
            new=new,
            old=old,
            micro=micro,
            macro=macro,
            n=found.rows,
            sessions=sessions,
            least=FEW_SESSIONS,
        )
        for each in kinds
    ]


def _score(view: View) -> str:
    figures = view.evaluation.model.figures
    return view.say(
        "v_score",
        model=view.names[0],
        n=figures.rows,
        sessions=view.evaluation.sessions,
        micro=figures.micro,
        macro=figures.macro,
        leaves=sum(leaf.support >= MIN_SUPPORT for leaf in figures.leaves),
        least=MIN_SUPPORT,
        group=figures.group,
    )


def _seen(view: View) -> list[str]:
    seen = view.evaluation.seen
    if seen is None:
        return [str(view.words["v_seen_unknown"])]
    return [view.say("v_seen", hits=seen.hits, n=seen.n, share=f"{seen:.1%}")] if seen.hits else []


def _certain(view: View) -> str:
    found = view.evaluation.model.certainty
    if not found.cutoff:
        return view.say("v_never_uncertain", wrong=f"{found.wrong_of_all:.1%}", n=found.wrong_of_all.n)
    if not found.wrong.n:
        return view.say("v_all_uncertain", n=found.flagged.n)
    return view.say(
        "v_uncertain",
        flagged=f"{found.flagged:.1%}",
        n=found.flagged.n,
        wrong=f"{found.wrong:.1%}",
        kept=found.wrong.n,
        promised=_promise(found, view),
    )


def _promise(found: Certainty, view: View) -> str:
    if not found.promised:
        return ""
    key = "v_broken" if found.wrong.low > found.promised else "v_promised"
    return view.say(key, risk=f"{found.promised:.1%}")


def _calibration(view: View) -> str:
    found, lean = view.evaluation.model.calibration.first_leaf, view.evaluation.model.lean
    too_sure = lean.low > 0 and view.evaluation.sessions >= FEW_SESSIONS
    return view.say("v_too_sure" if too_sure else "v_not_too_sure", error=found.error, lean=lean, n=found.n)


def _pairs(view: View) -> list[str]:
    passed = view.evaluation.model.pairs_passed
    if not passed.n:
        return []
    return [view.say("v_pairs", hits=passed.hits, n=passed.n, share=f"{passed:.0%}")]


def _weak_leaves(view: View) -> list[str]:
    known = [f for f in view.evaluation.model.figures.leaves if f.support >= FEW_LEAF_ROWS]
    if not known:
        return []
    weakest = sorted(known, key=lambda f: f.f1.value)[:MOST_NAMED]
    named = [view.say("v_leaf", leaf=view.leaf(f.leaf), f1=f"{f.f1:.2f}", n=f.support) for f in weakest]
    return [view.say("v_weak_leaves", least=FEW_LEAF_ROWS, leaves=view.words["comma"].join(named))]


def _confusion(view: View) -> list[str]:
    found = next((c for c in view.evaluation.model.confusions if c.instead != NOTHING), None)
    if found is None:
        return []
    missed, instead = view.leaf(found.missed), view.leaf(found.instead)
    return [
        view.say(
            "v_confusion",
            missed=missed,
            instead=instead,
            hits=found.share.hits,
            n=found.share.n,
            share=f"{found.share:.0%}",
        )
    ]


def _weak_slice(view: View) -> list[str]:
    model = view.evaluation.model
    tried = [s for s in model.slices if s.n >= FEW]
    weak = [s for s in tried if s.micro.high < model.figures.micro.value]
    if not weak:
        return []
    worst = min(weak, key=lambda s: s.micro.value)
    name = slice_name(view, worst)
    return [view.say("v_weak_slice", slice=name, micro=worst.micro, n=worst.n, slices=len(tried))]


def _next_hour(view: View) -> list[str]:
    schooling = view.evaluation.schooling
    if schooling is None:
        return []
    curve = schooling.curve
    gains = view.say(
        "v_gains",
        hour=f"{curve.an_hour:+.4f}",
        per_hour=ROWS_AN_HOUR,
        doubling=f"{curve.doubling:+.3f}",
        last=f"{curve.last:+.3f}",
        rows=schooling.rows,
        n=curve.n,
    )
    named = view.words["comma"].join(
        view.say(
            "v_wanted_leaf",
            leaf=view.leaf(leaf.leaf),
            rows=leaf.train_rows,
            f1=f"{leaf.f1:.2f}",
            n=leaf.support,
        )
        for leaf in schooling.wanted[:MOST_NAMED]
    )
    wanted = view.say("v_wanted", leaves=named) if named else ""
    return [view.say("v_next_" + curve.next_hour, gains=gains, wanted=wanted)]


def slice_name(view: View, part: Slice) -> str:
    """What a slice is called, such as "长度 01-04"."""
    value = view.words["values"].get(part.value, part.value)
    return f"{view.words['dimensions'][part.dimension]} {value}"
