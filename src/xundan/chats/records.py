"""The columns of every table that passes between rooms: one pyarrow schema each.

>>> from xundan.chats.records import MESSAGES, empty
>>> empty(MESSAGES).num_rows
0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from xundan.errors import BadInput

TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(12, 2)
ROLES = ("buyer", "agent", "bot", "system")
CONTENT_TYPES = ("text", "image", "card", "voice", "link", "other")
OUTCOMES = ("won", "lost_no_order", "lost_unpaid", "lost_refund", "open", "outcome_unknown")
FILTERS = ("aftersale", "agent_initiated", "own_account", "spam")
STAGES = (
    "stage_enter",
    "stage_need",
    "stage_answer",
    "stage_negotiate",
    "stage_objection",
    "stage_order_unpaid",
    "stage_paid",
    "stage_aftersale",
)


def _schema(columns: str, types: Mapping[str, pa.DataType]) -> pa.Schema:
    """Columns in order; ``name!`` may not be null; a column absent from ``types`` is a string."""
    fields = []
    for word in columns.split():
        name = word.rstrip("!")
        fields.append(pa.field(name, types.get(name, pa.string()), nullable=not word.endswith("!")))
    return pa.schema(fields)


MESSAGES = _schema(
    "platform shop session_id! message_id! seq! sent_at! role! account buyer content_type! text! "
    "item_id order_id source_file source_row",
    {"seq": pa.int32(), "sent_at": TIME, "source_row": pa.int32()},
)
ORDERS = _schema(
    "order_id! platform buyer shop item_id amount quantity created_at! paid_at closed_at refunded_at agent",
    {
        "amount": MONEY,
        "quantity": pa.int32(),
        "created_at": TIME,
        "paid_at": TIME,
        "closed_at": TIME,
        "refunded_at": TIME,
    },
)
SESSIONS = _schema(
    "session_id! platform shop buyer agent item_id started_at ended_at n_buyer n_agent n_bot "
    "first_response_s mean_response_s is_inquiry outcome stage last_attention order_id amount "
    "loss_definition filtered",
    {
        "started_at": TIME,
        "ended_at": TIME,
        "n_buyer": pa.int32(),
        "n_agent": pa.int32(),
        "n_bot": pa.int32(),
        "first_response_s": pa.float64(),
        "mean_response_s": pa.float64(),
        "is_inquiry": pa.bool_(),
        "amount": MONEY,
    },
)
ATTENTION = _schema(
    "message_id! session_id! day leaf! score uncertain model_version taxonomy_version",
    {"day": pa.date32(), "score": pa.float32(), "uncertain": pa.bool_()},
)
ACTION = ATTENTION
LOSS = _schema(
    "session_id! day leaf! rank score evidence facts model_version taxonomy_version",
    {
        "day": pa.date32(),
        "rank": pa.int8(),
        "score": pa.float32(),
        "evidence": pa.list_(pa.string()),
        "facts": pa.list_(pa.string()),
    },
)
# A log of what people say about lost sessions: lines are only added, the latest of a session holds.
CORRECTIONS = _schema("session_id! leaf by note at!", {"at": TIME})
TREND = _schema(
    "tree node level period_start grain shop item_id sessions hits share share_low share_high "
    "change change_low change_high verdict",
    {
        "period_start": pa.date32(),
        "sessions": pa.int32(),
        "hits": pa.int32(),
        "share": pa.float64(),
        "share_low": pa.float64(),
        "share_high": pa.float64(),
        "change": pa.float64(),
        "change_low": pa.float64(),
        "change_high": pa.float64(),
    },
)
REJECTS = _schema("file row column value reason", {"row": pa.int32()})

SCHEMAS: dict[str, pa.Schema] = {
    "messages": MESSAGES,
    "orders": ORDERS,
    "sessions": SESSIONS,
    "attention": ATTENTION,
    "action": ACTION,
    "loss": LOSS,
    "corrections": CORRECTIONS,
    "trend": TREND,
    "rejects": REJECTS,
}


def empty(schema: pa.Schema) -> pa.Table:
    """A table of zero rows with this schema."""
    return schema.empty_table()


def from_rows(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A table from one mapping per row; a column absent from a row is null."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def check(table: pa.Table, name: str) -> None:
    """Raise `BadInput` unless ``table`` has exactly the columns, types and non-null cells of ``name``."""
    schema = SCHEMAS.get(name)
    if schema is None:
        raise BadInput(f"no table is called {name}", expected=f"one of {', '.join(SCHEMAS)}")
    if table.column_names != schema.names:
        raise BadInput(
            f"table {name} has other columns",
            got=", ".join(table.column_names),
            expected=", ".join(schema.names),
        )
    for field in schema:
        column = table.column(field.name)
        if column.type != field.type:
            raise BadInput(
                f"table {name}, column {field.name} has another type",
                got=column.type,
                expected=str(field.type),
            )
        if not field.nullable and column.null_count:
            raise BadInput(f"table {name}, column {field.name} has {column.null_count} empty cells")
