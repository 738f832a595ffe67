"""What a candidate may cost at most, and what the gate answers.

>>> from xundan.training.gate.verdict import GateLimits
>>> GateLimits(leaf_drop=0.03).leaf_drop
0.03
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from xundan.errors import BadInput
from xundan.training.evaluation.intervals import Interval
from xundan.training.lineage import TrainedOn

UNSOUND = frozenset(
    {
        "scores_not_finite",
        "scores_out_of_range",
        "scores_constant",
        "leaves_differ",
        "taxonomy_version",
    }
)
"""Reasons that no person can overrule: what classifies with such a model would write nonsense."""


@dataclass(frozen=True)
class GateLimits:
    """How much worse a candidate may be, as shares of 1 (0.01 is one F1 point), and on how many messages.

    - ``least_rows``, ``least_sessions``: so many test messages, of so many sessions, there must be: on fewer
      even a bad model shows no leaf with enough messages to hold against it.
    - ``micro_margin``: the 95 % interval of the micro-F1 difference (candidate minus champion) must lie above
      minus this. Micro-F1 is what a message meets, and the figure with the narrowest interval, so here the
      candidate has to prove that it is not worse (a non-inferiority test).
    - ``macro_drop``: macro-F1 must not be lower by more than this. Its interval spans several points on any
      affordable test set, so a bound on the interval would refuse equals; the value itself is held.
    - ``leaf_drop``, ``leaf_support``: no leaf on at least so many messages may lose more F1 than this.
    - ``calibration_rise``: how much the expected calibration error may rise, if the rise is more than chance.
    - ``seen_share``: the share of test messages that may stand in the training data (a split by session has
      about 0.002, since buyers repeat whole sentences), the candidate's or the champion's; of its sessions,
      none may in the candidate's.
    - ``permuted_gain``: a candidate whose columns, put in another order, gain more micro-F1 than this has
      mixed up its leaves.
    """

    micro_margin: float = 0.01
    macro_drop: float = 0.02
    leaf_drop: float = 0.05
    leaf_support: int = 30
    calibration_rise: float = 0.02
    seen_share: float = 0.005
    permuted_gain: float = 0.05
    least_rows: int = 100
    least_sessions: int = 30

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            highest = None if isinstance(limit.default, int) else 1  # counts, not shares
            if not value >= 0 or (highest is not None and value > highest):
                raise BadInput(
                    f"{limit.name} is out of range",
                    got=value,
                    expected="0 or more" if highest is None else "0 to 1, as in 0.01 for one F1 point",
                )


@dataclass(frozen=True)
class Evidence:
    """What a comparison cannot see: the rows the candidate learnt from (None: not known), where each leaf of
    the champion's taxonomy went, id to id, if that is another than the candidate's (None: not said), and the
    rows the champion learnt from (None: not known)."""

    trained_on: TrainedOn | None
    migration: Mapping[str, str] | None = None
    champion_trained_on: TrainedOn | None = None


@dataclass(frozen=True)
class Reason:
    """Why a candidate is refused: a code for programs, a sentence with the numbers, what to do about it."""

    code: str
    said: str
    do: str

    def __str__(self) -> str:
        return f"{self.said}; {self.do}"


@dataclass(frozen=True)
class Verdict:
    """The gate's answer: ``ok`` without any reason against. ``difference``: micro, macro and group, candidate
    minus champion, where both could be compared. ``forced``: why a person promoted it all the same.
    ``passed_over``: why the champion was not compared, "" where it was or where there is none."""

    candidate: str
    champion: str
    rows: int
    limits: GateLimits
    reasons: tuple[Reason, ...]
    difference: Mapping[str, Interval] = field(default_factory=dict)
    forced: str = ""
    passed_over: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the candidate."""
        return not self.reasons

    @property
    def promoted(self) -> bool:
        """Whether the candidate passes, by itself or by a person's word."""
        return self.ok or bool(self.forced)

    @property
    def forceable(self) -> bool:
        """Whether a person may overrule every reason against it."""
        return not any(reason.code in UNSOUND for reason in self.reasons)

    def record(self) -> dict[str, object]:
        """Everything as plain dictionaries and lists, for the history and for JSON."""
        return {"ok": self.ok, "promoted": self.promoted, **asdict(self)}
