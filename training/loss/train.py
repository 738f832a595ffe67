"""From labelled sessions to a registered judge: cross-validate, train on all, export, sign.

trained = train_loss(LossJob(labels=(Path("loss.jsonl"),), registry=Path("registry")))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from xundan.disk import write_json
from xundan.errors import BadInput
from xundan.models.encoder import load_base_tokenizer
from xundan.models.loss.rules import Finding, load_rules
from xundan.models.loss.verdict import Verdict, decide
from xundan.models.manifest import Facts, seal
from xundan.models.registry import SHIPPED_ENCODER, champion, new_version
from xundan.models.runtime import Description
from xundan.progress import Begin, silent
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.halfway import halfway
from xundan.training.lineage import data_sha256, write_rows
from xundan.training.loss.card import write_loss_card
from xundan.training.loss.cross_validate import HeldOut, cross_validate, weights_of
from xundan.training.loss.export import export
from xundan.training.loss.figures import LossFigures, as_mapping, evidence_hits, measure
from xundan.training.loss.finetune import LossSettings, train_judge
from xundan.training.loss.judged import as_row
from xundan.training.loss.leaves import message_models, with_message_leaves
from xundan.training.loss.rows import make_rows
from xundan.training.loss.sessions import REAL, WRITTEN, LabelledSession, read_sessions

FEWEST = 50
"""Sessions to measure on, below which nothing can be said of a judge."""
_SECONDARY = np.round(np.arange(0.05, 0.51, 0.05), 2)


@dataclass(frozen=True)
class LossJob:
    """Labelled sessions, where the version goes, from which BERT, and under which limits facts are told.

    ``base`` None: halfway between the shipped encoder and that of the registry's attention model, which knows
    what buyers mean; the shipped one where the registry has none.
    """

    labels: tuple[Path, ...]
    registry: Path
    base: Path | str | None = None
    settings: LossSettings = field(default_factory=LossSettings)
    limits: Limits = field(default_factory=Limits)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundLoss:
    """Cross-validated: figures by part (real, written), evidence hits and how many sessions have evidence,
    the least probability of a secondary leaf and the F1 of secondary leaves that it reaches."""

    parts: dict[str, LossFigures]
    evidence: dict[str, tuple[int, int]]
    secondary_from: float
    secondary_f1: float


@dataclass(frozen=True)
class TrainedLoss:
    """Where the candidate stands and what it reaches."""

    folder: Path
    version: str
    found: FoundLoss


def train_loss(
    job: LossJob, tell: Callable[[str], None] = lambda line: None, begin: Begin = silent
) -> TrainedLoss:
    """Make a candidate; a failed step leaves nothing behind.

    `BadInput` for labels that cannot be read or are too few.
    """
    sessions = read_sessions(job.labels)
    measured = sum(not session.augmented for session in sessions)
    if measured < FEWEST:
        raise BadInput("too few labelled sessions", got=measured, expected=f"{FEWEST} or more")
    tell(
        f"{len(sessions):,} sessions, {measured:,} of them to measure on: {job.settings.folds} runs, each "
        "without one part of them, then one on all"
    )
    sessions = with_message_leaves(sessions, *message_models(job.registry))
    with _start(job) as (base, name):
        return _train(job, sessions, base, name, begin)


def _train(
    job: LossJob, sessions: Sequence[LabelledSession], base: Path | str, base_name: str, begin: Begin
) -> TrainedLoss:
    tokenizer = load_base_tokenizer(base)
    rows = make_rows(sessions, tokenizer, job.limits)
    held = cross_validate(sessions, rows, base, job.settings, begin)
    found = assess(sessions, held, job.limits)
    advance = begin("all sessions", job.settings.steps(len(rows)))
    weights = weights_of(sessions, job.settings)
    net = train_judge(rows, weights, base, job.settings, lambda step, steps, loss: advance(1))
    with new_version(job.registry, "loss") as (name, folder):
        version = f"loss-{name}"
        export(net, tokenizer, found.secondary_from, version, folder, rows)
        settings = {**asdict(job.settings), "base": base_name}
        write_json(folder / "settings.json", settings)
        write_json(folder / "metrics.json", metrics(found))
        learnt = [as_row(session) for session in sessions]
        write_rows(folder, learnt)
        write_loss_card(folder, version, found, sessions, job.sources)
        facts = Facts(data_sha256(learnt), len(learnt), load("loss"), settings, main_figures(found))
        seal(folder, facts)
    return TrainedLoss(job.registry / "loss" / name, version, found)


def verdicts(
    sessions: Sequence[LabelledSession], held: HeldOut, limits: Limits, secondary_from: float
) -> list[Verdict]:
    """The held-out verdicts of the sessions that are measured on."""
    leaves, rules = [leaf.id for leaf in load("loss").leaves], load_rules()
    found: list[list[Finding]] = [rules.apply(sessions[i].case, limits) for i in held.which]
    return [
        decide(dict(zip(leaves, map(float, scores), strict=True)), proof, findings, secondary_from)
        for scores, proof, findings in zip(held.leaves, held.evidence, found, strict=True)
    ]


def assess(sessions: Sequence[LabelledSession], held: HeldOut, limits: Limits) -> FoundLoss:
    """Figures of held-out verdicts, by part; the least probability of a secondary leaf is the one with the
    best F1 on them, which flatters that one figure a little."""
    judged = [sessions[i] for i in held.which]
    best = max(_SECONDARY, key=lambda least: _secondary_f1(judged, verdicts(sessions, held, limits, least)))
    said = verdicts(sessions, held, limits, float(best))
    parts, evidence = {}, {}
    for part in (REAL, WRITTEN):
        its = [i for i, session in enumerate(judged) if session.kind == part]
        if its:
            parts[part] = measure([said[i][0].leaf for i in its], [judged[i] for i in its])
            evidence[part] = evidence_hits([said[i][0].evidence for i in its], [judged[i] for i in its])
    return FoundLoss(parts, evidence, float(best), _secondary_f1(judged, said))


def metrics(found: FoundLoss) -> dict[str, object]:
    """For metrics.json; at its top the figures of the first part, as those of every other model stand."""
    main = next(iter(found.parts.values()))
    top = {"micro": main.leaf, "macro": main.macro, "group": main.group}
    return {
        **{name: {**vars(its), "n": main.n} for name, its in top.items()},
        "parts": {part: as_mapping(figures) for part, figures in found.parts.items()},
        "evidence": {part: {"hits": hits, "n": n} for part, (hits, n) in found.evidence.items()},
        "secondary_from": found.secondary_from,
        "secondary_f1": found.secondary_f1,
    }


def main_figures(found: FoundLoss) -> dict[str, float]:
    """For the manifest; of real sessions, where there are any, under the names of every other model."""
    main = next(iter(found.parts.values()))
    figures = {
        "micro_f1": main.leaf.value,  # of one label a row, the share of right ones
        "macro_f1": main.macro.value,
        "group_f1": main.group.value,
    } | {
        f"{part}_{name}": getattr(its, name).value
        for part, its in found.parts.items()
        for name in ("leaf", "group", "macro")
    }
    hits = {f"{part}_evidence": hits / n for part, (hits, n) in found.evidence.items() if n}
    return {**figures, **hits}


@contextmanager
def _start(job: LossJob) -> Iterator[tuple[Path | str, str]]:
    """The encoder to begin from, and its name for the settings."""
    attention = champion("attention", job.registry)
    if job.base is not None:
        yield job.base, Path(job.base).name
    elif not (attention / "config.json").exists():  # a shipped version keeps its graph alone
        yield SHIPPED_ENCODER, SHIPPED_ENCODER.name
    else:
        with halfway(SHIPPED_ENCODER, attention) as base:
            yield base, f"halfway to {Description.read(attention).version}"


def _secondary_f1(sessions: Sequence[LabelledSession], said: Sequence[Verdict]) -> float:
    """Micro-F1 of the secondary leaves over all sessions; 0 where there are none."""
    hits = total = 0
    for session, verdict in zip(sessions, said, strict=True):
        named = {reason.leaf for reason in verdict[1:]}
        hits += len(named & set(session.secondary))
        total += len(named) + len(session.secondary)
    return 2 * hits / total if total else 0.0
