"""An encoder halfway between two, one of which was made from the other: it keeps some of what each knows.

with halfway(SHIPPED_ENCODER, champion("attention", registry)) as base:
    net = train_judge(rows, weights, base, LossSettings())

The mean of the weights, as in WiSE-FT (Wortsman et al. 2021, https://arxiv.org/abs/2109.01903).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xundan.models.encoder import TextEncoder, save_encoder
from xundan.models.tokenizer import TOKENIZER_FILE


@contextmanager
def halfway(first: Path, second: Path) -> Iterator[Path]:
    """A folder to start from, gone afterwards; ``second`` itself where it was not made from ``first``, which
    shows in other sizes or another tokenizer."""
    one, other = (TextEncoder.from_folder(folder) for folder in (first, second))
    weights, others = one.state_dict(), other.state_dict()
    alike = {name: w.shape for name, w in weights.items()} == {name: w.shape for name, w in others.items()}
    if not alike or _tokenizer(first) != _tokenizer(second):
        yield second
        return
    # Tables of numbers that no training changes are the same in both.
    one.load_state_dict(
        {n: w.lerp(others[n], 0.5) if w.is_floating_point() else w for n, w in weights.items()}
    )
    with tempfile.TemporaryDirectory() as folder:
        save_encoder(one, Path(folder))
        shutil.copyfile(first / TOKENIZER_FILE, Path(folder) / TOKENIZER_FILE)
        yield Path(folder)


def _tokenizer(folder: Path) -> bytes | None:
    file = folder / TOKENIZER_FILE
    return file.read_bytes() if file.exists() else None
