"""Name the few things that changed: at most five findings, each with its numbers and its messages.

findings = find(trend, sessions, attention, loss, {"attention": load("attention"), "loss": load("loss")})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from xundan.chats.records import TREND
from xundan.inference.trends.changes import BREAK, DOWN, UP, ChangeRule
from xundan.inference.trends.counts import load_facts, read_baseline
from xundan.inference.trends.episodes import (
    WEEK,
    Episode,
    Run,
    Sessions,
    Signal,
    cluster,
    companions,
    holds,
    runs_of,
)
from xundan.inference.trends.intervals import score_z
from xundan.taxonomy.trees import Taxonomy

MOST_FINDINGS = 5
MOST_EVIDENCE = 3
MOST_ITEMS = 5
# What a week of age takes from the strength of a finding when findings are put in order.
KEPT_PER_WEEK = 0.9
# Greetings, thanks and the like move with the way agents write; they are no business of a product team.
IGNORED_GROUP = "dialog"


@dataclass(frozen=True)
class Finding:
    """One thing that changed in one shop. Shares are of sessions; the interval is the FCR-adjusted one.

    The numbers are those of ``peak_start``, the strongest week of the headline category, against its
    baseline of up to four earlier weeks (``n_before`` sessions, ``n_after`` in the week). ``start`` and
    ``end`` are the first and last day of the weeks it was changed; ``reverted``: it has since gone back.
    """

    shop: str
    start: date
    end: date
    headline_node: str
    tree: str
    level: str
    direction: str
    share_before: float
    share_after: float
    change: float
    change_low: float
    change_high: float
    n_before: int
    n_after: int
    related: tuple[tuple[str, str], ...]
    items: tuple[tuple[str, int], ...]
    evidence: tuple[str, ...]
    peak_start: date
    z: float
    reverted: bool


def find(
    trend: pa.Table,
    sessions: pa.Table,
    attention: pa.Table,
    loss: pa.Table,
    taxonomies: Mapping[str, Taxonomy],
    min_n: int = 30,
) -> list[Finding]:
    """Return at most five findings, strong and recent first; an empty list says: nothing changed.

    Looks at the significant weekly changes of leaves for each shop, in both trees, without the dialog group;
    ``min_n`` must be the one the trend was made with. How changes become one finding: see `episodes`.
    """
    rule = ChangeRule(min_n=min_n)
    rows = _tested(trend, taxonomies, rule)
    signals = [_signal(row) for row in rows if row["verdict"] in (UP, DOWN)]
    if not signals:
        return []
    last_week = max(trend["period_start"].to_pylist())
    with duckdb.connect() as connection:
        load_facts(connection, sessions, attention, loss, taxonomies)
        known = _sessions(connection, signals)
        episodes = cluster(runs_of(signals, rule), known, taxonomies, rule)
        episodes = [episode for episode in episodes if holds(episode, len(rows), rule)]
        episodes.sort(key=lambda episode: -_weight(episode.headline, last_week))
        found = []
        for episode in episodes[:MOST_FINDINGS]:
            peak = episode.headline.peak
            place = (peak.shop, peak.week)
            candidates = [_signal(row) for row in rows if (row["shop"], row["period_start"]) == place]
            near = companions(episode, candidates, known, taxonomies, rule)
            found.append(_finding(connection, episode, near))
        return found


def _weight(run: Run, last_week: date) -> float:
    return run.strength * float(KEPT_PER_WEEK ** ((last_week - run.last) / WEEK))


def _tested(trend: pa.Table, taxonomies: Mapping[str, Taxonomy], rule: ChangeRule) -> list[dict[str, Any]]:
    """Return the weekly leaf rows of the shops that were tested, with the counts of their baselines."""
    with duckdb.connect() as connection:
        connection.register("trend", trend.cast(TREND))
        connection.execute(
            "CREATE TEMP TABLE counts AS SELECT *, '' AS scope, '' AS item, coalesce(verdict = $1, false) "
            "AS is_break FROM trend WHERE grain = 'week' AND level = 'leaf' AND shop IS NOT NULL "
            "AND item_id IS NULL",
            [BREAK],
        )
        rows = read_baseline(connection, rule).to_pylist()
    looked_at = {
        (tree, leaf.id)
        for tree in ("attention", "loss")
        for leaf in taxonomies[tree].leaves
        if leaf.group != IGNORED_GROUP
    }
    return [row for row in rows if row["change"] is not None and (row["tree"], row["node"]) in looked_at]


def _signal(row: Mapping[str, Any]) -> Signal:
    names = ("hits", "sessions", "hits_before", "sessions_before")
    hits, sessions, hits_before, sessions_before = (int(row[name]) for name in names)
    return Signal(
        tree=row["tree"],
        node=row["node"],
        shop=row["shop"],
        week=row["period_start"],
        baseline_start=row["baseline_start"],
        sessions=sessions,
        hits=hits,
        sessions_before=sessions_before,
        hits_before=hits_before,
        change=row["change"],
        low=row["change_low"],
        high=row["change_high"],
        z=float(score_z([hits], [sessions], [hits_before], [sessions_before])[0]),
    )


def _sessions(connection: duckdb.DuckDBPyConnection, signals: list[Signal]) -> Sessions:
    """Return the sessions of the shops in which something changed."""
    shops = [sorted({signal.shop for signal in signals})]
    counted = connection.execute(
        "SELECT tree, shop, date_trunc('week', day)::DATE, list(session_id) FROM facts "
        "WHERE shop IN (SELECT unnest($1)) GROUP BY ALL",
        shops,
    ).fetchall()
    hits = connection.execute(
        "SELECT tree, node, list(session_id) FROM hits JOIN facts USING (tree, session_id) "
        "WHERE level = 'leaf' AND shop IN (SELECT unnest($1)) GROUP BY ALL",
        shops,
    ).fetchall()
    return Sessions(
        {(tree, shop, week): frozenset(ids) for tree, shop, week, ids in counted},
        {(tree, node): frozenset(ids) for tree, node, ids in hits},
    )


def _finding(connection: duckdb.DuckDBPyConnection, episode: Episode, near: Sequence[Signal]) -> Finding:
    run, peak = episode.headline, episode.headline.peak
    moved = [*(other.peak for other in episode.related), *near]
    related = dict.fromkeys((signal.tree, signal.node) for signal in moved)
    related.pop((peak.tree, peak.node), None)
    return Finding(
        shop=peak.shop,
        start=run.first,
        end=run.last + timedelta(days=6),
        headline_node=peak.node,
        tree=peak.tree,
        level="leaf",
        direction=UP if peak.rises else DOWN,
        share_before=peak.share_before,
        share_after=peak.share,
        change=peak.change,
        change_low=peak.low,
        change_high=peak.high,
        n_before=peak.sessions_before,
        n_after=peak.sessions,
        related=tuple(related),
        items=_items(connection, run),
        evidence=_evidence(connection, run),
        peak_start=peak.week,
        z=peak.z,
        reverted=run.reverted,
    )


def _items(connection: duckdb.DuckDBPyConnection, run: Run) -> tuple[tuple[str, int], ...]:
    """Return the items that hit the headline most often in the changed weeks."""
    rows = connection.execute(
        "SELECT item_id, count(*) AS hit FROM facts JOIN hits USING (tree, session_id) WHERE tree = $1 "
        "AND node = $2 AND shop = $3 AND day BETWEEN $4 AND $5 AND item_id IS NOT NULL "
        f"GROUP BY item_id ORDER BY hit DESC, item_id LIMIT {MOST_ITEMS}",
        [*_place(run), run.first, run.last + timedelta(days=6)],
    ).fetchall()
    return tuple((str(item), int(hit)) for item, hit in rows)


def _evidence(connection: duckdb.DuckDBPyConnection, run: Run) -> tuple[str, ...]:
    """Return up to three messages that hit the headline, of different sessions, the changed weeks first.

    A share that fell may have no message left in the changed weeks; its baseline then gives them.
    """
    said = (
        "SELECT 'attention' AS tree, session_id, leaf AS node, message_id, score FROM attention"
        if run.peak.tree == "attention"
        else "SELECT 'loss' AS tree, session_id, leaf AS node, evidence[1] AS message_id, score FROM loss "
        "WHERE rank = 1 AND len(evidence) > 0"
    )
    rows = connection.execute(
        f"SELECT message_id FROM ({said}) JOIN facts USING (tree, session_id) "
        "WHERE tree = $1 AND node = $2 AND shop = $3 AND day BETWEEN $6 AND $5 "
        "QUALIFY row_number() OVER (PARTITION BY session_id ORDER BY score DESC, message_id) = 1 "
        f"ORDER BY day < $4, score DESC, message_id LIMIT {MOST_EVIDENCE}",
        [*_place(run), run.first, run.last + timedelta(days=6), run.signals[0].baseline_start],
    ).fetchall()
    return tuple(str(message) for (message,) in rows)


def _place(run: Run) -> tuple[str, str, str]:
    return run.peak.tree, run.peak.node, run.peak.shop
