"""Fine-tune an encoder to judge whole sessions, words and signals together.

net = train_judge(rows, weights, base, LossSettings())
said = score(net, rows)                        # leaf and stage probabilities, evidence logits of tokens
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from xundan.chats.records import STAGES
from xundan.errors import BadInput
from xundan.models.encoder import TextEncoder
from xundan.models.loss.network import LossNet, Said
from xundan.models.loss.rules import load_rules
from xundan.models.loss.signals import Floats, signal_names
from xundan.taxonomy.trees import load
from xundan.training.descent import Descent, Schedule
from xundan.training.finetune import drop_inside
from xundan.training.hardware import best_device, mixed_precision
from xundan.training.loss.rows import UNKNOWN, Batch, Row, batches, stack_proof

OnStep = Callable[[int, int, float], None]
_SMALLEST_SPREAD = 0.1
"""Rare signals are not blown up."""
_SIDE = 0.3
"""Weight of stage and evidence beside the reason."""


@dataclass(frozen=True)
class LossSettings:
    """Everything that decides a run; saved beside the model. ``real``, ``written``, ``augmented``: how much a
    session of that part counts. ``signals``: whether anything but the words is used. ``temperature`` and
    ``lean``: see `settle`; both were chosen on held-out scores."""

    epochs: int = 5
    batch: int = 24
    learning_rate: float = 5e-4
    head_learning_rate: float = 2e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.3
    encoder_dropout: float = 0.1
    real: float = 3.0
    written: float = 1.0
    augmented: float = 1.0
    signals: bool = True
    temperature: float = 1.3
    lean: float = 2.0
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.folds < 2:
            raise BadInput("epochs and batch at least 1, folds at least 2", got=self)
        if self.temperature <= 0:
            raise BadInput("the temperature must be above 0", got=self.temperature)
        counts = {"real": self.real, "written": self.written, "augmented": self.augmented}
        if not all(0 < count < inf for count in counts.values()):
            raise BadInput(
                "each part must count above 0", got=counts, do="leave sessions out of the labels instead"
            )

    def steps(self, rows: int) -> int:
        """Steps of a run over so many rows."""
        return self.epochs * -(-rows // self.batch)


def train_judge(
    rows: Sequence[Row],
    weights: Sequence[float],
    base: Path | str,
    settings: LossSettings,
    on_step: OnStep | None = None,
) -> LossNet:
    """Train on rows of these weights and return the averaged network, on the CPU."""
    torch.manual_seed(settings.seed)
    run = _Run(rows, weights, base, settings)
    for epoch in range(settings.epochs):
        for chosen, batch in batches(rows, settings.batch, settings.seed, epoch):
            loss = run.step(chosen, batch)
            if on_step:
                on_step(run.descent.done, run.steps, loss)
    net = run.descent.averaged().cpu().eval()
    settle(net, settings.temperature, settings.lean if settings.signals else 0.0)
    return net


@torch.no_grad()
def settle(net: LossNet, temperature: float, lean: float) -> None:
    """Make a trained network less sure of itself, and lean on the rules more than training makes it.

    Its leaf logits are divided by ``temperature`` (Guo et al. 2017, https://arxiv.org/abs/1706.04599); then
    the leaf that the rules name first gains ``lean``, unless it is one of those that remain when nothing is
    found. On training sessions the words alone are nearly always right, so what rules know is learnt too low.
    """
    for part in (net.text, net.facts):
        part.weight.div_(temperature)
    net.text.bias.div_(temperature)
    remaining = {rule.leaf for rule in load_rules().facts if rule.tier == "last"}
    for number, leaf in enumerate(load("loss").leaves):
        if leaf.id not in remaining:
            signal = signal_names().index(f"first:{leaf.id}")
            net.facts.weight[number, signal] += lean * net.spread[signal]
            net.text.bias[number] += lean * net.centre[signal]


class _Run:
    """A network in training on its rows."""

    def __init__(
        self, rows: Sequence[Row], weights: Sequence[float], base: Path | str, settings: LossSettings
    ) -> None:
        self.rows, self.settings, self.device = rows, settings, best_device()
        encoder = TextEncoder.from_folder(base)
        drop_inside(encoder, settings.encoder_dropout)
        known = np.stack([row.signals for row in rows])
        leaves = len(rows[0].target)
        net = LossNet(encoder, known.shape[1], leaves, len(STAGES), settings.dropout)
        net.centre.copy_(torch.from_numpy(known.mean(0)))
        net.spread.copy_(torch.from_numpy(np.maximum(known.std(0), _SMALLEST_SPREAD)))
        net.facts.requires_grad_(settings.signals)  # they begin at 0
        odds = np.log(np.average([row.target for row in rows], axis=0, weights=weights) + 1e-3)
        with torch.no_grad():
            net.text.bias.copy_(torch.from_numpy(odds))
        self.net = net.to(self.device)
        self.weights = torch.tensor(list(weights), device=self.device)
        self.steps = settings.steps(len(rows))
        heads = [net.text, net.facts, net.stage, net.evidence]
        self.descent = Descent(
            net,
            [
                (net.encoder.parameters(), settings.learning_rate),
                ((p for head in heads for p in head.parameters()), settings.head_learning_rate),
            ],
            Schedule(self.steps, self.steps / settings.epochs, settings.warmup, settings.weight_decay),
        )
        self.precision = mixed_precision(self.device)

    def step(self, chosen: list[int], batch: Batch) -> float:
        """One step: cross-entropy with what readers believed, and a little of stage and evidence."""
        self.net.train()
        rows = [self.rows[i] for i in chosen]
        with self.precision:
            said = self.net(*(tensor.to(self.device) for tensor in batch.inputs()))
        weights = self.weights[chosen]
        share = weights / weights.sum()
        return self.descent.step(
            (self._reasons(said, rows) * share).sum()
            + _SIDE * (self._stages(said, rows) * share).sum()
            + _SIDE * self._evidence(said, rows)
        )

    def _reasons(self, said: Said, rows: Sequence[Row]) -> Tensor:
        target = torch.from_numpy(np.stack([row.target for row in rows])).to(self.device)
        return -(target * said.leaves.float().log_softmax(1)).sum(1)

    def _stages(self, said: Said, rows: Sequence[Row]) -> Tensor:
        stage = torch.tensor([row.stage for row in rows], device=self.device)
        return nn.functional.cross_entropy(said.stages.float(), stage, ignore_index=UNKNOWN, reduction="none")

    def _evidence(self, said: Said, rows: Sequence[Row]) -> Tensor:
        proof = stack_proof(rows, said.evidence.shape[1]).to(self.device)
        asked = proof >= 0
        if not asked.any():
            return said.evidence.sum() * 0.0
        return nn.functional.binary_cross_entropy_with_logits(said.evidence.float()[asked], proof[asked])


@dataclass(frozen=True)
class Scored:
    """``leaves`` [rows, leaves] and ``stages`` [rows, stages] probabilities; ``evidence``: of each row, the
    mean logit of each message by its id."""

    leaves: Floats
    stages: Floats
    evidence: list[dict[str, float]]


@torch.no_grad()
def score(net: LossNet, rows: Sequence[Row], size: int = 64) -> Scored:
    """What the network says of the rows, in their order."""
    net.eval()
    device = next(net.parameters()).device
    leaves = np.empty((len(rows), net.text.out_features), dtype=np.float32)
    stages = np.empty((len(rows), net.stage.out_features), dtype=np.float32)
    evidence: list[dict[str, float]] = [{} for _ in rows]
    for chosen, batch in batches(rows, size, 0, None):
        said = net(*(tensor.to(device) for tensor in batch.inputs()))
        leaves[chosen] = said.leaves.float().softmax(1).cpu().numpy()
        stages[chosen] = said.stages.float().softmax(1).cpu().numpy()
        for i, logits in zip(chosen, said.evidence.float().cpu().numpy(), strict=True):
            evidence[i] = {
                name: float(logits[start:end].mean()) for name, (start, end) in rows[i].read.spans.items()
            }
    return Scored(leaves, stages, evidence)
