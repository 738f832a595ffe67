"""Judge by the rules alone, which anyone can read: words.yaml and cues_*.yaml.

verdicts = RuleJudge().judge(cases, Limits())

What the buyer states comes first, then what the order shows, then what the agents did, then what can be
inferred; a session that shows none of these was left in silence, or cannot be judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from xundan.models.loss.case import Case
from xundan.models.loss.rules import Finding, load_rules
from xundan.models.loss.verdict import Reason, Verdict
from xundan.models.runtime import Description
from xundan.progress import Advance
from xundan.settings import Limits
from xundan.taxonomy.trees import load

_MOST = 3  # one primary and up to two secondary leaves
_SECONDARY_FROM = 0.35  # weaker findings are not worth a row


class RuleJudge:
    """The rules as a judge."""

    def __init__(self) -> None:
        tree = load("loss")
        leaves = tuple(leaf.id for leaf in tree.leaves)
        self.description = Description(
            tree="loss",
            version=f"loss-rules-{load_rules().version}",
            taxonomy_version=tree.version,
            leaves=leaves,
            thresholds=(_SECONDARY_FROM,) * len(leaves),
            max_message=0,
            max_context=0,
        )

    def judge(self, cases: Sequence[Case], limits: Limits, on_rows: Advance | None = None) -> list[Verdict]:
        """A verdict for each case, in their order."""
        rules = load_rules()
        verdicts = [_verdict(rules.apply(case, limits)) for case in cases]
        if on_rows:
            on_rows(len(cases))
        return verdicts


def _verdict(findings: Sequence[Finding]) -> Verdict:
    """The primary finding and what stands beside it; what remains when nothing is found stands alone."""
    beside = [
        finding for finding in findings[1:] if finding.tier != "last" and finding.score >= _SECONDARY_FROM
    ]
    chosen = [*findings[:1], *beside][:_MOST]
    return tuple(Reason(finding.leaf, finding.score, finding.evidence) for finding in chosen)
