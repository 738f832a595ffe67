"""An encoder between two: the mean of their weights, or the second where they are not of one kind."""

from __future__ import annotations

from pathlib import Path

import torch

from xundan.models.encoder import TextEncoder, save_encoder
from xundan.models.tokenizer import TOKENIZER_FILE
from xundan.training.halfway import halfway


def test_weights_lie_between_and_the_folder_goes(tiny_bert: Path, tmp_path: Path) -> None:
    moved = TextEncoder.from_folder(tiny_bert)
    with torch.no_grad():
        for weight in moved.bert.parameters():
            weight.add_(0.5)
    save_encoder(moved, tmp_path)
    (tmp_path / TOKENIZER_FILE).write_bytes((tiny_bert / TOKENIZER_FILE).read_bytes())
    with halfway(tiny_bert, tmp_path) as folder:
        first, found, second = (
            TextEncoder.from_folder(home).state_dict() for home in (tiny_bert, folder, tmp_path)
        )
        name = "bert.encoder.layer.0.output.dense.weight"
        assert torch.allclose(found[name], (first[name] + second[name]) / 2, atol=1e-3)
        assert (folder / TOKENIZER_FILE).exists()
    assert not folder.exists()


def test_of_another_kind_the_second_is_taken_as_it_is(tiny_bert: Path, plain_bert: Path) -> None:
    with halfway(tiny_bert, plain_bert) as folder:
        assert folder == plain_bert
    assert plain_bert.exists()
