"""Write about the buyers of a shop that left: the silent ones taken apart, and who can still be won back.

html = silent_panel(facts, view, limits) + recover_panel(facts, view)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from xundan.inference.loss.recover import DAYS, GRADES, Buyer
from xundan.inference.loss.silent import Part, Silence, Split
from xundan.inference.report.loss_facts import LossFacts
from xundan.inference.report.scopes import View, cell, percent
from xundan.inference.report.sections import table
from xundan.settings import Limits

FIRST_LEVELS = 8
FIRST_BUYERS = 15
_BUYER_HEADS = (
    "grade",
    "session_id",
    "shop_head",
    "agent",
    "item",
    "last_attention_head",
    "recover_amount",
    "follow_up_head",
    "why_listed",
)


def silent_panel(facts: LossFacts, view: View, limits: Limits) -> str:
    """Return one small table a fact: what silent sessions had, beside won ones, each with n and interval."""
    words, silence = view.words, facts.silence
    head = f"<h3>{cell(words['silent_head'])}</h3>"
    if not silence.of_lost or not silence.n:
        return f'<div class="panel">{head}<p>{cell(words["silent_none"])}</p></div>'
    value, low, high = (percent(bound) for bound in silence.of_lost)
    hint = words["silent_hint"].format(
        n=f"{silence.n:,}",
        share=value,
        low=low,
        high=high,
        lost=f"{silence.lost:,}",
        won=f"{silence.n_won:,}",
        causal=words["causal_no"],
    )
    parts = groupby(silence.splits, key=lambda split: split.fact)
    tables = "".join(_fact_table(fact, list(splits), silence, view, limits) for fact, splits in parts)
    return (
        f'<div class="panel">{head}<p class="hint">{cell(hint)}</p>'
        f'<div class="facts-grid">{tables}</div></div>'
    )


def _fact_table(fact: str, splits: Sequence[Split], silence: Silence, view: View, limits: Limits) -> str:
    words, compared = view.words, splits[0].won is not None
    heads = [words["level"], words["silent_share"].format(n=f"{silence.n:,}")]
    heads += [words["won_share_of"].format(n=f"{silence.n_won:,}")] if compared else []
    lines = []
    for split in splits:
        if (split.fact, split.level) == (
            "reply",
            "medium",
        ) and limits.slow_response_s >= limits.first_response_s:
            continue  # with these limits no answer is neither quick nor slow
        line = [cell(_level(split, view, limits)), _part(split.silent)]
        lines.append([*line, _part(split.won)] if split.won else line)
    more = ""
    if rest := lines[FIRST_LEVELS:]:
        summary = cell(words["more_levels"].format(n=len(rest)))
        more = f"<details><summary>{summary}</summary>{_plain_table(heads, rest)}</details>"
    shown = _plain_table(heads, lines[:FIRST_LEVELS])
    return f"<div><h4>{cell(words['fact_' + fact])}</h4>{shown}{more}</div>"


def _level(split: Split, view: View, limits: Limits) -> str:
    if split.fact == "last_attention":
        return view.name("attention", split.level) if split.level else view.words["no_attention"]
    first = max(limits.first_response_s, limits.slow_response_s)
    return view.words[f"{split.fact}_{split.level}"].format(
        slow=f"{limits.slow_response_s:g}", first=f"{first:g}"
    )


def _part(part: Part) -> str:
    return f"{percent(part.share)} <small>{part.hits:,} · [{percent(part.low)}, {percent(part.high)}]</small>"


def _plain_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table with heads that are texts already; the cells are HTML."""
    head = "".join(f"<th>{cell(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in line) + "</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def recover_panel(facts: LossFacts, view: View) -> str:
    """Return how many buyers can still be won, by grade, and the first of them; nothing says who they are."""
    words, buyers = view.words, facts.buyers
    head = f"<h3>{cell(words['recover_head'])}</h3>"
    if not buyers or facts.now is None:
        return f'<div class="panel">{head}<p>{cell(words["recover_none"])}</p></div>'
    counts = Counter(buyer.grade for buyer in buyers)
    chips = "".join(
        f'<span class="grade {grade}">{grade} <b>{counts[grade]:,}</b></span>' for grade in GRADES
    )
    hint = words["recover_hint"].format(days=DAYS, now=f"{facts.now:%Y-%m-%d %H:%M}")
    shown = words["recover_shown"].format(shown=min(len(buyers), FIRST_BUYERS), n=f"{len(buyers):,}")
    lines = [_buyer_line(buyer, view) for buyer in buyers[:FIRST_BUYERS]]
    return (
        f'<div class="panel">{head}<p class="hint">{cell(hint)}</p><p class="grades">{chips}</p>'
        f'<p class="small">{cell(words["recover_rules"])}</p>{table(view, _BUYER_HEADS, lines)}'
        f'<p class="small">{cell(shown)}</p></div>'
    )


def _buyer_line(buyer: Buyer, view: View) -> list[str]:
    words = view.words
    source = cell(words[f"amount_{buyer.amount_from}"])
    amount = f"<small>{source}</small>"
    if buyer.amount is not None:
        amount = f"¥{buyer.amount:,.0f} {amount}"
    topic = view.name("attention", buyer.last_attention) if buyer.last_attention else "—"
    signs = words["comma"].join(words[f"sign_{sign}"] for sign in buyer.signs) or "—"
    return [
        f'<span class="grade {buyer.grade}">{buyer.grade}</span>',
        f"<code>{cell(buyer.session_id)}</code>",
        cell(view.shop(buyer.shop)),
        cell(buyer.agent or words["no_agent"]),
        f"<code>{cell(buyer.item_id)}</code>" if buyer.item_id else "—",
        cell(topic),
        amount,
        f"{buyer.follow_up_at:%m-%d %H:%M}<br><small>{cell(words['follow_' + buyer.follow_up])}</small>",
        f'<span class="wrap">{cell(signs)}</span>',
    ]
