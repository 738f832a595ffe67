"""One way to go downhill for every network: AdamW, warm-up and linear decay, clipped steps, averaged weights.

descent = Descent(net, [(net.encoder.parameters(), 6e-4), (net.head.parameters(), 3e-3)], Schedule(500, 100))
descent.step(loss)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from xundan.training.resume import Stateful

Net = TypeVar("Net", bound=nn.Module)
_AVERAGE_EVERY = 5


@dataclass(frozen=True)
class Schedule:
    """``steps`` in all, ``an_epoch`` of them in each; ``warmup``: share of them in which the rate rises."""

    steps: int
    an_epoch: float
    warmup: float = 0.06
    weight_decay: float = 0.01


class Descent(Generic[Net]):
    """A network with all that its training must keep."""

    def __init__(
        self, net: Net, rates: Sequence[tuple[Iterable[nn.Parameter], float]], schedule: Schedule
    ) -> None:
        self.net = net
        self.optimizer = torch.optim.AdamW(
            [{"params": list(parameters), "lr": rate} for parameters, rate in rates],
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            [rate for _, rate in rates],
            total_steps=schedule.steps + 1,
            pct_start=schedule.warmup,
            anneal_strategy="linear",
            cycle_momentum=False,
        )
        # Averaging over about the last epoch: https://arxiv.org/abs/1803.05407, as a moving average so that
        # every epoch has its own.
        horizon = max(10.0, schedule.an_epoch / _AVERAGE_EVERY)
        moving = get_ema_multi_avg_fn(1 - 1 / horizon)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(net, multi_avg_fn=moving)

    @property
    def done(self) -> int:
        """Steps taken so far."""
        return self.schedule.last_epoch

    def step(self, loss: Tensor) -> float:
        """Follow the gradient of ``loss`` once; its value."""
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.done % _AVERAGE_EVERY == 0:
            self.average.update_parameters(self.net)
        return loss.item()

    def averaged(self) -> Net:
        """The averaged network (the network itself before the first averaging)."""
        if not int(self.average.n_averaged):
            return self.net
        network = self.average.module
        assert isinstance(network, type(self.net))
        return network

    def parts(self) -> dict[str, Stateful]:
        """What a checkpoint keeps, by name."""
        return {
            "net": self.net,
            "average": self.average,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }
