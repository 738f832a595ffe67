"""The front door: one verb per thing a person does; each parses, calls one function, prints.

xundan demo
xundan run chats.csv --orders orders.csv --out out
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from xundan.errors import BadInput, XundanError
from xundan.progress import Advance, Begin
from xundan.settings import Settings, load_settings

if TYPE_CHECKING:
    from xundan.inference.pipeline import Counts, ImportResult, RunResult

app = typer.Typer(
    help="xundan 询单: what buyers ask about, why they leave, what changed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
taxonomy_app = typer.Typer(help="Look at a category tree, or check your own.", no_args_is_help=True)
app.add_typer(taxonomy_app, name="taxonomy")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Chats = Annotated[list[Path], typer.Argument(help="Chat files: .csv .tsv .jsonl .xlsx .parquet")]
Orders = Annotated[list[Path] | None, typer.Option("--orders", help="Order file; may be given several times")]
Out = Annotated[Path, typer.Option("--out", help="Workspace folder")]
In = Annotated[Path, typer.Argument(help="Workspace folder made by `xundan import` or `xundan run`")]
Config = Annotated[
    Path | None, typer.Option("--settings", help="A xundan.toml; without it, ./xundan.toml if there")
]
Registry = Annotated[
    Path | None, typer.Option("--registry", help="Your own models; without it, the shipped ones")
]
Lang = Annotated[str, typer.Option("--lang", help="Language of page and Excel: zh or en")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON")]
WORKSPACE = Path("xundan-out")


@app.command()
def demo(
    out_dir: Annotated[Path, typer.Option("--out", help="Where everything goes")] = Path("demo-out"),
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Make three demo shops with ten weeks of chats and run everything on them.

    Example: xundan demo
    """
    from xundan.examples.demo_shop import write_demo
    from xundan.inference.pipeline import Workspace, run_all

    with _progress() as begin:
        begin("make three shops", 0)
        files = write_demo(out_dir / "shops")
        result = run_all(Workspace(out_dir, Settings()), files.chats, files.orders, None, _lang(lang), begin)
    _show_run(result, as_json)


