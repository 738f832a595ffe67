"""Other assumptions about the platform's rule, tried one at a time: which leaves less unexplained.

hints = find_hints(talks, theirs, rule, table, names.key)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from xundan.inference.reconcile.ladder import PlatformRule, by_their_rule
from xundan.inference.reconcile.ours import Talks
from xundan.inference.reconcile.read import PlatformTable
from xundan.inference.reconcile.theirs import Theirs
from xundan.settings import EXCLUSIONS

# Trying many rules finds one that fits a little better by chance; only a clear gain is worth a word.
_MUCH_LESS = 0.75
_AT_LEAST = 2
# A talk begun by the shop to which the buyer never replied is no inquiry by any rule.
_CAN_DIFFER = tuple(name for name in EXCLUSIONS if name != "agent_initiated")


@dataclass(frozen=True)
class Hint:
    """Another assumption, and the sum of |unexplained| over all days, agents and numbers with and without it.

    ``option`` is what to add to the command line.
    """

    option: str
    before: int
    after: int


def find_hints(
    talks: Talks, theirs: Theirs, rule: PlatformRule, table: PlatformTable, key: Callable[[str | None], str]
) -> tuple[Hint, ...]:
    """The assumptions under which much less is unexplained, the best first."""
    before = _unexplained(talks, theirs, rule, table, key)
    tried = [
        Hint(option, before, _unexplained(talks, theirs, other, table, key))
        for option, other in _alternatives(rule, table)
    ]
    found = [hint for hint in tried if hint.after <= min(_MUCH_LESS * before, before - _AT_LEAST)]
    return tuple(sorted(found, key=lambda hint: (hint.after, hint.option)))


def _alternatives(rule: PlatformRule, table: PlatformTable) -> Iterator[tuple[str, PlatformRule]]:
    """Each filter the other way round, and the other windows that the platform may have."""
    now = set(rule.definition.exclude)
    for name in _CAN_DIFFER:
        other = tuple(one for one in EXCLUSIONS if one in now ^ {name})
        yield (
            f"--leaves-out {','.join(other) or 'none'}",
            replace(rule, definition=replace(rule.definition, exclude=other)),
        )
    for preset in table.platform.rivals:
        other_rule = PlatformRule.of(table, preset, rule.definition.exclude)
        yield f"--rule {preset}", other_rule


def _unexplained(
    talks: Talks, theirs: Theirs, rule: PlatformRule, table: PlatformTable, key: Callable[[str | None], str]
) -> int:
    counted = by_their_rule(talks, rule, key, table.by_agent)
    rest = 0
    for cell in {*counted, *theirs.cells}:
        if cell[0] in theirs.days & talks.days:
            pairs = zip(theirs.numbers(cell), counted.get(cell, (0, 0)), strict=True)
            rest += sum(abs(number - ours) for number, ours in pairs if number is not None)
    return rest
