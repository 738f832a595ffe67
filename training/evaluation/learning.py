"""What more labels would bring: a cheap probe trained on growing parts of the labels.

found = learning_curve(train_rows, rows, taxonomy)
print(found.doubling, found.an_hour, found.next_hour)

The probe (TF-IDF and a linear model) learns in seconds. Its slope, not its height, is what is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xundan.errors import BadInput, require
from xundan.models.thresholds import Chosen
from xundan.progress import Begin, silent
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.figures import Matrix, Tally, plain, resample
from xundan.training.evaluation.intervals import Interval, spread
from xundan.training.labels import LabelledMessage, fold_of

PARTS = (1 / 8, 1 / 4, 1 / 2, 1.0)
SEEDS = 3
MIN_SESSIONS = 40
"""Fewer sessions leave an eighth with too little to learn from."""
ROWS_AN_HOUR = 200
"""Messages one person labels in an hour, with second looks."""
WORTH = 0.002
"""Gain in micro-F1 for which an hour of labelling is taken as well spent."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """The probe's micro-F1 after ``rows`` labels, the mean over seeds."""

    rows: int
    micro: Interval


@dataclass(frozen=True)
class LearningCurve:
    """The points, and the gain in micro-F1 that the fitted power law expects: from as many labels again, and
    from one hour of labelling (`ROWS_AN_HOUR` messages drawn as the others were). ``last`` is what the last
    doubling brought, as measured; ``n`` are the test rows.
    """

    points: tuple[Point, ...]
    n: int
    exponent: Interval
    last: Interval
    doubling: Interval
    an_hour: Interval

    @property
    def next_hour(self) -> str:
        """Whether the next hour should go to labels: "label" where even the lower bound of its gain reaches
        `WORTH`, "model" where not even the upper one does (try something else, of which the curve says
        nothing), else "open"."""
        if self.an_hour.low >= WORTH:
            return "label"
        return "model" if self.an_hour.high < WORTH else "open"


def learning_curve(
    train: Sequence[LabelledMessage],
    rows: Sequence[LabelledMessage],
    taxonomy: Taxonomy,
    begin: Begin = silent,
) -> LearningCurve:
    """Train the probe on nested parts of the train sessions, `SEEDS` times, and measure it on ``rows``.

    The error 1 - F1 is fitted as a power law of the number of labels (Hestness et al. 2017,
    https://arxiv.org/abs/1712.00409); intervals by resampling test sessions and seeds together. `BadInput`
    for fewer than `MIN_SESSIONS` train sessions.
    """
    require("sklearn")
    found = len({row.session for row in train})
    if found < MIN_SESSIONS:
        raise BadInput(
            "too few train sessions for a learning curve",
            got=found,
            expected=f"{MIN_SESSIONS} or more",
            do="leave out --train",
        )
    sizes, answers = _probe(train, rows, [leaf.id for leaf in taxonomy.leaves], begin)
    tallies = [[Tally(chosen, rows, taxonomy) for chosen in seed] for seed in answers]
    once = _errors(tallies, plain(len(rows)), np.arange(SEEDS)[None])
    weights = resample(rows)
    picks = np.random.default_rng(0).integers(0, SEEDS, (len(weights), SEEDS))
    return fit_curve(sizes, once, _errors(tallies, weights, picks), len(rows))


def nested(rows: Sequence[LabelledMessage], part: float, seed: int) -> list[LabelledMessage]:
    """The rows of ``part`` of the sessions; a smaller part of the same seed lies within a larger."""
    sessions = sorted({row.session for row in rows}, key=lambda session: fold_of(session, 2**63, seed))
    inside = set(sessions[: round(part * len(sessions))])
    return [row for row in rows if row.session in inside]


def _probe(
    train: Sequence[LabelledMessage], rows: Sequence[LabelledMessage], leaves: Sequence[str], begin: Begin
) -> tuple[Floats, list[list[Chosen]]]:
    """Mean rows of each part [parts], and the probe's choices by seed and part; all rows are learnt once."""
    advance = begin("learning curve", SEEDS * (len(PARTS) - 1) + 1)
    whole = _learn(train, rows, leaves)
    advance(1)
    sizes, answers = np.full((SEEDS, len(PARTS)), float(len(train))), []
    for seed in range(SEEDS):
        chosen = []
        for at, part in enumerate(PARTS[:-1]):
            inside = nested(train, part, seed)
            sizes[seed, at] = len(inside)
            chosen.append(_learn(inside, rows, leaves))
            advance(1)
        answers.append([*chosen, whole])
    return sizes.mean(axis=0), answers


def _learn(
    train: Sequence[LabelledMessage], rows: Sequence[LabelledMessage], leaves: Sequence[str]
) -> Chosen:
    """What the probe learns from train rows and chooses for rows, [rows, leaves]."""
    # Here, because they need scikit-learn, which no other part of a judgement does.
    from xundan.training.baselines import fit_majority, tfidf_svm

    if len({label for row in train for label in row.labels}) == 1:  # nothing to tell apart
        return fit_majority(train, leaves).choose(rows)
    return tfidf_svm(train, rows, leaves)


def _errors(tallies: list[list[Tally]], weights: Matrix, picks: npt.NDArray[np.int64]) -> Floats:
    """1 - micro-F1 [draws, parts], each draw the mean over the seeds it picked [draws, seeds]."""
    each = np.array([[tally.micro(weights) for tally in seed] for seed in tallies], dtype=np.float64)
    draws = np.arange(len(weights))[:, None]
    micro: Floats = each.transpose(2, 0, 1)[draws, picks].mean(axis=1)
    return 1 - micro


def fit_curve(sizes: Floats, once: Floats, draws: Floats, n: int) -> LearningCurve:
    """The curve through the errors ``once`` [1, parts] of train sizes [parts], its intervals from ``draws``
    [draws, parts]; ``n`` are the rows that the errors were measured on."""
    points = tuple(
        Point(round(size), spread(float(1 - once[0, at]), 1 - draws[:, at])) for at, size in enumerate(sizes)
    )
    single, many = _expected(sizes, once), _expected(sizes, draws)
    last = spread(float(once[0, -2] - once[0, -1]), draws[:, -2] - draws[:, -1])
    exponent, doubling, hour = (
        spread(float(value[0]), values) for value, values in zip(single, many, strict=True)
    )
    return LearningCurve(points, n, exponent, last, doubling, hour)


def _expected(sizes: Floats, errors: Floats) -> tuple[Floats, Floats, Floats]:
    """Exponent, gain from doubling, gain from an hour, each [draws]: error = scale * rows ** -exponent."""
    logs = np.log(np.maximum(errors, 1e-4))
    slope, start = np.polyfit(np.log(sizes), logs.T, 1)

    def error(size: float) -> Floats:
        return np.asarray(np.exp(start + slope * np.log(size)))

    now = error(sizes[-1])
    return -slope, now - error(2 * sizes[-1]), now - error(sizes[-1] + ROWS_AN_HOUR)
