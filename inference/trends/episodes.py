"""Gather significant weekly changes into episodes: one episode is one thing that happened in one shop.

    episodes = cluster(runs_of(signals), Sessions(...), taxonomies)

The rule, in order:

1. Run: changes of one category in one shop, in the same direction, at most one week apart. A return to the
   old level within the length of the baseline is the end of the run, never a run of its own.
2. The strongest run (largest \\|z\\|) not yet taken is the headline of an episode.
3. Another run of the shop joins it if the two overlap in time or touch (one week of tolerance) and
   a. they are one business topic (price and loss_price), or the taxonomy names them as neighbours, or
   b. at least 30 % of its sessions also hit the headline, and half as many again as chance would give, or
   c. it is an echo: less than a quarter as strong as the headline, or less than half and the other way.
4. A run that begins no later than one baseline after the headline's last week joins it too if it is
   explained by it: without the sessions that hit the headline in its weeks, nothing significant of at least
   the minimum effect is left; or if it is one topic with it and goes the other way. Such runs are the
   dilution of other shares, and the return when an event is over.
5. The same category never joins itself: a second rise after a return is a second episode.
6. An episode is reported only if it holds on its own: its headline's p-value, times all the tests that could
   have made an episode, is at most q (Bonferroni). So the many changes of one big event do not lower the bar
   for chance findings elsewhere, and a report names any false finding with a probability of at most q.
7. Around a reported headline a closer look is fair: the other categories of its strongest week that share
   its topic or its sessions (3 a, 3 b) are one small family, and those selected in it are related as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from statsmodels.stats.multitest import multipletests

from xundan.inference.trends.changes import ChangeRule
from xundan.inference.trends.intervals import exact_p
from xundan.taxonomy.trees import Taxonomy

WEEK = timedelta(days=7)
OVERLAP = 0.30
LIFT = 1.5
ECHO = 0.25
OPPOSITE_ECHO = 0.50
EXPLAINED_P = 0.05
BEYOND_P = 0.01


@dataclass(frozen=True)
class Signal:
    """One significant weekly change of a leaf in a shop; shares are of sessions, z is signed."""

    tree: str
    node: str
    shop: str
    week: date
    baseline_start: date
    sessions: int
    hits: int
    sessions_before: int
    hits_before: int
    change: float
    low: float
    high: float
    z: float

    @property
    def rises(self) -> bool:
        return self.z > 0

    @property
    def share(self) -> float:
        return self.hits / self.sessions

    @property
    def share_before(self) -> float:
        return self.hits_before / self.sessions_before

    @property
    def p_value(self) -> float:
        return exact_p(self.hits, self.sessions, self.hits_before, self.sessions_before)


@dataclass(frozen=True)
class Run:
    """Changes of one category in one direction, week after week.

    ``old``: the signal whose baseline is the level before it all; ``reverted``: the share went back to it.
    """

    signals: tuple[Signal, ...]
    old: Signal
    reverted: bool = False

    @property
    def peak(self) -> Signal:
        return max(self.signals, key=lambda signal: abs(signal.z))

    @property
    def strength(self) -> float:
        return abs(self.peak.z)

    @property
    def first(self) -> date:
        return self.signals[0].week

    @property
    def last(self) -> date:
        return self.signals[-1].week


@dataclass(frozen=True)
class Episode:
    """A headline run and the runs that belong to it, the strongest first."""

    headline: Run
    related: tuple[Run, ...]


@dataclass(frozen=True)
class Sessions:
    """Which sessions are counted and which hit a category.

    ``counted``: (tree, shop, week) -> session ids; ``hits``: (tree, node) -> session ids.
    """

    counted: Mapping[tuple[str, str, date], frozenset[str]]
    hits: Mapping[tuple[str, str], frozenset[str]]

    def of(self, tree: str, shop: str, first: date, last: date) -> frozenset[str]:
        """Return the counted sessions of a shop in the weeks from first to last, both included."""
        weeks = range((last - first).days // 7 + 1)
        return frozenset().union(
            *(self.counted.get((tree, shop, first + WEEK * week), frozenset()) for week in weeks)
        )


def runs_of(signals: Iterable[Signal], rule: ChangeRule) -> list[Run]:
    """Join the signals of each category and shop into runs (steps 1 of the rule above)."""
    runs: list[Run] = []
    open_runs: dict[tuple[str, str, str], int] = {}
    for signal in sorted(signals, key=lambda signal: signal.week):
        key = (signal.shop, signal.tree, signal.node)
        run = runs[open_runs[key]] if key in open_runs else None
        if run and _continues(run, signal):
            runs[open_runs[key]] = replace(run, signals=(*run.signals, signal))
        elif run and _returns(run, signal, rule):
            runs[open_runs[key]] = replace(run, reverted=True)
        else:
            open_runs[key] = len(runs)
            runs.append(Run((signal,), _old(run, signal)))
    return runs


def _old(run: Run | None, signal: Signal) -> Signal:
    """The signal with a clean baseline; an earlier run of the same direction may still be in this one's."""
    if run is None or run.peak.rises != signal.rises or run.last < signal.baseline_start:
        return signal
    return run.old


def _continues(run: Run, signal: Signal) -> bool:
    return not run.reverted and signal.rises == run.peak.rises and signal.week - run.last <= 2 * WEEK


