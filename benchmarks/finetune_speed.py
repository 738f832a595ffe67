"""How much faster our fine-tuning is than transformers.Trainer: same network, rows, epochs, batch and rate.

python -m benchmarks.finetune_speed LABELS --rows 2000 --epochs 2    # LABELS has attention_train.jsonl
python -m benchmarks.finetune_speed --labels topics.jsonl

The Trainer is left at its defaults otherwise: single precision, rows in random order, each batch padded to
its longest row. Both run in turn in one process, the one that begins changing each round, so that a slow
minute of the machine meets both; each runs once on a few rows before, untimed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import DataCollatorWithPadding, PreTrainedTokenizerFast, Trainer, TrainingArguments

from xundan.errors import BadInput, XundanError
from xundan.models.classifier import Classifier
from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.registry import SHIPPED_ENCODER
from xundan.models.thresholds import decide, micro_f1
from xundan.models.tokenizer import PAD
from xundan.training.batches import encode_rows
from xundan.training.finetune import FinetuneSettings, score, train_network
from xundan.training.hardware import best_device, has_fast_bf16
from xundan.training.labels import LabelledMessage, split, target_matrix
from xundan.training.own_labels import Task, choose_thresholds, load_task

Rows = Sequence[LabelledMessage]


@dataclass(frozen=True)
class Run:
    """One training: seconds from rows to network, and micro-F1 on the held-out rows (thresholds chosen on
    them, for either way alike)."""

    way: str
    seconds: float
    micro: float


class WithLoss(nn.Module):
    """Our network as the Trainer wants it: a mapping with the loss."""

    def __init__(self, net: Classifier) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        logits = self.net(input_ids, token_type_ids, attention_mask)
        losses = nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return {"loss": losses.sum(1).mean(), "logits": logits}


def train_with_trainer(
    rows: Rows, leaves: Sequence[str], base: Path | str, tokenizer: Tokenizer, settings: FinetuneSettings
) -> Classifier:
    """The same network by the Trainer, which gets our epochs, batch and learning rate and nothing else."""
    torch.manual_seed(settings.seed)
    net = Classifier(TextEncoder.from_folder(base), len(leaves), settings.dropout)
    truth = target_matrix(rows, leaves)
    features = [
        {
            "input_ids": ids.tolist(),
            "token_type_ids": [int(at >= first) for at in range(len(ids))],
            "attention_mask": [1] * len(ids),
            "labels": truth[i].tolist(),
        }
        for i, (ids, first) in enumerate(encode_rows(rows, tokenizer, settings))
    ]
    as_theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=WithLoss(net),
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=settings.epochs,
                per_device_train_batch_size=settings.batch,
                learning_rate=settings.learning_rate,
                seed=settings.seed,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
            ),
            train_dataset=features,
            data_collator=DataCollatorWithPadding(as_theirs),
        )
        trainer.train()
    return net.cpu().eval()


def compare(task: Task, base: Path | str, settings: FinetuneSettings, rounds: int) -> list[Run]:
    """Train both ways in turn, ``rounds`` times, and measure each network on the held-out sessions, but for
    their augmented rows."""
    tokenizer = load_base_tokenizer(base)
    inside, held = split(task.rows, 0.25, settings.seed)
    outside = [row for row in held if not row.augmented]
    truth = target_matrix(outside, task.leaves)
    ways: dict[str, Callable[..., Classifier]] = {"Trainer": train_with_trainer, "ours": train_network}
    for trained in ways.values():  # the first call loads and compiles things
        trained(inside[: 2 * settings.batch], task.leaves, base, tokenizer, replace(settings, epochs=1))
    runs = []
    for number in range(rounds):
        for way in list(ways) if number % 2 == 0 else list(reversed(ways)):
            started = time.perf_counter()
            net = ways[way](inside, task.leaves, base, tokenizer, settings)
            seconds = time.perf_counter() - started
            scores = score(net, tokenizer, outside, settings)
            micro = micro_f1(decide(scores, choose_thresholds(scores, truth)), truth)
            runs.append(Run(way, seconds, micro))
    return runs


def ratio(runs: Sequence[Run]) -> float:
    """The median over the rounds of the Trainer's seconds by ours."""
    theirs, ours = ([run.seconds for run in runs if (run.way == "ours") == its] for its in (False, True))
    return median(their / our for their, our in zip(theirs, ours, strict=True))


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line (``words``: in place of the process's own)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, nargs="?", help="has TREE_train.jsonl; or set XUNDAN_LABELS")
    add("--tree", default="attention", help="attention or action")
    add("--labels", type=Path, nargs="+", help="another task instead: its label files")
    add("--rows", type=int, default=2000, help="how many of the labelled rows, a quarter of them held out")
    add("--epochs", type=int, default=2)
    add("--rounds", type=int, default=1, help="how often both run")
    add("--base", default=SHIPPED_ENCODER, help="BERT to start from; the shipped one without it")
    add("--json", action="store_true", help="print figures as JSON")
    return parser.parse_args(words)


def read_task(arguments: argparse.Namespace) -> Task:
    """The first rows of the labels, at most as many as asked for."""
    if arguments.labels:
        task = load_task(arguments.labels)
    else:
        folder = arguments.folder or os.environ.get("XUNDAN_LABELS")
        if folder is None:
            raise BadInput("no labels to train on", do="give a folder or --labels, or set XUNDAN_LABELS")
        task = load_task([Path(folder) / f"{arguments.tree}_train.jsonl"], arguments.tree)
    step = max(1, len(task.rows) // arguments.rows)
    return Task(task.rows[::step][: arguments.rows], task.taxonomy, task.review)


def main() -> None:
    """Train both ways, print seconds, F1 and the ratio."""
    arguments = parse()
    settings = FinetuneSettings(epochs=arguments.epochs, wide=0.0)  # the Trainer has no word scores either
    task = read_task(arguments)
    runs = compare(task, arguments.base, settings, arguments.rounds)
    device = best_device()
    about: dict[str, Any] = {
        "rows": len(task.rows),
        "epochs": settings.epochs,
        "batch": settings.batch,
        "device": device,
        "bfloat16": has_fast_bf16(device),
        "threads": torch.get_num_threads(),
        "ratio": ratio(runs),
    }
    if arguments.json:
        print(json.dumps({**about, "runs": [asdict(run) for run in runs]}, indent=1))
        return
    table = Table(
        "way", "seconds", "held-out micro-F1", title=", ".join(f"{k} {v}" for k, v in about.items())
    )
    for run in runs:
        table.add_row(run.way, f"{run.seconds:.1f}", f"{run.micro:.3f}")
    Console(width=110).print(table)
    Console().print(f"ours is {about['ratio']:.2f} times as fast")


if __name__ == "__main__":
    try:
        main()
    except XundanError as error:
        raise SystemExit(f"{error}") from error
