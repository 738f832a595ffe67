"""The data team's week at the terminal, with categories of their own: train, evaluate, promote, roll back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAID = {
    "开票": ["能开发票吗", "专票可以开不", "发票抬头写公司", "电子发票怎么要", "开个收据行吗", "税号发你了"],
    "送货": ["哪天能送到", "送货上门不", "快递到哪了", "今天能发出吗", "几天到长沙", "可以送到楼上吗"],
    "价钱": ["便宜点行不", "多少钱一个", "有优惠吗", "满减怎么用", "能少五块吗", "两件打折吗"],
}
TURNS = ("", "亲 ", "你好 ", "请问 ", "老板 ")


def xundan(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    command = [sys.executable, "-c", "from xundan.cli import main; main()", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def labels(path: Path, turns: tuple[str, ...], kind: dict[str, str] | None = None) -> Path:
    """Every sentence after each opening; ``kind`` swaps categories."""
    rows = [
        {"id": f"{turn}{text}#1", "text": turn + text, "label": (kind or {}).get(leaf, leaf)}
        for turn in turns
        for leaf, texts in SAID.items()
        for text in texts
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with one trained and promoted version of the tree "topics"."""
    home = tmp_path_factory.mktemp("week")
    labels(home / "train.jsonl", TURNS[:3])
    labels(home / "test.jsonl", TURNS[3:])
    trained = xundan(
        *("train", "train.jsonl", "--tree", "topics", "--registry", "models", "--minutes", 0), cwd=home
    )
    assert trained.returncode == 0, trained.stderr
    assert len(trained.stdout.strip().splitlines()) == 3, "it ends with the three lines that matter"
    assert "several ways are tried by cross-validation" in trained.stderr
    promoted = xundan(
        *("promote", "v1", "--labels", "test.jsonl", "--tree", "topics", "--registry", "models"),
        *("--least-rows", 30),
        cwd=home,
    )
    assert promoted.returncode == 0, promoted.stdout + promoted.stderr
    return home


def test_the_candidate_is_measured_and_the_page_is_written(folder: Path) -> None:
    words = ("evaluate", "champion", "--labels", "test.jsonl", "--tree", "topics", "--registry", "models")
    result = xundan(*words, "--out", "judged", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["model"]["micro"]["n"] == 36
    assert told["model"]["micro"]["value"] > 0.7, "an opening changed, nothing else"
    assert (folder / "judged" / "evaluation.html").stat().st_size > 100_000


def test_a_worse_candidate_is_refused_with_exit_code_1_and_the_champion_stays(folder: Path) -> None:
    labels(folder / "mixed.jsonl", TURNS[:3], {"开票": "送货", "送货": "价钱", "价钱": "开票"})
    words = ("train", "mixed.jsonl", "--tree", "topics", "--registry", "models", "--minutes", 0, "--json")
    trained = xundan(*words, cwd=folder)
    assert trained.returncode == 0, trained.stderr
    name = Path(json.loads(trained.stdout)["folder"]).name
    refused = xundan(
        *("promote", name, "--labels", "test.jsonl", "--tree", "topics", "--registry", "models"),
        *("--least-rows", 30),
        cwd=folder,
    )
    assert refused.returncode == 1
    assert f"{name}: refused, the champion stays" in refused.stdout
    assert "leaves_permuted" in refused.stdout
    listed = xundan("models", "list", "--tree", "topics", "--registry", "models", "--json", cwd=folder)
    states = {version["name"]: version["state"] for version in json.loads(listed.stdout)}
    assert (states["v1"], states[name]) == ("champion", "refused")


def test_versions_are_shown_compared_and_copied(folder: Path) -> None:
    where = ("--tree", "topics", "--registry", "models")
    assert "taxonomy_version: leaves-" in xundan("models", "show", "v1", *where, cwd=folder).stdout
    assert xundan("models", "diff", "v1", "v1", *where, cwd=folder).returncode == 0
    pushed = xundan("models", "push", "v1", "./copy", *where, cwd=folder)
    assert pushed.returncode == 0, pushed.stderr
    assert "model.json" in pushed.stdout
    assert not (folder / "copy" / "rows.txt").exists()
    fetched = xundan("models", "fetch", "./copy", *where, cwd=folder)
    assert fetched.returncode == 0, fetched.stderr
    assert "is a candidate" in fetched.stdout


def test_there_is_nothing_before_the_first_champion(folder: Path) -> None:
    result = xundan("models", "rollback", "--tree", "topics", "--registry", "models", cwd=folder)
    assert result.returncode == 1
    assert "there is no champion before v1" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "none.jsonl", "--registry", "r"), "none.jsonl"),
        (("train", "train.jsonl", "--registry", "r"), "no such label in the attention tree"),
        (("train", "train.jsonl", "--tree", "loss", "--registry", "r"), "field 'session_id' is missing"),
        (
            ("train", "train.jsonl", "--tree", "loss", "--registry", "r", "--precision", "0.9"),
            "takes neither",
        ),
        (("promote", "v9", "--labels", "test.jsonl", "--tree", "topics", "--registry", "models"), "v9"),
        (("evaluate", "nowhere", "--labels", "test.jsonl", "--out", "x"), "no such model folder"),
        (("models", "trust", "me", "--registry", "models"), "not a key's fingerprint"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    words: tuple[str, ...], message: str, folder: Path
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    result = xundan(*words, cwd=folder)
    assert result.returncode == 2, result.stdout + result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == before
