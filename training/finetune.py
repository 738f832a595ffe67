"""Fine-tune a BERT on labelled messages and export it as a model that runs without torch.

xundan train labels.jsonl --tree attention --base pretrained --registry registry
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from xundan.errors import BadInput
from xundan.models.classifier import Classifier
from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.thresholds import Scores, tune
from xundan.models.tokenizer import IntArray, encode, pad
from xundan.training.hardware import best_device, mixed_precision
from xundan.training.labels import LabelledMessage, split, target_matrix

Encoded = tuple[IntArray, int]
OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True)
class FinetuneSettings:
    """Everything that decides a fine-tuning run; saved beside the model."""

    epochs: int = 8
    batch: int = 32
    learning_rate: float = 4e-4
    head_learning_rate: float = 2e-3
    warmup: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.3
    encoder_dropout: float = 0.1
    drop_context: float = 0.15
    average_last: float = 0.35
    max_message: int = 64
    max_context: int = 48
    held_out: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise BadInput("epochs and batch must be at least 1", got=(self.epochs, self.batch))
        if not 0 < self.held_out < 0.5:
            raise BadInput("held-out share out of range", got=self.held_out, expected="between 0 and 0.5")


@dataclass(frozen=True)
class Finetuned:
    """A trained network with the thresholds that its held-out rows chose."""

    net: Classifier
    tokenizer: Tokenizer
    thresholds: Scores
    held_out: list[LabelledMessage]
    held_out_scores: Scores


def finetune(
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    settings: FinetuneSettings,
    on_step: OnStep | None = None,
) -> Finetuned:
    """Choose thresholds on held-out sessions of a first run, then train on every row.

    The network that leaves has seen all rows; its held-out scores come from the first run, which has not.
    """
    inside, outside = split(rows, settings.held_out, settings.seed)
    if not inside or not outside:
        raise BadInput(
            "too few labelled sessions to hold some out", got=len(rows), expected="20 or more rows"
        )
    tokenizer = load_base_tokenizer(base)
    first = train_network(inside, leaves, base, tokenizer, settings, on_step)
    scores = score(first, tokenizer, outside, settings)
    thresholds = tune(scores, target_matrix(outside, leaves))
    net = train_network(rows, leaves, base, tokenizer, settings, on_step)
    return Finetuned(net, tokenizer, thresholds, outside, scores)


def train_network(
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    tokenizer: Tokenizer,
    settings: FinetuneSettings,
    on_step: OnStep | None = None,
) -> Classifier:
    """One run over ``rows``: binary cross-entropy a leaf, weights averaged over the last part of the run
    (stochastic weight averaging, Izmailov et al. 2018, https://arxiv.org/abs/1803.05407)."""
    torch.manual_seed(settings.seed)
    device = best_device()
    encoder = TextEncoder.from_folder(base)
    _set_dropout(encoder, settings.encoder_dropout)
    net = Classifier(encoder, len(leaves), settings.dropout).to(device)
    optimizer = _optimizer(net, settings)
    steps = settings.epochs * -(-len(rows) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=steps + 1,
        pct_start=settings.warmup,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    average = torch.optim.swa_utils.AveragedModel(net)
    targets = torch.from_numpy(target_matrix(rows, leaves))
    plain = encode(tokenizer, [r.text for r in rows], [()] * len(rows), settings.max_message, 0)
    full = _encode_rows(tokenizer, rows, settings)
    precision = mixed_precision(device)
    for step, batch in enumerate(_batches(full, plain, settings)):
        chosen, encoded = batch
        net.train()
        ids, segments, mask = (torch.from_numpy(a).to(device) for a in pad(encoded))
        with precision:
            logits = net(ids, segments, mask)
        loss = (
            nn.functional.binary_cross_entropy_with_logits(
                logits.float(), targets[chosen].to(device), reduction="none"
            )
            .sum(1)
            .mean()
        )
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if step >= steps * (1 - settings.average_last) and step % 10 == 0:
            average.update_parameters(net)
        if on_step:
            on_step(step + 1, steps, loss.item())
    averaged = average.module if int(average.n_averaged) else net
    assert isinstance(averaged, Classifier)
    return averaged.cpu().eval()


@torch.no_grad()
def score(
    net: Classifier, tokenizer: Tokenizer, rows: Sequence[LabelledMessage], settings: FinetuneSettings
) -> Scores:
    """Probabilities [rows, leaves] in single precision."""
    net.eval()
    encoded = _encode_rows(tokenizer, rows, settings)
    order = sorted(range(len(rows)), key=lambda i: len(encoded[i][0]))
    scores = np.empty((len(rows), net.head.out_features), dtype=np.float32)
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        inputs = (torch.from_numpy(a) for a in pad([encoded[i] for i in part]))
        scores[part] = torch.sigmoid(net(*inputs)).numpy()
    return scores


def _encode_rows(
    tokenizer: Tokenizer, rows: Sequence[LabelledMessage], settings: FinetuneSettings
) -> list[Encoded]:
    return encode(
        tokenizer,
        [row.text for row in rows],
        [row.context for row in rows],
        settings.max_message,
        settings.max_context,
    )


def _batches(
    full: list[Encoded], plain: list[Encoded], settings: FinetuneSettings
) -> Iterator[tuple[list[int], list[Encoded]]]:
    """Batches of similar length in random order; some rows lose their context, so both forms are learnt."""
    chooser = random.Random(settings.seed)
    for _ in range(settings.epochs):
        rows = [
            p if chooser.random() < settings.drop_context else f for f, p in zip(full, plain, strict=True)
        ]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]) + chooser.random() * 12)
        groups = [order[i : i + settings.batch] for i in range(0, len(order), settings.batch)]
        chooser.shuffle(groups)
        for group in groups:
            yield group, [rows[i] for i in group]


def _optimizer(net: Classifier, settings: FinetuneSettings) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [
            {"params": list(net.encoder.parameters()), "lr": settings.learning_rate},
            {"params": list(net.head.parameters()), "lr": settings.head_learning_rate},
        ],
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _set_dropout(encoder: TextEncoder, share: float) -> None:
    for module in encoder.bert.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
