"""How alike texts are, by their runs of one to three characters: nearest ones, and clusters.

near = Likeness(texts)
place, cosine = near.nearest(["包邮吗"])          # for each text the place of the most similar of these
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xundan.chats.text import normalize
from xundan.errors import require

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
_CHUNK = 4096
_DIMENSIONS = 64


class Likeness:
    """Texts as TF-IDF vectors of length one over character 1-3-grams. Needs scikit-learn."""

    def __init__(self, texts: Sequence[str]) -> None:
        text = require("sklearn.feature_extraction.text")
        self._vectorizer = text.TfidfVectorizer(
            analyzer="char", ngram_range=(1, 3), sublinear_tf=True, dtype=np.float32, preprocessor=_spelled
        )
        self._vectors = self._vectorizer.fit_transform(texts)

    def nearest(self, others: Sequence[str]) -> tuple[Places, Numbers]:
        """For each text the place of the most similar of ``others`` and the cosine, both [texts]."""
        against = self._vectorizer.transform(others).T.tocsc()
        count = self._vectors.shape[0]
        place, cosine = np.zeros(count, dtype=np.intp), np.zeros(count)
        for start in range(0, count, _CHUNK):
            part = (self._vectors[start : start + _CHUNK] @ against).toarray()
            place[start : start + _CHUNK] = part.argmax(axis=1)
            cosine[start : start + _CHUNK] = part.max(axis=1)
        return place, cosine

    def clusters(self, count: int, seed: int) -> tuple[Places, Numbers]:
        """The cluster of each text and its distance to the cluster's middle, both [texts].

        k-means (D. Sculley 2010, https://doi.org/10.1145/1772690.1772862) on the first `_DIMENSIONS`
        directions of the vectors (latent semantic analysis), again of length one.
        """
        decomposition, cluster = require("sklearn.decomposition"), require("sklearn.cluster")
        vectors: Any = self._vectors
        if min(vectors.shape) > _DIMENSIONS + 1:
            vectors = decomposition.TruncatedSVD(_DIMENSIONS, random_state=seed).fit_transform(vectors)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        means = cluster.MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=_CHUNK)
        distances = means.fit_transform(vectors)
        place: Places = distances.argmin(axis=1)
        return place, np.asarray(distances[np.arange(len(place)), place], dtype=np.float64)


def _spelled(text: str) -> str:
    return normalize(text) or " "
