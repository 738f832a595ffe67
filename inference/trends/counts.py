"""Count sessions per category, period, shop and item, and compare each share with the periods before it.

trend = compute_trend(sessions, attention, loss, {"attention": load("attention"), "loss": load("loss")})
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xundan.chats.records import TREND
from xundan.errors import BadInput
from xundan.inference.trends.changes import ChangeRule, Counts, judge_changes
from xundan.inference.trends.intervals import wilson
from xundan.taxonomy.trees import Taxonomy

# A session counts once, in the period in which it began. China has one zone, UTC+8, without summer time.
SHANGHAI_DAY = "make_timestamp(epoch_us(started_at) + 28800000000)::DATE"
MATURE_OUTCOMES = "('won', 'lost_no_order', 'lost_unpaid', 'lost_refund')"

# facts: who is in the denominator. labels: the raw hits. hits: one row for each session and node.
# A person who corrects a session is no change of version.
_FACTS = f"""
CREATE TEMP TABLE facts AS
WITH dated AS (SELECT *, coalesce(shop, '') AS shop_name, {SHANGHAI_DAY} AS day FROM sessions
               WHERE started_at IS NOT NULL)
SELECT 'attention' AS tree, session_id, shop_name AS shop, item_id, day FROM dated WHERE n_buyer > 0
UNION ALL
SELECT 'loss', session_id, shop_name, item_id, day FROM dated
WHERE is_inquiry AND outcome IN {MATURE_OUTCOMES};
CREATE TEMP TABLE labels AS
SELECT * FROM (
    SELECT 'attention' AS tree, session_id, leaf, concat_ws(' ', model_version, taxonomy_version) AS version
    FROM attention
    UNION ALL
    SELECT 'loss', session_id, leaf, if(model_version = 'person', NULL,
           concat_ws(' ', model_version, taxonomy_version)) FROM loss WHERE rank = 1)
SEMI JOIN facts USING (tree, session_id);
CREATE TEMP TABLE hits AS
SELECT DISTINCT tree, session_id, leaf AS node, 'leaf' AS level FROM labels
UNION ALL
SELECT DISTINCT tree, session_id, group_id, 'group' FROM labels JOIN tree_nodes USING (tree, leaf);
"""

# One row for each node, scope and period of the whole range, so that a period without sessions is a gap.
_GRID = """
CREATE TEMP TABLE scoped AS
SELECT tree, session_id, 'week' AS grain, date_trunc('week', day)::DATE AS period_start, 'shop' AS scope,
       shop, '' AS item FROM facts
UNION ALL SELECT tree, session_id, 'day', day, 'shop', shop, '' FROM facts
UNION ALL SELECT tree, session_id, 'week', date_trunc('week', day)::DATE, 'all', '', '' FROM facts
UNION ALL SELECT tree, session_id, 'day', day, 'all', '', '' FROM facts
UNION ALL SELECT tree, session_id, 'week', date_trunc('week', day)::DATE, 'item', shop, item_id FROM facts
          WHERE item_id IS NOT NULL;
CREATE TEMP TABLE totals AS
WITH counted AS (SELECT tree, grain, scope, shop, item, period_start, count(*) AS sessions
                 FROM scoped GROUP BY ALL)
SELECT * FROM counted
QUALIFY scope <> 'item' OR max(sessions) OVER (PARTITION BY tree, scope, shop, item) >= $min_n;
CREATE TEMP TABLE scores AS
SELECT tree, grain, scope, shop, item, period_start, node, level, count(*) AS hits
FROM scoped JOIN hits USING (tree, session_id)
SEMI JOIN totals USING (tree, grain, scope, shop, item) GROUP BY ALL;
CREATE TEMP TABLE switches AS
WITH used AS (
    SELECT tree, grain, scope, shop, item, period_start,
           string_agg(DISTINCT version, ',' ORDER BY version) AS v
    FROM scoped JOIN labels USING (tree, session_id) GROUP BY ALL)
SELECT *, v <> lag(v IGNORE NULLS) OVER (PARTITION BY tree, grain, scope, shop, item
                                         ORDER BY period_start) AS is_break
FROM used;
CREATE TEMP TABLE periods AS
WITH ends AS (SELECT min(day) AS first, max(day) AS last FROM facts)
SELECT 'day' AS grain, unnest(generate_series(first, last, INTERVAL 1 DAY))::DATE AS period_start FROM ends
UNION ALL
SELECT 'week', unnest(generate_series(date_trunc('week', first)::TIMESTAMP, last, INTERVAL 7 DAY))::DATE
FROM ends;
CREATE TEMP TABLE counts AS
SELECT tree, node, level, period_start, grain, scope, shop, item,
       coalesce(sessions, 0)::INTEGER AS sessions, coalesce(hits, 0)::INTEGER AS hits,
       coalesce(is_break, false) AS is_break
FROM (SELECT DISTINCT tree, grain, scope, shop, item, node, level FROM scores) JOIN periods USING (grain)
LEFT JOIN totals USING (tree, grain, scope, shop, item, period_start)
LEFT JOIN scores USING (tree, grain, scope, shop, item, period_start, node, level)
LEFT JOIN switches USING (tree, grain, scope, shop, item, period_start);
"""

# The baseline: the periods just before with n >= min_n, never across a change of version. Reads ``counts``.
BASELINE = """
WITH parted AS (
    SELECT *, sum(is_break::INTEGER) OVER (PARTITION BY tree, node, level, grain, scope, shop, item
                                           ORDER BY period_start) AS part FROM counts)
