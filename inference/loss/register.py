"""Take up what people wrote in the sheet 登记, before the workbook is written anew.

taken = collect(lake, Path("out/询单流失原因统计表.xlsx"))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa

from xundan.chats.records import SCHEMAS, from_rows
from xundan.disk import replace_file
from xundan.errors import BadInput
from xundan.inference.loss.corrections import Correction, read_log, standing_corrections
from xundan.inference.loss.workbook import Line, Stamp, read_workbook, stamp_of
from xundan.lake import Lake
from xundan.settings import SHANGHAI
from xundan.taxonomy.trees import Taxonomy, load

_MOST_PROBLEMS = 10
_NEAR = 5
_SAVE = "correct the workbook and save it; nothing was changed"


@dataclass(frozen=True)
class Collected:
    """What a workbook held: ``lines`` people wrote in, and of these the new, changed and withdrawn ones.

    ``unknown``: sessions with something written that this workspace does not have; it is kept all the same.
    ``moved``: a count changes, as a leaf was chosen, changed or withdrawn. ``aside``: the copy of a workbook
    that held more than the register (sheets or columns of somebody's own), else None.
    """

    workbook: Path
    lines: int = 0
    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    unknown: tuple[str, ...] = ()
    moved: bool = False
    aside: Path | None = None
    stamp: Stamp | None = None

    def sentences(self) -> list[str]:
        """What a person should hear of it; nothing where nobody wrote anything."""
        if not self.lines:
            return []
        taken = f"{self.lines:,} lines = {self.new:,} new, {self.changed:,} changed, others as before"
        said = [f"register: {taken}; {self.withdrawn:,} withdrawn"]
        if self.unknown:
            named = ", ".join(self.unknown[:5])
            said.append(f"register: {len(self.unknown):,} sessions are not in this workspace, kept: {named}")
        if self.aside:
            said.append(f"register: the workbook held more than the register; a copy is kept: {self.aside}")
        return said

    def ensure_unchanged(self) -> None:
        """Raise `BadInput` if the workbook was opened or saved since; call it just before it is replaced."""
        if stamp_of(self.workbook) != self.stamp:
            raise BadInput(
                "the workbook was saved while this ran, and was left as it is",
                do="run xundan report again",
                where=str(self.workbook),
            )


def collect(
    lake: Lake, workbook: Path, taxonomy: Taxonomy | None = None, now: datetime | None = None
) -> Collected:
    """Read the register and add what is new to the table ``corrections``; without a workbook, do nothing.

    A row counts by its session id, so rows may be sorted or deleted; only emptied cells withdraw something.
    If a count changes, the table ``trend`` goes: count trends again. ``now`` (aware) is the time to note.
    `BadInput`, and nothing is written, where the workbook is open, damaged, names a leaf that is none (with
    the row), or says two things about one session.
    """
    stamp = stamp_of(workbook)
    if stamp is None:
        return Collected(workbook)
    found = read_workbook(workbook)
    log = read_log(lake)
    before = standing_corrections(log)
    # The latest line holds: after a clock that ran ahead, what is written now must still be the latest.
    at = max([now or datetime.now(UTC), *log["at"].to_pylist()])
    lines = _understood(found.lines, before, taxonomy or load("loss"), at, workbook)
    changes = [line for line in lines if not _same(line, before.get(line.session_id))]
    moved = any(_leaf(line) != _leaf(before.get(line.session_id)) for line in changes)
    aside = _copy_aside(workbook, stamp) if found.has_more else None
    if changes:
        added = from_rows(map(asdict, changes), SCHEMAS["corrections"])
        lake.write({"corrections": pa.concat_tables([log, added])}, drop=("trend",) if moved else ())
    new = sum(not line.is_empty and line.session_id not in before for line in changes)
    withdrawn = sum(line.is_empty for line in changes)
    written = [line.session_id for line in lines if not line.is_empty]
    known = set(lake.read("sessions")["session_id"].to_pylist()) if lake.has("sessions") else set()
    return Collected(
        workbook,
        lines=len(written),
        new=new,
        changed=len(changes) - new - withdrawn,
        withdrawn=withdrawn,
        unknown=tuple(name for name in written if name not in known),
        moved=moved,
        aside=aside,
        stamp=stamp,
    )


def _understood(
    lines: Sequence[Line], before: dict[str, Correction], taxonomy: Taxonomy, at: datetime, workbook: Path
) -> list[Correction]:
    """One correction for each session, in the order of the sheet; `BadInput` lists every bad row."""
    ids = {name: leaf.id for leaf in taxonomy.leaves for name in (leaf.id, leaf.name, leaf.name_en) if name}
    found: dict[str, Correction] = {}
    rows: dict[str, Line] = {}
    problems = []
    for line in lines:
        old = _leaf(before.get(line.session_id or ""))
        # A leaf that the tree has lost since it was chosen is shown by its id, and may stay.
        leaf = ids.get(line.reason or "", line.reason if line.reason == old else None)
        if line.session_id is None:
            problems.append(f"{line.place}: the row has no session id")
            continue
        if line.reason and leaf is None:
            problems.append(f"{line.place}: no loss point is called {line.reason!r}{_near(line.reason, ids)}")
            continue
        new = Correction(line.session_id, leaf, line.by, line.note, at)
        other = found.get(line.session_id)
        if other is not None and not other.is_empty and not new.is_empty and not _same(new, other):
            above = rows[line.session_id].place
            problems.append(f"{line.place}: says something else about {line.session_id} than {above}")
        elif other is None or other.is_empty:
            found[line.session_id], rows[line.session_id] = new, line
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems[:_MOST_PROBLEMS])
        raise BadInput(
            f"the register has {len(problems)} row(s) that cannot be read:\n{listed}",
            do=_SAVE,
            where=str(workbook),
        )
    return list(found.values())


def _near(given: str, ids: dict[str, str]) -> str:
    near = get_close_matches(given, list(ids), _NEAR, cutoff=0.3)
    return f" (near: {', '.join(near)})" if near else ""


def _leaf(one: Correction | None) -> str | None:
    return one.leaf if one else None


def _same(one: Correction, other: Correction | None) -> bool:
    if other is None:
        return one.is_empty
    return (one.leaf, one.by, one.note) == (other.leaf, other.by, other.note)


def _copy_aside(workbook: Path, stamp: Stamp) -> Path:
    """Copy a workbook beside itself under the time it was saved; a copy made before stays as it is."""
    saved = datetime.fromtimestamp(stamp.saved_ns / 1e9, SHANGHAI)
    aside = workbook.with_name(f"{workbook.stem}.{saved:%Y%m%d-%H%M%S}.xlsx")
    if not aside.exists():
        replace_file(aside, workbook.read_bytes())
    return aside
