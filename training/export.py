"""Write a trained network as an OpenVINO graph that needs no torch, and check that it says the same.

export(made, taxonomy, "attention-v3", folder, check=rows)
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from xundan.errors import Refused
from xundan.models.classifier import Classifier
from xundan.models.encoder import NGRAM_TABLES, TextEncoder, save_encoder
from xundan.models.engine import openvino
from xundan.models.quantise import Int8Embedding
from xundan.models.runtime import GRAPH_FILE, Description, Model
from xundan.models.thresholds import Scores
from xundan.models.tokenizer import TOKENIZER_FILE
from xundan.taxonomy.trees import Taxonomy
from xundan.training.finetune import FinetuneSettings, score
from xundan.training.labels import LabelledMessage
from xundan.training.selective import Cutoff

HEAD_FILE = "head.safetensors"
_CHECKED = 200
TOLERANCE = 0.005
"""Largest difference in a probability that half-precision weights may cause."""


class _Probabilities(nn.Module):
    """The network with its sigmoid."""

    def __init__(self, net: Classifier) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        return torch.sigmoid(self.net(ids, segments, mask))


@dataclass(frozen=True)
class Made:
    """A network ready to be written, whose scores are calibrated; thresholds and cutoff hold for those."""

    net: Classifier
    tokenizer: Tokenizer
    thresholds: Scores
    cutoff: Cutoff
    settings: FinetuneSettings


def export(
    made: Made, taxonomy: Taxonomy, version: str, folder: Path, check: Sequence[LabelledMessage]
) -> Model:
    """Fill ``folder`` with the graph that runs, the weights to go on from (a Hugging Face BERT and its head),
    tokenizer and description.

    `Refused` if the graph answers the rows of ``check`` otherwise than the network.
    """
    small = copy.deepcopy(made.net).eval()
    _shrink(small)
    example = torch.ones((2, 16), dtype=torch.int64)
    write_graph(_Probabilities(small), (example, torch.zeros_like(example), example), folder / GRAPH_FILE)
    made.tokenizer.save(str(folder / TOKENIZER_FILE))
    description = Description(
        tree=taxonomy.tree,
        version=version,
        taxonomy_version=taxonomy.version,
        leaves=tuple(leaf.id for leaf in taxonomy.leaves),
        thresholds=tuple(round(float(t), 4) for t in made.thresholds),
        max_message=made.settings.max_message,
        max_context=made.settings.max_context,
        uncertain_below=made.cutoff.value,
        uncertain_risk=made.cutoff.risk if made.cutoff.guaranteed else 0.0,
    )
    description.write(folder)
    model = _check(made, check, folder)
    save_encoder(made.net.encoder, folder)
    head = {"weight": made.net.head.weight.detach().contiguous(), "bias": made.net.head.bias.detach()}
    if made.net.wide is not None:
        head |= {f"wide.{name}": value.half() for name, value in made.net.wide.state_dict().items()}
    save_file(head, folder / HEAD_FILE)
    return model


def write_graph(net: nn.Module, example: tuple[Tensor, ...], file: Path) -> None:
    """Convert a network to OpenVINO, weights in half precision; rows and tokens of the two-dimensional inputs
    may vary, but not the width of one that holds no tokens (the last, where it is of floats)."""
    shapes = [[-1, tensor.shape[1] if tensor.is_floating_point() else -1] for tensor in example]
    with warnings.catch_warnings():
        # Tracing warns of branches in the BERT that do not depend on the message.
        warnings.simplefilter("ignore", TracerWarning)
        graph = openvino.convert_model(
            net.eval(), example_input=example, input=[openvino.PartialShape(shape) for shape in shapes]
        )
    openvino.save_model(graph, str(file), compress_to_fp16=True)


def _shrink(net: Classifier) -> None:
    """Replace the tables of n-grams, most of the weights, by one byte a number."""
    shrink_encoder(net.encoder)
    if net.wide is not None:
        _one_byte(net.wide, "table")


def shrink_encoder(encoder: TextEncoder) -> None:
    """Replace an encoder's tables of n-grams by one byte a number."""
    if encoder.ngrams is not None:
        for name in NGRAM_TABLES:
            _one_byte(encoder.ngrams, name)


def _one_byte(module: nn.Module, name: str) -> None:
    setattr(module, name, Int8Embedding(getattr(module, name).weight))


def _check(made: Made, check: Sequence[LabelledMessage], folder: Path) -> Model:
    rows = check[:_CHECKED]
    ours = score(made.net, made.tokenizer, rows, made.settings)
    model = Model.load(folder)
    theirs = model.score([row.text for row in rows], [row.context for row in rows])
    worst = float(np.abs(ours - theirs).max())
    if not worst <= TOLERANCE:
        raise Refused(
            "the exported graph disagrees with the network", got=worst, expected=f"at most {TOLERANCE}"
        )
    return model
