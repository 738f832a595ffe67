"""The model card: what a model was made from, what it reaches leaf by leaf, what it must not be used for.

write_card(folder, taxonomy, assessment, rows=13614, sources=("our chats, 2026",))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.assessment import Assessment

CARD_FILE = "card.md"

_TEXT = """# {version}

Scores the {leaves} leaves of the `{tree}` taxonomy (version {taxonomy_version}) for one message, read with
its two previous turns. Made by `xundan train` from {rows} labelled messages.

## Data
{sources}

## Figures
Cross-validated by session: each of {figures.rows:,} messages was scored by a network that had not seen its
session, with thresholds and calibration chosen on the other parts. The network in this folder was then
trained on all rows; rows written after others or labelled by machine are trained on, never measured on.

| measure | value [95 % interval] |
|---|---|
| micro-F1 | {figures.micro} |
| macro-F1 (leaves with at least 5 rows) | {figures.macro} |
| micro-F1 of the groups | {figures.group} |
| expected calibration error (15 bins, all leaves) | {found.calibration.all_leaves.error:.4f} |
| messages marked uncertain, of {found.certainty.flagged.n:,} | {found.certainty.flagged:.1%} |
| first leaf wrong, of the {found.certainty.wrong.n:,} others | {found.certainty.wrong:.1%} |
| minimal pairs passed by the final network, of {found.pairs_passed.n} | {found.pairs_passed:.1%} |

| leaf | name | precision | recall | F1 [95 % interval] | rows |
|---|---|---|---|---|---|
{leaf_rows}

## Limits
- Trained on the chats of a few shops; retrain on your own labelled chats before you rely on it.
- Rare leaves are weak, as the table shows; the group is more reliable than the leaf.
- Reads text only: pictures and voice are counted as such, not understood.
"""


def write_card(
    folder: Path, taxonomy: Taxonomy, found: Assessment, rows: int, sources: Sequence[str]
) -> None:
    """Write ``card.md`` into the model folder: ``found`` by cross-validation, ``rows`` trained on in all."""
    figures = found.figures
    leaf_rows = "\n".join(
        f"| {f.leaf} | {taxonomy.name_of(f.leaf)} | {f.precision:.2f} | {f.recall:.2f} "
        f"| {f.f1:.2f} | {f.support} |"
        for f in figures.leaves
    )
    text = _TEXT.format(
        version=found.judged.version,
        leaves=len(taxonomy.leaves),
        tree=taxonomy.tree,
        taxonomy_version=taxonomy.version,
        rows=rows,
        sources="\n".join(f"- {source}" for source in sources) or "- the labels given to `xundan train`",
        figures=figures,
        found=found,
        leaf_rows=leaf_rows,
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
