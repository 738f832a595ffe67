"""Show a comparison: tables for the terminal, 对账表.xlsx, JSON.

write_reconciliation_xlsx(result, Path("out/对账表.xlsx")); for part in tables(result): console.print(part)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from rich.table import Table
from rich.text import Text

from xundan.inference.reconcile.explain import MEASURES, Compared, Line, Reconciliation
from xundan.inference.reconcile.ladder import STEPS
from xundan.inference.reconcile.names import NOBODY
from xundan.inference.reconcile.sentences import rule_in, sentences, words
from xundan.inference.report.excel import add_sheet, save_book

FILE_NAME = "对账表.xlsx"
_ROWS_SHOWN = 15


def tables(result: Reconciliation, lang: str = "zh") -> Iterator[Table | Text]:
    """What the terminal prints: the steps from our sum to the platform's, the worst rows, the notes."""
    said = words(lang)
    yield _summary_table(result, said)
    worst = sorted(result.lines, key=lambda line: -sum(_distance(line)))[:_ROWS_SHOWN]
    if any(any(_distance(line)) for line in worst):
        yield _worst_table([line for line in worst if any(_distance(line))], result, said)
    yield from map(Text, sentences(result, said))


def to_json(result: Reconciliation) -> dict[str, Any]:
    """The comparison as plain values, with ``difference`` and ``unexplained`` of every number."""
    plain = asdict(result)
    for name in ("lines", "days", "agents"):
        plain[name] = [_plain(line) for line in getattr(result, name)]
    plain["total"] = _plain(result.total)
    return plain


def write_reconciliation_xlsx(result: Reconciliation, out: Path, lang: str = "zh") -> None:
    """Write the steps of the sum, then every day and agent, the days, the agents, and the notes."""
    said = words(lang)
    book = Workbook(write_only=True)
    heads = [said["item"], said["inquiries"], said["lost"], said["meaning"]]
    rows = list(_summary_rows(result, said))
    add_sheet(book, said["sheet_summary"], heads, rows, (26, 12, 12, 90), len(rows))
    for name in ("lines", "days", "agents"):
        _lines_sheet(book, said[f"sheet_{name}"], getattr(result, name), result, said)
    notes = [[sentence] for sentence in sentences(result, said)]
    add_sheet(book, said["sheet_notes"], [said["sheet_notes"]], notes, (120,), len(notes))
    save_book(book, out)


def _lines_sheet(
    book: Workbook, title: str, lines: Collection[Line], result: Reconciliation, said: Mapping[str, str]
) -> None:
    heads = [said[name] for name in ("day", "agent", "seen")]
    for measure in MEASURES:
        names = ["platform", "ours", "difference", *(f"step_{step}" for step in STEPS), "unexplained"]
        heads += [f"{said[measure]} {said[name]}" for name in names]
    rows = [_cells(line, result, said) for line in (*lines, result.total)]
    add_sheet(book, title, heads, rows, (12, 18, 10, *([13] * (len(heads) - 3))), len(lines))


def _cells(line: Line, result: Reconciliation, said: Mapping[str, str]) -> list[Any]:
    cells: list[Any] = [line.day or said["total"], _agent(line, result, said), said[f"seen_{line.seen}"]]
    for name in MEASURES:
        one: Compared = getattr(line, name)
        cells += [one.platform, one.ours, one.difference, *one.parts.values(), one.unexplained]
    return cells


def _agent(line: Line, result: Reconciliation, said: Mapping[str, str]) -> str:
    """The agent's name; of a sum over agents, the word for all of them."""
    if line.agent is None:
        return said["total"]
    if line.agent != NOBODY:
        return line.agent
    return said["nobody" if result.by_agent else "everyone"]


def _summary_rows(result: Reconciliation, said: Mapping[str, str]) -> Iterator[list[Any]]:
    """Ours, each step, what is left, the platform's number: the rows above the last add up to it."""
    asked, lost = result.total.inquiries, result.total.lost
    yield [said["ours"], asked.ours, lost.ours, rule_in(said, result.our_rule)]
    for step in STEPS:
        yield [said[f"step_{step}"], asked.parts[step], lost.parts[step], said[f"means_{step}"]]
    yield [said["unexplained"], asked.unexplained, lost.unexplained, said["unexplained_means"]]
    yield [said["platform"], asked.platform, lost.platform, rule_in(said, result.their_rule)]


def _summary_table(result: Reconciliation, said: Mapping[str, str]) -> Table:
    """The rows of the summary, without steps that change nothing."""
    table = Table(title=said["title"])
    table.add_column(said["item"])
    for measure in MEASURES:
        table.add_column(said[measure], justify="right")
    first, *parts, rest, last = _summary_rows(result, said)
    for row in (first, *(part for part in parts if part[1] or part[2]), rest, last):
        signed = row is not first and row is not last
        table.add_row(row[0], *(_number(value, signed) for value in row[1:3]))
    return table


def _worst_table(lines: Collection[Line], result: Reconciliation, said: Mapping[str, str]) -> Table:
    table = Table(title=said["most"].format(n=len(lines), all=len(result.lines)))
    for name in ("day", "agent"):
        table.add_column(said[name], no_wrap=True)
    for measure in MEASURES:
        table.add_column(f"{said[measure]}\n{said['platform']}/{said['ours']}", justify="right")
    table.add_column(said["mainly"])
    table.add_column(said["unexplained"], justify="right")
    for line in lines:
        pairs = [f"{_number(one.platform) or '?'}/{one.ours:,d}" for one in (line.inquiries, line.lost)]
        shown = line.lost if line.lost.difference else line.inquiries
        rest = _number(shown.unexplained, signed=True)
        # An agent's name may hold brackets, which rich would take for markup.
        agent = Text(_agent(line, result, said))
        table.add_row(str(line.day), agent, *pairs, _mainly(shown, said), rest)
    return table


def _mainly(one: Compared, said: Mapping[str, str]) -> str:
    """The two largest parts of a difference, with their signs."""
    largest = sorted(one.parts.items(), key=lambda part: -abs(part[1]))[:2]
    return said["comma"].join(f"{said[f'step_{step}']} {n:+d}" for step, n in largest if n)


def _distance(line: Line) -> tuple[int, int]:
    return abs(line.lost.difference or 0), abs(line.inquiries.difference or 0)


def _number(value: int | None, signed: bool = False) -> str:
    return "" if value is None else f"{value:+,d}" if signed else f"{value:,d}"


def _plain(line: Line) -> dict[str, Any]:
    plain = asdict(line)
    for name in MEASURES:
        one: Compared = getattr(line, name)
        plain[name] |= {"difference": one.difference, "unexplained": one.unexplained}
    return plain
