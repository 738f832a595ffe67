"""The labeling guideline in Chinese: what each leaf holds, and how disputes about it were decided.

text = render(entries(load("attention"), rulings(store, load("attention"))), taxonomy)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from xundan.chats.masking import mask
from xundan.chats.text import ROLE_MARKS
from xundan.labeling.agreement.votes import Vote, read_votes, standing_decisions
from xundan.labeling.records import Decision, Task
from xundan.labeling.store import Store
from xundan.settings import SHANGHAI
from xundan.taxonomy.trees import Leaf, Taxonomy

MESSAGE_RULES = (
    "只标这一条消息在说什么；上文只用来看懂它，不单独标。",
    "一条消息同时说了几件事，就选几个叶子；至少选一个，业务类的优先于寒暄类的。",
    "先看「含」和「不含」：「不含」后面的箭头指向该归的叶子。几个都像时，选最具体、字面证据最直接的。",
)
SESSION_RULES = (
    "看完整通会话和订单事件，选一个主要流失点；确有其他原因时再选次要的，最多两个。",
    "依据的次序：买家明说的理由，订单与付款的事实，客服的回应与时间，最后才是推断。",
    "标出会话停在哪个环节，并勾出支撑主要流失点的消息。",
)
COMMON_RULES = (
    "看得懂但拿不准归哪类：能选的先选上，再点「不确定」，会有人复核。",
    "乱码、缺上下文、看不出在说什么：点「看不懂」，不用选叶子。",
    "「裁定」是有争议的例子复核后定下的口径：遇到类似的照此标，与定义不一致时以裁定为准。",
)
SHOWN_RULINGS = 10
"""Rulings listed under a leaf: the latest; how many there are in all is said."""
_TURNS = 2
_SESSION_TURNS = 4
_MARKS = {role: f"{mark[1]}:" for role, mark in ROLE_MARKS.items()}

Entry = Mapping[str, object]
"""What the guideline says about a leaf: plain data, so that two versions can be compared."""


@dataclass(frozen=True)
class Ruling:
    """A dispute that was decided: the leaves, the masked example, what else people had said, and why."""

    leaves: tuple[str, ...]
    example: str
    others: tuple[tuple[str, ...], ...]
    reason: str
    at: datetime


def rulings(store: Store, taxonomy: Taxonomy) -> list[Ruling]:
    """The decisions on a tree's tasks that give a reason, oldest first; example and reason masked."""
    votes = read_votes(store, taxonomy.tree)
    found = [
        _ruling(one, votes.tasks[one.key], votes.labels(one.key))
        for one in standing_decisions(store)
        if one.key in votes.tasks and one.reason.strip() and one.leaves
    ]
    return sorted(found, key=lambda one: (one.at, one.example))


def entries(taxonomy: Taxonomy, decided: Sequence[Ruling]) -> dict[str, Entry]:
    """What is said of each leaf, by its id, in the tree's order; a ruling stands under its first leaf that
    the taxonomy has, and under none where it has none of them."""
    under: dict[str, list[Ruling]] = {leaf.id: [] for leaf in taxonomy.leaves}
    for ruling in decided:
        home = next((leaf for leaf in ruling.leaves if leaf in under), None)
        if home is not None:
            under[home].append(ruling)
    return {leaf.id: _entry(leaf, taxonomy, under[leaf.id]) for leaf in taxonomy.leaves}


def rules_of(tree: str) -> tuple[str, ...]:
    """What holds for every leaf: of sessions where the tree is loss, else of messages."""
    return (*(SESSION_RULES if tree == "loss" else MESSAGE_RULES), *COMMON_RULES)


def render(said: Mapping[str, Entry], taxonomy: Taxonomy, title: str, changes: Sequence[str] = ()) -> str:
    """The guideline as Markdown; ``title`` is the line below its heading, ``changes`` the log at its end."""
    lines = [f"# 标注规程：{taxonomy.tree}", "", title, "", "## 通则", ""]
    lines += [f"{number}. {rule}" for number, rule in enumerate(rules_of(taxonomy.tree), 1)]
    for group in taxonomy.groups:
        lines += ["", f"## {group.name}"]
        for leaf in group.leaves:
            lines += ["", f"### {leaf.name} `{leaf.id}`", "", *_leaf_lines(said[leaf.id])]
    if changes:
        lines += ["", "## 改动", "", *changes]
    return "\n".join(lines) + "\n"


def listed(entry: Entry, part: str) -> list[str]:
    """A part of an entry that is a list (含, 不含, 例, 裁定)."""
    values = entry[part]
    assert isinstance(values, list)
    return values


def _ruling(decision: Decision, task: Task, said: Sequence[Vote]) -> Ruling:
    chosen = set(decision.leaves)
    others = {vote.leaves for vote in said if set(vote.leaves) != chosen}
    reason = mask(" ".join(decision.reason.split()))  # on one line, as it stands in a list
    return Ruling(decision.leaves, _example(task), tuple(sorted(others)), reason, decision.at)


def _example(task: Task) -> str:
    """The message with its last turns before it, or the end of a session, on one line."""
    turns = [f"{_MARKS[turn.role]}{turn.text}" for turn in task.turns]
    shown = turns[-_SESSION_TURNS:] if task.is_session else [*turns[-_TURNS:], f"【{task.text}】"]
    return mask(" ".join(" ".join(shown).split()))


def _entry(leaf: Leaf, taxonomy: Taxonomy, decided: Sequence[Ruling]) -> Entry:
    known = {leaf.id for leaf in taxonomy.leaves} | {group.id for group in taxonomy.groups}
    elsewhere = [
        f"{one.text} → {taxonomy.name_of(one.neighbour)}"
        if one.neighbour is not None and one.neighbour in known
        else one.text
        for one in leaf.excludes
    ]
    return {
        "名称": leaf.name,
        "定义": leaf.definition,
        "含": list(leaf.includes),
        "不含": elsewhere,
        "例": list(leaf.examples),
        "裁定": [_said(ruling, taxonomy) for ruling in decided],
    }


def _said(ruling: Ruling, taxonomy: Taxonomy) -> str:
    others = "；".join(_names(leaves, taxonomy) for leaves in ruling.others)
    instead = f"（有人标：{others}）" if others else ""
    day = ruling.at.astimezone(SHANGHAI).date()
    return f"{ruling.example} ⇒ {_names(ruling.leaves, taxonomy)}{instead}。理由：{ruling.reason}（{day}）"


def _names(leaves: Sequence[str], taxonomy: Taxonomy) -> str:
    """Names of leaves; the id itself where the taxonomy has it no more."""
    known = {leaf.id: leaf.name for leaf in taxonomy.leaves}
    return "、".join(known.get(leaf, leaf) for leaf in leaves)


def _leaf_lines(entry: Entry) -> list[str]:
    lines = [str(entry["定义"])] if entry["定义"] else []
    for part, between in (("含", "、"), ("不含", "；"), ("例", " ｜ ")):
        values = listed(entry, part)
        if values:
            lines.append(f"- **{part}**：{between.join(values)}")
    decided = listed(entry, "裁定")
    if decided:
        more = f"（共 {len(decided)} 条，列最近 {SHOWN_RULINGS} 条）" if len(decided) > SHOWN_RULINGS else ""
        lines.append(f"- **裁定**{more}：")
        lines += [f"  - {one}" for one in decided[-SHOWN_RULINGS:]]
    return lines or ["（尚无说明）"]
