"""The data team's verbs: pretrain, train, evaluate, promote.

xundan train labels.jsonl --registry registry
xundan promote v1 --labels test.jsonl --registry registry
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from xundan.errors import BadInput, require
from xundan.terminal import AsJson, Lang, Registry, Tree, checked_lang, err, out, print_json, progress

if TYPE_CHECKING:
    from xundan.training.train import Trained

Labels = Annotated[
    list[Path],
    typer.Argument(
        help="Labelled messages: .jsonl with text, labels (id, context); .csv .xlsx; of the loss tree: "
        "sessions, .jsonl with session_id, messages, loss_primary"
    ),
]


def add_to(app: typer.Typer) -> None:
    """Put these verbs into the front door."""
    for verb in (pretrain, train, evaluate, promote):
        app.command()(verb)


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
    _need("torch", "transformers", "jieba")
    from xundan.training.corpus import Source
    from xundan.training.pretrain import PretrainSettings
    from xundan.training.pretrain import pretrain as train_bert

    chosen = PretrainSettings(tokens=int(tokens), layers=layers, hidden=hidden, learning_rate=learning_rate)
    record = train_bert([Source.parse(text) for text in texts], out_dir, chosen, base)
    out.print(
        f"{out_dir}: loss {record['history'][-1]['loss']} after {record['history'][-1]['tokens']:,} tokens"
    )


def train(
    labels: Labels,
    registry: Registry,
    tree: Tree = "attention",
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            help="Your own categories, a .yaml file; without it and with a new --tree, the labels make them"
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="BERT to start from (folder or Hugging Face name); else the shipped one"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the labels, at most (more where labels are few)")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="2e-5 to 5e-5 for a base-sized BERT")] = None,
    folds: Annotated[
        int | None, typer.Option(help="Parts for cross-validation; more is slower, steadier")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Thresholds for this precision, e.g. 0.9, instead of the best F1")
    ] = None,
    risk: Annotated[
        float, typer.Option(help="Share of wrong first leaves allowed where a message is not 拿不准")
    ] = 0.10,
    minutes: Annotated[
        float, typer.Option(help="Where labels are few: time for the ways that train the encoder")
    ] = 5.0,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Where labels come from, for the card; several times")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: same model")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fine-tune a BERT on labelled messages and register it as a candidate.

    Says first what it will do and how long; a killed run goes on where it was when started again (where
    labels are few, and of the loss tree, it begins again). Categories of your own: --taxonomy my.yaml, or a
    new --tree name to take them from the labels. --tree loss: labelled sessions make a judge of loss points.

    Example: xundan train labels.jsonl --registry registry
    """
    _need("torch", "transformers", "sklearn")
    if tree == "loss":
        if taxonomy or precision:
            raise BadInput("the loss tree takes neither --taxonomy nor --precision", do="leave them out")
        chosen = {"epochs": epochs, "learning_rate": learning_rate, "folds": folds, "seed": seed}
        _train_loss(labels, registry, base, chosen, tuple(source or ()), as_json)
        return
    from xundan.models.registry import SHIPPED_ENCODER
    from xundan.training.few_shot import FewShotSettings
    from xundan.training.finetune import FinetuneSettings
    from xundan.training.train import TrainJob
    from xundan.training.train import train as train_model

    given = {"epochs": epochs, "learning_rate": learning_rate, "folds": folds, "seed": seed}
    settings = FinetuneSettings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    job = TrainJob(
        labels=tuple(labels),
        registry=registry,
        tree=tree,
        taxonomy=taxonomy,
        base=base or SHIPPED_ENCODER,
        settings=settings,
        precision=precision,
        risk=risk,
        few=FewShotSettings(minutes=minutes),
        sources=tuple(source or ()),
        quiet=as_json or not err.is_terminal,
    )
    with progress() as begin:
        trained = train_model(job, lambda line: err.print(Text(line)), begin)
    if as_json:
        figures = json.loads((trained.folder / "metrics.json").read_text(encoding="utf-8"))
        print_json({"folder": str(trained.folder), "version": trained.version, "way": trained.way, **figures})
        return
    _show_trained(trained, registry)


