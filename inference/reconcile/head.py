"""Find the header of an export: titles and dates may stand above it, and it may take two lines.

>>> from xundan.inference.reconcile.head import load_tables
>>> load_tables(Path("客服绩效.xlsx"))[0].header  # doctest: +SKIP
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from openpyxl import load_workbook

from xundan.chats.cells import text_of
from xundan.chats.encoding import decode
from xundan.chats.files import Row, Sheet, load
from xundan.chats.headers import locate
from xundan.errors import BadInput
from xundan.inference.reconcile.platforms import PLATFORMS

NUMBERS = ("start", "inquiries", "lost", "won", "rate", "unpaid")
_MOST_TITLES = 12
_TEXT = (".csv", ".tsv", ".txt")

_NAMES: dict[str, tuple[str, ...]] = {}
for _platform in PLATFORMS.values():
    for _field, _words in _platform.columns.items():
        _NAMES[_field] = tuple(dict.fromkeys((*_NAMES.get(_field, ()), *_words)))


def load_tables(path: Path) -> list[Sheet]:
    """The sheets of a file, each from its header on; rows keep the numbers that a person sees.

    A sheet without a header that we know comes back as `load` reads it.
    """
    try:
        loaded = {sheet.file: sheet for sheet in load(path, empty_ok=True).sheets}
    except BadInput:
        # A title may be blank, or have other marks between its words than the cells of the table.
        found = [sheet for name, lines in _lines(path) if (sheet := _below_titles(name, lines))]
        if not found:
            raise
        return found
    if all(_is_header(sheet.header) for sheet in loaded.values()) and path.suffix.lower() != ".xlsx":
        return list(loaded.values())
    for name, lines in _lines(path):
        if name not in loaded or not _is_header(loaded[name].header):
            found_below = _below_titles(name, lines)
            if found_below:
                loaded[name] = found_below
    return list(loaded.values())


def _lines(path: Path) -> Iterator[tuple[str, list[Row]]]:
    """Each table of a file with every line of it, blank ones too, named as `load` names it."""
    ending = path.suffix.lower()
    if not path.is_file():
        return
    if ending in _TEXT:
        text = decode(path.read_bytes(), str(path))
        top = "\n".join(text.splitlines()[:_MOST_TITLES])
        records = csv.reader(io.StringIO(text, newline=""), delimiter=max("\t,;", key=top.count))
        with suppress(csv.Error):
            yield path.name, [list(row) for row in records]
    if ending != ".xlsx" or not zipfile.is_zipfile(path):
        return
    try:
        pages = load_workbook(path, read_only=True, data_only=True).worksheets
    except (KeyError, ValueError, OSError, SyntaxError):
        return
    for index, page in enumerate(pages, start=1):
        page.reset_dimensions()
        name = path.name if index == 1 else f"{path.name}#{index}"
        yield name, [list(row) for row in page.iter_rows(values_only=True)]


def _is_header(names: Sequence[str]) -> bool:
    """Whether these are the names of two columns or more, of which one holds numbers."""
    found = locate(names, _NAMES)
    return len(found) > 1 and any(field in found for field in NUMBERS)


def _below_titles(name: str, lines: Sequence[Row]) -> Sheet | None:
    """The table from the line, or the two lines, in which the most columns have names we know."""
    best: tuple[int, int, list[str]] | None = None
    for number in range(min(_MOST_TITLES, len(lines))):
        here = [text_of(value) for value in lines[number]]
        below = [text_of(value) for value in lines[number + 1]] if number + 1 < len(lines) else []
        for height, names in ((1, here), (2, _joined(here, below))):
            known = len(locate(names, _NAMES))
            if _is_header(names) and (best is None or known > best[0]):
                best = (known, number + height, names)
    if best is None:
        return None
    _, first, header = best
    sheet = Sheet(name, header)
    for number, row in enumerate(lines[first:], start=first + 1):
        if any(map(text_of, row)):
            sheet.add(number, row)
    return sheet


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """One name a column from two lines: a cell above may span several below (询单 over 人数)."""
    names, above = [], ""
    for place in range(max(len(upper), len(lower))):
        own = upper[place] if place < len(upper) else ""
        above = own or above
        below = lower[place] if place < len(lower) else ""
        both = above + below
        names.append(own if not below else both if locate([both], _NAMES) else below)
    return names
