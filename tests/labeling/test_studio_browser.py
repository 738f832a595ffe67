"""A person at the labeling page: sees what the model filled in, changes it by keys, submits.

With XUNDAN_PICTURES=docs the pictures of both pages are written there.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from xundan.labeling.records import Annotation, Task, Turn, task_key
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import connect, library
from xundan.labeling.studio.project import ensure_project
from xundan.labeling.studio.pull import pull
from xundan.labeling.studio.push import push
from xundan.taxonomy.trees import load

pytestmark = [pytest.mark.slow, pytest.mark.studio]
AT = datetime(2026, 5, 12, 6, 1, tzinfo=UTC)
PATIENCE_MS = 300_000
COUNTS = {
    leaf: 9 - number
    for number, leaf in enumerate(
        (
            *("product_size_fit", "stock_availability", "price_inquiry", "promo_coupon"),
            *("logistics_ship_time", "logistics_delivery_time", "product_material", "product_color"),
            "aftersale_policy",
        )
    )
}
CHAT = (
    ("buyer", 0, "你好 在吗"),
    ("bot", 0, "亲，欢迎光临～请问有什么可以帮您？"),
    ("buyer", 1, "这件防晒衣夏天骑车穿会闷吗"),
    ("agent", 2, "亲，后背有透气网眼的，骑车通勤都可以穿，面料是冰丝的哦"),
    ("agent", 2, "颜色有米白、雾蓝、浅灰三色"),
    ("buyer", 4, "[图片]"),
    ("agent", 5, "这个是雾蓝色，亲亲眼光真好"),
)
TALK = (
    ("buyer", 0, "这款除湿机现在多少钱"),
    ("bot", 0, "亲，您好！我是智能客服小暖，很高兴为您服务"),
    ("agent", 1, "亲，活动价 899，页面领券再减 40"),
    ("buyer", 3, "能不能再少点 我看别家 820"),
    ("agent", 4, "亲，已经是活动底价了，我们是双核压缩机，除湿量更大哦"),
    ("buyer", 6, "那送滤网吗"),
    ("agent", 15, "滤网需要单独购买的亲，99 一套"),
    ("buyer", 18, "先拍了 等我问下我老婆"),
    ("agent", 18, "好的亲，拍下 24 小时内付款优先发货"),
    ("buyer", 1462, "算了 她说还是太贵了 就买别家那个吧"),
    ("agent", 1475, "亲亲再考虑一下哦，品质真的不一样"),
)


def turns(talk: tuple[tuple[str, int, str], ...]) -> tuple[Turn, ...]:
    return tuple(
        Turn(f"m{number}", role, text, AT + timedelta(minutes=minute))
        for number, (role, minute, text) in enumerate(talk)
    )


def message_task() -> Task:
    text = "那165的个子 120斤穿M会不会紧 还有今天拍几号能到杭州呀"
    return Task(
        key=task_key("attention", text, turns(CHAT)),
        tree="attention",
        session_id="s1",
        message_id="m7",
        shop="示例店",
        buyer="b1",
        text=text,
        turns=turns(CHAT),
        item="轻薄防晒衣女 UPF50+ 连帽透气骑行外套 雾蓝",
        predicted=(("product_size_fit", 0.91), ("logistics_ship_time", 0.58)),
        model_version="attention-shipped-3",
    )


def session_task() -> Task:
    return Task(
        key=task_key("loss", "", turns(TALK)),
        tree="loss",
        session_id="s2",
        message_id=None,
        shop="示例店",
        buyer="b2",
        text=TALK[0][2],
        turns=turns(TALK),
        item="智能除湿机家用 20L 双核静音 适用 60㎡",
        events=(("ordered", AT + timedelta(minutes=18)), ("closed", AT + timedelta(minutes=1470))),
        predicted=(("loss_price_bargain_failed", 0.74), ("loss_competitor_price", 0.52)),
        model_version="loss-shipped-2",
    )


@pytest.fixture(scope="module")
def browser(access: Access) -> Iterator[Any]:
    """A page of a headless Chromium in which the account is signed in."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{access.address}/user/login/", wait_until="domcontentloaded")
        page.fill("input[name=email]", access.email)
        page.fill("input[name=password]", access.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/user/login" not in url, wait_until="commit")
        yield page
        started.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as found:
        yield found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("XUNDAN_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


def opened(browser: Any, access: Access, store: Store, task: Task) -> int:
    """The number of a new project to which the task was pushed, its labeling page open in the browser."""
    tree = load(task.tree)
    project = ensure_project(library(access), store, tree, counts=COUNTS, guideline="# 标注说明\n\n别急。")
    store.add_tasks([task])
    push(store, connect(access), project.number, [task], tree)
    browser.goto(f"{access.address}/projects/{project.number}/data?labeling=1", wait_until="domcontentloaded")
    browser.wait_for_selector(".xd input:checked, .xd .ant-select-selection-item", state="attached")
    return project.number


def submitted(browser: Any, access: Access, store: Store, project: int) -> Annotation:
    """Submit by keys; what is then pulled."""
    browser.keyboard.press("Control+Enter")
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        pull(store, connect(access), project)
        for annotation in store.annotations():
            return annotation
        time.sleep(0.5)
    raise AssertionError("nothing was submitted")


def ticked(browser: Any) -> list[str]:
    """The boxes on the answer's side that are ticked and can be seen."""
    boxes = browser.locator(".xd-answer .lsf-choice:has(input:checked)")
    return [
        boxes.nth(number).inner_text().strip()
        for number in range(boxes.count())
        if boxes.nth(number).is_visible()
    ]


def test_a_message_is_labelled_by_keys(browser: Any, access: Access, store: Store, pictures: Path) -> None:
    project = opened(browser, access, store, message_task())
    assert ticked(browser) == ["1尺码推荐", "5发货时间"]
    assert browser.locator(".xd-target p").inner_text() == message_task().text
    assert browser.locator(".xd-model").inner_text() == "模型预填尺码推荐 91% · 发货时间 58%"

    browser.keyboard.press("5")
    browser.keyboard.press("6")
    assert ticked(browser) == ["1尺码推荐", "6到货时效"]

    browser.hover(".xd-row label:has-text('运费包邮')")
    browser.wait_for_selector("[data-testid=tooltip-body]:has-text('不含')")
    browser.wait_for_timeout(500)
    browser.screenshot(path=pictures / "labeling_message.png")

    annotation = submitted(browser, access, store, project)
    assert annotation.leaves == ("product_size_fit", "logistics_delivery_time")
    assert (annotation.key, annotation.by, annotation.source) == (message_task().key, access.email, "human")
    assert annotation.seconds is not None
    assert annotation.seconds > 0


def test_a_rare_leaf_takes_one_click_or_the_search_in_the_tree(
    browser: Any, access: Access, store: Store
) -> None:
    project = opened(browser, access, store, message_task())
    browser.keyboard.press("1")
    browser.keyboard.press("5")
    browser.click(".xd-row label:has-text('运费包邮')")
    assert ticked(browser) == ["运费包邮"]
    browser.click(".htx-taxonomy")
    browser.fill("[data-testid=taxonomy-search]", "换货")
    found = ".htx-taxonomy-dropdown .ant-select-tree-treenode:has-text('换货补发')"
    browser.click(f"{found} .ant-select-tree-checkbox")
    browser.locator(".xd-keys").click()
    browser.keyboard.press("0")
    annotation = submitted(browser, access, store, project)
    assert annotation.leaves == ("logistics_freight", "aftersale_exchange")
    assert annotation.unsure
    assert not annotation.unreadable


def test_a_session_is_labelled_with_stage_evidence_and_comment(
    browser: Any, access: Access, store: Store, pictures: Path
) -> None:
    project = opened(browser, access, store, session_task())
    chosen = browser.locator(".xd-answer .ant-select-selection-item").all_inner_texts()
    assert chosen == ["议价未成", "竞品更便宜"]
    browser.click(".xd-turns p:has-text('我看别家 820')")
    browser.click(".xd-turns p:has-text('还是太贵了')")
    browser.keyboard.press("6")
    browser.set_viewport_size({"width": 1440, "height": 1060})
    browser.evaluate("document.querySelector('.xd-read').scrollTop = 0")
    browser.screenshot(path=pictures / "labeling_session.png")
    browser.fill(".xd-answer textarea", "先拍后退")
    browser.locator(".xd-keys").click()
    annotation = submitted(browser, access, store, project)
    assert annotation.leaves == ("loss_price_bargain_failed", "loss_competitor_price")
    assert (annotation.stage, annotation.evidence) == ("stage_order_unpaid", ("m3", "m9"))
    assert annotation.comment == "先拍后退"
