"""Learn the word scores that stand beside the encoder: logistic regression on character n-grams.

wide = fit_wide(rows, targets, tokenizer, FinetuneSettings())
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer
from torch import Tensor

from xundan.models.thresholds import Scores
from xundan.models.tokenizer import pad
from xundan.models.wide import Wide, WideConfig
from xundan.training.batches import BatchSettings, encode_rows
from xundan.training.labels import LabelledMessage

_STRENGTH = 5.0
"""Inverse of the penalty on squared weights (scikit-learn's C)."""
_INTERCEPT = 3.0
"""How little the intercept is penalised beside the weights."""
_TOGETHER = 256


def fit_wide(
    rows: Sequence[LabelledMessage],
    targets: Scores,
    tokenizer: Tokenizer,
    settings: BatchSettings,
    share: float,
    config: WideConfig | None = None,
) -> Wide:
    """One logistic regression a leaf over the message's own n-grams, its logits times ``share``; targets
    [rows, leaves] of 0 and 1.

    Augmented rows are left out: they repeat the words of the rows they came from.
    """
    ours = np.flatnonzero([not row.augmented for row in rows])
    wide = Wide(config or WideConfig(), tokenizer.get_vocab_size(), targets.shape[1])
    present = _present([rows[i] for i in ours], wide, tokenizer, settings)
    wide.frequency.copy_(_inverse_document_frequency(present))
    features = _scaled(present, wide.frequency.numpy())
    for leaf, truth in enumerate(targets[ours].T):
        weight, bias = _logistic(features, truth)
        wide.table.weight[:, leaf] = share * torch.from_numpy(weight) * wide.frequency
        wide.bias[leaf] = share * bias
    return wide


@torch.no_grad()
def words_say(
    wide: Wide, tokenizer: Tokenizer, rows: Sequence[LabelledMessage], settings: BatchSettings
) -> Tensor:
    """The word scores' own logits [rows, leaves]."""
    encoded = encode_rows(rows, tokenizer, settings)
    said = []
    for start in range(0, len(rows), _TOGETHER):
        ids, segments, mask = (torch.from_numpy(array) for array in pad(encoded[start : start + _TOGETHER]))
        said.append(wide(ids, ((segments == 0) & (mask == 1)).unsqueeze(-1)))
    return torch.cat(said)


def _present(
    rows: Sequence[LabelledMessage], wide: Wide, tokenizer: Tokenizer, settings: BatchSettings
) -> sparse.csr_matrix:
    """1 where an n-gram stands in a row's own message: [rows, rows of the table]."""
    encoded = encode_rows(rows, tokenizer, settings)
    parts = []
    for start in range(0, len(rows), _TOGETHER):
        ids, segments, mask = pad(encoded[start : start + _TOGETHER])
        found = wide.rows_of(torch.from_numpy(ids)).numpy()
        row, place = np.nonzero((segments == 0) & (mask == 1))
        column = found[row, place].ravel()
        ones = np.ones(len(column), dtype=np.float32)
        shape = (len(ids), wide.config.rows)
        parts.append(sparse.csr_matrix((ones, (row.repeat(found.shape[2]), column)), shape))
    present = sparse.csr_matrix(sparse.vstack(parts))
    present.sum_duplicates()
    present.data[:] = 1
    return present


def _inverse_document_frequency(present: sparse.csr_matrix) -> Tensor:
    """Smoothed: log((1 + messages) / (1 + messages with it)) + 1 (scikit-learn's TfidfTransformer)."""
    messages, having = present.shape[0], np.bincount(present.indices, minlength=present.shape[1])
    return torch.from_numpy(np.log((1 + messages) / (1 + having)) + 1).float()


def _scaled(present: sparse.csr_matrix, frequency: npt.NDArray[np.float32]) -> sparse.csr_matrix:
    """Weighted, each row divided by the length of its weights, as `Wide` does."""
    length = np.sqrt(present @ frequency**2)
    return sparse.csr_matrix(sparse.diags(1 / length) @ present @ sparse.diags(frequency))


def _logistic(features: sparse.csr_matrix, truth: Scores) -> tuple[npt.NDArray[np.float32], float]:
    """Weights and bias of one leaf, its rows weighing as much as all others; only a bias where every row
    agrees."""
    n, positive = len(truth), float(truth.sum())
    if positive in (0, n):
        odds = (positive + 0.5) / (n - positive + 0.5)
        return np.zeros(features.shape[1], dtype=np.float32), float(np.log(odds))
    model = LogisticRegression(
        C=_STRENGTH,
        class_weight="balanced",
        solver="liblinear",
        dual=True,
        tol=0.1,
        intercept_scaling=_INTERCEPT,
        random_state=0,
    )
    with warnings.catch_warnings():
        # A hundred passes are enough: what the last digits add is lost when the logits are calibrated.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, truth)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])
