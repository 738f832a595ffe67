"""Draw messages of one leaf together, others apart: an encoder learns from pairs, and few rows make many.

encoder = contrast(TextEncoder.from_folder(base), tokenizer, rows, leaves, tuning, ContrastSettings(), seed=0)

After SetFit (Tunstall et al. 2022, https://arxiv.org/abs/2209.11055), with every pair of a batch in place of
drawn pairs, and the overlap of the two label sets as the wanted cosine, so that several labels may hold.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from xundan.errors import BadInput
from xundan.models.encoder import TextEncoder
from xundan.models.tokenizer import pad
from xundan.training.batches import BatchSettings, encode_rows
from xundan.training.finetune import OnStep
from xundan.training.hardware import best_device, mixed_precision
from xundan.training.heads import Pools, pools
from xundan.training.labels import LabelledMessage, target_matrix


@dataclass(frozen=True)
class ContrastSettings:
    """Steps, rows a step (half as many pairs of one leaf), and the learning rate at its highest."""

    steps: int = 300
    batch: int = 32
    learning_rate: float = 2e-4
    warmup: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 4:
            raise BadInput("too few steps or rows a step", got=(self.steps, self.batch), expected="1 and 4")


def contrast(
    encoder: TextEncoder,
    tokenizer: Tokenizer,
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    tuning: BatchSettings,
    settings: ContrastSettings,
    seed: int,
    on_step: OnStep | None = None,
) -> TextEncoder:
    """Train the encoder in place for ``settings.steps`` and return it, on the CPU."""
    torch.manual_seed(seed)
    chooser, device, precision = random.Random(seed), best_device(), mixed_precision(best_device())
    before = pools(encoder, tokenizer, rows, tuning)
    centre, spread = before.mean(0).to(device), before.std(0, correction=0).clamp(min=1e-3).to(device)
    targets = torch.from_numpy(target_matrix(rows, leaves))
    encoded = encode_rows(rows, tokenizer, tuning)
    net = Pools(encoder).to(device).train()
    optimizer, schedule = _optimizer(encoder, settings)
    for step in range(settings.steps):
        drawn = _draw(targets, settings.batch, chooser)
        inputs = (torch.from_numpy(a).to(device) for a in pad([encoded[i] for i in drawn]))
        with precision:
            features = net(*inputs)
        even = (features.float() - centre) / spread
        loss = pair_loss(even, targets[drawn].to(device), _differ(drawn, device))
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        if on_step:
            on_step(step + 1, settings.steps, loss.item())
    return encoder.cpu().eval()


def _optimizer(
    encoder: TextEncoder, settings: ContrastSettings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        settings.learning_rate,
        total_steps=settings.steps + 1,
        pct_start=settings.warmup,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    return optimizer, schedule


def pair_loss(features: Tensor, targets: Tensor, differ: Tensor) -> Tensor:
    """How far the cosines of all pairs are from the overlap (Jaccard) of their leaves, half for kin, half for
    strangers; features [rows, width], targets [rows, leaves], differ [rows, rows]: no row with itself."""
    unit = nn.functional.normalize(features, dim=1)
    cosine = unit @ unit.T
    common = targets @ targets.T
    overlap = common / (targets.sum(1, keepdim=True) + targets.sum(1) - common).clamp(min=1)
    kin, strangers = differ & (common > 0), differ & (common == 0)
    # Strangers need not be opposites: below 0 they are far enough.
    wrong_kin, wrong_strangers = (cosine - overlap).square(), cosine.clamp(min=0).square()
    return _mean(wrong_kin, kin) + _mean(wrong_strangers, strangers)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp(min=1)


def _draw(targets: Tensor, batch: int, chooser: random.Random) -> list[int]:
    """Row numbers: two of one leaf, then two of the next, each leaf as likely as any other."""
    having = [torch.nonzero(column).flatten().tolist() for column in targets.T]
    having = [rows for rows in having if rows]
    drawn: list[int] = []
    while len(drawn) < batch:
        rows = chooser.choice(having)
        drawn += chooser.sample(rows, 2) if len(rows) > 1 else rows
    return drawn


def _differ(drawn: list[int], device: str) -> Tensor:
    numbers = torch.tensor(drawn, device=device)
    return numbers.unsqueeze(0) != numbers.unsqueeze(1)
