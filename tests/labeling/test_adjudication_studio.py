"""A dispute goes through a real Label Studio: two people differ, a third decides in the browser and says why.

With XUNDAN_PICTURES=docs the picture of the page is written there.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.labeling.own_tasks import message_tasks
from xundan.labeling.adjudication import adjudication_batch, take_decisions
from xundan.labeling.adjudication_project import ensure_adjudication_project
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import connect, library
from xundan.labeling.studio.pull import pull
from xundan.labeling.studio.push import push
from xundan.taxonomy.trees import load

pytestmark = [pytest.mark.slow, pytest.mark.studio]
TREE = load("attention")
PATIENCE_MS = 300_000
KEYS = ("price_inquiry", "logistics_freight")
REASON = "问的是运费，不是价格"


def answer(person: Access, task: int, *leaves: str) -> None:
    """One person answers one task."""
    ticked = {"from_name": "quick", "to_name": "text", "type": "choices", "value": {"choices": list(leaves)}}
    library(person).annotations.create(
        task, result=[{"id": "r", **ticked}], lead_time=4.0, request_options={"max_retries": 0}
    )


def signed_in(playwright: Any, access: Access) -> Any:
    """A page of a headless Chromium in which the account is signed in."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = started.new_page(viewport={"width": 1440, "height": 1000}, locale="zh-CN")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{access.address}/user/login/", wait_until="domcontentloaded")
    page.fill("input[name=email]", access.email)
    page.fill("input[name=password]", access.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/user/login" not in url, wait_until="commit")
    return page


def test_a_dispute_is_decided_in_the_browser(
    access: Access,
    annotators: tuple[Access, Access],
    studio_project: Callable[[str], int],
    tmp_path: Path,
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    studio, project = connect(access), studio_project("attention")
    with Store.open(tmp_path / "home") as store:
        store.add_tasks(message_tasks(3))
        push(store, studio, project, store.tasks("attention"), TREE)
        first, second, third = (row.task for row in store.pushed(project))
        for person in annotators:
            answer(person, first, "price_inquiry")
        answer(annotators[0], second, "price_inquiry")
        answer(annotators[1], second, "logistics_freight")
        answer(annotators[0], third, "logistics_ship_time")
        pull(store, studio, project, taxonomy_version=TREE.version)
        assert [one.how for one in settle(store, "attention")] == ["agreement", "undecided", "single"]

        decisions = ensure_adjudication_project(library(access), store, TREE, KEYS)
        batch = adjudication_batch(store, TREE)
        assert push(store, studio, decisions, batch, TREE).pushed == 1
        assert push(store, studio, decisions, adjudication_batch(store, TREE), TREE).already == 1
        with playwright.sync_playwright() as driver:
            decide(signed_in(driver, access), access, decisions, batch[0].why)
        until = time.monotonic() + PATIENCE_MS / 1000
        while take_decisions(store).answers == 0 and time.monotonic() < until:
            pull(store, studio, decisions, taxonomy_version=TREE.version)
        (decision,) = store.decisions()
        assert (decision.leaves, decision.reason) == (("logistics_freight",), REASON)
        assert decision.by == access.email
        assert [one.how for one in settle(store, "attention")] == ["agreement", "decision", "single"]
        assert adjudication_batch(store, TREE) == []
        pull(store, studio, decisions)
        assert take_decisions(store).same == 1


def decide(page: Any, access: Access, project: int, why: str) -> None:
    """Read the answers, find that a reason is asked for, give one, submit."""
    page.goto(f"{access.address}/projects/{project}/data?labeling=1", wait_until="domcontentloaded")
    page.wait_for_selector(".xd textarea")
    shown = page.locator(".xd-answer").inner_text()
    assert all(line in shown for line in why.splitlines())
    assert page.locator(".xd input:checked").count() == 0  # nothing is filled in
    page.keyboard.press("2")
    page.wait_for_selector(".xd-quick input:checked", state="attached")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=请写下裁定的理由")
    page.get_by_role("button", name="OK").click()
    page.fill(".xd textarea", REASON)
    page.locator(".xd-keys").click()
    if pictures := os.environ.get("XUNDAN_PICTURES"):
        page.screenshot(path=Path(pictures) / "labeling_adjudication.png")
    page.get_by_role("button", name="Submit").first.click()
    page.wait_for_timeout(1500)
