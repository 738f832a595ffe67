"""Score messages on a CPU with OpenVINO: no torch, each distinct message once, no padding.

    model = Model.load(Path("models/shipped/attention"))
    scores = model.score(["包邮吗"], [()])          # [messages, leaves]

Messages of equal token length run together, so a message's scores do not depend on its neighbours in a
batch, and the precision is pinned to single: bfloat16 and int8 differ from one processor to the next, and
a trend must not change with the machine.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from xundan.errors import BadInput
from xundan.models.engine import openvino
from xundan.models.thresholds import Chosen, Scores, decide
from xundan.models.tokenizer import encode, load_tokenizer
from xundan.progress import Advance

GRAPH_FILE = "model.xml"
DESCRIPTION_FILE = "model.json"
_BATCH_TOKENS = 4096


@dataclass(frozen=True)
class Description:
    """What a model folder says of itself (``model.json``).

    A message whose confidence is below ``uncertain_below`` is uncertain; of the others, at most the share
    ``uncertain_risk`` has a wrong first leaf. Both 0: nobody has chosen a cutoff for this model.
    """

    tree: str
    version: str
    taxonomy_version: str
    leaves: tuple[str, ...]
    thresholds: tuple[float, ...]
    max_message: int
    max_context: int
    uncertain_below: float = 0.0
    uncertain_risk: float = 0.0

    def write(self, folder: Path) -> None:
        """Save as ``model.json``."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        (folder / DESCRIPTION_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Load ``model.json``; raises `BadInput` when the folder holds no model."""
        try:
            raw = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
            raw["leaves"], raw["thresholds"] = tuple(raw["leaves"]), tuple(raw["thresholds"])
            return cls(**raw)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                "not a model folder",
                got=folder,
                expected=f"{DESCRIPTION_FILE}, {GRAPH_FILE} and tokenizer.json",
                do="make one with `xundan train`",
            ) from error


class Model:
    """A classifier ready to score, with its leaves and thresholds."""

    def __init__(self, description: Description, tokenizer: Tokenizer, graph: openvino.CompiledModel) -> None:
        self.description = description
        self.tokenizer = tokenizer
        self._graph = graph

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Load a model folder; raises `BadInput` when it holds no model."""
        description = Description.read(folder)
        return cls(description, load_tokenizer(folder), compile_graph(folder / GRAPH_FILE))

    def score(
        self,
        texts: Sequence[str],
        contexts: Sequence[Sequence[str]],
        on_rows: Advance | None = None,
    ) -> Scores:
        """Probabilities [messages, leaves]; equal (text, context) pairs are computed once.

        ``on_rows`` hears how many further messages are done.
        """
        pairs: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
        for index, (text, context) in enumerate(zip(texts, contexts, strict=True)):
            pairs[text, tuple(context)].append(index)
        scores = np.empty((len(texts), len(self.description.leaves)), dtype=np.float32)
        distinct = list(pairs.items())
        for batch, values in self._run([pair for pair, _ in distinct]):
            rows = [distinct[i][1] for i in batch]
            for where, value in zip(rows, values, strict=True):
                scores[where] = value
            if on_rows:
                on_rows(sum(map(len, rows)))
        return scores

    def choose(self, scores: Scores) -> Chosen:
        """Which leaves hold, [messages, leaves] bool: at least one a message."""
        return decide(scores, np.asarray(self.description.thresholds, dtype=np.float32))

    def _run(self, pairs: list[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[list[int], Scores]]:
        """Yield the positions of a batch and its probabilities [batch, leaves], until all pairs are done."""
        encoded = encode(
            self.tokenizer,
            [text for text, _ in pairs],
            [context for _, context in pairs],
            self.description.max_message,
            self.description.max_context,
        )
        for batch in equal_lengths([len(ids) for ids, _ in encoded]):
            ids = np.stack([encoded[i][0] for i in batch])
            firsts = np.array([encoded[i][1] for i in batch])
            segments = (np.arange(ids.shape[1])[None, :] >= firsts[:, None]).astype(np.int64)
            yield batch, self._graph([ids, segments, np.ones_like(ids)])[0]


def compile_graph(file: Path) -> openvino.CompiledModel:
    """A graph ready to run, in single precision on any machine."""
    return openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def equal_lengths(lengths: list[int]) -> list[list[int]]:
    """Batches of rows of one length, at most ``_BATCH_TOKENS`` tokens each."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, length in enumerate(lengths):
        by_length[length].append(index)
    batches = []
    for length, rows in sorted(by_length.items()):
        size = max(1, _BATCH_TOKENS // length)
        batches += [rows[i : i + size] for i in range(0, len(rows), size)]
    return batches
