"""Fine-tune a BERT on labelled messages: one run, epoch by epoch, resumable, its weights averaged.

net = train_network(rows, leaves, base, tokenizer, FinetuneSettings())
scores = score(net, tokenizer, rows, settings)            # [rows, leaves]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from xundan.errors import BadInput
from xundan.models.classifier import Classifier
from xundan.models.encoder import TextEncoder
from xundan.models.thresholds import Scores
from xundan.models.tokenizer import pad
from xundan.models.wide import Wide
from xundan.training.batches import BatchSettings, Encodings, batches, encode_rows, steps_an_epoch
from xundan.training.descent import Descent, Schedule
from xundan.training.dropout import PooledDropout
from xundan.training.hardware import best_device, mixed_precision
from xundan.training.labels import LabelledMessage, log_odds, target_matrix
from xundan.training.resume import Resume
from xundan.training.wide import fit_wide

OnStep = Callable[[int, int, float], None]
OnEpoch = Callable[[int, Classifier], bool]


@dataclass(frozen=True)
class FinetuneSettings:
    """Everything that decides a fine-tuning run; saved beside the model. ``wide``: weight of the word scores
    beside the network's own. ``max_message``: characters read of a message, more where texts are long."""

    epochs: int = 5
    batch: int = 64
    learning_rate: float = 6e-4
    head_learning_rate: float = 3e-3
    warmup: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.3
    encoder_dropout: float = 0.1
    drop_context: float = 0.15
    hide_tokens: float = 0.0
    wide: float = 0.5
    augmented_share: float = 1.0
    augmented_weight: float = 1.0
    max_message: int = 64
    max_context: int = 48
    folds: int = 3
    patience: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise BadInput("epochs and batch must be at least 1", got=(self.epochs, self.batch))
        if self.folds < 2:
            raise BadInput("too few folds", got=self.folds, expected="2 or more")
        for name in ("dropout", "encoder_dropout", "drop_context", "hide_tokens"):
            if not 0 <= getattr(self, name) < 1:
                raise BadInput(f"{name} out of range", got=getattr(self, name), expected="0 or more, below 1")
        if not 0 <= self.wide <= 1:
            raise BadInput("wide out of range", got=self.wide, expected="0 (no word scores) to 1")
        for name in ("learning_rate", "head_learning_rate", "augmented_share", "augmented_weight"):
            if not 0 < getattr(self, name) <= 1:
                raise BadInput(f"{name} out of range", got=getattr(self, name), expected="above 0, at most 1")


def train_network(
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    tokenizer: Tokenizer,
    settings: FinetuneSettings,
    on_step: OnStep | None = None,
    on_epoch: OnEpoch | None = None,
    resume: Resume | None = None,
) -> Classifier:
    """Train on ``rows`` and return the averaged network, on the CPU.

    ``on_epoch`` gets each epoch's averaged network and says whether to go on. With ``resume``, a killed run
    starts again at its last finished epoch and ends as it would have.
    """
    torch.manual_seed(settings.seed)
    targets = target_matrix(rows, leaves)
    wide = fit_wide(rows, targets, tokenizer, settings, settings.wide) if settings.wide else None
    run = _Run(rows, targets, base, settings, wide)
    data = Encodings.of(rows, tokenizer, settings)
    first, go_on = resume.load(run.descent.parts()) if resume else (0, True)
    for epoch in range(first, settings.epochs if go_on else first):
        for chosen, *inputs in batches(data, settings, epoch):
            loss = run.step(chosen, inputs)
            if on_step:
                on_step(run.descent.done, run.steps, loss)
        go_on = on_epoch is None or on_epoch(epoch + 1, run.descent.averaged())
        if resume:
            resume.save(run.descent.parts(), epoch + 1, go_on)
        if not go_on:
            break
    return run.descent.averaged().cpu().eval()


class _Run:
    """A network in training on its rows."""

    def __init__(
        self,
        rows: Sequence[LabelledMessage],
        targets: Scores,
        base: Path | str,
        settings: FinetuneSettings,
        wide: Wide | None,
    ) -> None:
        self.device = best_device()
        encoder = TextEncoder.from_folder(base)
        drop_inside(encoder, settings.encoder_dropout)
        self.net = Classifier(encoder, targets.shape[1], settings.dropout, wide).to(self.device)
        # Else the first steps only learn how rare leaves are, and drag the encoder along: all messages come
        # to look alike, and few rows never mend that (https://arxiv.org/abs/1708.02002, section 3.3).
        with torch.no_grad():
            self.net.head.bias.copy_(torch.from_numpy(log_odds(targets)))
        self.targets = torch.from_numpy(targets).to(self.device)
        weights = [settings.augmented_weight if row.augmented else 1.0 for row in rows]
        self.weights = torch.tensor(weights, device=self.device)
        self.steps = settings.epochs * steps_an_epoch(rows, settings)
        self.descent = Descent(
            self.net,
            [
                (self.net.encoder.parameters(), settings.learning_rate),
                (self.net.head.parameters(), settings.head_learning_rate),
            ],
            Schedule(self.steps, self.steps / settings.epochs, settings.warmup, settings.weight_decay),
        )
        self.precision = mixed_precision(self.device)

    def step(self, chosen: list[int], inputs: list[Tensor]) -> float:
        """One optimisation step: binary cross-entropy summed over leaves, weighted mean over rows."""
        self.net.train()
        with self.precision:
            logits = self.net(*(tensor.to(self.device) for tensor in inputs))
        losses = nn.functional.binary_cross_entropy_with_logits(
            logits.float(), self.targets[chosen], reduction="none"
        ).sum(1)
        weights = self.weights[chosen]
        return self.descent.step((losses * weights).sum() / weights.sum())


def drop_inside(encoder: TextEncoder, share: float) -> None:
    """Drop hidden values, not attention weights: there it gains nothing and takes longest."""
    for module in list(encoder.bert.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                hidden = not hasattr(module, "query")
                setattr(module, name, PooledDropout(share) if hidden else nn.Dropout(0.0))


def score(
    net: Classifier, tokenizer: Tokenizer, rows: Sequence[LabelledMessage], settings: FinetuneSettings
) -> Scores:
    """Probabilities [rows, leaves] in single precision."""
    scores: Scores = torch.sigmoid(read(net, tokenizer, rows, settings)).numpy()
    return scores


@torch.no_grad()
def read(
    net: Classifier, tokenizer: Tokenizer, rows: Sequence[LabelledMessage], settings: BatchSettings
) -> Tensor:
    """What the network says of each row [rows, outputs], on the CPU in single precision."""
    net.eval()
    device = next(net.parameters()).device
    encoded = encode_rows(rows, tokenizer, settings)
    order = sorted(range(len(rows)), key=lambda i: len(encoded[i][0]))
    said = torch.empty(len(rows), net.head.out_features)
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        inputs = (torch.from_numpy(a).to(device) for a in pad([encoded[i] for i in part]))
        said[part] = net(*inputs).float().cpu()
    return said
