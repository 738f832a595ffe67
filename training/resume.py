"""Checkpoints of a fine-tuning run, so that a killed one goes on where it was and ends the same.

resume = Resume(Path("registry/attention/.run-ab12cd/fold-0.pt"))
train_network(rows, leaves, base, tokenizer, settings, resume=resume)
"""

from __future__ import annotations

import os
import pickle
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

    def save(self, parts: Mapping[str, Stateful], epochs: int, go_on: bool = True) -> None:
        """Keep each part's state, that of the random numbers, how many epochs are done, whether to go on."""
        content = {
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "epochs": epochs,
            "go_on": go_on,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".part")
        with open(unfinished, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self.file)

    def load(self, parts: Mapping[str, Stateful]) -> tuple[int, bool]:
        """Put the parts back as saved; returns the epochs done (0 where nothing usable was saved) and whether
        to go on."""
        try:
            kept = torch.load(self.file, map_location="cpu", weights_only=True)
        except (FileNotFoundError, EOFError, RuntimeError, pickle.UnpicklingError):
            return 0, True
        for name, part in parts.items():
            part.load_state_dict(kept["parts"][name])
        torch.set_rng_state(kept["random"])
        if kept["random_gpu"]:
            torch.cuda.set_rng_state_all(kept["random_gpu"])
        return int(kept["epochs"]), bool(kept["go_on"])

    def forget(self) -> None:
        """Delete the checkpoint once what it led to is kept elsewhere."""
        self.file.unlink(missing_ok=True)
