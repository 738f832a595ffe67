"""Who is compared: the floors, other ways to use our encoder, and ours.

made = CONTENDERS["tfidf"].make(Setting(train_rows, taxonomy))
chosen = made.choose(test_rows)                       # [test rows, leaves] bool
"""

from __future__ import annotations

import functools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.setfit_row import fit_setfit
from benchmarks.untrained import untrained_base
from xundan.models.registry import SHIPPED_ENCODER, champion
from xundan.models.runtime import DESCRIPTION_FILE, GRAPH_FILE, Model
from xundan.models.thresholds import Chosen
from xundan.models.tokenizer import TOKENIZER_FILE
from xundan.taxonomy.trees import Taxonomy
from xundan.training.baselines import (
    Fitted,
    Rows,
    fit_fasttext,
    fit_majority,
    fit_tfidf_logistic,
    fit_tfidf_svm,
)
from xundan.training.evaluation.figures import Interval, evaluate
from xundan.training.labels import session_folds
from xundan.training.lineage import TrainedOn, read_rows
from xundan.training.train import TrainJob, train

RUNS = (GRAPH_FILE, Path(GRAPH_FILE).with_suffix(".bin").name, DESCRIPTION_FILE, TOKENIZER_FILE)
"""The files of a model folder that are needed to run it."""


@dataclass(frozen=True)
class Setting:
    """What every contender gets. ``folds``: sessions in so many parts for the cross-validated figure, 0 for
    none; ``registry``: whose champion is measured in place of the shipped model."""

    train: Rows
    taxonomy: Taxonomy
    taxonomy_file: Path | None = None
    folds: int = 0
    base: Path | str = SHIPPED_ENCODER
    registry: Path | None = None
    quiet: bool = False
    tell: Callable[[str], None] = lambda line: None

    @property
    def leaves(self) -> list[str]:
        """The leaf ids, in the order of all answers."""
        return [leaf.id for leaf in self.taxonomy.leaves]


@dataclass(frozen=True)
class Made:
    """A contender ready to answer: its size as it runs, the seconds its training took (None: done elsewhere),
    its micro-F1 on the train rows by networks or machines that had not seen them, and what it learnt from if
    not from the train rows (None: not known)."""

    choose: Callable[[Rows], Chosen]
    megabytes: float
    seconds: float | None
    cross_validated: Interval | None
    learnt: TrainedOn | None = None


@dataclass(frozen=True)
class Contender:
    """``long``: it trains a network; ``sized``: it learns from the train rows, so their number matters."""

    title: str
    make: Callable[[Setting], Made]
    long: bool = False
    sized: bool = True


def floor(fit: Callable[[Rows, Sequence[str]], Fitted]) -> Callable[[Setting], Made]:
    """A machine that is fitted in one call, and once more a fold for the cross-validated figure."""

    def make(setting: Setting) -> Made:
        started = time.perf_counter()
        fitted = fit(setting.train, setting.leaves)
        seconds = time.perf_counter() - started
        return Made(fitted.choose, fitted.megabytes, seconds, _cross_validated(fit, setting))

    return make


def setfit(setting: Setting) -> Made:
    """The SetFit library on the same encoder."""
    return floor(functools.partial(fit_setfit, base=setting.base))(setting)


def _cross_validated(fit: Callable[[Rows, Sequence[str]], Fitted], setting: Setting) -> Interval | None:
    if not setting.folds:
        return None
    rows, fold = setting.train, session_folds(setting.train, setting.folds, seed=0)
    real = np.array([not row.augmented for row in rows])  # on the others nothing is measured
    chosen = np.zeros((len(rows), len(setting.leaves)), dtype=bool)
    for number in range(setting.folds):
        inside = [row for row, its in zip(rows, fold, strict=True) if its != number]
        held = (fold == number) & real
        outside = [row for row, its in zip(rows, held, strict=True) if its]
        if outside:
            chosen[held] = fit(inside, setting.leaves).choose(outside)
    return evaluate(chosen[real], [row for row in rows if not row.augmented], setting.taxonomy).micro


def trained_here(setting: Setting) -> Made:
    """What `xundan train` makes of these rows; the seconds hold its folds, its figure comes from them."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.jsonl"
        lines = (json.dumps(asdict(row), ensure_ascii=False) for row in setting.train)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        job = TrainJob(
            labels=(file,),
            registry=Path(folder) / "registry",
            tree=setting.taxonomy.tree,
            taxonomy=setting.taxonomy_file,
            base=setting.base,
            quiet=setting.quiet,
        )
        trained = train(job, setting.tell)
        seconds = time.perf_counter() - started
        setting.tell(f"kept: {trained.way}")
        return _loaded(trained.folder, setting, seconds, trained.found.figures.micro)


def untrained(setting: Setting) -> Made:
    """The same from an encoder of the same form that has read nothing."""
    with tempfile.TemporaryDirectory() as folder:
        untrained_base(setting.base, Path(folder), seed=0)
        return trained_here(replace(setting, base=folder))


def as_shipped(setting: Setting) -> Made:
    """The champion of the registry, or the model in the package; its own record gives the figure."""
    folder = champion(setting.taxonomy.tree, setting.registry)
    record = folder / "metrics.json"
    micro = json.loads(record.read_text(encoding="utf-8"))["micro"] if record.exists() else {}
    bounds = Interval(micro["value"], micro["low"], micro["high"]) if micro else None
    return replace(_loaded(folder, setting, None, bounds), learnt=read_rows(folder))


def _loaded(folder: Path, setting: Setting, seconds: float | None, held_out: Interval | None) -> Made:
    model = Model.load(folder)
    column = {leaf: index for index, leaf in enumerate(model.description.leaves)}
    known = [index for index, leaf in enumerate(setting.leaves) if leaf in column]

    def choose(rows: Rows) -> Chosen:
        answer = model.choose(model.score([row.text for row in rows], [row.context for row in rows]))
        chosen = np.zeros((len(rows), len(setting.leaves)), dtype=bool)
        chosen[:, known] = answer[:, [column[setting.leaves[index]] for index in known]]
        return chosen

    size = sum((folder / name).stat().st_size for name in RUNS)
    return Made(choose, size / 1e6, seconds, held_out)


CONTENDERS = {
    "majority": Contender("the commonest leaf", floor(fit_majority)),
    "tfidf": Contender("TF-IDF + linear SVM", floor(fit_tfidf_svm)),
    "logistic": Contender("TF-IDF with context + logistic", floor(fit_tfidf_logistic)),
    "fasttext": Contender("fastText", floor(fit_fasttext)),
    "setfit": Contender("SetFit on our encoder, text only", setfit, long=True),
    "untrained": Contender("ours without pretraining", untrained, long=True),
    "here": Contender("ours, trained here", trained_here, long=True),
    "shipped": Contender("ours, as shipped", as_shipped, sized=False),
}
"""By the name to give to ``--rows``, in the order of the table."""
