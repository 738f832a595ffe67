"""Write the two Excel files that people open: all sessions, and why inquiries were lost.

write_sessions_xlsx(lake, Path("sessions.xlsx")); write_loss_table_xlsx(lake, Path("loss.xlsx"), "zh")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from xundan.inference.loss.reason import sentence_head, sentences
from xundan.inference.loss.recover import recoverable_buyers
from xundan.inference.loss.register_sheet import (
    WIDTHS,
    add_choices,
    add_names,
    register_heads,
    register_lines,
    register_words,
)
from xundan.inference.report.recover_sheet import WIDTHS as RECOVER_WIDTHS
from xundan.inference.report.recover_sheet import recover_heads, recover_lines
from xundan.inference.report.scopes import View, make_view
from xundan.inference.report.tallies import (
    Book,
    Reason,
    loss_reasons,
    mature_inquiries,
    open_book,
    share,
    stage_by_reason,
)
from xundan.lake import Lake
from xundan.settings import Settings
from xundan.taxonomy.trees import Taxonomy, load

# Excel takes 1,048,576 rows a sheet; a longer table goes on on the next sheet.
ROWS_A_SHEET = 1_000_000
# A text that begins like this is run as a formula when the sheet is saved as CSV and opened again.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
PERCENT = "0.0%"
_HEAD_FONT, _HEAD_FILL = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="2F5D8A")

_SESSIONS_QUERY = """
WITH reasons AS (
    SELECT session_id, max(leaf) FILTER (rank = 1) AS first,
           list(leaf ORDER BY rank) FILTER (rank > 1) AS others,
           any_value(evidence) FILTER (rank = 1) AS evidence, max(model_version) AS version
    FROM loss GROUP BY session_id),
said AS (
    SELECT r.session_id, list(m.message_id || ' ' || m.text ORDER BY m.seq) AS quotes
    FROM (SELECT session_id, unnest(evidence) AS message_id FROM reasons) r
    JOIN messages m USING (session_id, message_id) GROUP BY r.session_id),
versions AS (SELECT session_id, max(model_version) AS version FROM attention GROUP BY session_id),
doubts AS (
    SELECT session_id, count(DISTINCT message_id) FILTER (uncertain) AS unsure
    FROM (SELECT session_id, message_id, uncertain FROM attention
          UNION ALL SELECT session_id, message_id, uncertain FROM action)
    WHERE uncertain IS NOT NULL GROUP BY session_id)
SELECT session_id, day, platform, shop_name, buyer, agent, item_id, stage, first_response_s, mean_response_s,
       CASE WHEN n_buyer > 0 THEN n_agent / n_buyer END, is_inquiry, outcome, first, others, last_attention,
       quotes, amount, loss_definition, coalesce(reasons.version, versions.version), unsure