def _train_loss(
    labels: list[Path],
    registry: Path,
    base: str | None,
    chosen: dict[str, int | float | None],
    sources: tuple[str, ...],
    as_json: bool,
) -> None:
    from xundan.training.loss.finetune import LossSettings
    from xundan.training.loss.train import LossJob, metrics, train_loss

    settings = LossSettings(**{key: value for key, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    job = LossJob(tuple(labels), registry, base, settings, sources=sources)
    with progress() as begin:
        trained = train_loss(job, lambda line: err.print(Text(line)), begin)
    if as_json:
        print_json(
            {
                "folder": str(trained.folder),
                "version": trained.version,
                "way": "sessions",
                **metrics(trained.found),
            }
        )
        return
    out.print(f"{trained.version} in {trained.folder}, a candidate")
    for part, figures in trained.found.parts.items():
        out.print(
            f"{figures.n:,} {part} sessions not seen: primary leaf right {figures.leaf}, "
            f"group {figures.group}, macro-F1 {figures.macro}"
        )
    out.print(
        f"leaf by leaf in card.md; next: xundan promote {trained.folder.name} --labels TEST "
        f"--registry {registry} --tree loss"
    )


def _show_trained(trained: Trained, registry: Path) -> None:
    figures, certainty = trained.found.figures, trained.found.certainty
    out.print(f"{trained.version} in {trained.folder}, made by {trained.way}, a candidate")
    out.print(
        f"{figures.rows:,} messages of sessions not seen: micro-F1 {figures.micro}, "
        f"macro-F1 {figures.macro}, groups {figures.group}; uncertain {certainty.flagged:.1%}, "
        f"first leaf wrong in {certainty.wrong:.1%} of the {certainty.wrong.n:,} others"
    )
    out.print(
        f"leaf by leaf in card.md; next: xundan promote {trained.folder.name} --labels TEST "
        f"--registry {registry} --tree {trained.folder.parent.name}"
    )


def evaluate(
    model: Annotated[str, typer.Argument(help="A model folder, or a version: v2, champion, shipped")],
    labels: Annotated[list[Path], typer.Option("--labels", help="Labelled test messages; several times")],
    out_dir: Annotated[Path, typer.Option("--out", help="Where metrics.json and evaluation.html go")],
    against: Annotated[
        str | None, typer.Option(help="Another model or version, on the same messages")
    ] = None,
    train_labels: Annotated[
        list[Path] | None, typer.Option("--train", help="Its training labels, for the learning curve")
    ] = None,
    registry: Annotated[Path | None, typer.Option("--registry", help="Folder of your own models")] = None,
    tree: Tree = "attention",
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled messages, alone or against another: metrics.json and a page.

    Example: xundan evaluate v2 --against champion --labels test.jsonl --registry registry --out evaluation
    """
    _need("sklearn")
    from xundan.training.evaluation.page.sentences import sentences
    from xundan.training.evaluation.run import EvaluationJob, run_evaluation

    job = EvaluationJob(
        model=_folder(model, registry, tree),
        labels=tuple(labels),
        out=out_dir,
        against=_folder(against, registry, tree) if against else None,
        train=tuple(train_labels or ()),
        lang=checked_lang(lang),
        registry=registry,
    )
    with progress() as begin:
        found = run_evaluation(job, begin)
    if as_json:
        print_json(json.loads((out_dir / "metrics.json").read_text(encoding="utf-8")))
        return
    for sentence in sentences(found, "en"):
        out.print(sentence)
    for name in ("metrics.json", "evaluation.html"):
        out.print(out_dir / name)


def promote(
    candidate: Annotated[str, typer.Argument(help="The version to make champion, such as v2")],
    labels: Annotated[list[Path], typer.Option("--labels", help="Labelled test messages it has not seen")],
    registry: Registry,
    tree: Tree = "attention",
    force: Annotated[
        str | None, typer.Option("--force", help="Promote against quality reasons; say why, it is recorded")
    ] = None,
    migration: Annotated[
        Path | None,
        typer.Option(help="A .yaml of old_leaf: new_leaf, if the taxonomy changed"),
    ] = None,
    leaf_drop: Annotated[float, typer.Option(help="F1 a frequent leaf may lose, 0.05 is five points")] = 0.05,
    least_rows: Annotated[int, typer.Option(help="Fewest test messages that prove anything")] = 100,
    as_json: AsJson = False,
) -> None:
    """Make a candidate champion if it passes the gate; else say every reason against it and exit with 1.

    Example: xundan promote v2 --labels test.jsonl --registry registry
    """
    from xundan.taxonomy.migrate import read_migration
    from xundan.training.gate import GateLimits, PromoteJob, promote_candidate

    job = PromoteJob(
        candidate,
        tuple(labels),
        registry,
        tree,
        GateLimits(leaf_drop=leaf_drop, least_rows=least_rows, least_sessions=min(30, least_rows)),
        force_reason=force,
        migration=read_migration(migration) if migration else None,
    )
    with progress() as begin:
        verdict = promote_candidate(job, begin)
    if as_json:
        print_json(verdict.record())
    else:
        for measure, interval in verdict.difference.items():
            out.print(
                f"{measure}-F1, {candidate} minus {verdict.champion}: {interval} on {verdict.rows:,} messages"
            )
        if verdict.passed_over:
            out.print(Text(verdict.passed_over))
        for reason in verdict.reasons:
            out.print(Text(f"{reason.code}: {reason}"))
        said = "is the champion now" if verdict.promoted else "refused, the champion stays"
        out.print(f"{verdict.candidate}: {said}")
    if not verdict.promoted:
        raise typer.Exit(1)


def _folder(model: str, registry: Path | None, tree: str) -> Path:
    """A model by its folder, or by its version's name in a registry."""
    if Path(model).is_dir():
        return Path(model)
    if registry is None and model != "shipped":
        raise BadInput("no such model folder", got=model, expected="a folder, or --registry with a version")
    from xundan.models.registry import version_folder

    return version_folder(registry, tree, model)


def _need(*libraries: str) -> None:
    for library in libraries:
        require(library)
