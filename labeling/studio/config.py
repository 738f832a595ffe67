"""The labeling configuration of Label Studio, made from a taxonomy; and what can be read back from one.

xml = labeling_config(load("attention"), first=most_common(counts, load("attention")))
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from xundan.errors import BadInput
from xundan.labeling.studio.config_message import HOTKEYS, message_page
from xundan.labeling.studio.config_parts import LEAVES, PRIMARY, QUICK
from xundan.labeling.studio.config_session import session_page
from xundan.taxonomy.trees import Leaf, Taxonomy


@dataclass(frozen=True)
class Offered:
    """A leaf as a configuration shows it: its name, and the id of its group (none in a tree without)."""

    name: str
    group: tuple[str, ...]


_HEAD = re.compile(r"<!-- xundan (?P<tree>.+?) · ")

SESSION_TREES = ("loss",)
"""Shipped trees by which a whole session is labelled; by the others a message is."""


def labels_sessions(taxonomy: Taxonomy) -> bool:
    """Whether this tree is for sessions: a shipped one, or one whose leaves say what shows a loss point."""
    return taxonomy.tree in SESSION_TREES or any(leaf.evidence_signal for leaf in taxonomy.leaves)


def most_common(counts: Mapping[str, float], taxonomy: Taxonomy) -> tuple[str, ...]:
    """The nine leaves that get a key: by count (of predictions or labels), then by tier and file order."""

    def rank(place_and_leaf: tuple[int, Leaf]) -> tuple[float, bool, int]:
        place, leaf = place_and_leaf
        return -counts.get(leaf.id, 0), leaf.tier != "core", place

    ranked = sorted(enumerate(taxonomy.leaves), key=rank)
    return tuple(leaf.id for _, leaf in ranked[: len(HOTKEYS)])


def labeling_config(
    taxonomy: Taxonomy, first: Sequence[str] = (), retired: Mapping[str, str] | None = None
) -> str:
    """The configuration as XML, headed by a comment with tree and version; the same arguments give the same.

    ``first``: the leaves with the keys 1 to 9 (none given: as `most_common` without counts). ``retired``: id
    and name of leaves that stay to be seen in old annotations.
    """
    retired = retired or {}
    if labels_sessions(taxonomy):
        page = session_page(taxonomy, retired)
    else:
        page = message_page(taxonomy, tuple(first) or most_common({}, taxonomy), retired)
    ElementTree.indent(page)
    xml = ElementTree.tostring(page, encoding="unicode")
    head = f"xundan {taxonomy.tree} · {taxonomy.version}".replace("--", "-")  # as XML wants it
    return f"<!-- {head} -->\n{xml}\n"


def tree_in(config: str) -> str | None:
    """The tree that a configuration was made from; None where it is none of ours."""
    head = _HEAD.match(config)
    return head["tree"] if head else None


def leaves_in(config: str) -> dict[str, Offered]:
    """Every leaf that a configuration of ours offers, retired ones too, by id."""
    trees = [tag for tag in _root(config).iter("Taxonomy") if tag.get("name") in (LEAVES, PRIMARY)]
    offered: dict[str, Offered] = {}
    for top in (tag for tree in trees for tag in tree):
        group = top.get("alias", "")
        offered |= {tag.get("alias", ""): Offered(tag.get("value", ""), (group,)) for tag in top}
        if not len(top):
            offered[group] = Offered(top.get("value", ""), ())
    return offered


def hotkeys_in(config: str) -> tuple[str, ...]:
    """The leaves that have a key, by key; none on a page for sessions."""
    choices = [tag for tag in _root(config).iter("Choices") if tag.get("name") == QUICK]
    keyed = {tag.get("hotkey"): tag.get("alias", "") for quick in choices for tag in quick.iter("Choice")}
    return tuple(keyed[key] for key in HOTKEYS if key in keyed)


def _root(config: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise BadInput(
            "the project's labeling configuration is no XML", got=str(error), do="was it edited by hand?"
        ) from None
