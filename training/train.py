"""From labels to a registered candidate: cross-validate, learn the rules, train on all rows, export, seal.

trained = train(TrainJob(labels=(Path("labels.jsonl"),), registry=Path("registry")))
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from tokenizers import Tokenizer

from xundan.disk import write_json
from xundan.errors import BadInput, Refused
from xundan.models.classifier import Classifier
from xundan.models.encoder import load_base_tokenizer
from xundan.models.manifest import Facts, seal
from xundan.models.registry import SHIPPED_ENCODER, new_version
from xundan.models.runtime import Model
from xundan.progress import Begin, silent
from xundan.taxonomy import trees
from xundan.taxonomy.save import save
from xundan.training.batches import longest_message, steps_an_epoch
from xundan.training.card import write_card
from xundan.training.cross_validate import OutOfFold, cross_validate
from xundan.training.evaluation.assessment import Assessment, assess
from xundan.training.evaluation.certainty import Sureness
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.metrics import assessment_metrics
from xundan.training.evaluation.tree_of import TAXONOMY_FILE
from xundan.training.export import Made, export
from xundan.training.few_shot import FewShotSettings, fit, is_few
from xundan.training.finetune import FinetuneSettings, train_network
from xundan.training.labels import target_matrix
from xundan.training.lineage import data_sha256, write_rows
from xundan.training.own_labels import Task, load_task
from xundan.training.pairs import load_pairs, run_pairs
from xundan.training.plan import make_plan
from xundan.training.resume import Resume
from xundan.training.rules import Rules, cross_fitted, fold_in, make_rules
from xundan.training.watch import Watch


@dataclass(frozen=True)
class TrainJob:
    """What to train on, from which BERT, and where the version goes.

    ``tree`` names a shipped taxonomy, or a new one that the labels make; ``taxonomy`` is a file instead.
    ``precision`` asks each leaf's threshold for that precision instead of the best F1; ``risk`` is the share
    of wrong first leaves allowed among messages that are not marked uncertain. ``few``: how several ways are
    tried where labels are few; its ``tuning`` is ``settings``.
    """

    labels: tuple[Path, ...]
    registry: Path
    tree: str = "attention"
    taxonomy: Path | None = None
    base: Path | str = SHIPPED_ENCODER
    settings: FinetuneSettings = field(default_factory=FinetuneSettings)
    precision: float | None = None
    risk: float = 0.10
    few: FewShotSettings = field(default_factory=FewShotSettings)
    sources: tuple[str, ...] = ()
    quiet: bool = False

    def __post_init__(self) -> None:
        for name, share in (("precision", self.precision), ("risk", self.risk)):
            if share is not None and not 0 < share < 1:
                raise BadInput(f"{name} out of range", got=share, expected="between 0 and 1, such as 0.1")


@dataclass(frozen=True)
class Trained:
    """Where the candidate stands, how it was made, and what it reaches.

    ``found`` is cross-fitted: each row was scored by a network that had not seen its session, under
    thresholds, calibration and cutoff of the other folds; the minimal pairs are the final network's.
    """

    folder: Path
    version: str
    way: str
    found: Assessment


def train(job: TrainJob, tell: Callable[[str], None] = lambda line: None, begin: Begin = silent) -> Trained:
    """Make a candidate; a failed step leaves nothing behind, a killed training goes on where it was.

    ``tell`` hears what is going to be done and how long it takes, before it begins; ``begin`` of each
    training where labels are few and several ways are tried.
    """
    task = _task(job)
    longest = longest_message(task.rows, job.settings.max_message)
    job = replace(job, settings=replace(job.settings, max_message=longest))
    for note in task.review.notes():
        tell(note)
    work = _work(job, task)
    with _alone(work):
        learnt = _few(job, task, tell, begin) if is_few(task.rows) else _many(job, task, work, tell)
        truth = target_matrix(learnt.folds.rows, task.leaves)
        rules = make_rules(learnt.folds.scores, truth, learnt.folds.folds, job.precision, job.risk)
        fold_in(learnt.net, rules.calibration)
        trained = _register(job, task, learnt, rules)
        shutil.rmtree(work, ignore_errors=True)
    return trained


@dataclass(frozen=True)
class _Learnt:
    net: Classifier
    tokenizer: Tokenizer
    settings: FinetuneSettings
    way: str
    folds: OutOfFold


def _task(job: TrainJob) -> Task:
    if Path(job.tree).suffix in (".yaml", ".yml"):
        raise BadInput("a file where a tree's name is expected", got=job.tree, do=f"--taxonomy {job.tree}")
    known = job.taxonomy or (job.tree if job.tree in trees.SHIPPED else None)
    task = load_task(job.labels, known, tree=job.tree)
    if len(task.leaves) < 2:
        raise BadInput("fewer than two leaves to tell apart", got=task.leaves, where=str(job.labels[0]))
    if all(row.augmented for row in task.rows):
        raise BadInput("no row to measure on: all are augmented", where=str(job.labels[0]))
    if task.review.single and job.precision is not None:
        raise BadInput(
            "a precision cannot be asked where every row has one label",
            got=job.precision,
            do="leave --precision out: each message gets its highest leaf",
        )
    return task


def _many(job: TrainJob, task: Task, work: Path, tell: Callable[[str], None]) -> _Learnt:
    tokenizer = load_base_tokenizer(job.base)
    plan = make_plan(task.rows, task.leaves, job.base, tokenizer, job.settings)
    tell(str(plan))
    with Watch(job.quiet, plan.row_passes, job.settings.batch) as watch:
        folds = cross_validate(task.rows, task.leaves, job.base, tokenizer, job.settings, work, watch)
        settings = replace(job.settings, epochs=folds.epochs)
        watch.start("all rows", steps_an_epoch(task.rows, settings), folds.epochs)
        net = train_network(
            task.rows,
            task.leaves,
            job.base,
            tokenizer,
            settings,
            watch.step,
            watch.unmeasured,
            Resume(work / "all.pt"),
        )
    for line in watch.summary():
        tell(line)
    return _Learnt(net, tokenizer, settings, "fine-tuning", folds)


def _few(job: TrainJob, task: Task, tell: Callable[[str], None], begin: Begin) -> _Learnt:
    tell(f"few labels ({len(task.rows)} rows): several ways are tried by cross-validation, the best is kept")
    settings = replace(job.few, tuning=job.settings)
    best = fit(task.rows, task.leaves, job.base, job.settings.seed, settings, begin=begin)
    for trial in best.trials:
        tell(f"  {trial.way}: micro-F1 {trial.micro:.3f} in {trial.seconds:.0f} s")
    return _Learnt(best.net, best.tokenizer, best.settings, best.chosen, best.out_of_fold)


def _register(job: TrainJob, task: Task, learnt: _Learnt, rules: Rules) -> Trained:
    taxonomy, folds = task.taxonomy, learnt.folds
    settings = {
        **asdict(learnt.settings),
        "base": Path(job.base).name,
        "way": learnt.way,
        "precision": job.precision,
        "risk": job.risk,
    }
    with new_version(job.registry, taxonomy.tree) as (name, folder):
        version = f"{taxonomy.tree}-{name}"
        made = Made(learnt.net, learnt.tokenizer, rules.thresholds, rules.cutoff, learnt.settings)
        model = export(made, taxonomy, version, folder, check=folds.rows)
        if taxonomy.tree not in trees.SHIPPED or job.taxonomy:
            save(taxonomy, folder / TAXONOMY_FILE)
        found = _measure(job, task, learnt, rules, model)
        write_json(folder / "settings.json", settings)
        write_json(folder / "metrics.json", assessment_metrics(found))
        truth = target_matrix(folds.rows, task.leaves)
        np.savez_compressed(folder / "out_of_fold.npz", scores=folds.scores, truth=truth, folds=folds.folds)
        write_rows(folder, task.rows)
        write_card(folder, taxonomy, found, len(task.rows), job.sources)
        seal(folder, Facts(data_sha256(task.rows), len(task.rows), taxonomy, settings, _main_figures(found)))
    return Trained(job.registry / taxonomy.tree / name, version, learnt.way, found)


def _measure(job: TrainJob, task: Task, learnt: _Learnt, rules: Rules, model: Model) -> Assessment:
    folds, cutoff = learnt.folds, rules.cutoff
    truth = target_matrix(folds.rows, task.leaves)
    fitted = cross_fitted(folds.scores, truth, folds.folds, job.precision)
    margin = fitted.margin(truth, folds.folds, job.risk)
    said = model.description
    judged = Judged(
        said.version,
        said.taxonomy_version,
        said.leaves,
        fitted.scores,
        fitted.chosen,
        run_pairs(model, load_pairs(said.tree)),
    )
    # Each fold had a cutoff of its own; moved to the final one, a row keeps its side.
    sureness = Sureness(margin + cutoff.value, cutoff.value, said.uncertain_risk)
    return assess(judged, sureness, folds.rows, task.taxonomy)


def _main_figures(found: Assessment) -> dict[str, float]:
    return {
        "micro_f1": found.figures.micro.value,
        "macro_f1": found.figures.macro.value,
        "group_f1": found.figures.group.value,
        "calibration_error": found.calibration.all_leaves.error.value,
        "uncertain": found.certainty.flagged.value,
        "wrong_if_certain": found.certainty.wrong.value,
        "pairs_passed": found.pairs_passed.value,
    }


def _work(job: TrainJob, task: Task) -> Path:
    """Where a killed training left off: found again by the same rows in the same order, settings and base."""
    rows = [[row.id, row.text, row.context, row.labels, row.augmented] for row in task.rows]
    what = [rows, asdict(job.settings), _content_of(job.base), task.leaves]
    name = hashlib.blake2b(json.dumps(what).encode(), digest_size=6).hexdigest()
    return job.registry / task.taxonomy.tree / f".unfinished-{name}"


def _content_of(base: Path | str) -> list[list[str]]:
    """The base's name and, where it is a folder, what its files hold."""
    files = sorted(path for path in Path(base).glob("*") if path.is_file())
    return [[Path(base).name, ""], *([f.name, hashlib.sha256(f.read_bytes()).hexdigest()] for f in files)]


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Hold the folder; `Refused` where another training of the same rows and settings does."""
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work.with_suffix(".lock"), timeout=0):
            yield
            work.with_suffix(".lock").unlink(missing_ok=True)
    except Timeout:
        raise Refused("the same training runs already", do="wait for it", where=str(work)) from None
