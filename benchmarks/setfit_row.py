"""The SetFit library on our encoder, where it is installed: https://arxiv.org/abs/2209.11055.

fitted = fit_setfit(train_rows, leaves, SHIPPED_ENCODER)               # pip install setfit
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from xundan.errors import MissingExtra
from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.thresholds import Chosen, decide
from xundan.models.tokenizer import encode, pad
from xundan.training.baselines import Fitted, Rows
from xundan.training.hardware import best_device
from xundan.training.labels import target_matrix

MAX_STEPS, BATCH, RATE = 600, 16, 1e-4
"""Steps of the contrastive part at most; its rate is higher than SetFit's own, as our encoder is smaller."""


def fit_setfit(train: Rows, leaves: Sequence[str], base: Path | str) -> Fitted:
    """Message text alone, the mean of its tokens, SetFit's pairs and logistic heads; 0.5, else the highest.

    Raises `MissingExtra` where the library is not installed.
    """
    if importlib.util.find_spec("setfit") is None:
        raise MissingExtra("setfit is not installed: pip install setfit")
    library = importlib.import_module("setfit")
    body = _body(base)
    truth = target_matrix(train, leaves).astype(int)
    seen = np.flatnonzero(truth.any(axis=0))
    single = bool((truth.sum(axis=1) == 1).all())
    labels = truth.argmax(axis=1).tolist() if single else truth[:, seen].tolist()
    model = library.SetFitModel(
        model_body=body,
        model_head=_head(several=not single),
        multi_target_strategy=None if single else "one-vs-rest",
    )
    dataset = importlib.import_module("datasets").Dataset.from_dict(
        {"text": [row.text for row in train], "label": labels}
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = library.TrainingArguments(
            output_dir=folder,
            batch_size=BATCH,
            body_learning_rate=RATE,
            max_steps=min(MAX_STEPS, 40 * len(train) // BATCH),
            save_strategy="no",
            report_to="none",
            show_progress_bar=False,
        )
        with contextlib.redirect_stdout(sys.stderr):  # it prints its losses, also into --json
            library.Trainer(model=model, args=arguments, train_dataset=dataset).train()

    def choose(rows: Rows) -> Chosen:
        scores = np.zeros((len(rows), len(leaves)), dtype=np.float32)
        scores[:, seen] = model.predict_proba([row.text for row in rows], as_numpy=True)
        # Where exactly one leaf holds, no threshold is reached and the highest one stands.
        return decide(scores, np.full(len(leaves), 1.01 if single else 0.5, dtype=np.float32))

    return Fitted(choose, sum(weight.numel() for weight in body.parameters()) * 4 / 1e6)


def _head(several: bool) -> Any:
    one = importlib.import_module("sklearn.linear_model").LogisticRegression(max_iter=1000)
    return importlib.import_module("sklearn.multiclass").OneVsRestClassifier(one) if several else one


def _body(base: Path | str) -> Any:
    """Our encoder as a SentenceTransformer of one module."""
    library = importlib.import_module("sentence_transformers")
    encoder, tokenizer = TextEncoder.from_folder(base), load_base_tokenizer(base)
    return library.SentenceTransformer(modules=[_Mean(encoder, tokenizer)], device=best_device())


class _Mean(nn.Module):
    """What sentence-transformers asks of a module: texts to tensors, tensors to one vector a text."""

    modalities = ("text",)
    max_seq_length = 64

    def __init__(self, encoder: TextEncoder, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.encoder = encoder
        self.tokenizer = tokenizer

    def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_: object) -> dict[str, Tensor]:
        rows = encode(self.tokenizer, list(inputs), [()] * len(inputs), self.max_seq_length, 0)
        ids, segments, mask = (torch.from_numpy(a) for a in pad(rows))
        return {"input_ids": ids, "token_type_ids": segments, "attention_mask": mask}

    def forward(self, features: dict[str, Tensor], **_: object) -> dict[str, Tensor]:
        mask = features["attention_mask"]
        hidden = self.encoder(features["input_ids"], features["token_type_ids"], mask)
        kept = mask.unsqueeze(-1)
        features["sentence_embedding"] = (hidden * kept).sum(1) / kept.sum(1)
        return features

    def get_sentence_embedding_dimension(self) -> int:
        return self.encoder.width
