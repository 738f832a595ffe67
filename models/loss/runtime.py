"""Judge sessions on a CPU with OpenVINO: words and signals through one graph, no torch.

    model = LossModel.load(Path("models/shipped/loss"))
    verdicts = model.judge(cases, Limits())

As with messages, rows of equal length run together in single precision, so a session's scores depend
neither on its neighbours nor on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from xundan.errors import BadInput
from xundan.models.engine import openvino
from xundan.models.loss.case import Case
from xundan.models.loss.reading import Read, padded, read_sessions
from xundan.models.loss.rules import Finding
from xundan.models.loss.signals import Floats, observe, signal_names
from xundan.models.loss.verdict import Verdict, decide
from xundan.models.runtime import GRAPH_FILE, Description, compile_graph, equal_lengths
from xundan.models.tokenizer import load_tokenizer
from xundan.progress import Advance
from xundan.settings import Limits

SIGNALS_FILE = "signals.txt"
"""The names of the signals that the graph was made for, one a line."""
_TREE = "loss"
_STEP = 8
"""Tokens to whose next multiple a session is padded: each further length costs a graph of its own."""


class OtherSignals(BadInput):
    """A judge made for other signals than this version of the code tells: it can only be trained anew."""


@dataclass(frozen=True)
class Answers:
    """Of each case: probabilities [cases, leaves], the evidence logit of each message by its id, and what the
    rules find."""

    leaves: Floats
    evidence: list[dict[str, float]]
    findings: list[list[Finding]]


def _damaged(folder: Path, got: object) -> BadInput:
    said = str(got).strip() or type(got).__name__
    return BadInput(
        "not a whole judge",
        got=said.splitlines()[-1],
        expected=f"model.json, {GRAPH_FILE} with its weights, {SIGNALS_FILE} and tokenizer.json",
        do="copy the folder again, or train one: xundan train --tree loss",
        where=str(folder),
    )


class LossModel:
    """A judge ready to work, with its leaves."""

    def __init__(self, description: Description, tokenizer: Tokenizer, graph: openvino.CompiledModel) -> None:
        self.description = description
        self._tokenizer, self._graph = tokenizer, graph

    @classmethod
    def load(cls, folder: Path) -> LossModel:
        """Load a model folder; `BadInput` when it holds no judge, `OtherSignals` when it is outdated."""
        description = Description.read(folder)
        if description.tree != _TREE:
            raise BadInput("a model of another tree", got=description.tree, expected=_TREE, where=str(folder))
        try:
            made_for = (folder / SIGNALS_FILE).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise _damaged(folder, error) from error
        if tuple(made_for) != signal_names():
            raise OtherSignals(
                "a judge of another making",
                got=f"{len(made_for)} signals",
                expected=f"the {len(signal_names())} signals of this version",
                do="train it anew: xundan train --tree loss",
                where=str(folder),
            )
        try:
            found = cls(description, load_tokenizer(folder), compile_graph(folder / GRAPH_FILE))
        except Exception as error:  # what the libraries raise has no class of its own
            raise _damaged(folder, error) from error
        columns = found._graph.output(0).partial_shape[1]
        if not len(description.leaves) == len(description.thresholds) == columns.get_max_length():
            raise _damaged(
                folder,
                f"{len(description.leaves)} leaves, {len(description.thresholds)} thresholds and a graph of "
                f"{columns} leaves",
            )
        return found

    def judge(self, cases: Sequence[Case], limits: Limits, on_rows: Advance | None = None) -> list[Verdict]:
        """A verdict for each case, in their order."""
        said = self.score(cases, limits, on_rows)
        return [
            decide(
                dict(zip(self.description.leaves, map(float, scores), strict=True)),
                proof,
                findings,
                secondary_from=self.description.thresholds[0],
            )
            for scores, proof, findings in zip(said.leaves, said.evidence, said.findings, strict=True)
        ]

    def score(self, cases: Sequence[Case], limits: Limits, on_rows: Advance | None = None) -> Answers:
        """What the network says of the cases, in their order."""
        observed = [observe(case, limits) for case in cases]
        known = [values for _, values in observed]
        reads = read_sessions(cases, self._tokenizer)
        leaves = np.empty((len(cases), len(self.description.leaves)), dtype=np.float32)
        evidence: list[dict[str, float]] = [{} for _ in cases]
        lengths = [-(-len(read.ids) // _STEP) * _STEP for read in reads]
        for batch in equal_lengths(lengths):
            its = [reads[i] for i in batch]
            leaves[batch], proof = self._run(its, [known[i] for i in batch], lengths[batch[0]])
            for place, i in enumerate(batch):
                spans = reads[i].spans.items()
                evidence[i] = {name: float(proof[place, start:end].mean()) for name, (start, end) in spans}
            if on_rows:
                on_rows(len(batch))
        return Answers(leaves, evidence, [findings for findings, _ in observed])

    def _run(self, reads: list[Read], known: list[Floats], length: int) -> tuple[Floats, Floats]:
        """Probabilities [sessions, leaves] and evidence logits [sessions, length]."""
        said = self._graph([*padded(reads, length), np.stack(known)])
        return said[0], said[1]
