"""The newest frozen set of a tree: what few-shot examples are drawn from.

>>> from pathlib import Path
>>> from xundan.labeling.freeze.latest import latest_train
>>> latest_train(Path("no-such-folder"), "attention") is None
True
"""

from __future__ import annotations

import json
from pathlib import Path

from xundan.labeling.freeze.write import FROZEN, SHEET_FILE

_TRAIN_FILE = "train.jsonl"


def latest_train(home: Path, tree: str) -> Path | None:
    """The training rows of the set that was frozen last, of this tree; None where there is none."""
    found = []
    for sheet in (home / FROZEN).glob(f"[!.]*/{SHEET_FILE}"):
        facts = json.loads(sheet.read_text(encoding="utf-8"))
        if facts["tree"] == tree:
            found.append((facts["made_at"], sheet.parent.name))
    return home / FROZEN / max(found)[1] / _TRAIN_FILE if found else None
