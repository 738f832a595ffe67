"""Score every labelled row by a network that has not seen its session.

folds = cross_validate(rows, leaves, base, tokenizer, settings, work=Path("run"))
folds.scores                                   # [measured rows, leaves], out of fold
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from xundan.disk import replace_file
from xundan.errors import BadInput, Refused
from xundan.models.classifier import Classifier
from xundan.models.thresholds import Scores, decide, micro_f1
from xundan.training.batches import steps_an_epoch
from xundan.training.finetune import FinetuneSettings, score, train_network
from xundan.training.labels import LabelledMessage, session_folds, target_matrix
from xundan.training.own_labels import choose_thresholds
from xundan.training.resume import Resume
from xundan.training.watch import Watch


@dataclass(frozen=True)
class OutOfFold:
    """The rows one can measure on (augmented ones are left out), each with its fold and its scores; and the
    epochs that the folds found best."""

    rows: list[LabelledMessage]
    folds: npt.NDArray[np.int64]
    scores: Scores
    epochs: int


def cross_validate(
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    tokenizer: Tokenizer,
    settings: FinetuneSettings,
    work: Path,
    watch: Watch,
) -> OutOfFold:
    """Train once a fold on the other folds' sessions; finished folds are kept under ``work`` and not redone.

    A run stops early when its held-out F1 has not risen for ``patience`` epochs; its best epoch counts.
    """
    fold_of_row = session_folds(rows, settings.folds, settings.seed)
    measured = np.array([not row.augmented for row in rows])
    if len(np.unique(fold_of_row[measured])) < settings.folds:
        raise BadInput(
            "some folds have nothing to measure on",
            got=f"{measured.sum()} rows that are not augmented",
            expected=f"sessions enough for {settings.folds} folds",
        )
    scores = np.zeros((len(rows), len(leaves)), dtype=np.float32)
    epochs = []
    for fold in range(settings.folds):
        held = np.flatnonzero((fold_of_row == fold) & measured)
        inside = [row for row, its in zip(rows, fold_of_row, strict=True) if its != fold]
        watch.start(f"fold {fold + 1} of {settings.folds}", steps_an_epoch(inside, settings), settings.epochs)
        best = _Best.read(work / f"fold-{fold}.npz")
        if not best.finished:
            best = _run(inside, [rows[i] for i in held], leaves, base, tokenizer, settings, best, watch)
        watch.finish()
        scores[held] = best.scores
        epochs.append(best.epoch)
    return OutOfFold(
        [row for row, use in zip(rows, measured, strict=True) if use],
        fold_of_row[measured],
        scores[measured],
        round(median(epochs)),
    )


@dataclass
class _Best:
    """The best epoch of a fold so far, kept in a file so that a killed run finds it again."""

    file: Path
    epoch: int = 0
    f1: float = -1.0
    scores: Scores = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    finished: bool = False

    @classmethod
    def read(cls, file: Path) -> _Best:
        if not file.exists():
            return cls(file)
        kept = np.load(file)
        return cls(file, int(kept["epoch"]), float(kept["f1"]), kept["scores"], bool(kept["finished"]))

    def write(self) -> None:
        content = io.BytesIO()
        np.savez(content, epoch=self.epoch, f1=self.f1, scores=self.scores, finished=self.finished)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.file, content.getvalue())


def _run(
    inside: list[LabelledMessage],
    outside: list[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    tokenizer: Tokenizer,
    settings: FinetuneSettings,
    best: _Best,
    watch: Watch,
) -> _Best:
    truth = target_matrix(outside, leaves)

    def see(epoch: int, net: Classifier) -> bool:
        scores = score(net, tokenizer, outside, settings)
        if not np.isfinite(scores).all():
            raise Refused("the training diverged", do="take a lower --learning-rate", where=f"epoch {epoch}")
        f1 = micro_f1(decide(scores, choose_thresholds(scores, truth)), truth)
        watch.epoch(epoch, f1)
        if f1 > best.f1:
            best.epoch, best.f1, best.scores = epoch, f1, scores
            best.write()
        return epoch - best.epoch < settings.patience

    resume = Resume(best.file.with_suffix(".pt"))
    train_network(inside, leaves, base, tokenizer, settings, watch.step, see, resume)
    best.finished = True
    best.write()
    resume.forget()
    return best
