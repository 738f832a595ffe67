"""The labeling verbs about what comes out: tags taken in, frozen sets, probable errors, the guideline.

xundan label freeze 2026w14
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.text import Text

from xundan.errors import BadInput
from xundan.terminal import AsJson, Lang, checked_lang, out, print_json

if TYPE_CHECKING:
    from xundan.labeling.records import Source

Home = Annotated[
    Path, typer.Option("--home", file_okay=False, help="Folder of tasks, labels and suggestions")
]
Tree = Annotated[str, typer.Option("--tree", help="attention, action or loss")]
OwnTree = Annotated[Path | None, typer.Option("--taxonomy", help="Your own tree: .yaml")]
HOME = Path("xundan-labels")
SOURCES = ("agent_tag", "qa_import")


def add_to(label: typer.Typer) -> None:
    """Hang the verbs under `label`."""
    for verb in (tags, freeze, errors, guideline):
        label.command()(verb)


def say(line: object, to: Console = out) -> None:
    """Print as it is: a [ in a path, a name or an endpoint's words is no style."""
    to.print(Text(str(line)))


def tags(
    file: Annotated[Path, typer.Argument(help="Tags: .csv .xlsx .jsonl with session or message id and tag")],
    home: Home = HOME,
    tree: Tree = "attention",
    taxonomy: OwnTree = None,
    source: Annotated[str, typer.Option(help="agent_tag (made while serving) or qa_import")] = "agent_tag",
    mapping: Annotated[Path | None, typer.Option("--map", help="A .csv of tag and leaf")] = None,
    workspace: Annotated[
        Path | None, typer.Option(help="Workspace whose messages the tags are on; also those not drawn yet")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in the tags that agents set while serving, or those of quality checks: a weaker source of labels.

    Example: xundan label tags 客服打标.xlsx --tree loss --workspace out
    """
    from xundan.labeling.sampling.pool import read_pool
    from xundan.labeling.store import Store
    from xundan.labeling.tag_names import write_unknown
    from xundan.labeling.tag_sources import import_tags, places_of
    from xundan.lake import Lake
    from xundan.taxonomy.trees import load

    tree_of = load(taxonomy or tree)
    if not file.is_file():
        raise BadInput("no such file", where=str(file))
    if source not in SOURCES:
        raise BadInput("not a source of tags", got=source, expected=" or ".join(SOURCES), where="--source")
    if mapping and not mapping.is_file():
        raise BadInput("no such file", where=str(mapping))
    pool = read_pool(Lake(workspace), tree_of.tree) if workspace else None
    places = places_of(pool.candidates) if pool else None
    with Store.open(home) as store:
        found = import_tags(store, file, tree_of, cast("Source", source), mapping, places)
    if found.unknown:
        write_unknown(home / "unknown_tags.csv", found.unknown)
    if as_json:
        print_json(asdict(found))
        return
    for line in found.sentences():
        say(line)
    if found.unknown:
        say(f"fill in the column 叶子 of {home / 'unknown_tags.csv'} and give it as --map")


def freeze(
    name: Annotated[str, typer.Argument(help="Name of the set, such as 2026w14")],
    home: Home = HOME,
    tree: Tree = "attention",
    taxonomy: OwnTree = None,
    dev: Annotated[float, typer.Option(help="Share of the rows for choosing")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the rows for proving")] = 0.2,
    migration: Annotated[
        Path | None, typer.Option(help="A .yaml of old_leaf: new_leaf, if the taxonomy changed")
    ] = None,
    nothing_moved: Annotated[
        bool, typer.Option("--nothing-moved", help="The taxonomy changed, but no leaf moved")
    ] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out rows that repeat one of another side")
    ] = False,
    with_tags: Annotated[
        bool, typer.Option("--tags", help="Train also on tags, where no person labelled")
    ] = False,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Write a set that never changes again: train, dev and test files, and a datasheet.

    Refuses where a text, a session or a buyer would stand on two sides.

    Example: xundan label freeze 2026w14 --tree attention
    """
    from xundan.labeling.freeze.split import Shares
    from xundan.labeling.freeze.write import FreezeJob
    from xundan.labeling.freeze.write import freeze as write_set
    from xundan.labeling.store import Store
    from xundan.taxonomy.migrate import read_migration
    from xundan.taxonomy.trees import load

    if migration and nothing_moved:
        raise BadInput("--migration and --nothing-moved contradict each other", do="give one of them")
    moved = read_migration(migration) if migration else ({} if nothing_moved else None)
    job = FreezeJob(
        name,
        load(taxonomy or tree),
        Shares(dev, test),
        moved,
        leave_out=leave_out,
        tags=with_tags,
        lang=checked_lang(lang),
    )
    with Store.existing(home) as store:
        found = write_set(store, job)
    if as_json:
        print_json({"folder": str(found.folder), "is_new": found.is_new, **asdict(found.sheet)})
        return
    rows, sheet = found.sheet.rows, found.sheet
    left = " + ".join([f"{rows.rows:,} rows", *(f"{n:,} {why}" for why, n in sheet.left.items() if n)])
    say(f"{sheet.tasks:,} tasks = {left}")
    say(
        f"{rows.rows:,} rows = {rows.train:,} train + {rows.dev:,} dev + {rows.test:,} test + "
        f"{rows.aside:,} put aside; {sheet.sessions:,} sessions, {sheet.buyers:,} buyers"
    )
    say(f"{found.folder}{'' if found.is_new else ' (was frozen before)'}")
    say(f"next: xundan train {found.folder / 'train.jsonl'} --tree {sheet.tree} --registry registry")


def errors(
    version: Annotated[Path, typer.Argument(help="A version's folder, such as registry/attention/v3")],
    labels: Annotated[list[Path], typer.Argument(help="The label files it was trained on, in their order")],
    home: Home = HOME,
    to: Annotated[Path, typer.Option("--out", help="Where the table goes: .csv")] = Path("label-errors.csv"),
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the least believed first")] = 200,
    push: Annotated[bool, typer.Option("--push", help="Bring them into the adjudicators' project")] = False,
    as_json: AsJson = False,
) -> None:
    """List labels that are probably wrong, by what a model that had not seen them says.

    Example: xundan label errors registry/attention/v3 xundan-labels/frozen/2026w14/train.jsonl
    """
    from xundan.labeling.adjudication_project import bring
    from xundan.labeling.freeze.label_errors import as_tasks, find_label_errors, write_csv
    from xundan.labeling.store import Store
    from xundan.taxonomy.trees import load

    if to.is_dir() or not to.parent.is_dir():
        raise BadInput("no such place for a file", got=str(to), expected="a .csv", where="--out")
    found = find_label_errors(version, labels, limit)
    taxonomy = load(found.tree)
    write_csv(found.suspects, taxonomy, to)
    brought = None
    if push:
        with Store.existing(home) as store:
            brought = bring(home, store, as_tasks(found, taxonomy, store), taxonomy).pushed
    if as_json:
        counts = {"rows": found.rows, "flagged": found.flagged, "listed": len(found.suspects)}
        print_json({**counts, "brought": brought})
        return
    say(
        f"{found.rows:,} rows, {found.flagged:,} flagged, {len(found.suspects):,} listed in {to}; "
        f"{len(found.not_judged)} leaves have too few rows to be judged"
    )
    if brought is not None:
        say(f"{brought:,} brought into the adjudicators' project")


def guideline(home: Home = HOME, tree: Tree = "attention", taxonomy: OwnTree = None) -> None:
    """Write the guideline for people who label: the tree's definitions and what was decided in disputes.

    Example: xundan label guideline --tree loss
    """
    from xundan.labeling.guideline_versions import write_guideline
    from xundan.labeling.store import Store
    from xundan.taxonomy.trees import load

    tree_of = load(taxonomy or tree)
    with Store.open(home) as store:
        found = write_guideline(store, tree_of)
    say(f"{found.file}: version {found.version.number}{'' if found.is_new else ', as before'}")
