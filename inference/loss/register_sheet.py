"""The sheet 登记 of the reason table: one row for each lost session, with cells for what a person says.

lines = register_lines(book, lake, view, settings); add_choices(sheet, len(lines), view)
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation

from xundan.chats.records import LOSS
from xundan.errors import BadInput
from xundan.inference.loss.corrections import Correction, read_log, standing_corrections
from xundan.inference.loss.reason import sentence_head, sentences
from xundan.inference.report.scopes import View
from xundan.inference.report.tallies import Book
from xundan.lake import Lake
from xundan.settings import Settings

# The columns in order; the last three are for people to write in.
COLUMNS = (
    "session",
    "day",
    "shop",
    "agent",
    "item",
    "model",
    "evidence",
    "why",
    "score",
    "reason",
    "by",
    "note",
)
WIDTHS = (22, 12, 18, 16, 14, 16, 44, 60, 9, 18, 12, 30)

_LINES = """
WITH said AS (
    SELECT session_id, any_value(leaf) AS leaf, any_value(score) AS score, any_value(evidence) AS evidence
    FROM model_loss WHERE rank = 1 GROUP BY ALL),
quotes AS (
    SELECT r.session_id, list(m.text ORDER BY m.seq) AS texts
    FROM (SELECT session_id, unnest(evidence) AS message_id FROM said) r
    JOIN messages m USING (session_id, message_id) GROUP BY r.session_id)
SELECT session_id, day, shop_name, agent, item_id, leaf, texts, score
FROM lost LEFT JOIN said USING (session_id)
LEFT JOIN quotes USING (session_id) ORDER BY started_at, session_id
"""


@functools.cache
def register_words(lang: str) -> Mapping[str, str]:
    """The words of the sheet in "zh" or "en"; `BadInput` for another language."""
    path = files("xundan.inference.loss").joinpath("register_words.json")
    words: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    if lang not in words:
        raise BadInput("the register has no such language", got=repr(lang), expected='"zh" or "en"')
    return words[lang]


def register_heads(lang: str) -> list[str]:
    """The heads of `COLUMNS`, in their order."""
    heads = register_words(lang)["columns"].split("|")
    heads.insert(COLUMNS.index("why"), sentence_head(lang))
    return heads


def register_lines(book: Book, lake: Lake, view: View, settings: Settings | None = None) -> list[list[Any]]:
    """One line for each lost session in order of time, with what the model said and what people wrote.

    ``settings`` (default: those of a shop that sets nothing) have the limits that the sentences measure by.

    What people wrote about sessions that are not lost (any more), or not in this workspace, stands below,
    so that rewriting the sheet never drops it.
    """
    book.connection.register("model_loss", lake.read("loss") if lake.has("loss") else LOSS.empty_table())
    written = standing_corrections(read_log(lake))
    found = book.rows(_LINES)
    why = sentences(
        book,
        [row[0] for row in found],
        settings or Settings(),
        view.lang,
        view.taxonomies["attention"],
        loss="model_loss",
    )
    lines = []
    for session_id, day, shop, agent, item, leaf, texts, score in found:
        said = view.name("loss", leaf) if leaf else None
        quotes = "\n".join(texts or ()) or None
        judged = [said, quotes, why.get(session_id), None if score is None else round(score, 2)]
        hand = _written(written.pop(session_id, None), view)
        lines.append([session_id, day, shop, agent, item, *judged, *hand])
    blank = [None] * (len(COLUMNS) - 4)
    below = sorted(written.values(), key=lambda one: one.session_id)
    return [*lines, *([one.session_id, *blank, *_written(one, view)] for one in below)]


def _written(one: Correction | None, view: View) -> list[str | None]:
    if one is None:
        return [None, None, None]
    return [view.name("loss", one.leaf) if one.leaf else None, one.by, one.note]


def add_choices(sheet: Any, n_lines: int, view: View) -> None:
    """Give the column 人工原因 of a sheet with ``n_lines`` lines a drop-down of the loss points."""
    words, n_leaves = register_words(view.lang), len(view.taxonomies["loss"].leaves)
    choice = DataValidation(
        "list", formula1=f"{quote_sheetname(words['names'])}!$A$1:$A${n_leaves}", allow_blank=True
    )
    choice.error, choice.showErrorMessage = words["error"], True
    column = get_column_letter(COLUMNS.index("reason") + 1)
    choice.add(f"{column}2:{column}{max(n_lines, 1) + 1}")
    sheet.data_validations.append(choice)


def add_names(book_out: Workbook, view: View) -> None:
    """Add the hidden sheet that the drop-downs read: the names of the loss points."""
    sheet = book_out.create_sheet(register_words(view.lang)["names"])
    sheet.sheet_state = "hidden"
    for leaf in view.taxonomies["loss"].leaves:
        sheet.append([view.name("loss", leaf.id)])
