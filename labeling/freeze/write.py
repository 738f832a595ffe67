"""Freeze a data set: collect, divide, check for leaks, write it all at once or not at all.

frozen = freeze(store, FreezeJob("2026w14", load("attention")))
print(frozen.folder / "train.jsonl")

Folder ``frozen/NAME`` holds labels.jsonl (all rows), train.jsonl, dev.jsonl, test.jsonl, aside.jsonl,
split.json, taxonomy.yaml, datasheet.md and datasheet.json. It appears by one rename and never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from xundan.disk import sync_folder
from xundan.errors import BadInput, Refused
from xundan.labeling.freeze.collect import Collected, Row, collect
from xundan.labeling.freeze.datasheet import FILES, Datasheet, Facts, Split, make_sheet
from xundan.labeling.freeze.datasheet_page import page
from xundan.labeling.freeze.leaks import Leak, find_leaks, text_links
from xundan.labeling.freeze.split import (
    SIDES,
    SPLIT_FILE,
    Division,
    Shares,
    Side,
    divide,
    measurable,
    read_earlier,
    weaker_twins,
)
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.settings import SHANGHAI
from xundan.taxonomy.save import save
from xundan.taxonomy.trees import Taxonomy

FROZEN = "frozen"
LABELS_FILE, TAXONOMY_FILE, SHEET_FILE = "labels.jsonl", "taxonomy.yaml", "datasheet.json"
_NAME = re.compile(r"[0-9A-Za-z一-鿿][0-9A-Za-z一-鿿._-]{0,63}")
_NEW = ".new-"
_SHOWN = 10
_WAIT_SECONDS = 60


@dataclass(frozen=True)
class FreezeJob:
    """What to freeze under which name.

    ``migration``: old leaf ids to new ones (empty: nothing moved), for labels given under another version of
    the taxonomy.
    ``leave_out``: rows that say the same need not come to one side with all of their buyer's; where they come
    to two, those of the weaker side are left out, and nothing is refused for them. ``tags``: also take what
    agents and quality checkers tagged where no person answered; it is trained on and never measured on.
    ``lang``: of datasheet.md.
    """

    name: str
    taxonomy: Taxonomy
    shares: Shares = field(default_factory=Shares)
    migration: Mapping[str, str] | None = None
    leave_out: bool = False
    tags: bool = False
    lang: str = "zh"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            expected = "letters, digits, Chinese, . _ and -, such as 2026w14"
            raise BadInput("not a name for a frozen set", got=repr(self.name), expected=expected)


@dataclass(frozen=True)
class Frozen:
    """Where the set lies, its facts, and whether it was made just now (not: the same was frozen before)."""

    folder: Path
    sheet: Datasheet
    is_new: bool


def freeze(store: Store, job: FreezeJob, now: datetime | None = None) -> Frozen:
    """Write ``frozen/NAME`` in the store's folder; a killed call leaves nothing that a later one trips over.

    Raises `Refused`, with every reason, where nothing is labelled, labels are of another taxonomy version
    without migration, rows on two sides say the same, the rows cannot be divided, or the name holds another
    set already. The same call again gives the same set.
    """
    home = store.folder / FROZEN
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / ".lock", timeout=_WAIT_SECONDS):
            for left_over in home.glob(f"{_NEW}*"):
                shutil.rmtree(left_over)
            return _freeze(store, home, job, now or datetime.now(UTC))
    except Timeout:
        raise Refused("another freeze is running", do="wait for it", where=str(home)) from None


def _freeze(store: Store, home: Path, job: FreezeJob, now: datetime) -> Frozen:
    settled = settle(store, job.taxonomy.tree, job.tags)
    collected = collect(store, job.taxonomy, settled, job.migration)
    _refuse(job, [*_unlabelled(collected, job), *collected.problems])
    split = _divide(job, collected, home)
    content = _content(split.rows, split.files)
    folder = home / job.name
    is_new = not folder.exists()
    if not is_new:
        _same_or_refused(folder, content, job)
    content[SPLIT_FILE] = _split_file(collected.rows, split.division, job.shares)
    content[TAXONOMY_FILE] = _taxonomy_file(job.taxonomy)
    earlier = {path.parent.name for path in home.glob(f"[!.]*/{SPLIT_FILE}")} - {job.name}
    facts = Facts(
        name=job.name,
        made_at=now.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        taxonomy=job.taxonomy,
        collected=collected,
        split=split,
        shares=job.shares,
        earlier=tuple(sorted(earlier)),
        sha256={name: hashlib.sha256(body).hexdigest() for name, body in content.items()},
    )
    sheet = make_sheet(store, facts)
    if is_new:
        content[SHEET_FILE] = sheet.to_json().encode()
        content["datasheet.md"] = page(sheet, job.taxonomy, job.lang).encode()
        _put(folder, content)
    return Frozen(folder, sheet, is_new)


def _divide(job: FreezeJob, collected: Collected, home: Path) -> Split:
    """Which row comes into which file; `Refused` where that cannot be without a leak or an empty side."""
    rows, links = list(collected.rows), text_links(collected.rows)
    ties = () if job.leave_out else links.found
    division = divide(rows, ties, job.shares, read_earlier(home))
    sides = list(division.sides)
    drop = weaker_twins(rows, sides, links.found) if job.leave_out else set()
    kept = [place for place in range(len(rows)) if place not in drop]
    rows, sides, links = [rows[n] for n in kept], [sides[n] for n in kept], links.among(kept)
    _refuse(job, [*_leaking(find_leaks(rows, sides, links)), *_undivided(rows, sides, job.shares)])
    files = [
        side if side == "train" or may else "aside" for side, may in zip(sides, measurable(rows), strict=True)
    ]
    return Split(tuple(rows), tuple(files), links, len(drop), division)


def _refuse(job: FreezeJob, reasons: Sequence[str]) -> None:
    if reasons:
        listed = "\n".join(f"  - {reason}" for reason in reasons)
        raise Refused(f"{job.name} is not frozen, for {len(reasons)} reason(s):\n{listed}")


def _unlabelled(collected: Collected, job: FreezeJob) -> list[str]:
    if collected.rows:
        return []
    why = (
        ", ".join(f"{n:,} {reason}" for reason, n in collected.left.items()) or "draw some: xundan label next"
    )
    return [f"nothing is labelled in the tree {job.taxonomy.tree}: {collected.tasks:,} tasks ({why})"]


def _leaking(leaks: Sequence[Leak]) -> list[str]:
    """The leaks by kind, a few of them in full."""
    if not leaks:
        return []
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in Counter(leak.kind for leak in leaks).items())
    shown = [str(leak) for leak in leaks[:_SHOWN]]
    more = [f"… and {len(leaks) - _SHOWN:,} more"] if len(leaks) > _SHOWN else []
    said = f"rows on two sides must not say the same ({kinds}); --leave-out leaves the weaker side's rows out"
    return [said, *shown, *more]


def _undivided(rows: Sequence[Row], sides: Sequence[Side], shares: Shares) -> list[str]:
    """The sides that ought to have rows and have none."""
    wanted = {"train": 1.0, "dev": shares.dev, "test": shares.test}
    sessions = len({row.session for row in rows})
    return [
        f"{side} would be empty: {len(rows):,} rows of {sessions:,} sessions hang together by buyer, session "
        f"or text; label more sessions, or freeze with a smaller split (--dev 0 --test 0 for none)"
        for side in SIDES
        if wanted[side] and side not in sides
    ]


def _content(rows: Sequence[Row], files: Sequence[str]) -> dict[str, bytes]:
    """labels.jsonl and the file of each part."""
    lines = [json.dumps(row.record, ensure_ascii=False) + "\n" for row in rows]
    content = {LABELS_FILE: "".join(lines).encode()}
    for name in FILES:
        inside = (line for line, file in zip(lines, files, strict=True) if file == name)
        content[f"{name}.jsonl"] = "".join(inside).encode()
    return content


def _same_or_refused(folder: Path, content: Mapping[str, bytes], job: FreezeJob) -> None:
    for name, body in content.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != body:
            raise Refused(
                f"{job.name} is frozen already and holds other rows ({name} differs)",
                do="a frozen set never changes: take another name",
                where=str(folder),
            )


def _split_file(rows: Sequence[Row], division: Division, shares: Shares) -> bytes:
    """The side of every session and buyer, of rows left out too: they must not come back on another."""
    pairs = list(zip(rows, division.sides, strict=True))
    record = {
        "shares": asdict(shares),
        "sessions": {row.session: side for row, side in pairs},
        "buyers": {row.buyer: side for row, side in pairs if row.buyer is not None},
    }
    return (json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _taxonomy_file(taxonomy: Taxonomy) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / TAXONOMY_FILE
        save(taxonomy, path)
        return path.read_bytes()


def _put(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write the files under another name, then rename the folder: it is there whole, or not at all."""
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_NEW))
    try:
        for name, body in content.items():
            (new / name).write_bytes(body)
        for path in new.iterdir():
            path.chmod(0o444)
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        new.chmod(0o755)
        sync_folder(new)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    sync_folder(folder.parent)