SELECT * EXCLUDE (part, is_break), is_break,
    coalesce(CASE grain WHEN 'week' THEN sum(hits) FILTER (sessions >= $min_n) OVER weeks
             ELSE sum(hits) FILTER (sessions >= $min_n) OVER days END, 0) AS hits_before,
    coalesce(CASE grain WHEN 'week' THEN sum(sessions) FILTER (sessions >= $min_n) OVER weeks
             ELSE sum(sessions) FILTER (sessions >= $min_n) OVER days END, 0) AS sessions_before,
    min(period_start) FILTER (sessions >= $min_n) OVER weeks AS baseline_start
FROM parted
WINDOW weeks AS (PARTITION BY tree, node, level, grain, scope, shop, item, part ORDER BY period_start
                 ROWS BETWEEN {weeks} PRECEDING AND 1 PRECEDING),
       days AS (PARTITION BY tree, node, level, grain, scope, shop, item, part ORDER BY period_start
                ROWS BETWEEN {days} PRECEDING AND 1 PRECEDING)
ORDER BY grain DESC, scope, shop, item, tree, level, node, period_start
"""


def compute_trend(
    sessions: pa.Table,
    attention: pa.Table,
    loss: pa.Table,
    taxonomies: Mapping[str, Taxonomy],
    min_n: int = 30,
) -> pa.Table:
    """Return the TREND table: shares of sessions with intervals, changes and verdicts.

    Denominator of attention: sessions with a buyer message; of loss: inquiries whose outcome is known and
    mature. Grain day and week (from Monday, Asia/Shanghai), for each shop and for all shops (shop null);
    single items by week, only where n >= ``min_n``. Each grain is one family of tests, items are their own.
    `BadInput` if ``taxonomies`` lacks "attention" or "loss", or ``min_n`` is below 1.
    """
    rule = ChangeRule(min_n=min_n)
    with duckdb.connect() as connection:
        load_facts(connection, sessions, attention, loss, taxonomies)
        connection.execute(_GRID.replace("$min_n", str(int(min_n))))
        rows = read_baseline(connection, rule)
    return _judged(rows, rule)


def load_facts(
    connection: duckdb.DuckDBPyConnection,
    sessions: pa.Table,
    attention: pa.Table,
    loss: pa.Table,
    taxonomies: Mapping[str, Taxonomy],
) -> None:
    """Make the tables facts, labels and hits on the connection from the arrow tables."""
    missing = [tree for tree in ("attention", "loss") if tree not in taxonomies]
    if missing:
        raise BadInput(f"no taxonomy for {', '.join(missing)}", got=sorted(taxonomies), expected="both trees")
    nodes = [
        (tree, leaf.id, group.id)
        for tree in ("attention", "loss")
        for group in taxonomies[tree].groups
        for leaf in group.leaves
    ]
    columns = list(zip(*nodes, strict=True))
    tree_nodes = pa.table(dict(zip(("tree", "leaf", "group_id"), columns, strict=True)))
    tables = {"sessions": sessions, "attention": attention, "loss": loss, "tree_nodes": tree_nodes}
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute(_FACTS)


def read_baseline(connection: duckdb.DuckDBPyConnection, rule: ChangeRule) -> pa.Table:
    """Return the rows of ``counts`` with the pooled counts of their baseline."""
    query = BASELINE.format(weeks=rule.baseline_weeks, days=rule.baseline_days)
    return connection.sql(query.replace("$min_n", str(rule.min_n))).to_arrow_table()


def _judged(rows: pa.Table, rule: ChangeRule) -> pa.Table:
    """Add shares, changes and verdicts; keep an item's row only where it has enough sessions."""
    hits, sessions = _numbers(rows, "hits"), _numbers(rows, "sessions")
    scope = rows["scope"].to_numpy(zero_copy_only=False).astype(str)
    grain = rows["grain"].to_numpy(zero_copy_only=False).astype(str)
    counts = Counts(
        hits,
        sessions,
        _numbers(rows, "hits_before"),
        _numbers(rows, "sessions_before"),
        rows["is_break"].to_numpy(zero_copy_only=False).astype(bool),
        np.where(scope == "item", "item", grain),
    )
    judged = judge_changes(counts, rule)
    low, high = wilson(hits, sessions)
    share = np.divide(hits, sessions, out=np.full(hits.shape, np.nan), where=sessions > 0)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        name: rows[name] for name in TREND.names if name in rows.column_names
    }
    columns["shop"] = pa.array(rows["shop"].to_numpy(zero_copy_only=False), pa.string(), mask=scope == "all")
    columns["item_id"] = pa.array(
        rows["item"].to_numpy(zero_copy_only=False), pa.string(), mask=scope != "item"
    )
    floats = {"share": share, "share_low": low, "share_high": high, "change": judged.change}
    floats |= {"change_low": judged.low, "change_high": judged.high}
    columns |= {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in floats.items()}
    columns["verdict"] = pa.array(judged.verdict, pa.string())
    table = pa.table({name: columns[name] for name in TREND.names}).cast(TREND)
    return table.filter(pa.array((scope != "item") | (sessions >= rule.min_n)))


def _numbers(rows: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(rows[name].to_numpy(zero_copy_only=False), dtype=np.float64)
