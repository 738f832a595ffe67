"""Checkpoints of a fine-tuning run, so that a killed one goes on where it was and ends the same.

resume = Resume(Path("registry/attention/.run-ab12cd/fold-0.pt"))
train_network(rows, leaves, base, tokenizer, settings, resume=resume)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch


class Stateful(Protocol):
    """Anything of torch that can be saved and put back."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state_dict: Any) -> Any: ...


@dataclass(frozen=True)
class Resume:
    """One checkpoint file, replaced whole after every epoch."""

    file: Path

    def save(self, parts: Mapping[str, Stateful], epochs: int) -> None:
        """Keep the state of each part, the random numbers' state, and how many epochs are done."""
        state = {name: part.state_dict() for name, part in parts.items()}
        unfinished = self.file.with_suffix(".part")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"parts": state, "random": torch.get_rng_state(), "epochs": epochs}, unfinished)
        os.replace(unfinished, self.file)

    def load(self, parts: Mapping[str, Stateful]) -> int:
        """Put the parts back as saved; returns the epochs done, 0 where nothing was saved."""
        if not self.file.exists():
            return 0
        kept = torch.load(self.file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(kept["parts"][name])
        torch.set_rng_state(kept["random"])
        return int(kept["epochs"])

    def forget(self) -> None:
        """Delete the checkpoint once what it led to is kept elsewhere."""
        self.file.unlink(missing_ok=True)
