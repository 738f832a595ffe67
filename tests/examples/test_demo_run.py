"""The demo as a stranger runs it: the shipped models find the four planted events and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from xundan.examples.demo_shop import DemoFiles, write_demo
from xundan.examples.events import PlantedEvent
from xundan.inference.pipeline import RunResult, Workspace, run_all
from xundan.inference.trends.findings import Finding
from xundan.settings import Settings
from xundan.taxonomy.trees import load

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def files(folder: Path) -> DemoFiles:
    return write_demo(folder / "shops")


@pytest.fixture(scope="module")
def result(folder: Path, files: DemoFiles) -> RunResult:
    return run_all(Workspace(folder, Settings()), files.chats, files.orders)


def tells(finding: Finding, event: PlantedEvent) -> bool:
    """The finding is of the event's shop, begins in its days, and is headed by one of its leaves."""
    return (
        finding.shop == event.shop
        and event.start <= finding.start <= event.end
        and finding.headline_node in (*event.attention, *event.loss)
        and finding.direction == "up"
    )


def test_every_planted_event_is_one_finding(result: RunResult, files: DemoFiles) -> None:
    for event in files.planted:
        assert sum(tells(finding, event) for finding in result.trends.findings) == 1, event.name


def test_nothing_is_found_that_was_not_planted(result: RunResult, files: DemoFiles) -> None:
    unplanned = [f for f in result.trends.findings if not any(tells(f, event) for event in files.planted)]
    assert unplanned == []


def test_the_tables_say_so_too(folder: Path, result: RunResult, files: DemoFiles) -> None:
    trend = pq.read_table(folder / "trend.parquet").to_pylist()
    for event in files.planted:
        ups = [
            row
            for row in trend
            if row["shop"] == event.shop
            and row["grain"] == "week"
            and row["item_id"] is None
            and row["node"] in event.attention
            and row["verdict"] == "up"
            and event.start <= row["period_start"] <= event.end
        ]
        assert ups, event.name
        assert all(row["change_low"] > 0 for row in ups)


def test_every_row_is_accounted_for(result: RunResult) -> None:
    imported = result.imported
    for counts in (imported.messages, imported.orders):
        assert counts is not None
        assert counts.rows_in == counts.kept + counts.rejects + counts.duplicates
    assert imported.messages.rejects == 12
    assert imported.messages.duplicates == 18
    assert sum(imported.outcomes.values()) == imported.sessions


def test_the_page_shows_all_four(folder: Path, result: RunResult, files: DemoFiles) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    tree = load("attention")
    for event in files.planted:
        assert event.shop in page
        assert any(tree.name_of(leaf) in page for leaf in event.attention)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_draws_its_charts_in_a_browser(folder: Path, result: RunResult, tmp_path: Path) -> None:
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    quiet = "--disable-background-networking --disable-component-update --virtual-time-budget=8000 --dump-dom"
    command = [str(CHROMIUM), *flags.split(), *quiet.split(), f"--user-data-dir={tmp_path}"]
    page = (folder / "report.html").as_uri()
    drawn = subprocess.run([*command, page], capture_output=True, text=True, timeout=120).stdout
    assert drawn.count('class="main-svg"') >= 4
    assert "scatterlayer" in drawn
    assert "barlayer" in drawn
