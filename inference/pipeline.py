"""The steps on a workspace folder, one function each: import, classify, count, show.

workspace = Workspace(Path("out"), settings)
result = run_all(workspace, [Path("chats.csv")], [Path("orders.csv")])
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xundan.chats.masking import hash_buyer
from xundan.chats.orders import read_orders
from xundan.chats.outcomes import decide, last_moment
from xundan.chats.readers import read_chats
from xundan.chats.rejects import Imported
from xundan.chats.sessions import build_sessions
from xundan.inference.classify import classify
from xundan.inference.loss.corrections import corrected_loss
from xundan.inference.loss.register import Collected, collect
from xundan.inference.report.cards import sentence
from xundan.inference.report.excel import write_loss_table_xlsx, write_sessions_xlsx
from xundan.inference.report.header import make_header
from xundan.inference.report.page import write_page
from xundan.inference.report.scopes import make_view
from xundan.inference.report.tallies import open_book
from xundan.inference.trends.counts import compute_trend
from xundan.inference.trends.findings import Finding, find
from xundan.lake import Lake, workspace_salt
from xundan.models.loss.runtime import LossModel
from xundan.models.registry import champion
from xundan.models.runtime import Model
from xundan.progress import Begin, silent
from xundan.settings import Settings
from xundan.taxonomy.trees import load

SETTINGS_FILE = "settings.json"
LOSS_TABLE = "询单流失原因统计表.xlsx"
CLASSIFIED = ("attention", "action", "loss")


@dataclass(frozen=True)
class Workspace:
    """A folder of tables and the settings that make them."""

    folder: Path
    settings: Settings

    @property
    def lake(self) -> Lake:
        return Lake(self.folder)


@dataclass(frozen=True)
class Counts:
    """Rows of one kind of file: ``rows_in`` = ``kept`` + ``rejects`` + ``duplicates``."""

    rows_in: int
    kept: int
    rejects: int
    duplicates: int

    @classmethod
    def of(cls, imported: Imported) -> Counts:
        rejects = imported.rejects.num_rows
        return cls(imported.rows_in, imported.table.num_rows, rejects, imported.duplicates)


@dataclass(frozen=True)
class ImportResult:
    """What an import took in; its sessions by outcome or, where they are no inquiry, by the reason why."""

    messages: Counts
    orders: Counts | None
    sessions: int
    outcomes: dict[str, int]


@dataclass(frozen=True)
class TrendResult:
    """Rows of the trend table, the findings, and each finding in one sentence."""

    rows: int
    findings: list[Finding]
    sentences: list[str]


@dataclass(frozen=True)
class RunResult:
    """Everything a run has to tell."""

    imported: ImportResult
    classified: dict[str, int]
    trends: TrendResult
    files: list[Path]
    register: list[str]


@dataclass(frozen=True)
class Shown:
    """The files written, and what was taken from the register of the reason table, in sentences."""

    files: list[Path]
    register: list[str]


def run_all(
    workspace: Workspace,
    chats: Sequence[Path],
    orders: Sequence[Path],
    registry: Path | None = None,
    lang: str = "zh",
    begin: Begin = silent,
) -> RunResult:
    """Import, classify, count and show; what people wrote in the reason table is taken up first."""
    taken = take_register(workspace).sentences()
    imported = import_files(workspace, chats, orders, begin)
    classified = classify_workspace(workspace, registry, begin)
    counted = count_trends(workspace, lang, begin)
    shown = show(workspace, lang, counted.findings, begin)
    return RunResult(imported, classified, counted, shown.files, taken)


def take_register(workspace: Workspace) -> Collected:
    """Take up what people wrote in the reason table; `BadInput` where it is open or cannot be read."""
    return collect(workspace.lake, workspace.folder / LOSS_TABLE)


def import_files(
    workspace: Workspace, chats: Sequence[Path], orders: Sequence[Path], begin: Begin = silent
) -> ImportResult:
    """Read, mask, cut into sessions, decide outcomes; all files are read before a table is written."""
    settings = workspace.settings
    with _vanishing_if_refused(workspace.folder):
        salt = settings.salt or workspace_salt(workspace.folder)
        read = read_chats(chats, settings, salt, begin)
        bought = read_orders(orders, settings, salt, begin) if orders else None
    begin("decide outcomes", 0)
    sessions = decide(
        build_sessions(read.table, settings),
        read.table,
        bought.table if bought else None,
        settings.loss,
        last_moment(read.table, bought.table if bought else None),
        limits=settings.limits,
        own_buyers={hash_buyer(name, salt) for name in settings.own_accounts},
    )
    rejects = [read.rejects, bought.rejects] if bought else [read.rejects]
    tables = {"messages": read.table, "sessions": sessions, "rejects": pa.concat_tables(rejects)}
    if bought:
        tables["orders"] = bought.table
    workspace.lake.write(tables, drop=("orders", *CLASSIFIED, "trend"))
    (workspace.folder / SETTINGS_FILE).write_text(settings.to_json() + "\n", encoding="utf-8")
    return ImportResult(
        Counts.of(read), Counts.of(bought) if bought else None, sessions.num_rows, _outcomes(sessions)
    )


def classify_workspace(
    workspace: Workspace, registry: Path | None = None, begin: Begin = silent
) -> dict[str, int]:
    """Write the attention, action and loss tables, and stage and last attention of the sessions."""
    lake = workspace.lake
    messages, sessions = lake.read("messages"), lake.read("sessions")
    models = [Model.load(champion(tree, registry)) for tree in ("attention", "action")]
    judge = LossModel.load(champion("loss", registry))
    classified = classify(
        messages,
        sessions,
        lake.read("orders") if lake.has("orders") else None,
        models[0],
        models[1],
        judge,
        workspace.settings,
        begin,
    )
    tables = {name: getattr(classified, name) for name in CLASSIFIED}
    lake.write({**tables, "sessions": classified.sessions}, drop=("trend",))
    return {name: table.num_rows for name, table in tables.items()}


def count_trends(workspace: Workspace, lang: str = "zh", begin: Begin = silent) -> TrendResult:
    """Write the trend table and find what changed."""
    begin("count trends", 0)
    lake, min_n = workspace.lake, workspace.settings.min_n
    tables = (lake.read("sessions"), lake.read("attention"), corrected_loss(lake))
    taxonomies = {tree: load(tree) for tree in ("attention", "loss")}
    trend = compute_trend(*tables, taxonomies, min_n)
    lake.write({"trend": trend})
    findings = find(trend, *tables, taxonomies, min_n)
    with open_book(lake) as book:
        view = make_view(book, lang, taxonomies)
        return TrendResult(trend.num_rows, findings, [sentence(finding, view) for finding in findings])


def show(
    workspace: Workspace, lang: str = "zh", findings: list[Finding] | None = None, begin: Begin = silent
) -> Shown:
    """Write the page and the Excel files.

    What people wrote in the reason table counts: where it changes a count, trends are counted again.
    """
    lake, min_n = workspace.lake, workspace.settings.min_n
    taken = take_register(workspace)
    if taken.moved:
        findings = count_trends(workspace, lang, begin).findings
    if findings is None:
        taxonomies = {tree: load(tree) for tree in ("attention", "loss")}
        trend, sessions, attention = (lake.read(name) for name in ("trend", "sessions", "attention"))
        findings = find(trend, sessions, attention, corrected_loss(lake), taxonomies, min_n)
    page, session_sheet, loss_sheet = (
        workspace.folder / name for name in ("report.html", "sessions.xlsx", LOSS_TABLE)
    )
    begin("write the page and the Excel files", 0)
    write_page(lake, findings, make_header(lake), page, lang, min_n=min_n, settings=workspace.settings)
    write_sessions_xlsx(lake, session_sheet, lang, settings=workspace.settings)
    write_loss_table_xlsx(
        lake, loss_sheet, lang, before_replace=taken.ensure_unchanged, settings=workspace.settings
    )
    return Shown([page, session_sheet, loss_sheet], taken.sentences())


@contextmanager
def _vanishing_if_refused(folder: Path) -> Iterator[None]:
    """Leave no folder behind when the input is refused, if there was none before."""
    existed = folder.exists()
    try:
        yield
    except BaseException:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _outcomes(sessions: pa.Table) -> dict[str, int]:
    rows = zip(sessions["outcome"].to_pylist(), sessions["filtered"].to_pylist(), strict=True)
    counts = Counter(outcome or f"no inquiry ({filtered or 'no buyer'})" for outcome, filtered in rows)
    return dict(counts.most_common())
