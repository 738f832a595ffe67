"""Where each leaf went from one version of a taxonomy to the next: a YAML file of ``old_id: new_id``.

moved = read_migration(Path("attention-1-to-2.yaml"))      # {"product_color": "product_appearance"}
"""

from __future__ import annotations

from pathlib import Path

from xundan.errors import BadInput
from xundan.taxonomy.source import read


def read_migration(path: Path) -> dict[str, str]:
    """Old leaf ids to new ones; a leaf that keeps its id need not stand there. `BadInput` for a bad line."""
    source = read(path)
    if not isinstance(source.document, dict) or not source.document:
        raise BadInput("no migration in it", expected="lines of old_id: new_id", where=str(path))
    for old, new in source.document.items():
        if not isinstance(old, str) or not isinstance(new, str):
            line = source.line_of(str(old)) or 1
            where, pair = f"{path}:{line}", f"{old}: {new}"
            raise BadInput("not a pair of leaf ids", got=pair, expected="old_id: new_id", where=where)
    return dict(source.document)