@app.command()
def run(
    chats: Chats,
    orders: Orders = None,
    out_dir: Out = WORKSPACE,
    settings: Config = None,
    registry: Registry = None,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Import, classify, count and report in one go.

    Example: xundan run chats.csv --orders orders.xlsx --out out
    """
    from xundan.inference.pipeline import Workspace, run_all

    workspace = Workspace(out_dir, _settings(settings))
    with _progress() as begin:
        result = run_all(workspace, chats, orders or [], registry, _lang(lang), begin)
    _show_run(result, as_json)


@app.command("import")
def import_(
    chats: Chats,
    orders: Orders = None,
    out_dir: Out = WORKSPACE,
    settings: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read chat and order files into a workspace: masked, cut into sessions, outcomes decided.

    Example: xundan import chats.csv --orders orders.csv --out out
    """
    from xundan.inference.pipeline import Workspace, import_files

    with _progress() as begin:
        result = import_files(Workspace(out_dir, _settings(settings)), chats, orders or [], begin)
    if as_json:
        _print_json(asdict(result))
    else:
        _show_import(result)


@app.command()
def classify(
    workspace: In, settings: Config = None, registry: Registry = None, as_json: AsJson = False
) -> None:
    """Classify every message of a workspace and judge every lost session.

    Example: xundan classify out
    """
    from xundan.inference.pipeline import Workspace, classify_workspace

    with _progress() as begin:
        rows = classify_workspace(Workspace(workspace, _settings(settings)), registry, begin)
    if as_json:
        _print_json(rows)
    else:
        out.print("  ".join(f"{name}: {n:,} rows" for name, n in rows.items()))


@app.command()
def trends(workspace: In, settings: Config = None, as_json: AsJson = False) -> None:
    """Count shares of sessions by day and week, with intervals, and say what changed.

    Example: xundan trends out
    """
    from xundan.inference.pipeline import Workspace, count_trends

    with _progress() as begin:
        result = count_trends(Workspace(workspace, _settings(settings)), begin=begin)
    if as_json:
        _print_json({"rows": result.rows, "findings": [asdict(f) for f in result.findings]})
    else:
        out.print(f"trend: {result.rows:,} rows")
        _show_findings(result.sentences)


@app.command()
def report(workspace: In, settings: Config = None, lang: Lang = "zh") -> None:
    """Write report.html and the Excel files of a workspace.

    Example: xundan report out --lang en
    """
    from xundan.inference.pipeline import Workspace, show

    with _progress() as begin:
        files = show(Workspace(workspace, _settings(settings)), _lang(lang), begin=begin)
    for path in files:
        out.print(path)


@app.command()
def pretrain(
    texts: Annotated[
        list[str],
        typer.Argument(help="Texts, one a line (.txt .gz .xz), or OUT/messages.parquet; FILE=WEIGHT"),
    ],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder of the new BERT; run again to resume")],
    base: Annotated[str | None, typer.Option(help="Continue this BERT (folder or Hugging Face name)")] = None,
    tokens: Annotated[float, typer.Option(help="Characters to train on, e.g. 7e7")] = 7e7,
    layers: Annotated[int, typer.Option(help="Layers of a new BERT")] = 4,
    hidden: Annotated[int, typer.Option(help="Width of a new BERT, a multiple of 64")] = 256,
    learning_rate: Annotated[
        float, typer.Option(help="1e-3 for a small new BERT, about 1e-4 to continue one")
    ] = 1e-3,
) -> None:
    """Train a Chinese BERT on raw text, or continue one on a shop's own chats.

    Example: xundan pretrain chats.txt=5 reviews.txt --out my-bert --tokens 2e7
    """
    from xundan.errors import require

    for library in ("torch", "transformers", "jieba"):
        require(library)
    from xundan.training.corpus import Source
    from xundan.training.pretrain import PretrainSettings
    from xundan.training.pretrain import pretrain as train_bert

    chosen = PretrainSettings(tokens=int(tokens), layers=layers, hidden=hidden, learning_rate=learning_rate)
    record = train_bert([Source.parse(text) for text in texts], out_dir, chosen, base)
    out.print(
        f"{out_dir}: loss {record['history'][-1]['loss']} after {record['history'][-1]['tokens']:,} tokens"
    )


@app.command()
def train(
    labels: Annotated[
        list[Path], typer.Argument(help="Labelled messages, JSON lines: id, text, context, labels")
    ],
    registry: Annotated[Path, typer.Option("--registry", help="Where the new version goes")],
    tree: Annotated[
        str, typer.Option(help="attention, action, or a taxonomy .yaml of your own")
    ] = "attention",
    base: Annotated[
        str | None, typer.Option(help="BERT to start from; without it, the shipped encoder")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the labels")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="2e-5 to 5e-5 for a base-sized BERT")] = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a BERT on labelled messages and register it as the new version.

    Example: xundan train labels.jsonl --registry registry --base ./chinese-macbert-base --learning-rate 3e-5
    """
    from xundan.errors import require

    for library in ("torch", "transformers", "sklearn"):
        require(library)
    from xundan.models.registry import SHIPPED_ENCODER
    from xundan.training.finetune import FinetuneSettings
    from xundan.training.train import TrainJob
    from xundan.training.train import train as train_model

    given = {"epochs": epochs, "learning_rate": learning_rate}
    chosen = FinetuneSettings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    trained = train_model(TrainJob(tuple(labels), tree, registry, base or SHIPPED_ENCODER, chosen))
    if as_json:
        _print_json({"folder": str(trained.folder), "version": trained.version, **asdict(trained.figures)})
        return
    figures = trained.figures
    out.print(f"{trained.version} in {trained.folder}")
    out.print(
        f"held out, {figures.rows} messages: micro-F1 {figures.micro}, macro-F1 {figures.macro}, "
        f"groups {figures.group}; leaf by leaf in {trained.folder / 'card.md'}"
    )


@taxonomy_app.command("show")
def taxonomy_show(
    name: Annotated[str, typer.Argument(help="attention, loss, action, or a .yaml file")], lang: Lang = "zh"
) -> None:
    """Print a tree with its definitions.

    Example: xundan taxonomy show attention
    """
    from xundan.taxonomy.show import render
    from xundan.taxonomy.trees import load

    out.print(render(load(name), _lang(lang)))


@taxonomy_app.command("check")
def taxonomy_check(file: Annotated[Path, typer.Argument(help="Your taxonomy, a .yaml file")]) -> None:
    """Check a tree of your own: every problem with its place and what to do.

    Example: xundan taxonomy check my-attention.yaml
    """
    from xundan.taxonomy.trees import load

    tree = load(file)
    out.print(
        f"{file}: ok, tree {tree.tree} {tree.version}, {len(tree.groups)} groups, {len(tree.leaves)} leaves"
    )


def main() -> None:
    """Run the command line; an expected error is one message and its exit code, never a traceback."""
    try:
        app()
    except XundanError as error:
        err.print(Text(f"error: {error}"))
        sys.exit(error.exit_code)


def _settings(path: Path | None) -> Settings:
    if path is None and Path("xundan.toml").is_file():
        path = Path("xundan.toml")
    return load_settings(path)


def _lang(value: str) -> str:
    if value not in ("zh", "en"):
        raise BadInput("unknown language", got=value, expected="zh or en", where="--lang")
    return value


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


class _Rate(ProgressColumn):
    """Rows done and rows a second, where rows are counted."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        rate = task.finished_speed or task.speed or 0
        return Text(f"{task.completed:,.0f}/{task.total:,.0f} {rate:,.0f}/s")


@contextmanager
def _progress() -> Iterator[Begin]:
    """One bar at a time on the error stream, gone when all is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)

    def begin(what: str, total: int) -> Advance:
        for task in progress.task_ids:
            progress.remove_task(task)
        progress.start()
        bar = progress.add_task(what, total=total or None)
        return lambda rows: progress.advance(bar, rows)

    try:
        yield begin
    finally:
        if progress.live.is_started:
            progress.stop()


def _show_counts(name: str, counts: Counts) -> None:
    out.print(
        f"{name}: {counts.rows_in:,} rows in = {counts.kept:,} kept + {counts.rejects:,} rejected "
        f"+ {counts.duplicates:,} duplicates"
    )


def _show_import(result: ImportResult) -> None:
    _show_counts("messages", result.messages)
    if result.orders:
        _show_counts("orders", result.orders)
    parts = " + ".join(f"{n:,} {outcome}" for outcome, n in result.outcomes.items())
    out.print(f"sessions: {result.sessions:,} = {parts}")


def _show_findings(sentences: list[str]) -> None:
    for number, sentence in enumerate(sentences, 1):
        out.print(f"{number}. {sentence}")
    if not sentences:
        out.print("no significant change")


def _show_run(result: RunResult, as_json: bool) -> None:
    if as_json:
        _print_json(asdict(result))
        return
    _show_import(result.imported)
    out.print("  ".join(f"{name}: {n:,} rows" for name, n in result.classified.items()))
    _show_findings(result.trends.sentences)
    for path in result.files:
        out.print(path)
