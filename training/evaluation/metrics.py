"""The figures of an evaluation as JSON, for gates and for graphs over time; no message text in it.

written = metrics(evaluation)
print(written["model"]["micro"]["value"], written["model"]["micro"]["n"])

Keys (a figure is {value, low, high, n}: 95 % interval, n rows; a share is {value, low, high, hits, n}):

- schema (of this list, 1), tree, taxonomy_version, labels {rows, sessions, sha256}
- model, against (null without another model): version, taxonomy_version; micro, macro (with ``leaves``: how
  many have at least 5 rows), group; leaves and groups {id: precision, recall, f1}; calibration {all_leaves,
  first_leaf: error, bins; lean: mean of score less right over first leaves}; certainty {cutoff, promised,
  flagged, wrong, wrong_of_all, curve}; confusions [missed, instead ("" for nothing), share]; slices
  [dimension, value, micro]; pairs {passed, results {id: bool}}
- paired (null without another model; model minus against): n, difference {micro, macro, group}, wins, losses,
  session_wins, session_losses, p (sign test of sessions), churn, leaves {id: before, after, change, n}, pairs
  {gained, lost}
- seen: share of the rows that the model learnt from, or from others of their session (null: not known)
- learning (null without train labels): rows (of the train labels), points [rows, micro], exponent,
  last_doubling, next_doubling, next_hour, verdict (label, model or open), wanted [leaf, train_rows, f1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from xundan.training.evaluation.assessment import Assessment
from xundan.training.evaluation.calibration import Reliability
from xundan.training.evaluation.certainty import Certainty
from xundan.training.evaluation.figures import MIN_SUPPORT, LeafFigures
from xundan.training.evaluation.intervals import Interval
from xundan.training.evaluation.paired import Paired
from xundan.training.evaluation.result import Evaluation, Schooling

SCHEMA = 1
Json = dict[str, Any]


def metrics(evaluation: Evaluation) -> Json:
    """Everything as plain dictionaries, lists, floats and integers, under the keys listed above."""
    against, between, schooling = evaluation.against, evaluation.paired, evaluation.schooling
    return {
        "schema": SCHEMA,
        "tree": evaluation.taxonomy.tree,
        "taxonomy_version": evaluation.taxonomy.version,
        "labels": {
            "rows": len(evaluation.rows),
            "sessions": evaluation.sessions,
            "sha256": evaluation.digest,
        },
        "model": assessment_metrics(evaluation.model),
        "against": assessment_metrics(against) if against else None,
        "paired": _paired(between) if between else None,
        "seen": asdict(evaluation.seen) if evaluation.seen else None,
        "learning": _schooling(schooling) if schooling else None,
    }


def assessment_metrics(assessment: Assessment) -> Json:
    """What stands under ``model``: one model's figures."""
    figures, judged = assessment.figures, assessment.judged
    frequent = sum(leaf.support >= MIN_SUPPORT for leaf in figures.leaves)
    return {
        "version": judged.version,
        "taxonomy_version": judged.taxonomy_version,
        "micro": _figure(figures.micro, figures.rows),
        "macro": {**_figure(figures.macro, figures.rows), "leaves": frequent},
        "group": _figure(figures.group, figures.rows),
        "leaves": leaves_as_json(figures.leaves),
        "groups": leaves_as_json(figures.groups),
        "calibration": {
            "all_leaves": _reliability(assessment.calibration.all_leaves),
            "first_leaf": _reliability(assessment.calibration.first_leaf),
            "lean": _figure(assessment.lean, figures.rows),
        },
        "certainty": _certainty(assessment.certainty),
        "confusions": [
            {"missed": found.missed, "instead": found.instead, "share": asdict(found.share)}
            for found in assessment.confusions
        ],
        "slices": [
            {"dimension": part.dimension, "value": part.value, "micro": _figure(part.micro, part.n)}
            for part in assessment.slices
        ],
        "pairs": {"passed": asdict(assessment.pairs_passed), "results": judged.pairs},
    }


def _figure(interval: Interval, n: int) -> Json:
    return {"value": interval.value, "low": interval.low, "high": interval.high, "n": n}


def leaves_as_json(figures: Sequence[LeafFigures]) -> Json:
    """Of each leaf: precision, recall and F1, with intervals and counts."""
    return {
        leaf.leaf: {
            "precision": asdict(leaf.precision),
            "recall": asdict(leaf.recall),
            "f1": _figure(leaf.f1, leaf.support),
        }
        for leaf in figures
    }


def _reliability(found: Reliability) -> Json:
    return {"error": _figure(found.error, found.n), "bins": [asdict(part) for part in found.bins]}


def _certainty(found: Certainty) -> Json:
    return {
        "cutoff": found.cutoff,
        "promised": found.promised,
        "flagged": asdict(found.flagged),
        "wrong": asdict(found.wrong),
        "wrong_of_all": asdict(found.wrong_of_all),
        "curve": [{"coverage": kept.coverage, "wrong": asdict(kept.wrong)} for kept in found.curve],
    }


def _paired(found: Paired) -> Json:
    return {
        "n": found.rows,
        "difference": {name: _figure(moved, found.rows) for name, moved in found.difference.items()},
        "wins": found.wins,
        "losses": found.losses,
        "session_wins": found.session_wins,
        "session_losses": found.session_losses,
        "p": found.p,
        "churn": asdict(found.churn),
        "leaves": {
            leaf.leaf: {
                "before": leaf.before,
                "after": leaf.after,
                "change": _figure(leaf.change, leaf.support),
                "n": leaf.support,
            }
            for leaf in found.leaves
        },
        "pairs": {"gained": list(found.gained), "lost": list(found.lost)},
    }


def _schooling(found: Schooling) -> Json:
    curve = found.curve
    return {
        "rows": found.rows,
        "points": [{"rows": point.rows, "micro": _figure(point.micro, curve.n)} for point in curve.points],
        "exponent": _figure(curve.exponent, curve.n),
        "last_doubling": _figure(curve.last, curve.n),
        "next_doubling": _figure(curve.doubling, curve.n),
        "next_hour": _figure(curve.an_hour, curve.n),
        "verdict": curve.next_hour,
        "wanted": [
            {"leaf": leaf.leaf, "train_rows": leaf.train_rows, "f1": _figure(leaf.f1, leaf.support)}
            for leaf in found.wanted
        ],
    }
