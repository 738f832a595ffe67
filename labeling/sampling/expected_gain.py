"""What each further hundred labels are expected to narrow, leaf by leaf, and to add to micro-F1.

gain = expected_gain(store, load("attention"), drawn, Path("metrics.json"))
gain.leaves[0].precision.width, gain.leaves[0].precision.after

Nobody knows what further labels will say; each width is the mean over 2,000 futures drawn from what is known
(a Beta posterior with half a hit on either side for each share, H. Jeffreys 1946, then binomial counts),
with the range that holds 95 % of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from statsmodels.stats.proportion import proportion_confint

from xundan.errors import BadInput
from xundan.labeling.agreement.votes import read_votes
from xundan.labeling.records import Task
from xundan.labeling.sampling.drawn import Drawn
from xundan.labeling.sampling.known import answers_of
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Taxonomy

STEP = 100
_FUTURES, _SEED = 2000, 0
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """``hits`` of ``n``, in equal rows' worth: rows of unequal weight count for fewer than there are
    (``rows``)."""

    hits: float = 0.0
    n: float = 0.0
    rows: int = 0


@dataclass(frozen=True)
class Narrowing:
    """A share with its 95 % interval from ``rows`` rows (0: nothing is known, 0 to 1), its ``width``, and the
    width expected after `STEP` further random labels, of which about ``informing`` count for it; ``best`` to
    ``worst`` holds 95 % of what may come."""

    value: float | None
    low: float
    high: float
    rows: int
    informing: float
    after: float
    best: float
    worst: float

    @property
    def width(self) -> float:
        """Of the interval as it is."""
        return self.high - self.low


@dataclass(frozen=True)
class LeafGain:
    """What is expected of one leaf's precision, recall, and share of messages (or sessions)."""

    leaf: str
    precision: Narrowing
    recall: Narrowing
    share: Narrowing

    @property
    def narrowed(self) -> float:
        """By how much the widths of precision and recall shrink together."""
        return sum(one.width - one.after for one in (self.precision, self.recall))


@dataclass(frozen=True)
class MicroGain:
    """Micro-F1 gained by ``labels`` further labels drawn as the training labels were, with its interval."""

    labels: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ExpectedGain:
    """``leaves``: most narrowed first. ``source``: what precision and recall are known from. ``micro``: for
    each further `STEP` labels of the draw together, empty where no learning curve is known."""

    leaves: tuple[LeafGain, ...]
    source: str
    micro: tuple[MicroGain, ...]


def expected_gain(
    store: Store, taxonomy: Taxonomy, drawn: Drawn, metrics: Path | None = None
) -> ExpectedGain:
    """Widths after `STEP` further random labels that are kept for measuring, and the gain from training on
    the draw.

    Precision and recall as in ``metrics`` (metrics.json of an evaluation, or of a model), else as the
    answered random tasks of the store show them; shares from these tasks. `BadInput` for another file.
    """
    audited = _audited(store, taxonomy.tree)
    said = _read(metrics) if metrics else {}
    figures = said.get("model", said).get("leaves", {}) if said else {}
    futures = np.random.default_rng(_SEED)
    leaves = []
    for leaf in (leaf.id for leaf in taxonomy.leaves):
        named = [leaf in dict(task.predicted) for task, _ in audited]
        right = [leaf in answer for _, answer in audited]
        weights = np.array([task.weight or 1.0 for task, _ in audited])
        if metrics:
            precision, recall = (_from_file(figures, leaf, name) for name in ("precision", "recall"))
        else:
            precision, recall = _counted(weights, named, right), _counted(weights, right, named)
        share = _counted(weights, [True] * len(audited), right)
        rate = drawn.shares.get(leaf, 0.0)
        leaves.append(
            LeafGain(
                leaf,
                narrowing(precision, rate, futures),
                narrowing(recall, min(1.0, rate * _mean(precision) / _mean(recall)), futures),
                narrowing(share, 1.0, futures, _prior(rate)),
            )
        )
    leaves.sort(key=lambda one: (-one.narrowed, one.leaf))
    source = str(metrics) if metrics else f"{len(audited)} answered random tasks"
    return ExpectedGain(tuple(leaves), source, micro_gain(said.get("learning"), drawn.tasks))


