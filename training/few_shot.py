"""A classifier from few labels: several ways tried by cross-validation on them, the best one kept.

best = fit(rows, leaves, "models/shipped/encoder", seed=0)
print(best.chosen, [(trial.name, trial.micro) for trial in best.trials])

Every way ends as the network that fine-tuning makes (an encoder, one linear layer over its pools, and words
beside it), and is exported, calibrated and judged like any other.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from xundan.models.classifier import Classifier
from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.thresholds import Scores, decide, micro_f1
from xundan.models.wide import Wide
from xundan.progress import Begin, silent
from xundan.training.contrast import ContrastSettings, contrast
from xundan.training.cross_validate import OutOfFold
from xundan.training.finetune import FinetuneSettings, OnStep, score, train_network
from xundan.training.heads import HEADS, Linear, pools, with_head
from xundan.training.labels import LabelledMessage, session_folds, target_matrix
from xundan.training.own_labels import choose_thresholds
from xundan.training.wide import fit_wide, words_say

FEW_A_LEAF = 80
FEW_ROWS = 2000
CONTRAST, FINETUNE = "contrast", "fine-tuning"
WORDS, AND_WORDS = "words", " + words"
_QUICK = (WORDS, *HEADS, *(head + AND_WORDS for head in HEADS))
WAYS = (*_QUICK, CONTRAST, FINETUNE)
_HEAD_AFTER_CONTRAST = "logistic 0.1"

Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True)
class FewShotSettings:
    """How the ways are tried: minutes for those that train the encoder, and how these train; ``tuning`` also
    says in how many folds.

    ``least_steps``: on few rows fine-tuning runs more epochs, until it has made this many steps.
    """

    minutes: float = 5.0
    least_steps: int = 300
    contrast: ContrastSettings = field(default_factory=ContrastSettings)
    tuning: FinetuneSettings = field(default_factory=FinetuneSettings)


@dataclass(frozen=True)
class Trial:
    """One way, its cross-validated micro-F1, and the seconds that took.

    Thresholds are chosen on the same held-out scores, which flatters every way alike.
    """

    way: str
    micro: float
    seconds: float


@dataclass(frozen=True)
class FewShot:
    """The network of the best way, trained on all rows, that way's held-out scores, and the settings with the
    epochs that fine-tuning really ran."""

    net: Classifier
    tokenizer: Tokenizer
    settings: FinetuneSettings
    chosen: str
    trials: tuple[Trial, ...]
    out_of_fold: OutOfFold


def is_few(rows: Sequence[LabelledMessage]) -> bool:
    """Whether labels are few: a median below 80 rows a leaf (of leaves that have any), or below 2000 rows;
    augmented rows do not count."""
    real = [row for row in rows if not row.augmented]
    counts = Counter(label for row in real for label in row.labels)
    return len(real) < FEW_ROWS or median(counts.values()) < FEW_A_LEAF


def ways(rows: Sequence[LabelledMessage], pass_seconds: float, settings: FewShotSettings) -> tuple[str, ...]:
    """Which ways are worth trying: the rule, in one place.

    Many labels (not `is_few`): fine-tuning alone. Few: the words alone, and every head on the frozen encoder
    with and without them, which takes seconds; then contrastive training and full fine-tuning, the quicker
    first, while their expected time fits into ``settings.minutes``. One reading of all rows took
    ``pass_seconds``; a training pass takes about three times that (the backward pass costs twice the forward
    one), in each fold and once more at the end.
    """
    if not is_few(rows):
        return (FINETUNE,)
    passes = {
        CONTRAST: settings.contrast.steps * settings.contrast.batch / len(rows),
        FINETUNE: float(tuning_for(len(rows), settings).epochs),
    }
    left, chosen = 60 * settings.minutes, list(_QUICK)
    for way in sorted(passes, key=passes.__getitem__):
        left -= 3 * passes[way] * pass_seconds * (settings.tuning.folds + 1)
        if left >= 0:
            chosen.append(way)
    return tuple(chosen)


def tuning_for(rows: int, settings: FewShotSettings) -> FinetuneSettings:
    """The fine-tuning settings for this many rows: more epochs where there are few."""
    steps_an_epoch = -(-rows // settings.tuning.batch)
    epochs = max(settings.tuning.epochs, -(-settings.least_steps // steps_an_epoch))
    return replace(settings.tuning, epochs=epochs)


def fit(
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    seed: int = 0,
    settings: FewShotSettings | None = None,
    only: Sequence[str] = (),
    begin: Begin = silent,
) -> FewShot:
    """Try the ways (those of the rule `ways`, or ``only`` these), keep the one with the best micro-F1.

    ``begin`` hears of each training of the encoder, in steps. Raises `BadInput` where there are fewer
    sessions than folds, or ``base`` is no BERT.
    """
    trier = _Trier(rows, leaves, base, seed, settings or FewShotSettings(), begin)
    tried = {way: trier.attempt(way) for way in only or ways(rows, trier.pass_seconds, trier.settings)}
    best = max(tried, key=lambda way: tried[way][0].micro)
    return FewShot(
        net=trier.learn(best, np.arange(len(rows)), "all rows"),
        tokenizer=trier.tokenizer,
        settings=trier.tuning,
        chosen=best,
        trials=tuple(trial for trial, _ in tried.values()),
        out_of_fold=trier.measured(tried[best][1]),
    )


class _Trier:
    """The rows, their folds and their frozen features, which all ways share."""

    def __init__(
        self,
        rows: Sequence[LabelledMessage],
        leaves: Sequence[str],
        base: Path | str,
        seed: int,
        settings: FewShotSettings,
        begin: Begin,
    ) -> None:
        self.rows, self.leaves, self.base, self.begin, self.seed = rows, leaves, base, begin, seed
        self.settings = settings
        self.tuning = replace(tuning_for(len(rows), settings), seed=seed)
        self.fold = session_folds(rows, self.tuning.folds, seed)
        self.truth = target_matrix(rows, leaves)
        self.real = np.array([not row.augmented for row in rows])
        self.tokenizer = load_base_tokenizer(base)
        encoder = TextEncoder.from_folder(base)
        started = time.perf_counter()
        self.frozen = pools(encoder, self.tokenizer, rows, self.tuning)
        self.words: dict[bytes, Wide] = {}
        self.pass_seconds = time.perf_counter() - started

    def attempt(self, way: str) -> tuple[Trial, Scores]:
        """Cross-validate one way; its held-out scores [rows, leaves]."""
        started = time.perf_counter()
        scores = np.zeros(self.truth.shape, dtype=np.float32)
        for number in range(self.tuning.folds):
            outside = np.flatnonzero(self.fold == number)
            inside = np.flatnonzero(self.fold != number)
            scores[outside] = self._scores(way, inside, outside, f"fold {number + 1}")
        held, truth = scores[self.real], self.truth[self.real]
        micro = micro_f1(decide(held, choose_thresholds(held, truth)), truth)
        return Trial(way, micro, time.perf_counter() - started), scores

    def measured(self, scores: Scores) -> OutOfFold:
        """Held-out scores as one may measure on them: without augmented rows."""
        rows = [self.rows[i] for i in np.flatnonzero(self.real)]
        return OutOfFold(rows, self.fold[self.real], scores[self.real], self.tuning.epochs)

    def learn(self, way: str, inside: Numbers, part: str) -> Classifier:
        """The network of one way, trained on these rows; ``part`` is their name for who watches."""
        rows = [self.rows[i] for i in inside]
        if way == FINETUNE:
            told = self._told(f"{way}, {part}")
            return train_network(rows, self.leaves, self.base, self.tokenizer, self.tuning, told)
        encoder = TextEncoder.from_folder(self.base)
        if way != CONTRAST:
            words = self._words(inside) if WORDS in way else None
            return with_head(encoder, self._head(way, inside), wide=words)
        told = self._told(f"{way}, {part}")
        contrast(
            encoder, self.tokenizer, rows, self.leaves, self.tuning, self.settings.contrast, self.seed, told
        )
        features = pools(encoder, self.tokenizer, rows, self.tuning)
        head = HEADS[_HEAD_AFTER_CONTRAST](features, torch.from_numpy(self.truth[inside]))
        return with_head(encoder, head)

    def _scores(self, way: str, inside: Numbers, outside: Numbers, part: str) -> Scores:
        rows = [self.rows[i] for i in outside]
        if way in _QUICK:  # the same as below, without reading all rows again
            logits = self._head(way, inside).logits(self.frozen[torch.from_numpy(outside)])
            if WORDS in way:
                logits = logits + words_say(self._words(inside), self.tokenizer, rows, self.tuning)
            scores: Scores = torch.sigmoid(logits).numpy()
            return scores
        return score(self.learn(way, inside, part), self.tokenizer, rows, self.tuning)

    def _head(self, way: str, inside: Numbers) -> Linear:
        if way == WORDS:  # the encoder says nothing
            return Linear(torch.zeros(len(self.leaves), self.frozen.shape[1]), torch.zeros(len(self.leaves)))
        head = HEADS[way.removesuffix(AND_WORDS)]
        return head(self.frozen[torch.from_numpy(inside)], torch.from_numpy(self.truth[inside]))

    def _words(self, inside: Numbers) -> Wide:
        """The word scores learnt from these rows, once."""
        key = inside.tobytes()
        if key not in self.words:
            rows = [self.rows[i] for i in inside]
            self.words[key] = fit_wide(rows, self.truth[inside], self.tokenizer, self.tuning, 1.0)
        return self.words[key]

    def _told(self, what: str) -> OnStep:
        """Steps as the training tells them, passed on to who watches."""
        advance = None

        def told(step: int, steps: int, loss: float) -> None:
            nonlocal advance
            advance = advance or self.begin(what, steps)
            advance(1)

        return told
