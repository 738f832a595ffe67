"""Who and what a report page talks about: the shops to choose from, the trees, the language.

view = make_view(book, "zh", taxonomies)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from xundan.errors import BadInput
from xundan.inference.report.tallies import NO_REASON, Book
from xundan.inference.report.texts import texts
from xundan.taxonomy.trees import Leaf, Taxonomy

MOST_SHOPS = 12


@dataclass(frozen=True)
class Scope:
    """One choice of the shop selector; ``shop`` None stands for all shops together."""

    shop: str | None
    name: str


@dataclass(frozen=True)
class View:
    """What every part of a page needs to speak: words, names and the shops that can be chosen."""

    lang: str
    words: Mapping[str, str]
    taxonomies: Mapping[str, Taxonomy]
    scopes: tuple[Scope, ...]
    shops_cut: bool

    def name(self, tree: str, node: str) -> str:
        """Return the name of a node; an id that the tree no longer has is shown as it is."""
        if node == NO_REASON:
            return self.words["no_reason"]
        try:
            return self.taxonomies[tree].name_of(node, self.lang)
        except BadInput:
            return node

    def leaf(self, tree: str, node: str) -> Leaf | None:
        """Return a leaf, or None where the tree no longer has it."""
        try:
            return self.taxonomies[tree].leaf(node)
        except BadInput:
            return None

    def department(self, leaf: Leaf) -> str:
        """Return the departments that can do something, in the language of the page; one that we have no word
        for as it is."""
        return "/".join(self.words.get(f"owner_{one}", one) for one in leaf.owner.split("/"))

    def ease(self, leaf: Leaf) -> str:
        """Return how easily a buyer lost for this reason is won back."""
        return self.words.get(f"ease_{leaf.recoverable}", leaf.recoverable)

    def shop(self, shop: str) -> str:
        """Return how a shop is shown."""
        return shop or self.words["no_shop"]


def make_view(book: Book, lang: str, taxonomies: Mapping[str, Taxonomy]) -> View:
    """Choose the shops of a page: all together first where there are several, then the busiest ones."""
    words = texts(lang)
    shops = book.column("SELECT shop_name FROM dated GROUP BY 1 ORDER BY count(*) DESC, 1")
    single = [Scope(shop, shop or words["no_shop"]) for shop in shops[:MOST_SHOPS]]
    together = [Scope(None, words["all_shops"])] if len(shops) > 1 else []
    return View(lang, words, taxonomies, (*together, *single), len(shops) > MOST_SHOPS)


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as text, such as 12.5%."""
    return "—" if value is None else f"{value:.{digits}%}"


def points(value: float) -> str:
    """Return a difference of shares as text, such as +3.2 pp."""
    return f"{value * 100:+.1f} pp"


def cell(value: object) -> str:
    """Return a value as escaped HTML text."""
    return escape(str(value), quote=True)
