"""How sure a model is of a message's first leaf, and which messages are below a cutoff.

sure = confidence(scores, chosen, thresholds)                  # [messages]
unsure = uncertain(scores, chosen, thresholds, cutoff=0.62)    # [messages] bool
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xundan.models.thresholds import Chosen, Scores

Rows = npt.NDArray[np.intp]


def first_leaf(scores: Scores, chosen: Chosen) -> Rows:
    """The column of each message's chosen leaf with the highest score, [messages].

    Scores and chosen [messages, leaves]; every message has at least one chosen leaf (`thresholds.decide`).
    """
    first: Rows = np.where(chosen, scores, -1).argmax(axis=1)
    return first


def confidence(scores: Scores, chosen: Chosen, thresholds: Scores) -> Scores:
    """The score of each message's first leaf, between 0 and 1, [messages] float32.

    A leaf below its own threshold stands only because every message gets one, so its score counts in
    proportion to how near it came. The largest score ranks messages as well as any measure of doubt does
    (maximum class probability, Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136).
    """
    first = first_leaf(scores, chosen)
    score = scores[np.arange(len(scores)), first]
    return np.asarray(score * np.minimum(1, score / thresholds[first]), dtype=np.float32)


def uncertain(scores: Scores, chosen: Chosen, thresholds: Scores, cutoff: float) -> Chosen:
    """Which messages have a confidence below ``cutoff``, [messages] bool: all above 1, none at 0."""
    return confidence(scores, chosen, thresholds) < cutoff
