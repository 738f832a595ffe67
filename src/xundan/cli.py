"""The front door: one verb per thing a person does; each parses, calls one function, prints.

xundan demo
xundan run chats.csv --orders orders.csv --out out
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from xundan import cli_label, cli_loss, cli_models, cli_registry
from xundan.errors import XundanError
from xundan.settings import Settings, load_settings
from xundan.terminal import AsJson, Lang, checked_lang, err, out, print_json, progress

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

    with progress() as begin:
        begin("make three shops", 0)
        files = write_demo(out_dir / "shops")
        result = run_all(
            Workspace(out_dir, Settings()), files.chats, files.orders, None, checked_lang(lang), begin
        )
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
    with progress() as begin:
        result = run_all(workspace, chats, orders or [], registry, checked_lang(lang), begin)
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

    with progress() as begin:
        result = import_files(Workspace(out_dir, _settings(settings)), chats, orders or [], begin)
    if as_json:
        print_json(asdict(result))
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

    with progress() as begin:
        rows = classify_workspace(Workspace(workspace, _settings(settings)), registry, begin)
    if as_json:
        print_json(rows)
    else:
        out.print("  ".join(f"{name}: {n:,} rows" for name, n in rows.items()))


@app.command()
def trends(workspace: In, settings: Config = None, as_json: AsJson = False) -> None:
    """Count shares of sessions by day and week, with intervals, and say what changed.

    Example: xundan trends out
    """
    from xundan.inference.pipeline import Workspace, count_trends

    with progress() as begin:
        result = count_trends(Workspace(workspace, _settings(settings)), begin=begin)
    if as_json:
        print_json({"rows": result.rows, "findings": [asdict(f) for f in result.findings]})
    else:
        out.print(f"trend: {result.rows:,} rows")
        _show_findings(result.sentences)


@app.command()
def report(workspace: In, settings: Config = None, lang: Lang = "zh") -> None:
    """Write report.html and the Excel files of a workspace.

    Example: xundan report out --lang en
    """
    from xundan.inference.pipeline import Workspace, show

    with progress() as begin:
        shown = show(Workspace(workspace, _settings(settings)), checked_lang(lang), begin=begin)
    for line in [*shown.register, *shown.files]:
        out.print(line)


@taxonomy_app.command("show")
def taxonomy_show(
    name: Annotated[str, typer.Argument(help="attention, loss, action, or a .yaml file")], lang: Lang = "zh"
) -> None:
    """Print a tree with its definitions.

    Example: xundan taxonomy show attention
    """
    from xundan.taxonomy.show import render
    from xundan.taxonomy.trees import load

    out.print(render(load(name), checked_lang(lang)))


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


cli_models.add_to(app)
cli_loss.add_to(app)
cli_label.add_to(app)
app.add_typer(cli_registry.models_app, name="models")


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
        print_json(asdict(result))
        return
    _show_import(result.imported)
    out.print("  ".join(f"{name}: {n:,} rows" for name, n in result.classified.items()))
    _show_findings(result.trends.sentences)
    for line in [*result.register, *result.files]:
        out.print(line)
