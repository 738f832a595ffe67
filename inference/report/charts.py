"""Make the compact series that the page draws trends from, and the names of the trees.

series = trend_series(book, scope)
"""

from __future__ import annotations

from typing import Any

from xundan.inference.report.scopes import Scope, View
from xundan.inference.report.tallies import Book

WEEKS_SHOWN, DAYS_SHOWN = 53, 92
VERDICT_LETTERS = {
    "up": "u",
    "down": "d",
    "no_change": "n",
    "too_few": "t",
    "gap": "g",
    "break": "b",
    "no_baseline": "x",
}
Json = dict[str, Any]


def trend_series(book: Book, scope: Scope) -> Json:
    """Return tree -> grain -> {x, n, nodes}; a node has hits, low and high (ten thousandths), verdicts.

    The trend table is dense, so the nodes of one tree, grain and shop share their periods.
    """
    rows = book.rows(
        "WITH kept AS (SELECT *, dense_rank() OVER (PARTITION BY grain ORDER BY period_start DESC) AS age "
        "FROM trend WHERE item_id IS NULL AND shop IS NOT DISTINCT FROM CAST($1 AS VARCHAR)) "
        "SELECT tree, grain, node, list(strftime(period_start, '%Y-%m-%d') ORDER BY period_start), "
        "list(sessions ORDER BY period_start), list(hits ORDER BY period_start), "
        "list(round(share_low * 10000)::INTEGER ORDER BY period_start), "
        "list(round(share_high * 10000)::INTEGER ORDER BY period_start), "
        "list(verdict ORDER BY period_start) "
        f"FROM kept WHERE age <= CASE grain WHEN 'week' THEN {WEEKS_SHOWN} ELSE {DAYS_SHOWN} END "
        "GROUP BY 1, 2, 3",
        [scope.shop],
    )
    series: Json = {}
    for tree, grain, node, periods, sessions, hits, low, high, verdicts in rows:
        part = series.setdefault(tree, {}).setdefault(grain, {"x": periods, "n": sessions, "nodes": {}})
        letters = "".join(VERDICT_LETTERS[verdict] for verdict in verdicts)
        part["nodes"][node] = [hits, low, high, letters]
    return series


def tree_names(view: View, tree: str) -> list[list[Any]]:
    """Return [group id, name, [[leaf id, name], ...]] of a tree, in the order of its file."""
    return [
        [
            group.id,
            view.name(tree, group.id),
            [[leaf.id, view.name(tree, leaf.id)] for leaf in group.leaves],
        ]
        for group in view.taxonomies[tree].groups
    ]
