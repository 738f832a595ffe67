"""The labeling verbs, `xundan label …`: draw, send to Label Studio and back, agree, decide, freeze.

xundan label next out --n 500
xundan label push --home xundan-labels
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from xundan import cli_label_sets
from xundan.cli_label_sets import HOME, Home, OwnTree, Tree, say
from xundan.cli_label_suggest import suggest
from xundan.errors import BadInput
from xundan.terminal import AsJson, Lang, checked_lang, err, out, print_json, progress

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

    from xundan.labeling.records import Task
    from xundan.labeling.store import Store
    from xundan.labeling.studio.client import Studio
    from xundan.taxonomy.trees import Taxonomy


def add_to(app: typer.Typer) -> None:
    """Hang the verbs on the command line, under `label`."""
    label = typer.Typer(help="From unlabelled chats to a trusted training set, on Label Studio.")
    label.command("next")(next_)
    for verb in (up, down, push, pull, suggest, status, agreement, adjudicate):
        label.command()(verb)
    cli_label_sets.add_to(label)
    app.add_typer(label, name="label", no_args_is_help=True)


def up(
    home: Home = HOME,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of this machine; 8080 at first")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="postgresql://user:password@host:port/name; else SQLite in --home")
    ] = None,
    docker: Annotated[
        bool | None, typer.Option("--docker/--no-docker", help="Run it in a container instead")
    ] = None,
    environment: Annotated[
        Path | None, typer.Option(help="Virtual environment for Label Studio; else one in --home")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start Label Studio on this machine and say where it is; the first start installs it (minutes).

    Example: xundan label up
    """
    from xundan.labeling.studio.access import FILE_NAME, studio_folder
    from xundan.labeling.studio.server import up as start

    access = start(
        home,
        port=port,
        database=database,
        docker=docker,
        environment=environment,
        tell=lambda line: say(line, err),
    )
    kept = studio_folder(home) / FILE_NAME
    if as_json:
        print_json({"address": access.address, "email": access.email, "access": str(kept)})
        return
    say(f"{access.address}  log in as {access.email}; the password is in {kept}")


def down(home: Home = HOME) -> None:
    """Stop Label Studio; nothing that was labelled is lost.

    Example: xundan label down
    """
    from xundan.labeling.studio.server import down as stop

    out.print("stopped" if stop(home) else "it did not run")


