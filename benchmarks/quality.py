"""The shipped attention model beside TF-IDF + LinearSVC trained on the same rows, on the same dev rows.

python -m benchmarks.quality LABELS        # a folder with attention_train.jsonl and attention_dev.jsonl
XUNDAN_LABELS=LABELS python -m benchmarks.quality
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xundan.errors import BadInput, XundanError
from xundan.models.registry import champion
from xundan.models.runtime import Description, Model
from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import load
from xundan.training.baselines import tfidf_svm
from xundan.training.evaluate import MIN_SUPPORT, Figures, compare, evaluate
from xundan.training.labels import LabelledMessage, read_labels

MEASURES = {
    "micro": "micro-F1",
    "macro": f"macro-F1 (leaves with ≥ {MIN_SUPPORT})",
    "group": "group micro-F1",
}


def predict(folder: Path, rows: list[LabelledMessage]) -> Chosen:
    """What a model folder says of each row."""
    model = Model.load(folder)
    return model.choose(model.score([row.text for row in rows], [row.context for row in rows]))


def show(console: Console, names: list[str], figures: list[Figures], differences: dict[str, str]) -> None:
    """One line per measure, one column per model, then each leaf."""
    table = Table("measure", *names, "difference [95 %]", title=f"dev, {figures[0].rows} messages")
    for key, title in MEASURES.items():
        table.add_row(title, *(str(getattr(f, key)) for f in figures), differences[key])
    console.print(table)
    leaves = Table("leaf", "rows", *(f"{name}: P / R / F1 [95 %]" for name in names))
    for lines in zip(*(f.leaves for f in figures), strict=True):
        if lines[0].support:
            cells = (f"{x.precision:.2f} / {x.recall:.2f} / {x.f1}" for x in lines)
            leaves.add_row(lines[0].leaf, str(lines[0].support), *cells)
    console.print(leaves)


def main() -> None:
    """Train the baseline, score the shipped model, print both with intervals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path, nargs="?", default=os.environ.get("XUNDAN_LABELS"))
    parser.add_argument(
        "--registry", type=Path, help="measure this registry's champion, not the shipped model"
    )
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    arguments = parser.parse_args()
    if arguments.labels is None:
        raise BadInput("no labels to measure on", do="give a folder, or set XUNDAN_LABELS")
    labels = Path(arguments.labels)
    taxonomy = load("attention")
    train = read_labels([labels / "attention_train.jsonl"], taxonomy)
    dev = read_labels([labels / "attention_dev.jsonl"], taxonomy)
    folder = champion("attention", arguments.registry)
    baseline = tfidf_svm(train, dev, [leaf.id for leaf in taxonomy.leaves])
    shipped = predict(folder, dev)
    answers = {"TF-IDF + LinearSVC": baseline, f"xundan {Description.read(folder).version}": shipped}
    figures = [evaluate(chosen, dev, taxonomy) for chosen in answers.values()]
    differences = {key: str(value) for key, value in compare(baseline, shipped, dev, taxonomy).items()}
    if arguments.json:
        print(json.dumps({name: asdict(f) for name, f in zip(answers, figures, strict=True)}, indent=1))
    else:
        show(Console(width=150), list(answers), figures, differences)


if __name__ == "__main__":
    try:
        main()
    except XundanError as error:
        raise SystemExit(f"{error}") from error
