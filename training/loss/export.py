"""Write a trained judge as an OpenVINO graph that needs no torch, and check that it says the same.

export(net, tokenizer, secondary_from=0.2, version="loss-v1", folder=folder, check=rows)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from xundan.errors import Refused
from xundan.models.encoder import save_encoder
from xundan.models.loss.network import LossNet
from xundan.models.loss.reading import LONGEST
from xundan.models.loss.runtime import SIGNALS_FILE
from xundan.models.loss.signals import signal_names
from xundan.models.runtime import GRAPH_FILE, Description, compile_graph
from xundan.models.tokenizer import TOKENIZER_FILE
from xundan.taxonomy.trees import load
from xundan.training.export import HEAD_FILE, TOLERANCE, shrink_encoder, write_graph
from xundan.training.loss.finetune import score
from xundan.training.loss.rows import Row

_CHECKED = 60


class _Answers(nn.Module):
    """What is needed to judge: probabilities of the leaves, evidence logits of the tokens."""

    def __init__(self, net: LossNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor, signals: Tensor) -> tuple[Tensor, Tensor]:
        said = self.net(ids, segments, mask, signals)
        return said.leaves.softmax(1), said.evidence


def export(
    net: LossNet,
    tokenizer: Tokenizer,
    secondary_from: float,
    version: str,
    folder: Path,
    check: Sequence[Row],
) -> None:
    """Fill ``folder`` with the graph that runs, the weights to go on from, tokenizer and description.

    `Refused` if the graph judges the rows of ``check`` otherwise than the network.
    """
    tree = load("loss")
    small = copy.deepcopy(net).eval()
    shrink_encoder(small.encoder)
    ids = torch.ones((2, 16), dtype=torch.int64)
    example = (ids, torch.zeros_like(ids), ids, torch.zeros((2, len(signal_names()))))
    write_graph(_Answers(small), example, folder / GRAPH_FILE)
    tokenizer.save(str(folder / TOKENIZER_FILE))
    (folder / SIGNALS_FILE).write_text("\n".join(signal_names()) + "\n", encoding="utf-8")
    Description(
        tree="loss",
        version=version,
        taxonomy_version=tree.version,
        leaves=tuple(leaf.id for leaf in tree.leaves),
        thresholds=(round(secondary_from, 4),) * len(tree.leaves),
        max_message=LONGEST,
        max_context=0,
    ).write(folder)
    _check(net, check[:_CHECKED], folder)
    save_encoder(net.encoder, folder)
    state = {name: value for name, value in net.state_dict().items() if not name.startswith("encoder.")}
    save_file({name: value.contiguous() for name, value in state.items()}, folder / HEAD_FILE)


def _check(net: LossNet, rows: Sequence[Row], folder: Path) -> None:
    graph = compile_graph(folder / GRAPH_FILE)
    ours = score(net, rows).leaves
    worst = 0.0
    for row, its in zip(rows, ours, strict=True):
        read = row.read
        theirs = graph(
            [read.ids[None], read.segments[None], np.ones_like(read.ids)[None], row.signals[None]]
        )[0]
        worst = max(worst, float(np.abs(theirs[0] - its).max()))
    if not worst <= TOLERANCE:
        raise Refused(
            "the exported graph disagrees with the network", got=worst, expected=f"at most {TOLERANCE}"
        )
