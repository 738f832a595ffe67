"""Messages the model is uncertain of: marked in the tables, counted in the report, unknown without a cutoff.

pytest tests/inference/test_uncertain.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from openpyxl import load_workbook

from xundan.chats.records import ATTENTION, MESSAGES, from_rows
from xundan.errors import BadInput
from xundan.inference.classify import contexts_of, label
from xundan.inference.report.excel import write_sessions_xlsx
from xundan.inference.report.header import make_header
from xundan.inference.report.scopes import make_view
from xundan.inference.report.sections import header_line, method_list
from xundan.inference.report.tallies import Unsure, open_book, unsure_messages
from xundan.inference.trends.intervals import wilson
from xundan.lake import Lake
from xundan.models.runtime import Description, Model
from xundan.models.thresholds import Chosen, Scores, decide
from xundan.taxonomy.trees import load

Tables = dict[str, pa.Table]
MakeShops = Callable[..., Tables]
LEAVES = ("price_inquiry", "price_bargain")
SCORES = {"多少钱": (0.9, 0.1), "少点": (0.6, 0.7), "嗯": (0.2, 0.1)}


def described(**more: float) -> Description:
    return Description("attention", "attention-v9", "1.0.0", LEAVES, (0.5, 0.5), 64, 48, **more)


class Fake:
    """Gives each text the scores of `SCORES`."""

    def __init__(self, **more: float) -> None:
        self.description = described(**more)

    def score(self, texts: list[str], contexts: list[tuple[str, ...]], on_rows: object = None) -> Scores:
        return np.array([SCORES[text] for text in texts], dtype=np.float32)

    def choose(self, scores: Scores) -> Chosen:
        return decide(scores, np.asarray(self.description.thresholds, dtype=np.float32))


def said(**more: float) -> list[dict[str, Any]]:
    """What `label` makes of three buyer messages."""
    place = {"session_id": "s", "sent_at": datetime(2025, 3, 3, tzinfo=UTC), "content_type": "text"}
    rows = [
        {**place, "message_id": f"m{seq}", "seq": seq, "role": "buyer", "text": text}
        for seq, text in enumerate(SCORES)
    ]
    ordered = from_rows(rows, MESSAGES)
    table = label(ordered, contexts_of(ordered), "buyer", cast(Model, Fake(**more)))
    assert table.schema == ATTENTION
    return cast(list[dict[str, Any]], table.to_pylist())


def test_below_the_cutoff_a_message_is_uncertain_on_all_its_rows() -> None:
    found = [(row["message_id"], row["leaf"], row["uncertain"]) for row in said(uncertain_below=0.8)]
    assert found == [
        ("m0", "price_inquiry", False),
        ("m1", "price_inquiry", True),
        ("m1", "price_bargain", True),
        ("m2", "price_inquiry", True),
    ]
    assert [row["uncertain"] for row in said(uncertain_below=0.65)] == [False, False, False, True]


def test_a_cutoff_above_one_makes_every_message_uncertain_and_zero_none() -> None:
    assert {row["uncertain"] for row in said(uncertain_below=1.01, uncertain_risk=0.1)} == {True}
    assert {row["uncertain"] for row in said(uncertain_below=0.0, uncertain_risk=0.1)} == {False}


def test_without_a_cutoff_nothing_is_claimed() -> None:
    assert {row["uncertain"] for row in said()} == {None}


def test_a_description_of_before_still_loads_and_the_new_fields_come_back(tmp_path: Path) -> None:
    described(uncertain_below=0.62, uncertain_risk=0.1).write(tmp_path)
    assert Description.read(tmp_path) == described(uncertain_below=0.62, uncertain_risk=0.1)
    raw = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    for name in ("uncertain_below", "uncertain_risk"):
        del raw[name]
    (tmp_path / "model.json").write_text(json.dumps(raw), encoding="utf-8")
    assert Description.read(tmp_path) == described()


def with_doubt(tables: Tables) -> Tables:
    """Two messages of three are uncertain, and every agent message is certain."""
    attention = tables["attention"]
    place = attention.schema.get_field_index("uncertain")
    doubt = pa.array([at % 3 > 0 for at in range(attention.num_rows)], pa.bool_())
    certain = pa.array([False] * attention.num_rows, pa.bool_())
    # A message with two leaves is still one message.
    twice = pa.concat_tables([attention.set_column(place, "uncertain", doubt)] * 2)
    action = attention.set_column(place, "uncertain", certain)
    return {**tables, "attention": twice, "action": action}


@pytest.fixture
def lake(make_shops: MakeShops, tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.write(with_doubt(make_shops(weeks=1, per_week=60)))
    return lake


def test_the_share_comes_with_its_interval_and_n(lake: Lake) -> None:
    n = lake.read("action").num_rows
    unsure = sum(at % 3 > 0 for at in range(n))
    low, high = wilson([unsure], [n])
    header = make_header(lake)
    assert header.unsure_buyer == Unsure(unsure / n, low[0], high[0], n)
    assert header.unsure_agent is not None
    assert (header.unsure_agent.share, header.unsure_agent.n) == (0.0, n)


@pytest.mark.parametrize(
    ("lang", "shown", "method"),
    [
        (
            "zh",
            r"<dt>拿不准</dt><dd>买家消息 66.\d% \[\d+.\d%, \d+.\d%\]（n=\d+） · 客服消息 0.0%",
            "拿不准 =",
        ),
        (
            "en",
            r"<dt>Uncertain</dt><dd>buyer messages 66.\d% \[\d+.\d%, \d+.\d%\] \(n=\d+\) · agent messages",
            "Uncertain =",
        ),
    ],
)
def test_the_page_shows_it_in_both_languages(lake: Lake, lang: str, shown: str, method: str) -> None:
    header = make_header(lake)
    with open_book(lake) as book:
        view = make_view(book, lang, {"attention": load("attention"), "loss": load("loss")})
    assert re.search(shown, header_line(header, view))
    assert f"<li>{method}" in method_list(header, view, 30)


def test_models_without_a_cutoff_show_a_dash(make_shops: MakeShops, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(make_shops(weeks=1, per_week=10))
    header = make_header(lake)
    assert (header.unsure_buyer, header.unsure_agent) == (None, None)
    with open_book(lake) as book:
        assert unsure_messages(book, "attention") is None
        view = make_view(book, "zh", {"attention": load("attention"), "loss": load("loss")})
    assert "<dt>拿不准</dt><dd>—</dd>" in header_line(header, view)


def test_the_sheet_counts_the_uncertain_messages_of_each_session(lake: Lake, tmp_path: Path) -> None:
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx")
    heads, *rows = load_workbook(tmp_path / "sessions.xlsx")["会话"].iter_rows(values_only=True)
    place = heads.index("拿不准的消息数")
    unsure = {
        row["message_id"]: row["session_id"] for row in lake.read("attention").to_pylist() if row["uncertain"]
    }
    assert {row[0]: row[place] for row in rows} == {
        row[0]: list(unsure.values()).count(cast(str, row[0])) for row in rows
    }


def test_the_sheet_leaves_the_count_empty_where_it_is_unknown(make_shops: MakeShops, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write(make_shops(weeks=1, per_week=10))
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx")
    heads, *rows = load_workbook(tmp_path / "sessions.xlsx")["会话"].iter_rows(values_only=True)
    assert {row[heads.index("拿不准的消息数")] for row in rows} == {None}


def test_a_workspace_of_before_says_what_to_run(lake: Lake) -> None:
    old = lake.read("attention").drop_columns(["uncertain"])
    pa.parquet.write_table(old, lake.path("attention"))
    with pytest.raises(
        BadInput, match=r"attention.parquet: another version made this table: .*run: xundan classify"
    ):
        make_header(lake)
