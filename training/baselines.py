"""The floor every model must beat: TF-IDF over character 1-3-grams with a linear support-vector machine.

chosen = tfidf_svm(train_rows, dev_rows, leaves)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from xundan.chats.text import normalize
from xundan.models.thresholds import Chosen
from xundan.training.labels import LabelledMessage, target_matrix


def tfidf_svm(
    train: Sequence[LabelledMessage], test: Sequence[LabelledMessage], leaves: Sequence[str]
) -> Chosen:
    """Leaves [test rows, leaves] of one-against-rest LinearSVC: decision above 0, else the highest."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=1)
    features = vectorizer.fit_transform([normalize(row.text) for row in train])
    truth = target_matrix(train, leaves)
    seen = np.flatnonzero(truth.any(axis=0))
    machine = OneVsRestClassifier(LinearSVC(C=1.0)).fit(features, truth[:, seen])
    margins = machine.decision_function(vectorizer.transform([normalize(row.text) for row in test]))
    chosen = np.zeros((len(test), len(leaves)), dtype=bool)
    chosen[:, seen] = margins > 0
    best = seen[np.argmax(margins, axis=1)]
    chosen[np.arange(len(test)), best] |= ~chosen.any(axis=1)
    return chosen
