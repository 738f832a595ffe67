"""The model card: what a model was made from, what it reaches leaf by leaf, what it must not be used for.

write_card(folder, "attention-v3", taxonomy, figures, rows=13614, sources=("our chats, 2026",))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluate import Figures

CARD_FILE = "card.md"

_TEXT = """# {version}

Scores the {leaves} leaves of the `{tree}` taxonomy (version {taxonomy_version}) for one message, read with
its two previous turns. Made by `xundan train` from {rows} labelled messages.

## Data
{sources}

## Figures
Measured on {held_out} messages of sessions that the measured network did not see (they chose its thresholds,
which flatters it a little); the network in this folder was then trained on all rows.

| measure | value [95 % interval] |
|---|---|
| micro-F1 | {micro} |
| macro-F1 (leaves with at least 5 rows) | {macro} |
| micro-F1 of the groups | {group} |

| leaf | name | precision | recall | F1 [95 % interval] | rows |
|---|---|---|---|---|---|
{leaf_rows}

## Limits
- Trained on the chats of a few shops; retrain on your own labelled chats before you rely on it.
- Rare leaves are weak, as the table shows; the group is more reliable than the leaf.
- Reads text only: pictures and voice are counted as such, not understood.
"""


def write_card(
    folder: Path,
    version: str,
    taxonomy: Taxonomy,
    figures: Figures,
    rows: int,
    sources: Sequence[str],
) -> None:
    """Write ``card.md`` into the model folder."""
    leaf_rows = "\n".join(
        f"| {f.leaf} | {taxonomy.name_of(f.leaf)} | {f.precision:.2f} | {f.recall:.2f} "
        f"| {f.f1} | {f.support} |"
        for f in figures.leaves
    )
    text = _TEXT.format(
        version=version,
        leaves=len(taxonomy.leaves),
        tree=taxonomy.tree,
        taxonomy_version=taxonomy.version,
        rows=rows,
        sources="\n".join(f"- {source}" for source in sources) or "- the labels given to `xundan train`",
        held_out=figures.rows,
        micro=figures.micro,
        macro=figures.macro,
        group=figures.group,
        leaf_rows=leaf_rows,
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