def _returns(run: Run, signal: Signal, rule: ChangeRule) -> bool:
    """A change back, while the run is in the baseline, that does not clearly go beyond the old level."""
    if signal.rises == run.peak.rises or signal.week - run.last > rule.baseline_weeks * WEEK:
        return False
    old, beyond = run.old, signal.share - run.old.share_before
    p_value = exact_p(signal.hits, signal.sessions, old.hits_before, old.sessions_before)
    return (beyond if signal.rises else -beyond) < rule.minimum_effect or p_value > BEYOND_P


def cluster(
    runs: Iterable[Run], sessions: Sessions, taxonomies: Mapping[str, Taxonomy], rule: ChangeRule
) -> list[Episode]:
    """Gather the runs into episodes (steps 2 to 4), the strongest episode first."""
    waiting = sorted(runs, key=lambda run: (-run.strength, run.first, run.peak.tree, run.peak.node))
    episodes = []
    while waiting:
        headline, *others = waiting
        related = [run for run in others if _belongs(headline, run, sessions, taxonomies, rule)]
        waiting = [run for run in others if run not in related]
        episodes.append(Episode(headline, tuple(related)))
    return episodes


def holds(episode: Episode, tests: int, rule: ChangeRule) -> bool:
    """Whether an episode stands on its own among all the ``tests`` that could have made one (step 6)."""
    return episode.headline.peak.p_value * tests <= rule.q


def companions(
    episode: Episode,
    candidates: Sequence[Signal],
    sessions: Sessions,
    taxonomies: Mapping[str, Taxonomy],
    rule: ChangeRule,
) -> list[Signal]:
    """Return which tested changes of the headline's shop and strongest week belong to it (step 7)."""
    peak = episode.headline.peak
    near = [
        signal
        for signal in candidates
        if (signal.tree, signal.node) != (peak.tree, peak.node)
        and (_one_topic(peak, signal, taxonomies) or _overlap(peak, signal, sessions))
    ]
    if not near:
        return []
    selected = multipletests([signal.p_value for signal in near], alpha=rule.q, method="fdr_bh")[0]
    kept = [signal for signal, chosen in zip(near, selected, strict=True) if chosen]
    return sorted(
        (signal for signal in kept if abs(signal.change) >= rule.minimum_effect),
        key=lambda kept: kept.p_value,
    )


def _belongs(
    headline: Run, run: Run, sessions: Sessions, taxonomies: Mapping[str, Taxonomy], rule: ChangeRule
) -> bool:
    one, two = headline.peak, run.peak
    if one.shop != two.shop or (one.tree, one.node) == (two.tree, two.node):
        return False
    opposite, topic = one.rises != two.rises, _one_topic(one, two, taxonomies)
    if run.first <= headline.last + WEEK and headline.first <= run.last + WEEK:
        echo = run.strength < (OPPOSITE_ECHO if opposite else ECHO) * headline.strength
        if topic or echo or _overlap(one, two, sessions):
            return True
    in_reach = headline.first - WEEK <= run.first <= headline.last + rule.baseline_weeks * WEEK
    return in_reach and ((topic and opposite) or _explained(headline, two, sessions, rule))


def _one_topic(one: Signal, two: Signal, taxonomies: Mapping[str, Taxonomy]) -> bool:
    """Same group (a loss group carries its attention group's id after ``loss_``), or named neighbours."""
    topics = [taxonomies[signal.tree].group_of(signal.node).id.removeprefix("loss_") for signal in (one, two)]
    if topics[0] == topics[1]:
        return True
    return one.tree == two.tree and (
        two.node in _neighbours(taxonomies[one.tree], one.node)
        or one.node in _neighbours(taxonomies[two.tree], two.node)
    )


def _neighbours(taxonomy: Taxonomy, node: str) -> set[str | None]:
    return {exclusion.neighbour for exclusion in taxonomy.leaf(node).excludes}


def _overlap(headline: Signal, other: Signal, sessions: Sessions) -> bool:
    """Whether the other's sessions of its strongest week hit the headline far more often than the rest."""
    counted = sessions.of(other.tree, other.shop, other.week, other.week)
    lead = counted & sessions.hits.get((headline.tree, headline.node), frozenset())
    hits = counted & sessions.hits.get((other.tree, other.node), frozenset())
    if not hits:
        return False
    overlap = len(hits & lead) / len(hits)
    return overlap >= OVERLAP and overlap >= LIFT * len(lead) / len(counted)


def _explained(headline: Run, other: Signal, sessions: Sessions, rule: ChangeRule) -> bool:
    """Whether the other change is gone once the sessions that hit the headline in its weeks are left out."""
    weeks = sessions.of(other.tree, other.shop, headline.first - WEEK, headline.last + WEEK)
    lead = weeks & sessions.hits.get((headline.peak.tree, headline.peak.node), frozenset())
    hits = sessions.hits.get((other.tree, other.node), frozenset())
    after = sessions.of(other.tree, other.shop, other.week, other.week) - lead
    before = sessions.of(other.tree, other.shop, other.baseline_start, other.week - WEEK) - lead
    if not after or not before:
        return True
    now, then = len(after & hits), len(before & hits)
    change = now / len(after) - then / len(before)
    if abs(change) < rule.minimum_effect or (change > 0) != other.rises:
        return True
    return exact_p(now, len(after), then, len(before)) > EXPLAINED_P
