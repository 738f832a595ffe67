"""What both labeling pages are built of: names of the controls, hints, the tree to search, CSS.

tag = tree_of(load("loss"), PRIMARY, placeholder="选一个主要流失点", most=1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from xundan.taxonomy.trees import UNGROUPED, Group, Leaf, Taxonomy

Element = ElementTree.Element

OBJECT = "text"
"""What every control points to: the block with the conversation (messages) or its heading (sessions)."""
LEAVES, QUICK, DOUBT = "leaves", "quick", "doubt"
PRIMARY, SECONDARY, STAGE, EVIDENCE, COMMENT = "primary", "secondary", "stage", "evidence", "comment"
MOST_SECONDARY = 2
UNSURE, UNREADABLE = "不确定", "看不懂"
RETIRED = "_retired"
"""The group that holds leaves which the taxonomy has no more while annotations still name them."""

_DOUBTS = (
    (UNSURE, "0", "看得懂，但拿不准归哪一类：能选的先选上，会有人复核"),
    (UNREADABLE, "-", "乱码、缺上下文、看不出在说什么：不用再选分类"),
)
# Label Studio hands a free key (q, w, e …) to every choice that names none, so that a slip of the finger
# would tick a rare leaf. No keyboard has the keys of the private-use area.
_NO_KEY = 0xE000
_SHOWN_EXAMPLES = 3
_BETWEEN = "␟"  # joins group and leaf inside Label Studio; its own " / " may stand in an id


def element(tag: str, parent: Element | None = None, /, **attributes: str) -> Element:
    """A tag with these attributes, below ``parent`` where one is given."""
    made = ElementTree.Element(tag, attributes)
    if parent is not None:
        parent.append(made)
    return made


def no_key(number: int) -> str:
    """A hotkey that cannot be pressed, another one for each number."""
    return chr(_NO_KEY + number)


def page(*styles: str) -> Element:
    """The outermost block, with these CSS files of this folder."""
    root = element("View", className="xd")
    texts = [Path(__file__).with_name(f"{name}.css").read_text(encoding="utf-8") for name in styles]
    element("Style", root).text = "\n".join(texts)
    return root


def heading(parent: Element, text: str, note: str = "") -> None:
    """A small title over a control; ``note`` stands behind it, paler."""
    line = element("View", parent, className="xd-heading")
    element("Header", line, value=text, size="5")
    if note:
        element("Header", line, value=note, size="6")


def hint(taxonomy: Taxonomy, leaf: Leaf) -> str:
    """What a person sees over a leaf, a line each: definition, 包含, 不含 (and where that belongs), 例."""
    lines = [leaf.definition] if leaf.definition else []
    if leaf.includes:
        lines.append(f"包含：{'、'.join(leaf.includes)}")
    if leaf.excludes:
        lines.append(
            "不含："
            + "；".join(
                f"{entry.text} → {taxonomy.name_of(entry.neighbour)}" if entry.neighbour else entry.text
                for entry in leaf.excludes
            )
        )
    if leaf.examples:
        lines.append("例：" + " / ".join(leaf.examples[:_SHOWN_EXAMPLES]))
    return "\n".join(lines)


def tree_of(
    taxonomy: Taxonomy, name: str, *, placeholder: str, most: int | None = None, retired: Mapping[str, str]
) -> Element:
    """The tree that can be searched, every leaf with its hint; a result is [group id, leaf id].

    ``most``: how many leaves may be chosen. ``retired``: id and name of leaves kept for old annotations.
    """
    limits = {} if most is None else {"maxUsages": str(most)}
    shown = {"leafsOnly": "true", "placeholder": placeholder, "minWidth": "100%", "pathSeparator": _BETWEEN}
    tree = element("Taxonomy", None, name=name, toName=OBJECT, **shown, **limits)
    for group, group_shown in zip(taxonomy.groups, distinct(taxonomy.groups), strict=True):
        plain = group.id == UNGROUPED
        branch = tree if plain else element("Choice", tree, value=group_shown, alias=group.id)
        for leaf, name_shown in zip(group.leaves, distinct(group.leaves), strict=True):
            element("Choice", branch, value=name_shown, alias=leaf.id, hint=hint(taxonomy, leaf))
    if retired:
        branch = element("Choice", tree, value="已停用", alias=RETIRED)
        for leaf_id, leaf_name in retired.items():
            element("Choice", branch, value=leaf_name, alias=leaf_id, hint="这一类已停用，请改选别的")
    return tree


def distinct(nodes: Sequence[Leaf | Group]) -> list[str]:
    """Their names, with the id behind a name that comes twice: Label Studio drops namesakes."""
    names = Counter(node.name for node in nodes)
    return [f"{node.name} ({node.id})" if names[node.name] > 1 else node.name for node in nodes]


def doubts() -> Element:
    """不确定 and 看不懂, with the keys 0 and -."""
    choices = element("Choices", None, name=DOUBT, toName=OBJECT, choice="single", showInline="true")
    for name, key, meaning in _DOUBTS:
        element("Choice", choices, value=name, html=f"<i>{key}</i>{name}", hotkey=key, hint=meaning)
    return choices


def model_line(parent: Element) -> None:
    """The place where a task says what the model filled in, and how sure it was."""
    line = {"inline": "true", "selectionEnabled": "false"}
    element("HyperText", parent, name="model", value="$model", **line)


def key_help(parent: Element) -> None:
    """How to go on, as Label Studio's own buttons are not in Chinese."""
    line = element("View", parent, className="xd-keys")
    element("Header", line, value="Ctrl+回车 提交（Submit）　Ctrl+空格 跳过（Skip）　Ctrl+Z 撤销", size="6")