FROM dated LEFT JOIN reasons USING (session_id) LEFT JOIN said USING (session_id)
LEFT JOIN versions USING (session_id) LEFT JOIN doubts USING (session_id) ORDER BY started_at, session_id
"""
_WIDTHS = (22, 12, 10, 18, 20, 16, 14, 12, 9, 9, 9, 10, 12, 16, 20, 16, 44, 60, 12, 14, 28, 18, 12)
_WHY_AT = 17  # the column of why a session was lost stands after its evidence


class _Share(float):
    """A number that Excel shows as a percentage."""


def write_sessions_xlsx(
    lake: Lake,
    out: Path,
    lang: str = "zh",
    taxonomies: Mapping[str, Taxonomy] | None = None,
    settings: Settings | None = None,
) -> None:
    """Write one row for each session: outcome, reasons, last attention point, evidence, why it was lost.

    A last sheet lists the buyers who can still be won back, by the loss window of ``settings``.
    """
    settings = settings or Settings()
    book_out = Workbook(write_only=True)
    with open_book(lake) as book:
        view = make_view(book, lang, taxonomies or _shipped())
        rows = book.rows(_SESSIONS_QUERY)
        buyers = recoverable_buyers(book, None, view.taxonomies["loss"], settings)
        lost = book.column("SELECT session_id FROM lost")
        why = sentences(book, lost, settings, lang, view.taxonomies["attention"])
    heads = view.words["sessions_columns"].split("|")
    heads.insert(_WHY_AT, sentence_head(lang))
    for start in range(0, max(len(rows), 1), ROWS_A_SHEET):
        number = start // ROWS_A_SHEET + 1
        title = view.words["sheet_sessions"] + (f" {number}" if number > 1 else "")
        lines = (_session_line(row, why.get(row[0]), view) for row in rows[start : start + ROWS_A_SHEET])
        add_sheet(book_out, title, heads, lines, _WIDTHS, len(rows[start : start + ROWS_A_SHEET]))
    back = view.words["sheet_recover"]
    add_sheet(book_out, back, recover_heads(view), recover_lines(buyers, view), RECOVER_WIDTHS, len(buyers))
    save_book(book_out, out)


def write_loss_table_xlsx(
    lake: Lake,
    out: Path,
    lang: str = "zh",
    taxonomies: Mapping[str, Taxonomy] | None = None,
    before_replace: Callable[[], None] | None = None,
    settings: Settings | None = None,
) -> None:
    """Write stage x reason, the sum of reasons and the register; each adds up to the lost sessions.

    Without lost sessions the sheets hold the headers and a total of 0. What people wrote in an earlier
    workbook must have been collected; ``before_replace`` may raise to keep that workbook as it is.
    """
    book_out = Workbook(write_only=True)
    with open_book(lake) as book:
        view = make_view(book, lang, taxonomies or _shipped())
        reasons = loss_reasons(book, None)
        _stage_sheet(book_out, book, reasons, view)
        _reason_sheet(book_out, reasons, mature_inquiries(book, None), view)
        _register_sheets(book_out, register_lines(book, lake, view, settings), view)
    save_book(book_out, out, before_replace)


def _shipped() -> dict[str, Taxonomy]:
    return {tree: load(tree) for tree in ("attention", "loss")}


def _session_line(row: tuple[Any, ...], why: str | None, view: View) -> list[Any]:
    words = view.words
    *start, stage, first_s, mean_s, ratio, inquiry, outcome, reason, others, last = row[:16]
    quotes, amount, definition, version, unsure = row[16:]
    leaf = view.leaf("loss", reason) if reason else None
    return [
        *start,
        words.get(stage or "", stage),
        *(None if value is None else round(value, 1) for value in (first_s, mean_s)),
        None if ratio is None else round(ratio, 2),
        None if inquiry is None else words["yes" if inquiry else "no"],
        words.get(f"outcome_{outcome}", outcome),
        view.name("loss", reason) if reason else None,
        words["comma"].join(view.name("loss", other) for other in others or ()) or None,
        view.name("attention", last) if last else None,
        "\n".join(quotes or ()) or None,
        why,
        amount,
        view.department(leaf) if leaf else None,
        definition,
        version,
        unsure,
    ]


def _stage_sheet(book_out: Workbook, book: Book, reasons: Sequence[Reason], view: View) -> None:
    """Counts of stage x reason, each stage's share of the lost sessions, and column totals with shares."""
    words = view.words
    counts = {(stage, reason): count for stage, reason, count in stage_by_reason(book, None)}
    lost = sum(counts.values())
    known = [key for key in words if key.startswith("stage_")]
    stages = [stage for stage in [*known, ""] if any(stage == found for found, _ in counts)]
    columns = [reason.leaf for reason in reasons]
    heads = [words["stage"], *(view.name("loss", leaf) for leaf in columns)]
    heads += [words[key] for key in ("total", "of_lost", "low", "high")]
    lines: list[list[Any]] = []
    for stage in stages:
        numbers = [counts.get((stage, leaf), 0) for leaf in columns]
        lines.append([words[stage or "no_stage"], *numbers, sum(numbers), *_shares(sum(numbers), lost)])
    totals = [sum(counts.get((stage, leaf), 0) for stage in stages) for leaf in columns]
    lines.append([words["total"], *totals, lost, *([_Share(1.0)] if lost else [])])
    bounds = [_shares(total, lost) for total in totals] if lost else []
    for place, key in enumerate(("of_lost", "low", "high")):
        lines.append([words[key], *(bound[place] for bound in bounds)])
    lines.append([words["lost_n"], lost])
    widths = [16, *([13] * len(columns)), 10, 10, 10, 10]
    add_sheet(book_out, words["sheet_stage"], heads, lines, widths, len(stages))


