"""What this machine trains with: a GPU where there is one, and bfloat16 where it is fast.

device = best_device(); precision = mixed_precision(device)
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch


def best_device() -> str:
    """``cuda`` where a GPU can be used, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def has_fast_bf16(device: str) -> bool:
    """Whether bfloat16 is native: emulated, it is far slower than single precision."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    flags = Path("/proc/cpuinfo")
    return flags.exists() and any(flag in flags.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def mixed_precision(device: str) -> AbstractContextManager[object]:
    """bfloat16 autocasting where it is native, else nothing; may be entered again and again."""
    return torch.autocast(device, dtype=torch.bfloat16) if has_fast_bf16(device) else nullcontext()
