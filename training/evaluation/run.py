"""Judge a model on labelled rows, alone or against another, and write metrics.json and evaluation.html.

evaluation = run_evaluation(EvaluationJob(Path("registry/attention/v2"), (Path("test.jsonl"),), Path("out")))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xundan.disk import replace_file
from xundan.errors import BadInput
from xundan.models.runtime import Description
from xundan.progress import Begin, silent
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.assessment import Assessment, assess
from xundan.training.evaluation.certainty import Sureness
from xundan.training.evaluation.intervals import Share, share
from xundan.training.evaluation.learning import learning_curve
from xundan.training.evaluation.material import SESSION_TREE, Material, read_material
from xundan.training.evaluation.metrics import metrics
from xundan.training.evaluation.page.page import page_of
from xundan.training.evaluation.page.view import words_of
from xundan.training.evaluation.paired import paired
from xundan.training.evaluation.result import Evaluation, Schooling
from xundan.training.evaluation.tree_of import tree_of
from xundan.training.evaluation.wanted import wanted_leaves
from xundan.training.labels import LabelledMessage
from xundan.training.lineage import leaked, read_rows, trained_on

METRICS_FILE = "metrics.json"
PAGE_FILE = "evaluation.html"


@dataclass(frozen=True)
class EvaluationJob:
    """A model folder, label files it has not learnt from, and where the two files go.

    ``against``: another model folder of the same tree. ``train``: the labels the model was made from, for the
    learning curve of messages. ``tree``: a .yaml file to judge by instead of the model's own tree. ``lang``:
    of the page, "zh" or "en". ``registry``: whose message models read the messages of sessions.
    """

    model: Path
    labels: tuple[Path, ...]
    out: Path
    against: Path | None = None
    train: tuple[Path, ...] = ()
    tree: Path | None = None
    lang: str = "zh"
    registry: Path | None = None


def run_evaluation(job: EvaluationJob, begin: Begin = silent) -> Evaluation:
    """Judge and write; `BadInput` for labels or models that do not fit the tree: then nothing is written."""
    words_of(job.lang)  # refused now rather than after the work
    taxonomy = _taxonomy(job)
    if job.train and taxonomy.tree == SESSION_TREE:
        raise BadInput(
            "the learning curve here is of messages",
            got="--train for judges of sessions",
            do="leave it out; `python -m benchmarks.loss --learning-curve` draws theirs",
        )
    material = read_material(job.labels, taxonomy, job.registry)
    rows = material.rows
    train = read_material(job.train, taxonomy).rows if job.train else ()
    model = _assess(job.model, material, taxonomy, begin)
    against = _assess(job.against, material, taxonomy, begin) if job.against else None
    evaluation = Evaluation(
        taxonomy,
        rows,
        _digest(job.labels),
        material.pairs,
        model,
        against,
        paired(against.judged, model.judged, rows, taxonomy) if against else None,
        _seen(job.model, rows, train),
        _school(train, rows, model, taxonomy, begin) if train else None,
        asked=(job.model.name, job.against.name) if job.against else (),
    )
    page = page_of(evaluation, job.lang)
    written = json.dumps(metrics(evaluation), ensure_ascii=False, indent=1) + "\n"
    job.out.mkdir(parents=True, exist_ok=True)
    replace_file(job.out / METRICS_FILE, written.encode())
    replace_file(job.out / PAGE_FILE, page.encode())
    return evaluation


def _taxonomy(job: EvaluationJob) -> Taxonomy:
    """The tree both models were made for."""
    tree = Description.read(job.model).tree
    if job.against and (other := Description.read(job.against).tree) != tree:
        raise BadInput(
            "the two models were made for different trees",
            got=f"{tree} and {other}",
            expected="two models of one tree",
        )
    return tree_of(job.model, job.tree)


def _seen(folder: Path, rows: Sequence[LabelledMessage], train: Sequence[LabelledMessage]) -> Share | None:
    """How many rows the model has seen, by what its folder remembers, else by the train labels given."""
    remembered = read_rows(folder) or (trained_on(train) if train else None)
    if remembered is None:
        return None
    leak = leaked(rows, remembered)
    return share(leak.seen + leak.same_session, leak.rows)


def _assess(folder: Path, material: Material, taxonomy: Taxonomy, begin: Begin) -> Assessment:
    said, rows = Description.read(folder), material.rows
    judged = material.judge(folder, begin(f"score with {said.version}", len(rows)))
    return assess(judged, Sureness.of(said, judged), rows, taxonomy)


def _school(
    train: Sequence[LabelledMessage],
    rows: Sequence[LabelledMessage],
    model: Assessment,
    taxonomy: Taxonomy,
    begin: Begin,
) -> Schooling:
    curve = learning_curve(train, rows, taxonomy, begin)
    return Schooling(len(train), curve, wanted_leaves(train, model.figures))


def _digest(paths: Sequence[Path]) -> str:
    """SHA-256 of the label files, one after the other: whether two evaluations saw the same rows."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