def _reason_sheet(book_out: Workbook, reasons: Sequence[Reason], mature: int, view: View) -> None:
    words = view.words
    heads = words["reason_columns"].split("|")
    lines: list[list[Any]] = []
    for reason in reasons:
        leaf = view.leaf("loss", reason.leaf)
        group = view.name("loss", leaf.group) if leaf else None
        shares = map(_Share, (*reason.of_lost, *reason.of_inquiries))
        owner, recoverable = (view.department(leaf), view.ease(leaf)) if leaf else (None, None)
        lines.append([view.name("loss", reason.leaf), group, reason.sessions, *shares, owner, recoverable])
    lost = sum(reason.sessions for reason in reasons)
    of_inquiries = _shares(lost, mature) if mature else ()
    lines.append([words["total"], None, lost, _Share(1.0) if lost else None, None, None, *of_inquiries])
    lines.append([words["lost_n"], None, lost])
    lines.append([words["mature_n"], None, mature])
    widths = (20, 14, 10, 10, 10, 10, 10, 10, 10, 16, 10)
    add_sheet(book_out, words["sheet_reason"], heads, lines, widths, len(reasons))


def _register_sheets(book_out: Workbook, lines: Sequence[Sequence[Any]], view: View) -> None:
    for start in range(0, max(len(lines), 1), ROWS_A_SHEET):
        chunk, number = lines[start : start + ROWS_A_SHEET], start // ROWS_A_SHEET + 1
        title = register_words(view.lang)["sheet"] + (f" {number}" if number > 1 else "")
        sheet = add_sheet(book_out, title, register_heads(view.lang), chunk, WIDTHS, len(chunk))
        add_choices(sheet, len(chunk), view)
    add_names(book_out, view)


def _shares(hits: int, sessions: int) -> tuple[_Share, ...]:
    return tuple(map(_Share, share(hits, sessions)))


def add_sheet(
    book_out: Workbook,
    title: str,
    heads: Sequence[str],
    lines: Iterable[Sequence[Any]],
    widths: Sequence[float],
    filtered_rows: int,
) -> Any:
    """Add a sheet and return it: a frozen header with a filter over ``filtered_rows``, then the lines."""
    sheet = book_out.create_sheet(title)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{filtered_rows + 1}"
    for place, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    header = []
    for head in heads:
        cell = WriteOnlyCell(sheet, value=head)
        cell.font, cell.fill = _HEAD_FONT, _HEAD_FILL
        header.append(cell)
    sheet.append(header)
    for line in lines:
        sheet.append([_safe(sheet, value) for value in line])
    return sheet


def _safe(sheet: Any, value: Any) -> Any:
    """Return a value as Excel may store it: shares as percent, texts never as formulas."""
    if isinstance(value, _Share):
        cell = WriteOnlyCell(sheet, value=value)
        cell.number_format = PERCENT
        return cell
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    if not text.startswith(FORMULA_STARTS):
        return text
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell


def save_book(book_out: Workbook, out: Path, before_replace: Callable[[], None] | None = None) -> None:
    """Write the workbook whole or not at all; what ``before_replace`` raises leaves the old one in place."""
    temporary = out.with_name(out.name + ".tmp")
    try:
        book_out.save(temporary)
        if before_replace:
            before_replace()
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
