"""The page on which one message is labelled: its bubbles on the left, the leaves on the right.

page = message_page(load("attention"), first=("price_inquiry", "stock_availability"), retired={})

Label Studio gives keys to the boxes of a Choices tag and none to a Taxonomy tag. So every leaf is a box too,
the nine with a key on top and the others by group; an answer is what is ticked or picked in either.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape

from xundan.labeling.studio.config_parts import (
    LEAVES,
    OBJECT,
    QUICK,
    Element,
    distinct,
    doubts,
    element,
    heading,
    hint,
    key_help,
    model_line,
    no_key,
    page,
    tree_of,
)
from xundan.taxonomy.trees import Taxonomy

HOTKEYS = "123456789"
SEEN_AT_ONCE = 120
"""With more leaves than this only the nine and those that are ticked are seen; the tree has the others."""


def message_page(taxonomy: Taxonomy, first: Sequence[str], retired: Mapping[str, str]) -> Element:
    """The page as XML. ``first``: the leaves with the keys 1 to 9; ``retired``: see `tree_of`."""
    root = page("page", "message")
    left = element("View", root, className="xd-read")
    element("HyperText", left, name=OBJECT, value="$dialogue", inline="true", selectionEnabled="false")
    right = element("View", root, className="xd-answer")
    heading(right, "这句话在说什么", "可多选；数字键勾选，再按一次取消；停在一类上看定义和「不含」")
    many = " xd-many" if len(taxonomy.leaves) > SEEN_AT_ONCE else ""
    quick = element("View", right, className=f"xd-quick{many}")
    quick.append(_boxes(taxonomy, first, retired))
    model_line(right)
    last = element("View", right, className="xd-last")
    last.append(tree_of(taxonomy, LEAVES, placeholder="按名称搜索分类", retired=retired))
    last.append(doubts())
    key_help(right)
    return root


def _boxes(taxonomy: Taxonomy, first: Sequence[str], retired: Mapping[str, str]) -> Element:
    # The value is what no leaf has as its id: Label Studio looks for an answer's id in values too, and takes
    # a value with a $ in front for a name of the task's data.
    choices = element("Choices", None, name=QUICK, toName=OBJECT, choice="multiple", showInline="true")
    names = dict(zip([leaf.id for leaf in taxonomy.leaves], distinct(taxonomy.leaves), strict=True))
    nine = element("View", choices, className="xd-nine")
    for key, leaf_id in zip(HOTKEYS, first, strict=False):
        shown = f"<i>{key}</i>{escape(names[leaf_id])}"
        told = {"html": shown, "hotkey": key, "hint": hint(taxonomy, taxonomy.leaf(leaf_id))}
        element("Choice", nine, value=f"·{leaf_id}", alias=leaf_id, **told)
    keyless = map(no_key, itertools.count())
    for group in taxonomy.groups:
        others = [leaf for leaf in group.leaves if leaf.id not in first]
        row = _row(choices, group.name) if others else choices
        for leaf in others:
            told = {"html": escape(names[leaf.id]), "hotkey": next(keyless), "hint": hint(taxonomy, leaf)}
            element("Choice", row, value=f"·{leaf.id}", alias=leaf.id, **told)
    row = _row(choices, "已停用") if retired else choices
    for leaf_id, name in retired.items():
        told = {"html": escape(name), "hotkey": next(keyless)}
        element("Choice", row, value=f"·{leaf_id}", alias=leaf_id, **told)
    return choices


def _row(choices: Element, name: str) -> Element:
    """A line of the boxes: the group's name, and the place for its leaves."""
    line = element("View", choices, className="xd-group")
    element("Header", line, value=name, size="6")
    return element("View", line, className="xd-row")
