"""Write the loss part of the page for one shop: ladder, Pareto and its table, evidence, heat map.

html = loss_part(facts, view, at=0, settings=Settings())
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from xundan.inference.loss.cost import Stake
from xundan.inference.loss.evidence import Evidence
from xundan.inference.loss.ladder import Ladder, Leavers, Rung, Tally
from xundan.inference.report.loss_charts import why_id
from xundan.inference.report.loss_facts import Case, LossFacts
from xundan.inference.report.loss_people import recover_panel, silent_panel
from xundan.inference.report.scopes import View, cell, percent, points
from xundan.inference.report.sections import table
from xundan.inference.report.tallies import Reason, share
from xundan.inference.report.texts import limits
from xundan.settings import Settings

FIRST_ROWS = 12
_STAKE_HEADS = (
    "reason",
    "lost_sessions",
    "amount_head",
    "strength",
    "department",
    "recoverable",
    "of_inquiries_head",
)
_LADDER_HEADS = (
    "step",
    "entered",
    "people",
    "yuan",
    "goes_on",
    "lost_here",
    "lost_people",
    "lost_yuan",
    "where_to",
)


def loss_part(facts: LossFacts, view: View, at: int, settings: Settings) -> str:
    """Return all about the losses of a shop, the choice ``at`` of the selector, or why there is nothing."""
    words, recover = view.words, recover_panel(facts, view)
    if missing := _nothing(facts, view):
        return f'<div class="panel">{missing}</div>{recover if facts.buyers else ""}'
    return (
        f"{_ladder_panel(facts.ladder, view)}{_stake_panel(facts, view, at)}"
        f'<div class="panel"><h3>{cell(words["heat"])}</h3>'
        f'<div class="scroll"><div class="plot wide" id="heat-{at}"></div></div></div>'
        f"{silent_panel(facts, view, settings.limits)}{recover}{''.join(_whys(facts, view, at))}"
    )


def _nothing(facts: LossFacts, view: View) -> str | None:
    """Return why a shop has no losses to show, or None where it has some."""
    words = view.words
    if facts.reasons:
        return None
    if facts.mature:
        return f"<h3>{cell(words['no_lost'].format(n=facts.mature))}</h3>"
    if facts.waiting:
        return f"<h3>{cell(words['all_open'])}</h3>"
    return f"<h3>{cell(words['no_orders'])}</h3><p>{cell(words['no_orders_hint'])}</p>"


def yuan(value: float | Decimal) -> str:
    """Return an amount as text in whole yuan, such as ¥1,234."""
    return f"¥{value:,.0f}"


def _ladder_panel(steps: Ladder, view: View) -> str:
    words, first = view.words, steps.rungs[0].entered
    notes = [
        words["ladder_money"].format(
            yuan=yuan(first.yuan), estimated=yuan(first.estimated), unpriced=f"{first.unpriced:,}"
        )
    ]
    if first.nameless:
        notes.append(words["nameless_note"].format(n=f"{first.nameless:,}"))
    notes += [words[why] for _, why in steps.left_out]
    lines = [_ladder_line(rung, max(first.sessions, 1), view) for rung in steps.rungs]
    lost = sum((rung.lost for rung in steps.rungs), start=Tally())
    lines.append([cell(words["lost_total"]), *[""] * 4, *_losses(lost), ""])
    return (
        f'<div class="panel ladder"><h3>{cell(words["ladder_head"])}</h3>'
        f'<p class="hint">{cell(words["ladder_hint"])}</p>{table(view, _LADDER_HEADS, lines)}'
        f'<p class="small">{cell(" ".join(notes))}</p></div>'
    )


def _ladder_line(rung: Rung, most: int, view: View) -> list[str]:
    entered, lost = rung.entered, rung.lost
    bar = f'<i class="bar" style="width:{entered.sessions / most * 100:.1f}%"></i>'
    left, goes_on = view.words["comma"].join(_left(one, view) for one in rung.left), "—"
    if rung.goes_on:
        value, low, high = rung.goes_on
        goes_on = f"{percent(value)} <small>[{percent(low)}, {percent(high)}]</small>"
    return [
        cell(view.words[f"step_{rung.step}"]),
        f'<span class="measure">{bar}</span>{entered.sessions:,}',
        f"{entered.people:,}",
        yuan(entered.yuan),
        goes_on,
        *_losses(lost),
        f'<span class="wrap">{cell(left) or "—"}</span>',
    ]


def _losses(lost: Tally) -> list[str]:
    """Return lost sessions, people and yuan as cells."""
    if not lost.sessions:
        return ["—"] * 3
    shown = (f"{lost.sessions:,}", f"{lost.people:,}", yuan(lost.yuan))
    return [f'<b class="lost">{value}</b>' for value in shown]


def _left(leavers: Leavers, view: View) -> str:
    """Return who left in words: reason, sessions and, where it is no loss, what else it is."""
    reason = view.words.get(f"left_{leavers.reason}", leavers.reason)
    name = f"{reason} {leavers.count.sessions:,}"
    same = reason == view.words[f"kind_{leavers.kind}"]
    if leavers.kind == "lost" or same:
        return name
    return view.words["noted"].format(name=name, note=view.words[f"kind_{leavers.kind}"])


def _stake_panel(facts: LossFacts, view: View, at: int) -> str:
    words, stakes = view.words, facts.stakes
    choices = [("sessions", words["by_sessions"])] + ([] if stakes.why_not else [("yuan", words["by_yuan"])])
    options = "".join(f'<option value="{key}">{cell(name)}</option>' for key, name in choices)
    notes = [words[f"why_{stakes.why_not}"]] if f"why_{stakes.why_not}" in words else []
    if stakes.price_sources:
        notes.append(
            words["prices_line"].format(**{source: f"{n:,}" for source, n in stakes.price_sources.items()})
        )
    listed = "".join(f"<li>{cell(line)}</li>" for line in limits(view.lang))
    causal = f'<span class="causal">{cell(words["causal_no"])}</span>'
    return (
        f'<div class="panel"><h3>{cell(words["pareto"])} {causal}</h3>'
        f'<p class="hint">{cell(words["correlation_hint"])} {cell(words["click_hint"])}</p>'
        f'<div class="controls"><label>{cell(words["pareto_by"])}'
        f'<select data-pareto="{at}">{options}</select></label></div>'
        f'<div class="scroll"><div class="plot wide" id="pareto-{at}"></div></div>'
        f'{_stake_table(facts, view, at)}<p class="small">{cell(" ".join(notes))}</p>'
        f"<details><summary>{cell(words['limits_head'])} <small>{cell(words['causal_no'])}</small></summary>"
        f'<ul class="method">{listed}</ul></details></div>'
    )


def _stake_table(facts: LossFacts, view: View, at: int) -> str:
    """Return the loss points by sessions, the most frequent first, with their sum."""
    worth = {stake.node: stake for stake in facts.stakes.leaves}
    lines = [_stake_line(one, worth[one.leaf], view, why_id(at, facts, one.leaf)) for one in facts.reasons]
    lost = sum(reason.sessions for reason in facts.reasons)
    total = facts.stakes.total
    of_all = _interval(share(lost, facts.mature))
    amount = _amount(total, view) if total else "—"
    sum_line = [cell(view.words["total"]), f"{lost:,} <small>100%</small>", amount, "", "", "", of_all]
    rest = len(lines) - FIRST_ROWS
    if rest <= 0:
        return table(view, _STAKE_HEADS, [*lines, sum_line])
    more = cell(view.words["more_rows"].format(n=rest))
    left = sum(reason.sessions for reason in facts.reasons[FIRST_ROWS:])
    rest_line = [more, f"{left:,} <small>{percent(left / lost)}</small>", *[""] * 5]
    folded = f"<details><summary>{more}</summary>{table(view, _STAKE_HEADS, lines[FIRST_ROWS:])}</details>"
    return table(view, _STAKE_HEADS, [*lines[:FIRST_ROWS], rest_line, sum_line]) + folded


def _stake_line(reason: Reason, stake: Stake, view: View, why: str) -> list[str]:
    leaf = view.leaf("loss", reason.leaf)
    name = cell(view.name("loss", reason.leaf))
    return [
        f'<button type="button" class="why" data-why="{why}" aria-haspopup="dialog">{name}</button>',
        f"{reason.sessions:,} <small>{percent(reason.of_lost[0])}</small>",
        _amount(stake, view),
        _strength(stake.evidence, view),
        cell(view.department(leaf) if leaf else ""),
        cell(view.ease(leaf) if leaf else ""),
        _interval(reason.of_inquiries),
    ]


def _amount(stake: Stake, view: View) -> str:
    unpriced = view.words["unpriced_note"].format(n=f"{stake.unpriced:,}") if stake.unpriced else ""
    note = f"<br><small>{cell(unpriced)}</small>" if unpriced else ""
    if stake.amount is None or stake.low is None or stake.high is None:
        return f"—{note}"
    return f"{yuan(stake.amount)} <small>[{stake.low:,.0f}, {stake.high:,.0f}]</small>{note}"


def _strength(evidence: Evidence, view: View) -> str:
    """Return how strong the evidence is, and what that means, in words."""
    meaning = view.words.get(f"means_{evidence.why or evidence.strength}", "")
    name = view.words[f"strength_{evidence.strength}"]
    return f'<span class="verdict {evidence.strength}">{cell(name)}</span> <small>{cell(meaning)}</small>'


def _interval(value: tuple[float, float, float]) -> str:
    return f"{percent(value[0])} <small>[{percent(value[1])}, {percent(value[2])}]</small>"


def _whys(facts: LossFacts, view: View, at: int) -> Iterator[str]:
    """Return for each loss point what its dialog shows: definition, comparison, messages."""
    worth = {stake.node: stake for stake in facts.stakes.leaves}
    for reason in facts.reasons:
        parts = [f"<h3>{cell(view.name('loss', reason.leaf))}</h3>", _definition(reason.leaf, view)]
        parts += [comparison(worth[reason.leaf].evidence, view)]
        parts += [_cases(facts.cases.get(reason.leaf, ()), facts.why, view)]
        yield f'<template id="{why_id(at, facts, reason.leaf)}">{"".join(parts)}</template>'


def _definition(leaf_id: str, view: View) -> str:
    leaf = view.leaf("loss", leaf_id)
    if leaf is None:
        return ""
    words, comma = view.words, view.words["comma"]
    rows = [
        ("meaning", leaf.definition),
        ("included", comma.join(leaf.includes)),
        ("excluded", comma.join(one.text for one in leaf.excludes)),
        ("department", view.department(leaf)),
    ]
    return (
        "<dl>"
        + "".join(f"<dt>{cell(words[key])}</dt><dd>{cell(text)}</dd>" for key, text in rows if text)
        + "</dl>"
    )


def comparison(evidence: Evidence, view: View) -> str:
    """Return the comparison behind the strength of evidence: won share with the sign less that without."""
    words, text = view.words, ""
    if evidence.gap and evidence.sign:
        tree, sign = evidence.sign
        gap = evidence.gap
        text = words["compared_line"].format(
            sign=view.name("attention", sign) if tree == "attention" else words[f"sign_{sign}"],
            gap=points(-gap.gap),
            low=points(-gap.high),
            high=points(-gap.low),
            n_with=f"{gap.n_with:,}",
            n_without=f"{gap.n_without:,}",
            causal=words["causal_no"],
        )
    said = f'<p class="small">{cell(text)}</p>' if text else ""
    return f'<p class="label">{cell(words["strength"])}</p><p>{_strength(evidence, view)}</p>{said}'


def _cases(cases: Sequence[Case], why: Mapping[str, str], view: View) -> str:
    """Return up to three sessions, each with why it was lost, then its evidence in the order said."""
    words = view.words
    if not cases:
        return f'<p class="small">{cell(words["no_evidence"])}</p>'
    shown = []
    for case in cases:
        said = "".join(
            f"<li><small>{cell(words.get('role_' + role, role))}</small> <q>{cell(text)}</q> "
            f"<cite><code>{cell(message_id)}</code></cite></li>"
            for role, text, message_id in case.messages
        )
        where = f"{cell(case.day)} · {cell(view.shop(case.shop))} · <code>{cell(case.session_id)}</code>"
        reason = f"<p>{cell(why[case.session_id])}</p>"
        shown.append(f'<p class="where">{where}</p>{reason}<ul class="quotes">{said}</ul>')
    return f'<p class="label">{cell(words["evidence_sessions"])}</p>{"".join(shown)}'
