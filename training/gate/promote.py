"""Take a candidate through the gate and, if it passes, make it champion.

verdict = promote_candidate(PromoteJob("v2", (Path("test.jsonl"),), Path("registry"), "attention"))
print(verdict.promoted, *verdict.reasons, sep="\n")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xundan.errors import BadInput, Refused
from xundan.models.loss.runtime import OtherSignals
from xundan.models.registry import (
    SHIPPED,
    SHIPPED_NAME,
    champion,
    champion_name,
    promote,
    record_refusal,
    verified,
    version_folder,
)
from xundan.models.runtime import DESCRIPTION_FILE
from xundan.progress import Begin, silent
from xundan.taxonomy import trees
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.material import Material, read_material
from xundan.training.evaluation.tree_of import tree_of
from xundan.training.gate.decide import gate
from xundan.training.gate.verdict import Evidence, GateLimits, Verdict
from xundan.training.lineage import read_rows


@dataclass(frozen=True)
class PromoteJob:
    """Which version, judged on which labels, to become champion of which tree.

    ``tree``: attention, action, loss, the name of a tree of your own, or a taxonomy .yaml to judge by.
    ``force_reason``: why it shall be champion even if the gate says no, for the history. ``migration``: see
    `Evidence`.
    """

    candidate: str
    labels: tuple[Path, ...]
    registry: Path
    tree: str
    limits: GateLimits = field(default_factory=GateLimits)
    force_reason: str | None = None
    migration: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.force_reason is not None and not self.force_reason.strip():
            raise BadInput("a forced promotion needs a reason", do="say in one sentence why")


def promote_candidate(job: PromoteJob, begin: Begin = silent) -> Verdict:
    """Verify, judge both models, decide, promote; whatever comes of it stands in the history.

    Raises `Refused` where a folder is not what was signed, the candidate is champion already, or another was
    promoted meanwhile; `BadInput` for a version, tree or labels that cannot be read.
    """
    name = trees.load(job.tree).tree if _is_file(job.tree) else job.tree
    folder = version_folder(job.registry, name, job.candidate)
    before = champion_name(job.registry, name)
    if folder.name == before:
        raise Refused(f"{before} is the champion already", where=str(job.registry / name))
    try:
        verified(job.registry, folder)
    except Refused as error:
        record_refusal(job.registry, name, folder.name, str(error))
        raise
    verdict = _judge(job, name, folder, before, begin)
    if not verdict.ok and job.force_reason and verdict.forceable:
        verdict = replace(verdict, forced=job.force_reason.strip())
    why = verdict.forced or "; ".join(reason.said for reason in verdict.reasons) or verdict.passed_over
    if verdict.promoted:
        promote(
            job.registry,
            name,
            folder.name,
            why or "passed the gate",
            instead_of=before,
            verdict=verdict.record(),
        )
    else:
        record_refusal(job.registry, name, folder.name, why, verdict.record())
    return verdict


def _judge(job: PromoteJob, tree: str, folder: Path, before: str, begin: Begin) -> Verdict:
    taxonomy = tree_of(folder, Path(job.tree) if _is_file(job.tree) else None)
    if taxonomy.tree != tree:
        raise BadInput("a model of another tree", got=taxonomy.tree, expected=tree, where=str(folder))
    material = read_material(job.labels, taxonomy, job.registry)
    against, seen, passed_over = None, None, ""
    if before != SHIPPED_NAME or (SHIPPED / tree / DESCRIPTION_FILE).exists():
        home = champion(tree, job.registry)
        try:
            against, seen = _answers(before, home, material, begin), read_rows(home)
        except OtherSignals as error:  # it judges nothing any more, so it cannot stand in the way
            passed_over = f"{before} was not compared: {error}"
    candidate = _answers(folder.name, folder, material, begin)
    evidence = Evidence(read_rows(folder), job.migration, seen)
    verdict = gate(against, candidate, material.rows, taxonomy, evidence, job.limits)
    return replace(verdict, passed_over=passed_over)


def _answers(name: str, folder: Path, material: Material, begin: Begin) -> Judged:
    """What a version says, under its name in the registry, which a shipped model does not know."""
    judged = material.judge(folder, begin(f"score with {name}", len(material.rows)))
    return replace(judged, version=name)


def _is_file(tree: str) -> bool:
    return Path(tree).suffix in (".yaml", ".yml")
