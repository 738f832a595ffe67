"""What a judge must beat: the commonest reason, TF-IDF with a linear SVM.

chosen = svm_judge(inside, outside)            # primary leaves of the sessions outside
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from xundan.training.loss.sessions import LabelledSession

Sessions = Sequence[LabelledSession]


def majority_judge(inside: Sessions, outside: Sessions) -> list[str]:
    """The commonest primary leaf, for every session."""
    commonest = Counter(session.primary for session in inside).most_common(1)[0][0]
    return [commonest] * len(outside)


def svm_judge(inside: Sessions, outside: Sessions) -> list[str]:
    """TF-IDF of character 1-3-grams of the flattened session, and a linear support vector machine; the
    commonest leaf where one is all there is."""
    if len({session.primary for session in inside}) < 2:
        return majority_judge(inside, outside)
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2)
    machine = LinearSVC(C=1.0)
    machine.fit(vectors.fit_transform([s.text for s in inside]), [s.primary for s in inside])
    return list(machine.predict(vectors.transform([s.text for s in outside])))
