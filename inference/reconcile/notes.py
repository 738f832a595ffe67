"""What a reader must know before believing the comparison: each note is an id and its numbers.

notes = notes_on(table, scope, names, talks, rule)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xundan.inference.reconcile.ladder import PlatformRule
from xundan.inference.reconcile.names import Names
from xundan.inference.reconcile.ours import Talks
from xundan.inference.reconcile.read import PlatformTable
from xundan.inference.reconcile.scope import Scope


@dataclass(frozen=True)
class Note:
    """``id`` names a sentence in the words file, ``values`` fill it."""

    id: str
    values: dict[str, object] = field(default_factory=dict)


def notes_on(
    table: PlatformTable, scope: Scope, names: Names, talks: Talks, rule: PlatformRule
) -> tuple[Note, ...]:
    """The notes that apply to this comparison, the gravest first."""
    notes = []
    if not table.rows:
        notes.append(Note("empty"))
    if talks.orders is None:
        notes.append(Note("no_orders"))
    again = talks.decided(talks.rules.loss)
    stale = sum(talks.stored.get(talk.session_id) != again.get(talk.session_id) for talk in talks.talks)
    if stale:
        notes.append(Note("stale", {"n": stale}))
    if rule.assumed:
        notes.append(Note("assumed", {"platform": table.platform.name, "filters": rule.assumed}))
    notes.append(Note(f"lost_from_{table.lost_from}"))
    if not table.by_agent:
        notes.append(Note("no_agents"))
    if names.stripped and table.by_agent:
        notes.append(Note("prefix"))
    if names.ambiguous and table.by_agent:
        notes.append(Note("ambiguous", {"names": names.ambiguous}))
    counted = {**table.skipped, "masked": table.masked, "other_shops": scope.left_out_rows}
    notes += [Note(name, {"n": n}) for name, n in counted.items() if n]
    return tuple(notes)
