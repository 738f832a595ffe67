"""An encoder of the same form with random weights: what pretraining is worth.

untrained_base("models/shipped/encoder", Path("random"), seed=0)
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertForMaskedLM

from xundan.models.encoder import (
    NgramEmbeddings,
    load_base_tokenizer,
    load_masked_lm,
    load_ngrams,
    save_ngrams,
)
from xundan.models.tokenizer import TOKENIZER_FILE


def untrained_base(base: Path | str, folder: Path, seed: int) -> None:
    """Write tokenizer, configuration and random weights of ``base``'s form into ``folder``."""
    torch.manual_seed(seed)
    config = load_masked_lm(base).config
    BertForMaskedLM(config).save_pretrained(folder)
    load_base_tokenizer(base).save(str(folder / TOKENIZER_FILE))
    ngrams = load_ngrams(Path(base), config.vocab_size, config.hidden_size)
    if ngrams is not None:
        save_ngrams(NgramEmbeddings(ngrams.config, config.vocab_size, config.hidden_size), folder)
