"""The command line as a person uses it: help with examples, counts that add up, one clear error at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = "平台,店铺,会话ID,消息ID,发送时间,角色,发送账号,客户名,发送内容\n"
ROWS = (
    "taobao,小店,s1,m1,2026-09-01 10:00:00,买家,明月,明月,包邮吗 我的电话13800138000\n"
    "taobao,小店,s1,m2,2026-09-01 10:00:30,客服,客服一,明月,亲 满59包邮的哦\n"
    "taobao,小店,s1,m3,2026-09-01 10:01:00,买家,明月,明月,好的我再看看\n"
    "taobao,小店,s2,m4,2026-09-01 11:00:00,买家,清风,清风,这件有没有大码\n"
)
ORDER_HEADER = "订单号,买家,店铺,平台,商品ID,实付金额,数量,下单时间,付款时间\n"


def xundan(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from xundan.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def chats(folder: Path, text: str = HEADER + ROWS, encoding: str = "utf-8", name: str = "chats.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def refused(folder: Path, *files: Path) -> str:
    """Run on bad input; check exit code and that nothing was left; give back the message."""
    result = xundan("run", *files, "--out", "out", cwd=folder)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert not (folder / "out").exists()
    return result.stderr


@pytest.mark.parametrize(
    "verb",
    ["demo", "run", "import", "classify", "trends", "report", "reconcile", "corrections"]
    + ["pretrain", "train", "evaluate", "promote"]
    + [f"models {verb}" for verb in ("list", "show", "diff", "rollback", "push", "fetch", "trust")]
    + ["taxonomy show", "taxonomy check"],
)
def test_each_verb_has_help_with_an_example(verb: str, tmp_path: Path) -> None:
    result = xundan(*verb.split(), "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert f"Example: xundan {verb}" in result.stdout


def test_a_whole_run_on_a_small_file(tmp_path: Path) -> None:
    orders = chats(
        tmp_path,
        ORDER_HEADER + "o1,清风,小店,taobao,i1,59.00,1,2026-09-20 11:05:00,2026-09-20 11:06:00\n",
        name="orders.csv",
    )
    result = xundan("run", chats(tmp_path), "--orders", orders, "--out", "out", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    counts = told["imported"]["messages"]
    assert counts["rows_in"] == counts["kept"] + counts["rejects"] + counts["duplicates"] == 4
    out = tmp_path / "out"
    for name in ("messages", "sessions", "attention", "action", "loss", "trend"):
        assert (out / f"{name}.parquet").is_file()
    assert (out / "sessions.xlsx").is_file()
    assert (out / "询单流失原因统计表.xlsx").is_file()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "13800138000" not in page
    assert "[手机]" in page


def test_step_by_step_gives_the_same_tables(tmp_path: Path) -> None:
    path = chats(tmp_path)
    salted = "[privacy]\nsalt = 'a fixed salt for this test'\n"
    (tmp_path / "xundan.toml").write_text(salted, encoding="utf-8")
    assert xundan("run", path, "--out", "whole", cwd=tmp_path).returncode == 0
    for step in (
        ("import", path, "--out", "steps"),
        ("classify", "steps"),
        ("trends", "steps"),
        ("report", "steps"),
    ):
        result = xundan(*step, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    for name in ("messages", "sessions", "attention", "action", "loss", "trend"):
        whole, steps = (tmp_path / folder / f"{name}.parquet" for folder in ("whole", "steps"))
        assert whole.read_bytes() == steps.read_bytes(), name


def test_without_orders_nothing_is_called_lost(tmp_path: Path) -> None:
    result = xundan("run", chats(tmp_path), "--out", "out", "--json", cwd=tmp_path)
    told = json.loads(result.stdout)
    assert set(told["imported"]["outcomes"]) == {"outcome_unknown"}
    assert told["classified"]["loss"] == 0
    assert "没有订单数据" in (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    message = refused(tmp_path, chats(tmp_path, (HEADER + ROWS).replace("发送内容", "备注二")))
    assert "chats.csv" in message
    assert "发送内容" in message


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "chats.csv"
    path.write_bytes(bytes(range(256)) * 40)
    assert "chats.csv" in refused(tmp_path, path)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    assert "chats.csv" in refused(tmp_path, chats(tmp_path, ""))


def test_a_file_with_no_buyer_message_is_named(tmp_path: Path) -> None:
    rows = "".join(line for line in ROWS.splitlines(keepends=True) if ",客服," in line)
    message = refused(tmp_path, chats(tmp_path, HEADER + rows))
    assert "chats.csv" in message
    assert "buyer" in message


def test_gbk_text_read_wrongly_is_named_with_its_row(tmp_path: Path) -> None:
    damaged = (HEADER + ROWS).replace("这件有没有大码", "杩欎欢鏈夋病鏈夊ぇ鐮�锟斤拷锟斤拷")
    damaged = damaged.replace("包邮吗 我的电话13800138000", "鍖呴偖鍚楋紵锟斤拷锟斤拷").replace(
        "好的我再看看", "锟斤拷锟斤拷锟斤拷"
    )
    assert "chats.csv:" in refused(tmp_path, chats(tmp_path, damaged))


def test_a_date_that_is_no_date_is_named_with_its_row(tmp_path: Path) -> None:
    message = refused(tmp_path, chats(tmp_path, (HEADER + ROWS).replace("2026-09-01", "昨天")))
    assert "chats.csv:2" in message


def test_gb18030_reads_like_utf8(tmp_path: Path) -> None:
    for number, encoding in enumerate(("utf-8", "utf-8-sig", "gb18030")):
        path = chats(tmp_path, encoding=encoding, name=f"{number}.csv")
        result = xundan("import", path, "--out", f"out{number}", "--json", cwd=tmp_path)
        assert json.loads(result.stdout)["messages"]["kept"] == 4, encoding


def test_a_workspace_without_tables_says_what_to_run_first(tmp_path: Path) -> None:
    result = xundan("classify", "nowhere", cwd=tmp_path)
    assert result.returncode == 2
    assert "xundan import" in result.stderr


def test_a_missing_extra_is_one_line_with_the_command(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from xundan.cli import main; main()"
    command = [sys.executable, "-c", code, "train", "labels.jsonl", "--registry", "registry"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.strip().splitlines() == [
        'error: torch is not installed: pip install "xundan[train]" -c constraints.txt'
    ]


def test_a_tree_of_ones_own_is_checked(tmp_path: Path) -> None:
    tree = tmp_path / "own.yaml"
    tree.write_text(
        "groups:\n- id: look\n  name: 外观\n  leaves:\n  - id: color\n    name: 颜色\n", encoding="utf-8"
    )
    assert "own.yaml: ok" in xundan("taxonomy", "check", tree, cwd=tmp_path).stdout
    tree.write_text("groups:\n- id: look\n  name: 外观\n  leaves: []\n", encoding="utf-8")
    result = xundan("taxonomy", "check", tree, cwd=tmp_path)
    assert result.returncode == 2
    assert "look" in result.stderr


def test_the_tree_is_printed(tmp_path: Path) -> None:
    shown = xundan("taxonomy", "show", "attention", cwd=tmp_path).stdout
    assert "price_bargain" in shown
    assert "议价砍价" in shown
