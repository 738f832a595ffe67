"""The verbs about lost inquiries: beside the platform's numbers, and with reasons that people registered."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl import load_workbook

from xundan.training.loss.sessions import read_sessions

CHATS = """平台,店铺,会话ID,消息ID,发送时间,角色,发送账号,客户名,发送内容
pdd,小店,s1,m1,2026-09-01 10:00:00,买家,明月,明月,包邮吗
pdd,小店,s1,m2,2026-09-01 10:00:30,客服,客服一,明月,亲 满59包邮的哦
pdd,小店,s1,m3,2026-09-01 10:01:00,买家,明月,明月,运费太贵了不要了
pdd,小店,s2,m4,2026-09-01 11:00:00,买家,清风,清风,这件有没有大码
pdd,小店,s2,m5,2026-09-01 11:00:20,客服,客服一,清风,有的亲
"""
ORDERS = """订单号,买家,店铺,平台,商品ID,实付金额,数量,下单时间,付款时间
o1,清风,小店,pdd,i1,59.00,1,2026-09-01 11:05:00,2026-09-01 11:06:00
o9,路人,小店,pdd,i1,59.00,1,2026-09-20 11:05:00,2026-09-20 11:06:00
"""
THEIRS = "biz_day,客服账号,询单人数,最终成团人数,询单流失人数\n2026-09-01,小店:客服一,3,1,2\n"


def xundan(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from xundan.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "chats.csv").write_text(CHATS, encoding="utf-8")
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    result = xundan("run", "chats.csv", "--orders", "orders.csv", "--out", "out", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "out"


def test_the_difference_to_the_platform_adds_up(workspace: Path) -> None:
    (workspace.parent / "客服绩效.csv").write_text(THEIRS, encoding="gbk")
    result = xundan("reconcile", "客服绩效.csv", "--out", "out", "--json", cwd=workspace.parent)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["platform"] == "pdd"
    assert Path(workspace.parent / told["path"]).name == "对账表.xlsx"
    assert (told["total"]["lost"]["difference"], told["total"]["lost"]["unexplained"]) == (1, 1)
    shown = xundan("reconcile", "客服绩效.csv", "--out", "out", cwd=workspace.parent)
    assert "未解释" in shown.stdout


def test_a_table_of_no_platform_is_refused(workspace: Path) -> None:
    (workspace.parent / "other.csv").write_text("甲,乙\n1,2\n", encoding="utf-8")
    result = xundan("reconcile", "other.csv", "--out", "out", cwd=workspace.parent)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "other.csv" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_a_person_registers_wins_and_becomes_a_label(workspace: Path) -> None:
    path = workspace / "询单流失原因统计表.xlsx"
    book = load_workbook(path)
    sheet = book["登记"]
    heads = [cell.value for cell in sheet[1]]
    sheet.cell(2, heads.index("人工原因") + 1).value = "断货缺码"
    sheet.cell(2, heads.index("登记人") + 1).value = "阿宁"
    book.save(path)
    told = xundan("report", "out", cwd=workspace.parent)
    assert told.returncode == 0, told.stderr
    assert "register: 1 lines = 1 new" in told.stdout
    again = load_workbook(path)["登记"]
    assert again.cell(2, heads.index("人工原因") + 1).value == "断货缺码"
    result = xundan("corrections", "out", "--out", "labels.jsonl", "--json", cwd=workspace.parent)
    assert json.loads(result.stdout)["labels"] == 1
    label = json.loads((workspace.parent / "labels.jsonl").read_text(encoding="utf-8"))
    assert (label["loss_primary"], label["by"]) == ("loss_stock_out", "阿宁")
    assert read_sessions([workspace.parent / "labels.jsonl"])[0].primary == "loss_stock_out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("reconcile", "客服绩效.csv", "--out", "chats.csv"), "there is no workspace here"),
        (("reconcile", "客服绩效.csv", "--out", "locked"), "对账表.xlsx: the file cannot be written"),
        (("reconcile", "客服绩效.csv", "--out", "out", "--leaves-out", "refund"), "unknown filter"),
        (("corrections", "nowhere"), "nowhere: there is no workspace here"),
        (("corrections", "out", "--out", "locked"), "locked: the file cannot be written"),
        (("corrections", "out", "--out", "chats.csv/x.jsonl"), "the file cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    workspace: Path, arguments: tuple[str, ...], message: str
) -> None:
    folder = workspace.parent
    (folder / "客服绩效.csv").write_text(THEIRS, encoding="utf-8")
    locked = folder / "locked"
    if not locked.exists():
        shutil.copytree(workspace, locked)
        (locked / "对账表.xlsx").unlink(missing_ok=True)
        (locked / "对账表.xlsx").mkdir()
    result = xundan(*arguments, cwd=folder)
    assert result.returncode == 2
    assert message in result.stderr.replace("\n", "")
    assert "Traceback" not in result.stderr
    assert not (folder / "corrections.jsonl").exists()


def test_blanks_between_filters_do_not_count(workspace: Path) -> None:
    (workspace.parent / "客服绩效.csv").write_text(THEIRS, encoding="utf-8")
    result = xundan(
        "reconcile", "客服绩效.csv", "--out", "out", "--leaves-out", "aftersale, spam", "--json",
        cwd=workspace.parent,
    )  # fmt: skip
    assert json.loads(result.stdout)["leaves_out"] == ["aftersale", "spam"]
