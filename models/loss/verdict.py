"""From scores to a judgement: a primary leaf, up to two secondary ones, one to three messages as proof.

verdict = decide(leaf_scores, evidence_logits, findings, secondary_from=0.2)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xundan.models.loss.rules import Finding

_MOST = 3  # leaves, and messages of evidence
_PROVES_FROM = -1.0  # logit from which on a message stands beside the one that proves most


@dataclass(frozen=True)
class Reason:
    """A leaf, its probability, and the ids of the messages that prove it, the clearest first."""

    leaf: str
    score: float
    evidence: tuple[str, ...]


Verdict = tuple[Reason, ...]
"""The primary reason, then up to two secondary ones."""


def decide(
    scores: Mapping[str, float],
    evidence: Mapping[str, float],
    findings: Sequence[Finding],
    secondary_from: float,
) -> Verdict:
    """``scores``: probability of each leaf; ``evidence``: logit of each message; ``secondary_from``: least
    probability of a secondary leaf. A secondary leaf has evidence only where a rule names it too."""
    ranked = sorted(scores.items(), key=lambda each: -each[1])
    by_rule = {finding.leaf: finding.evidence for finding in findings}
    first = Reason(*ranked[0], evidence=_proof(evidence, by_rule.get(ranked[0][0], ())))
    beside = [(leaf, score) for leaf, score in ranked[1:_MOST] if score >= secondary_from]
    return (first, *(Reason(leaf, score, tuple(by_rule.get(leaf, ()))) for leaf, score in beside))


def _proof(evidence: Mapping[str, float], by_rule: Sequence[str]) -> tuple[str, ...]:
    """The messages that the network points at, then those of a rule that names the same leaf."""
    ranked = sorted(evidence, key=lambda name: -evidence[name])
    chosen = [name for name in ranked if name == ranked[0] or evidence[name] >= _PROVES_FROM][:_MOST]
    return tuple([*chosen, *(name for name in by_rule if name not in chosen)][:_MOST])
