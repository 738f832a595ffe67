"""Write a trained network as an OpenVINO graph that needs no torch, and check that it says the same.

export(finetuned, taxonomy, "v3", settings, folder)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import openvino
import torch
from openvino.tools.ovc import telemetry_stub
from torch import Tensor, nn

from xundan.errors import Refused
from xundan.models.classifier import Classifier
from xundan.models.encoder import NGRAM_TABLES
from xundan.models.quantise import Int8Embedding
from xundan.models.runtime import GRAPH_FILE, Description, Model
from xundan.models.tokenizer import TOKENIZER_FILE
from xundan.taxonomy.trees import Taxonomy
from xundan.training.finetune import Finetuned, FinetuneSettings, score

TOLERANCE = 0.005
"""Largest difference in a probability that half-precision weights may cause."""


class _Probabilities(nn.Module):
    """The network with its sigmoid."""

    def __init__(self, net: Classifier) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        return torch.sigmoid(self.net(ids, segments, mask))


def export(
    finetuned: Finetuned, taxonomy: Taxonomy, version: str, settings: FinetuneSettings, folder: Path
) -> Description:
    """Fill ``folder`` with graph, tokenizer, description; `Refused` if the graph answers differently."""
    net = copy.deepcopy(finetuned.net).eval()
    _shrink(net)
    example = torch.ones((2, 16), dtype=torch.int64)
    with _no_telemetry():
        graph = openvino.convert_model(
            _Probabilities(net),
            example_input=(example, torch.zeros_like(example), example),
            input=[openvino.PartialShape([-1, -1])] * 3,
        )
    openvino.save_model(graph, str(folder / GRAPH_FILE), compress_to_fp16=True)
    finetuned.tokenizer.save(str(folder / TOKENIZER_FILE))
    description = Description(
        tree=taxonomy.tree,
        version=version,
        taxonomy_version=taxonomy.version,
        leaves=tuple(leaf.id for leaf in taxonomy.leaves),
        thresholds=tuple(round(float(t), 4) for t in finetuned.thresholds),
        max_message=settings.max_message,
        max_context=settings.max_context,
    )
    description.write(folder)
    _check(finetuned, settings, folder)
    return description


def _shrink(net: Classifier) -> None:
    """Replace the n-gram tables, most of the weights, by one byte a number."""
    ngrams = net.encoder.ngrams
    if ngrams is not None:
        for name in NGRAM_TABLES:
            setattr(ngrams, name, Int8Embedding(getattr(ngrams, name).weight))


@contextmanager
def _no_telemetry() -> Iterator[None]:
    """OpenVINO's converter reports each use to its makers unless stopped; nothing may leave this machine."""
    with (
        patch("openvino.tools.ovc.telemetry_utils.tm", telemetry_stub),
        patch("openvino.tools.ovc.convert_impl.tm", telemetry_stub),
    ):
        yield


def _check(finetuned: Finetuned, settings: FinetuneSettings, folder: Path) -> None:
    rows = finetuned.held_out[:200]
    ours = score(finetuned.net, finetuned.tokenizer, rows, settings)
    theirs = Model.load(folder).score([row.text for row in rows], [row.context for row in rows])
    worst = float(np.abs(ours - theirs).max())
    if not worst <= TOLERANCE:
        raise Refused(
            "the exported graph disagrees with the network", got=worst, expected=f"at most {TOLERANCE}"
        )
