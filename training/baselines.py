"""What every model must beat: the commonest leaf, TF-IDF with linear machines, fastText.

answer = fit_tfidf_svm(train_rows, leaves).choose(dev_rows)        # [dev rows, leaves] bool
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from xundan.chats.text import normalize
from xundan.errors import MissingExtra
from xundan.models.thresholds import Chosen, Scores, decide
from xundan.training.labels import LabelledMessage, split, target_matrix
from xundan.training.own_labels import choose_thresholds

Rows = Sequence[LabelledMessage]
Scorer = Callable[[Rows], Scores]
FASTTEXT = {"lr": 0.5, "epoch": 25, "wordNgrams": 3, "dim": 50, "bucket": 200_000, "loss": "ova", "thread": 1}


@dataclass(frozen=True)
class Fitted:
    """A trained baseline: what it says of rows, [rows, leaves], and its size on disk."""

    choose: Callable[[Rows], Chosen]
    megabytes: float


def fit_majority(train: Rows, leaves: Sequence[str]) -> Fitted:
    """The commonest leaf for every message."""
    best = int(target_matrix(train, leaves).sum(axis=0).argmax())

    def choose(rows: Rows) -> Chosen:
        chosen = np.zeros((len(rows), len(leaves)), dtype=bool)
        chosen[:, best] = True
        return chosen

    return Fitted(choose, 0.0)


def fit_tfidf_svm(train: Rows, leaves: Sequence[str]) -> Fitted:
    """TF-IDF over character 1-3-grams, one-against-rest LinearSVC: decision above 0, else the highest (the
    highest alone where every row has exactly one leaf)."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=1)
    features = vectorizer.fit_transform([normalize(row.text) for row in train])
    truth = target_matrix(train, leaves)
    seen = np.flatnonzero(truth.any(axis=0))
    machine = OneVsRestClassifier(LinearSVC(C=1.0)).fit(features, truth[:, seen])
    several = bool((truth.sum(axis=1) != 1).any())

    def choose(rows: Rows) -> Chosen:
        margins = machine.decision_function(vectorizer.transform([normalize(row.text) for row in rows]))
        chosen = np.zeros((len(rows), len(leaves)), dtype=bool)
        chosen[:, seen] = several & (margins > 0)
        best = seen[np.argmax(margins, axis=1)]
        chosen[np.arange(len(rows)), best] |= ~chosen.any(axis=1)
        return chosen

    return Fitted(choose, _megabytes((vectorizer, machine)))


def tfidf_svm(train: Rows, test: Rows, leaves: Sequence[str]) -> Chosen:
    """What `fit_tfidf_svm` learns from ``train`` and says of ``test``, [test rows, leaves]."""
    return fit_tfidf_svm(train, leaves).choose(test)


class _TfidfLogistic:
    """TF-IDF of the message and, apart from it, of its previous turns; one logistic regression a leaf."""

    def __init__(self, train: Rows, leaves: Sequence[str]) -> None:
        self.text = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=1)
        self.turns = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        self.text.fit([normalize(row.text) for row in train])
        self.has_turns = sum(bool(row.context) for row in train) > 1
        if self.has_turns:
            self.turns.fit(_turns(train))
        truth = target_matrix(train, leaves)
        self.leaves, self.seen = len(leaves), np.flatnonzero(truth.any(axis=0))
        machine = LogisticRegression(C=10.0, solver="liblinear", class_weight="balanced")
        self.machine = OneVsRestClassifier(machine).fit(self._features(train), truth[:, self.seen])

    def score(self, rows: Rows) -> Scores:
        scores = np.zeros((len(rows), self.leaves), dtype=np.float32)
        scores[:, self.seen] = self.machine.predict_proba(self._features(rows))
        return scores

    def _features(self, rows: Rows) -> csr_matrix:
        text = self.text.transform([normalize(row.text) for row in rows])
        if not self.has_turns:
            return text
        # The turns only tip the balance: at full weight they drown the message itself.
        return hstack([text, 0.3 * self.turns.transform(_turns(rows))], format="csr")


def fit_tfidf_logistic(train: Rows, leaves: Sequence[str]) -> Fitted:
    """TF-IDF of message and previous turns, logistic regression, thresholds chosen on held-out sessions."""
    thresholds = _thresholds(lambda rows: _TfidfLogistic(rows, leaves).score, train, leaves)
    machine = _TfidfLogistic(train, leaves)
    return Fitted(lambda rows: decide(machine.score(rows), thresholds), _megabytes(machine))


def fit_fasttext(train: Rows, leaves: Sequence[str]) -> Fitted:
    """fastText (Joulin et al. 2017, https://arxiv.org/abs/1607.01759) on characters and their trigrams.

    One thread, since more of them give another model each time. `MissingExtra` where it is not installed.
    """
    thresholds = _thresholds(lambda rows: _train_fasttext(rows, leaves)[0], train, leaves)
    score, megabytes = _train_fasttext(train, leaves)
    return Fitted(lambda rows: decide(score(rows), thresholds), megabytes)


def _train_fasttext(train: Rows, leaves: Sequence[str]) -> tuple[Scorer, float]:
    if importlib.util.find_spec("fasttext") is None:
        raise MissingExtra("fasttext is not installed: pip install fasttext-wheel")
    library = importlib.import_module("fasttext")
    column = {f"__label__{index}": index for index in range(len(leaves))}
    number = {leaf: label for label, leaf in zip(column, leaves, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        lines = (" ".join([*(number[label] for label in row.labels), _spaced(row)]) for row in train)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        model = library.train_supervised(str(file), verbose=0, **FASTTEXT)
        model.save_model(str(Path(folder) / "model.bin"))
        megabytes = os.path.getsize(Path(folder) / "model.bin") / 1e6

    def score(rows: Rows) -> Scores:
        scores = np.zeros((len(rows), len(leaves)), dtype=np.float32)
        for i, row in enumerate(rows):
            # The inner call: the outer one gives every label the first one's probability when it is given a
            # list, and fails on NumPy 2 when it is given one text.
            for probability, label in model.f.predict(_spaced(row) + "\n", -1, 0.0, "strict"):
                scores[i, column[label]] = min(1.0, max(0.0, probability))
        return scores

    return score, megabytes


def _thresholds(fit: Callable[[Rows], Scorer], train: Rows, leaves: Sequence[str]) -> Scores:
    """Thresholds from sessions that a first fit has not seen; the common 0.5 where there are too few."""
    inside, outside = split(train, 0.15, seed=0)
    if not inside or not outside:
        return np.full(len(leaves), 0.5, dtype=np.float32)
    return choose_thresholds(fit(inside)(outside), target_matrix(outside, leaves))


def _turns(rows: Rows) -> list[str]:
    return [" ".join(normalize(turn) for turn in row.context[-2:]) for row in rows]


def _spaced(row: LabelledMessage) -> str:
    """Characters as words, for a library that splits at blanks."""
    return " ".join(normalize(row.text).replace(" ", "▁"))


def _megabytes(machine: object) -> float:
    return len(pickle.dumps(machine)) / 1e6
