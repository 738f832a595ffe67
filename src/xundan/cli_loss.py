"""The verbs about lost inquiries; `xundan.cli` hangs them on its own.

xundan reconcile 客服绩效.csv --out out
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from xundan.errors import BadInput
from xundan.terminal import AsJson, Lang, checked_lang, out, print_json


def add_to(app: typer.Typer) -> None:
    """Hang the verbs on the command line."""
    app.command()(reconcile)
    app.command()(corrections)


def reconcile(
    export: Annotated[Path, typer.Argument(help="The platform's own numbers: .csv .xlsx")],
    out_dir: Annotated[Path, typer.Option("--out", help="Workspace folder")] = Path("xundan-out"),
    platform: Annotated[
        str | None, typer.Option(help="pdd, taobao, chitu or jd; without it, known by the headers")
    ] = None,
    shop: Annotated[
        list[str] | None, typer.Option(help="A shop of the workspace; may be given several times")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="The platform's window, such as jd_pop_3d")] = None,
    leaves_out: Annotated[
        str | None, typer.Option(help="What the platform does not count: aftersale,spam,... or none")
    ] = None,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Lay our inquiries and losses beside the platform's own numbers, and say what makes the difference.

    Example: xundan reconcile 客服绩效.csv --out out
    """
    from xundan.inference import reconcile as room

    checked_lang(lang)
    filters = None
    if leaves_out is not None:
        filters = [name for part in leaves_out.split(",") if (name := part.strip()) != "none"]
    result = room.reconcile(out_dir, export, platform, shops=shop or (), preset=rule, leaves_out=filters)
    path = out_dir / room.FILE_NAME
    with _writing(path):
        room.write_reconciliation_xlsx(result, path, lang)
    if as_json:
        print_json({**room.to_json(result), "path": str(path)})
        return
    for part in room.tables(result, lang):
        out.print(part)
    out.print(path)


def corrections(
    workspace: Annotated[Path, typer.Argument(help="Workspace folder made by `xundan run`")],
    to: Annotated[Path, typer.Option("--out", help="Where the labels go: .jsonl")] = Path(
        "corrections.jsonl"
    ),
    as_json: AsJson = False,
) -> None:
    """Write the reasons that people registered in 询单流失原因统计表.xlsx as labels for training.

    Example: xundan corrections out --out corrections.jsonl
    """
    from xundan.inference.loss.corrections import export_labels
    from xundan.lake import Lake

    lake = Lake(workspace)
    if not lake.has("sessions"):
        raise BadInput("there is no workspace here", do="run: xundan run", where=str(workspace))
    with _writing(to):
        written, gone = export_labels(lake, to)
    if as_json:
        print_json({"labels": written, "left_out": gone, "path": str(to)})
        return
    out.print(f"{written:,} labels; {gone:,} left out: sessions that are not here or not lost any more")
    out.print(to)
    if written:
        out.print(f"next: xundan train {to} --tree loss --registry registry")
    else:
        out.print(
            "next: choose reasons in the sheet 登记 of 询单流失原因统计表.xlsx, then run: xundan report"
        )


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say which file could not be written: it may be open in Excel, or its folder be read-only."""
    try:
        yield
    except OSError as error:
        what = f"the file cannot be written ({error.strerror or error})"
        raise BadInput(what, do="close it where it is open, or free the place", where=str(path)) from None