def next_(
    workspace: Annotated[Path, typer.Argument(help="Workspace made by `xundan run`")] = Path("xundan-out"),
    tree: Tree = "attention",
    n: Annotated[int | None, typer.Option("--n", min=1, help="How many tasks")] = None,
    mix: Annotated[
        str | None, typer.Option("--mix", help="Tasks by purpose: random=100,uncertain=200,rare=200")
    ] = None,
    home: Home = HOME,
    registry: Annotated[Path | None, typer.Option("--registry", help="Folder of your own models")] = None,
    labels: Annotated[list[Path] | None, typer.Option("--labels", help="Labelled set; several times")] = None,
    held_out: Annotated[
        list[Path] | None, typer.Option("--held-out", help="Sessions kept for tests, one a line")
    ] = None,
    metrics: Annotated[Path | None, typer.Option(help="metrics.json of `xundan evaluate`")] = None,
    since: Annotated[datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="First day")] = None,
    target: Annotated[int, typer.Option(min=1, help="Labels that `rare` wants of each leaf")] = 50,
    seed: Annotated[int, typer.Option("--seed", help="Another one draws further tasks")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw the next tasks to label, and say why these and what they are expected to bring.

    Purposes: random, uncertain, rare, diverse, valuable, disputed; a fifth at least is random.
    Run again, the same command draws nothing new.

    Example: xundan label next out --n 500 --mix random=100,uncertain=200,rare=200
    """
    from xundan.labeling.sampling.draw import Wish, draw
    from xundan.labeling.sampling.expected_gain import expected_gain
    from xundan.labeling.sampling.mix import parse_mix
    from xundan.labeling.sampling.table import render
    from xundan.labeling.store import Store
    from xundan.labeling.tag_sources import link_tags
    from xundan.lake import Lake
    from xundan.models.registry import champion
    from xundan.taxonomy.trees import load

    wish = Wish(
        tree,
        parse_mix(mix, n),
        seed=seed,
        target=target,
        since=since.date() if since else None,
        labels=tuple(labels or ()),
        held_out=tuple(held_out or ()),
        model=None if tree == "loss" else champion(tree, registry),
    )
    if metrics and not metrics.is_file():
        raise BadInput("no such file", where=str(metrics))
    lake = Lake(workspace)
    for table in ("messages", tree):
        if not lake.has(table):
            lake.read(table)  # which says what to run, before a store is made
    with progress() as begin, Store.open(home) as store:
        drawn = draw(lake, store, wish, begin)
        link_tags(store, tree)
        gain = expected_gain(store, load(tree), drawn, metrics)
    if as_json:
        print_json({"draw": drawn.summary(), "expected": asdict(gain)})
        return
    for part in render(drawn, gain, load(tree)):
        out.print(part)


def push(
    home: Home = HOME,
    tree: Tree = "attention",
    taxonomy: OwnTree = None,
    batch: Annotated[str | None, typer.Option(help="Only tasks of this draw")] = None,
    annotators: Annotated[
        int | None, typer.Option(min=1, help="How many people are to answer each task; 1 until it is said")
    ] = None,
    suggested: Annotated[
        bool, typer.Option("--suggested", help="Fill in the language model's proposal where there is one")
    ] = False,
    migration: Annotated[
        Path | None, typer.Option(help="A .yaml of old_leaf: new_leaf, if the taxonomy changed")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also tasks that were deleted there")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring drawn tasks into their project of Label Studio, each once, however often it is run.

    Example: xundan label push --tree attention --annotators 2
    """
    from xundan.labeling.guideline_versions import write_guideline
    from xundan.labeling.studio.project import ensure_project
    from xundan.labeling.studio.push import push as send
    from xundan.taxonomy.migrate import read_migration

    with progress() as begin, _at_work(home, taxonomy or tree) as (store, tree_of, studio, client):
        tasks = _to_push(store, tree_of, batch)
        guideline = write_guideline(store, tree_of).file.read_text(encoding="utf-8")
        project = ensure_project(
            client,
            store,
            tree_of,
            counts=_commonest(store, tree_of),
            guideline=guideline,
            moved=read_migration(migration) if migration else None,
            annotators=annotators,
            begin=begin,
        )
        audited = {task.key for task in tasks if task.purpose == "random"}
        proposals = {one.key: one for one in store.suggestions() if one.leaves and one.key not in audited}
        report = send(
            store,
            studio,
            project.number,
            tasks,
            tree_of,
            suggestions=proposals if suggested else None,
            again=again,
            begin=begin,
        )
    if as_json:
        left = project.migration.left if project.migration else {}
        print_json({"project": project.number, **asdict(report), "leaves_left": left})
        return
    done = project.migration
    if done and (done.annotations or done.left):
        say(f"taxonomy changed: {done.annotations:,} annotations moved")
        for leaf, keys in done.left.items():
            say(f"  {leaf} is no more; {len(keys):,} tasks still name it, choose another there")
    say(
        f"{project.title}: {len(tasks):,} tasks = {report.pushed:,} brought in + {report.already:,} there "
        f"already + {report.gone:,} deleted there before; {report.rate:,.0f} tasks/s"
    )


def pull(
    home: Home = HOME, tree: Tree = "attention", taxonomy: OwnTree = None, as_json: AsJson = False
) -> None:
    """Bring what people answered in Label Studio back: new, changed and withdrawn answers.

    Example: xundan label pull --tree attention
    """
    from xundan.labeling.adjudication import take_decisions
    from xundan.labeling.adjudication_project import adjudication_tree
    from xundan.labeling.studio.project import find_project
    from xundan.labeling.studio.pull import pull as fetch

    reports = []
    with progress() as begin, _at_work(home, taxonomy or tree) as (store, tree_of, studio, client):
        for name in (tree_of.tree, adjudication_tree(tree_of.tree)):
            number = find_project(client, store, name)
            if number is not None:
                reports.append(fetch(store, studio, number, taxonomy_version=tree_of.version, begin=begin))
        taken = take_decisions(store)
    if not reports:
        raise BadInput("nothing was pushed yet", got=tree, do=f"run `xundan label push --tree {tree}` first")
    if as_json:
        print_json({"pulled": [asdict(report) for report in reports], "decisions": asdict(taken)})
        return
    for report in reports:
        out.print(
            f"{report.tasks:,} tasks, {report.read:,} of them read: {report.new:,} answers new, "
            f"{report.changed:,} changed, {report.withdrawn:,} withdrawn, {report.same:,} as before"
        )
    if taken.answers:
        out.print(f"decisions: {taken.new:,} new, {taken.changed:,} changed, {taken.unsure:,} still unsure")


def status(home: Home = HOME, as_json: AsJson = False) -> None:
    """Show where the labeling stands: tasks, answers, disputes, by tree, draw and purpose.

    Example: xundan label status
    """
    from xundan.labeling.status import loose
    from xundan.labeling.status import status as lines_of
    from xundan.labeling.store import Store

    with Store.existing(home) as store:
        lines, beside = lines_of(store), loose(store)
    if as_json:
        print_json({"lines": [asdict(line) for line in lines], "beside": asdict(beside)})
        return
    people = ("by 0", "by 1", "by 2", "by 3+")
    table = Table("tree", "draw", "purpose", "tasks", *people, "disputed", "decided", "usable")
    for line in lines:
        numbers = (line.tasks, *line.people, line.disputed, line.decided, line.usable)
        table.add_row(line.tree, line.batch, line.purpose, *(f"{number:,}" for number in numbers))
    out.print(table)
    out.print(
        f"beside these: {beside.adjudication:,} answers of adjudicators, {beside.tags:,} tags, "
        f"{beside.strangers:,} answers to tasks that are not here"
    )


def agreement(
    home: Home = HOME,
    tree: Tree = "attention",
    taxonomy: OwnTree = None,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Measure how far people agree: agreement.html, and the same as tables.

    Example: xundan label agreement --tree attention
    """
    from xundan.labeling.agreement.page.page import write_page
    from xundan.labeling.agreement.page.sentences import sentences
    from xundan.labeling.agreement.page.view import View
    from xundan.labeling.agreement.result import measure
    from xundan.labeling.agreement.table import to_json, write_tables
    from xundan.labeling.store import Store
    from xundan.taxonomy.trees import load

    checked_lang(lang)
    with Store.existing(home) as store:
        found = measure(store, load(taxonomy or tree))
    page = home / "agreement.html"
    write_page([found], page, lang)
    files = [page, *write_tables([found], home)]
    if as_json:
        print_json(to_json(found))
        return
    for line in [*sentences(View.of(found, "en")), *files]:
        say(line)


def adjudicate(
    home: Home = HOME,
    tree: Tree = "attention",
    taxonomy: OwnTree = None,
    voted: Annotated[
        bool, typer.Option("--voted", help="Also those that three or more votes settle for the time being")
    ] = False,
) -> None:
    """Bring disputed tasks, with everyone's answers, into a project of their own; `pull` brings decisions.

    Example: xundan label adjudicate --tree attention
    """
    from xundan.labeling.adjudication import adjudication_batch
    from xundan.labeling.adjudication_project import bring
    from xundan.labeling.store import Store
    from xundan.taxonomy.trees import load

    tree_of = load(taxonomy or tree)
    with progress() as begin, Store.existing(home) as store:
        tasks = adjudication_batch(store, tree_of, voted)
        if not tasks:
            out.print("nothing is disputed")
            return
        report = bring(home, store, tasks, tree_of, begin)
    out.print(f"{len(tasks):,} disputed: {report.pushed:,} brought in, {report.already:,} there already")


def _to_push(store: Store, taxonomy: Taxonomy, batch: str | None) -> list[Task]:
    """The drawn tasks. What a person sees filled in sways the answer: the audit part is answered without."""
    tasks = store.tasks(taxonomy.tree, batch)
    if not tasks:
        raise BadInput(
            "no task to push",
            got=f"tree {taxonomy.tree}" + (f", batch {batch}" if batch else ""),
            do="see what there is: xundan label status",
            where=str(store.folder),
        )
    return [replace(task, predicted=()) if task.purpose == "random" else task for task in tasks]


@contextmanager
def _at_work(home: Path, tree: Path | str) -> Iterator[tuple[Store, Taxonomy, Studio, LabelStudio]]:
    """The store, the tree, and Label Studio by our client and by its own."""
    from xundan.labeling.store import Store
    from xundan.labeling.studio.access import read_access
    from xundan.labeling.studio.client import connect, library
    from xundan.taxonomy.trees import load

    access = read_access(home)
    with Store.existing(home) as store:
        yield store, load(tree), connect(access), library(access)


def _commonest(store: Store, taxonomy: Taxonomy) -> dict[str, float]:
    """How often each leaf is predicted in the tasks: the commonest get keys of their own."""
    counts: dict[str, float] = {}
    for task in store.tasks(taxonomy.tree):
        for leaf, _ in task.predicted[:1]:
            counts[leaf] = counts.get(leaf, 0.0) + 1
    return counts
