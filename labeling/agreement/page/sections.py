"""The tables of the page: totals, leaves, people, confusions with examples, votes, how tasks are settled.

html = leaf_table(view)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from xundan.chats.text import ROLE_MARKS
from xundan.labeling.agreement.confusion import NOTHING, Confused, Example
from xundan.labeling.agreement.page.markup import figure_cell, share_cell
from xundan.labeling.agreement.page.view import View, is_few
from xundan.labeling.agreement.speed import Speed
from xundan.page import Cell, Line, cell, count, folded, table, text

_TURNS_SHOWN = 6
_FIRST = 10  # confusions that are seen at once


def total_table(view: View) -> str:
    """Alpha, F1 and the share of equal answers over all."""
    found = view.found
    figures = [("alpha_sessions", found.primary), ("alpha_sets", found.alpha), ("micro", found.micro)]
    lines = [
        Line([cell(view.words[key]), figure_cell(figure), count(figure.sessions)], is_few(figure))
        for key, figure in [*figures, ("same", found.same)]
        if figure is not None
    ]
    return table(_heads(view, "measure", "value", "sessions"), lines)


def count_table(view: View) -> str:
    """Where every annotation went, and how every task is settled; both add up."""
    counts = asdict(view.found.votes.counts)
    total = counts.pop("annotations")
    words = view.words["counts"]
    answers = [Line([cell(words[key]), count(n)]) for key, n in counts.items()]
    answers.append(Line([cell(view.words["sum"]), count(total)]))
    settled = [Line([cell(view.words["settled"][key]), count(n)]) for key, n in view.found.settled.items()]
    settled.append(Line([cell(view.words["sum"]), count(len(view.found.votes.tasks))]))
    tables = (
        table(_heads(view, "answer_kind", "answers"), answers),
        table(_heads(view, "settled_how", "tasks"), settled),
    )
    return f'<div class="beside">{"".join(tables)}</div>'


def leaf_table(view: View) -> str:
    """Alpha and F1 of every leaf somebody chose."""
    lines = [
        Line(
            [
                cell(view.leaf(one.leaf)),
                figure_cell(one.f1, bar=True),
                figure_cell(one.alpha),
                count(one.answers),
            ],
            is_few(one.f1),
        )
        for one in view.found.leaves
    ]
    return table(_heads(view, "leaf", "f1", "alpha", "answers"), lines)


def pair_table(view: View) -> str:
    """How every two people agree; their weakest leaves on a click."""
    lines = []
    for pair in view.found.pairs:
        worst = sorted(pair.leaves.items(), key=lambda item: (item[1].value, -item[1].n))
        inner = table(
            _heads(view, "leaf", "f1"),
            [Line([cell(view.leaf(leaf)), figure_cell(f1)], is_few(f1)) for leaf, f1 in worst],
        )
        lines.append(
            Line(
                [
                    cell(f"{pair.one} — {pair.other}"),
                    count(pair.tasks),
                    figure_cell(pair.micro, bar=True),
                    figure_cell(pair.same),
                    Cell(folded(view.say("n_leaves", n=len(worst)), inner)),
                ],
                is_few(pair.micro),
            )
        )
    return table(_heads(view, "people", "tasks", "micro", "same", "by_leaf"), lines)


def confusion_table(view: View) -> str:
    """The leaves taken for each other most often, each with its first examples."""
    lines = [
        Line(
            [
                cell(view.leaf(one.one)),
                cell(view.words["nothing"] if one.other == NOTHING else view.leaf(one.other)),
                share_cell(one.share, one.hits),
                Cell(_examples(one, view)),
            ],
            is_few(one.share),
        )
        for one in view.found.confused
    ]
    heads, rest = _heads(view, "leaf", "other_leaf", "confused_share", "examples"), lines[_FIRST:]
    more = folded(view.say("more_rows", n=len(rest)), table(heads, rest)) if rest else ""
    return table(heads, lines[:_FIRST]) + more


def people_table(view: View) -> str:
    """Everyone's speed, doubts and agreement with the others."""
    lines = [_person(one, view) for one in view.found.speeds]
    heads = ("person", "answers", "seconds", "per_hour", "agrees", "unsure", "unreadable", "empty", "changed")
    return table(_heads(view, *heads), lines)


def vote_table(view: View) -> str:
    """What three or more votes come to; empty where no task has so many."""
    found = view.found.polled
    if not found.tasks:
        return ""
    rows = (("votes_alike", found.alike), ("votes_unlike", found.unlike), ("votes_split", found.split))
    lines = [Line([cell(view.words[key]), count(n)]) for key, n in (*rows, ("sum", found.tasks))]
    return table(_heads(view, "votes_end", "tasks"), lines)


def _person(one: Speed, view: View) -> Line:
    if math.isnan(one.median):
        seconds, hour = Cell("— <small>n=0</small>", -1), Cell("—", -1)
    else:
        note = f"<small>[{one.low:.1f}, {one.high:.1f}] n={one.timed:,}</small>"
        seconds, hour = (
            Cell(f"{one.median:.1f} {note}", one.median),
            Cell(f"{one.per_hour:,.0f}", one.per_hour),
        )
    agrees = view.found.by_person.get(one.by)
    figure = Cell("—", -2) if agrees is None else figure_cell(agrees, bar=True)
    kinds = [count(n) for n in (one.unsure, one.unreadable, one.empty, one.changed)]
    return Line([cell(one.by), count(one.answers), seconds, hour, figure, *kinds])


def _examples(one: Confused, view: View) -> str:
    """The first example, the others on a click."""
    shown = [_example(example, view) for example in one.examples]
    rest = "".join(shown[1:])
    return shown[0] + (folded(view.say("more_examples", n=len(shown) - 1), rest) if rest else "")


def _example(example: Example, view: View) -> str:
    """The message with its turns folded before it, or a folded session, and the two answers."""
    task = view.found.votes.tasks[example.key]
    marks = {role: mark[1] for role, mark in ROLE_MARKS.items()}
    turns = [f"{marks.get(turn.role, '')}：{turn.text}" for turn in task.turns]
    shown = turns if task.is_session else turns[-_TURNS_SHOWN:]
    context = "".join(f'<div class="turn">{text(turn)}</div>' for turn in shown)
    before = folded(view.words["session" if task.is_session else "context"], context) if context else ""
    said = view.say("example", one=view.leaves(example.leaves), other=view.leaves(example.others))
    told = f"<div>{text(task.text)}</div>" if task.text else ""
    return f'<div class="example">{told}{before}<div class="turn">{text(said)}</div></div>'


def _heads(view: View, *keys: str) -> Sequence[str]:
    return [str(view.words["heads"][key]) for key in keys]
