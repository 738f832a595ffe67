"""From our count to the platform's rule, one change at a time and always in the same order.

ladder = climb(talks, PlatformRule.of(table), names.key, by_agent=True); ladder.parts((day, "小美"))["lost"]
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from xundan.errors import BadInput
from xundan.inference.reconcile.names import NOBODY
from xundan.inference.reconcile.ours import LOST, Cell, Counted, Talks, Way, count
from xundan.inference.reconcile.read import PlatformTable
from xundan.settings import EXCLUSIONS, PRESETS, LossDefinition

# no_chats   days of which we hold no chats: the platform's whole number (not a recount)
# again      the workspace decided again by its own rule; not 0 only where another version of us made it
# aftersale  after-sale talks counted or left out as the platform does
# filters    own accounts, talks begun by the shop, spam likewise
# window     the platform's window, and ordered or paid
# refund     paid and refunded: lost for us, won for the platform
# open       window not closed in our data: not lost for us; the platform shows it as lost until it is paid
# unknown    orders do not cover the window: likewise
# people     the same buyer twice on one day with one agent is one
# midnight   a talk that goes over midnight belongs to both days, where the platform counts days
# agents     a buyer with several agents belongs to the last; talks that no agent answered have no row
STEPS = (
    "no_chats",
    "again",
    "aftersale",
    "filters",
    "window",
    "refund",
    "open",
    "unknown",
    "people",
    "midnight",
    "agents",
)


@dataclass(frozen=True)
class PlatformRule:
    """How the platform counts: its definition with the filters it applies, and its days."""

    definition: LossDefinition
    over_midnight: bool
    assumed: tuple[str, ...]

    @classmethod
    def of(
        cls, table: PlatformTable, preset: str | None = None, leaves_out: Collection[str] | None = None
    ) -> PlatformRule:
        """What is known of the platform of a table, with ``preset`` and ``leaves_out`` in its place."""
        if preset is not None and preset not in PRESETS:
            raise BadInput("unknown rule", got=preset, expected=", ".join(PRESETS), where="--rule")
        for name in leaves_out or ():
            if name not in EXCLUSIONS:
                expected = ", ".join(EXCLUSIONS)
                raise BadInput("unknown filter", got=name, expected=expected, where="--leaves-out")
        platform = table.platform
        known = set(platform.excluded if leaves_out is None else leaves_out)
        exclude = tuple(name for name in EXCLUSIONS if name in known)
        definition = replace(PRESETS[preset or platform.preset], exclude=exclude)
        if table.lost_from == "unpaid" and definition.numerator == "ordered":
            definition = replace(definition, name=f"{definition.name}-paid", numerator="paid")
        return cls(definition, platform.over_midnight, platform.assumed if leaves_out is None else ())


@dataclass(frozen=True)
class Ladder:
    """Our own count, then the count after each step (a step that is no recount is not in it)."""

    ours: Counted
    rungs: dict[str, Counted]

    def cells(self) -> set[Cell]:
        """Every day and agent with a count on any rung."""
        return set(self.ours).union(*self.rungs.values())

    def parts(self, cell: Cell, measure: int) -> dict[str, int]:
        """The change that each step makes to one cell; ``measure`` is 0 for inquiries, 1 for lost."""
        parts, before = dict.fromkeys(STEPS, 0), self.ours.get(cell, (0, 0))[measure]
        for step, counted in self.rungs.items():
            now = counted.get(cell, (0, 0))[measure]
            parts[step], before = now - before, now
        return parts


def climb(talks: Talks, rule: PlatformRule, key: Callable[[str | None], str], by_agent: bool) -> Ladder:
    """Count our sessions by our rule, then with one more rule of the platform at each step."""
    own, theirs = talks.rules.loss, rule.definition
    rungs: dict[str, Counted] = {}
    definition, way = own, Way()
    for step in STEPS[1:-1]:
        if step == "again":
            definition = own
        elif step == "aftersale":
            definition = _with_filters(definition, theirs, ("aftersale",))
        elif step == "filters":
            definition = _with_filters(definition, theirs, EXCLUSIONS)
        elif step == "window":
            definition = theirs
        else:
            way = _next(way, step, rule)
        rungs[step] = count(talks, talks.decided(definition), way, key)
    rungs[STEPS[-1]] = by_their_rule(talks, rule, key, by_agent)
    return Ladder(count(talks, talks.stored, Way(), key), rungs)


def by_their_rule(
    talks: Talks, rule: PlatformRule, key: Callable[[str | None], str], by_agent: bool
) -> Counted:
    """Our sessions counted by every rule of the platform at once."""
    lost = LOST - {"lost_refund"} | {"open", "outcome_unknown"}
    way = Way(lost, people=True, over_midnight=rule.over_midnight, to_last=True)
    counted = count(talks, talks.decided(rule.definition), way, key)
    return {cell: both for cell, both in counted.items() if cell[1] != NOBODY or not by_agent}


def _with_filters(own: LossDefinition, theirs: LossDefinition, names: Collection[str]) -> LossDefinition:
    """Our definition, of whose filters those in ``names`` are as the platform has them."""
    chosen = {name for name in EXCLUSIONS if name in (theirs if name in names else own).exclude}
    return replace(own, exclude=tuple(name for name in EXCLUSIONS if name in chosen))


def _next(way: Way, step: str, rule: PlatformRule) -> Way:
    """The way of counting with one step more."""
    if step == "refund":
        return replace(way, lost=way.lost - {"lost_refund"})
    if step == "open":
        return replace(way, lost=way.lost | {"open"})
    if step == "unknown":
        return replace(way, lost=way.lost | {"outcome_unknown"})
    if step == "people":
        return replace(way, people=True)
    return replace(way, over_midnight=rule.over_midnight)