def narrowing(
    known: Counted, rate: float, futures: np.random.Generator, prior: Counted | None = None
) -> Narrowing:
    """What a share is now, and how wide its interval after `STEP` labels, each informing it with a chance of
    ``rate``. ``prior``: what the share is guessed by beside what is known."""
    guess = prior or Counted()
    a, b = known.hits + guess.hits + 0.5, known.n - known.hits + guess.n - guess.hits + 0.5
    new = futures.binomial(STEP, rate, _FUTURES)
    hits = futures.binomial(new, futures.beta(a, b, _FUTURES))
    # Rows yet to come weigh as unequally as those that are there.
    worth = known.n / known.rows if known.rows else 1.0
    low, high = _wilson(known.hits + hits * worth, known.n + new * worth)
    best, worst = np.quantile(high - low, (0.025, 0.975))
    now_low, now_high = _wilson(np.array([known.hits]), np.array([known.n]))
    value = known.hits / known.n if known.n else None
    after = float((high - low).mean())
    return Narrowing(
        value,
        float(now_low[0]),
        float(now_high[0]),
        known.rows,
        STEP * rate,
        after,
        float(best),
        float(worst),
    )


def micro_gain(learning: Mapping[str, Any] | None, labels: int) -> tuple[MicroGain, ...]:
    """For each further `STEP` labels up to ``labels`` the gain by the learning curve of metrics.json.

    The error falls as a power of the labels, error * (1 - ((N + more) / N) ** -exponent), as in the curve's
    fit (Hestness et al. 2017, https://arxiv.org/abs/1712.00409); the bounds are those of exponent and error.
    """
    if not learning:
        return ()
    last, exponent = learning["points"][-1], learning["exponent"]
    have, micro = last["rows"], last["micro"]

    def gain(more: int, error: float, power: float) -> float:
        return float(error * (1 - ((have + more) / have) ** -power))

    return tuple(
        MicroGain(
            more,
            gain(more, 1 - micro["value"], exponent["value"]),
            gain(more, 1 - micro["high" if exponent["low"] > 0 else "low"], exponent["low"]),
            gain(more, 1 - micro["low"], exponent["high"]),
        )
        for more in range(STEP, max(labels, STEP) + 1, STEP)
    )


def _audited(store: Store, tree: str) -> list[tuple[Task, tuple[str, ...]]]:
    """The random tasks that are answered, with their leaves."""
    votes = read_votes(store, tree)
    answers = answers_of(store, votes)
    return [
        (votes.tasks[key], leaves) for key, leaves in answers.items() if votes.tasks[key].purpose == "random"
    ]


def _counted(weights: Numbers, of: Sequence[bool], hit: Sequence[bool]) -> Counted:
    inside = np.array(of, dtype=np.bool_)
    own = weights[inside]
    if not len(own):
        return Counted()
    effective = own.sum() ** 2 / (own**2).sum()
    share = own[np.array(hit, dtype=np.bool_)[inside]].sum() / own.sum()
    return Counted(float(share * effective), float(effective), len(own))


def _from_file(figures: Mapping[str, Any], leaf: str, name: str) -> Counted:
    found = figures.get(leaf, {}).get(name)
    return Counted(found["hits"], found["n"], found["n"]) if found else Counted()


def _mean(known: Counted) -> float:
    return (known.hits + 0.5) / (known.n + 1)


def _prior(rate: float) -> Counted:
    """What the model's own count says of a share, worth two rows."""
    return Counted(2 * rate, 2.0, 2)


def _wilson(hits: npt.NDArray[np.floating], n: npt.NDArray[np.floating]) -> tuple[Numbers, Numbers]:
    """Wilson's interval (1927, JASA 22, 209-212) of each share; of nothing it is 0 to 1."""
    low, high = proportion_confint(hits, np.maximum(n, 1e-9), method="wilson")
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found: dict[str, Any] = said.get("model", said)["leaves"]
        for one in found.values():
            for figure in filter(None, (one["precision"], one.get("recall"))):
                if not 0 <= figure["hits"] <= figure["n"]:
                    raise ValueError(f"{figure['hits']} hits of {figure['n']}")
        micro_gain(said.get("learning"), STEP)
        return dict(said)
    except (OSError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise BadInput(
            "no figures of a model", got=error, expected="metrics.json of xundan evaluate", where=str(path)
        ) from None
