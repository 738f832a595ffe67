"""Linear heads learnt in seconds on the pools of a frozen encoder: nearest centroids, logistic regression.

features = pools(encoder, tokenizer, rows, settings)            # [rows, 5 * width]
net = with_head(encoder, HEADS["logistic 0.1"](features, targets))

Both heads work on standardised features and are linear in them, so the standardisation is folded exactly
into weights and biases: what leaves is an ordinary `Classifier`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from xundan.models.classifier import Classifier
from xundan.models.encoder import TextEncoder
from xundan.models.wide import Wide
from xundan.training.batches import BatchSettings
from xundan.training.finetune import read
from xundan.training.hardware import best_device
from xundan.training.labels import LabelledMessage, log_odds

_SMALLEST_SPREAD = 1e-3
_ROUNDS = 200


class Linear(NamedTuple):
    """Weights [leaves, features] and biases [leaves] over raw pools."""

    weight: Tensor
    bias: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """features [rows, features] -> logits [rows, leaves]."""
        return features @ self.weight.T + self.bias


Head = Callable[[Tensor, Tensor], Linear]
"""features [rows, features], targets [rows, leaves] of 0 and 1 -> a linear head."""


class Pools(Classifier):
    """The five pools of a `Classifier` themselves: its head copies them."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__(encoder, 5 * encoder.width, dropout=0.0)
        nn.init.eye_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.head.requires_grad_(False)


def pools(
    encoder: TextEncoder, tokenizer: Tokenizer, rows: Sequence[LabelledMessage], settings: BatchSettings
) -> Tensor:
    """The pooled features [rows, 5 * width] of each row, on the CPU in single precision."""
    features = read(Pools(encoder).to(best_device()), tokenizer, rows, settings)
    encoder.cpu()
    return features


def with_head(
    encoder: TextEncoder, head: Linear, dropout: float = 0.3, wide: Wide | None = None
) -> Classifier:
    """The encoder, a head and word scores as the network that fine-tuning makes too."""
    net = Classifier(encoder, len(head.bias), dropout, wide)
    net.head.weight = nn.Parameter(head.weight.clone())
    net.head.bias = nn.Parameter(head.bias.clone())
    return net.eval()


def centroids(features: Tensor, targets: Tensor) -> Linear:
    """Nearest centroid a leaf: is a row nearer to the mean of the leaf's rows than to that of the others?

    The difference of the two squared distances is linear in the row, since the row's own square cancels;
    with the leaf's prior odds this is linear discriminant analysis with one spherical variance (Hastie,
    Tibshirani and Friedman 2009, section 4.3). That variance, the temperature, is the likeliest of a grid.
    """
    z, centre, spread = _standardise(features)
    counts = targets.sum(0).unsqueeze(1)
    inside = targets.T @ z / counts.clamp(min=1)
    outside = (z.sum(0) - targets.T @ z) / (len(z) - counts).clamp(min=1)
    weight, bias = inside - outside, (outside.square().sum(1) - inside.square().sum(1)) / 2
    raw, prior = z @ weight.T + bias, torch.from_numpy(log_odds(targets.numpy()))
    temperature = min(
        (2.0**power for power in range(15)),
        key=lambda t: nn.functional.binary_cross_entropy_with_logits(raw / t + prior, targets).item(),
    )
    return _fold(weight / temperature, bias / temperature + prior, centre, spread)


def logistic(features: Tensor, targets: Tensor, strength: float) -> Linear:
    """One logistic regression a leaf, all at once: mean cross-entropy + strength / 2 * squared weights."""
    z, centre, spread = _standardise(features)
    weight = torch.zeros(targets.shape[1], z.shape[1], requires_grad=True)
    bias = torch.from_numpy(log_odds(targets.numpy())).requires_grad_()
    search = torch.optim.LBFGS([weight, bias], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> float:
        search.zero_grad()
        wrong = nn.functional.binary_cross_entropy_with_logits(z @ weight.T + bias, targets, reduction="none")
        value = wrong.sum(1).mean() + strength / 2 * weight.square().sum()
        torch.autograd.backward(value)
        return float(value.detach())

    search.step(loss)  # type: ignore[no-untyped-call]
    return _fold(weight.detach(), bias.detach(), centre, spread)


HEADS: dict[str, Head] = {
    "centroids": centroids,
    "logistic 0.01": functools.partial(logistic, strength=0.01),
    "logistic 0.1": functools.partial(logistic, strength=0.1),
    "logistic 1": functools.partial(logistic, strength=1.0),
}


def _standardise(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features of mean 0 and deviation 1, and both as they were."""
    centre = features.mean(0)
    spread = features.std(0, correction=0).clamp(min=_SMALLEST_SPREAD)
    return (features - centre) / spread, centre, spread


def _fold(weight: Tensor, bias: Tensor, centre: Tensor, spread: Tensor) -> Linear:
    """Weights over standardised features as weights over raw ones: the same logits."""
    weight = weight / spread
    return Linear(weight, bias - weight @ centre)
