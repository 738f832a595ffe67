"""Word scores beside the encoder: what they learn, and that module, features and graph agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from xundan.errors import BadInput
from xundan.models.classifier import Classifier
from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.runtime import Model
from xundan.models.thresholds import Scores
from xundan.models.tokenizer import pad
from xundan.models.wide import Wide, WideConfig
from xundan.taxonomy.trees import load
from xundan.training.batches import encode_rows
from xundan.training.export import HEAD_FILE, Made, export
from xundan.training.finetune import FinetuneSettings
from xundan.training.labels import LabelledMessage, target_matrix
from xundan.training.selective import Cutoff
from xundan.training.wide import fit_wide

SETTINGS = FinetuneSettings()
LEAVES = ["logistics_freight", "price_bargain", "dialog_ack", "product_color"]
SMALL = WideConfig(101, 499, 503)


def row(number: int, text: str, *labels: str, augmented: bool = False) -> LabelledMessage:
    ident = f"w:{number}#0~1" if augmented else f"w:{number}#0"
    return LabelledMessage(ident, text, ("客:包邮的",), labels, part="augmented" if augmented else "")


ROWS = [
    row(number, text, leaf)
    for number, (text, leaf) in enumerate(
        [
            ("这件包邮吗", "logistics_freight"),
            ("邮费谁出", "logistics_freight"),
            ("包邮不", "logistics_freight"),
            ("能便宜点吗", "price_bargain"),
            ("便宜些我就拍", "price_bargain"),
            ("少点行不", "price_bargain"),
            ("好的谢谢", "dialog_ack"),
            ("嗯嗯好的", "dialog_ack"),
        ]
        * 3
    )
]


def said(wide: Wide, base: Path, rows: list[LabelledMessage]) -> Scores:
    ids, segments, mask = map(torch.from_numpy, pad(encode_rows(rows, load_base_tokenizer(base), SETTINGS)))
    own = ((segments == 0) & (mask == 1)).unsqueeze(-1)
    logits: Scores = wide(ids, own).detach().numpy()
    return logits


@pytest.fixture(scope="module")
def fitted(tiny_bert: Path) -> Wide:
    return fit_wide(ROWS, target_matrix(ROWS, LEAVES), load_base_tokenizer(tiny_bert), SETTINGS, 1.0, SMALL)


def test_words_give_their_leaf_away(fitted: Wide, tiny_bert: Path) -> None:
    logits = said(fitted, tiny_bert, [row(90, "请问包邮吗"), row(91, "便宜点"), row(92, "好的哦")])
    assert [LEAVES[i] for i in logits.argmax(1)] == ["logistics_freight", "price_bargain", "dialog_ack"]
    assert (np.sort(logits)[:, -2] < -1).all()


def test_a_leaf_without_rows_is_never_likely(fitted: Wide, tiny_bert: Path) -> None:
    logits = said(fitted, tiny_bert, ROWS)
    assert (logits[:, LEAVES.index("product_color")] < -3).all()


def test_neither_context_nor_padding_speaks(fitted: Wide, tiny_bert: Path) -> None:
    alone = said(fitted, tiny_bert, [LabelledMessage("a:1#0", "能便宜点吗", (), ())])
    beside = said(fitted, tiny_bert, [row(1, "能便宜点吗"), row(2, "请问这件衣服什么时候能发货呀亲" * 2)])
    assert np.allclose(alone[0], beside[0], atol=1e-5)


def test_a_word_said_twice_counts_once(fitted: Wide, tiny_bert: Path) -> None:
    tokenizer = load_base_tokenizer(tiny_bert)
    ids = [tokenizer.token_to_id("[CLS]"), *tokenizer.encode("包包邮").ids]
    once, twice = torch.tensor([ids]), torch.tensor([[*ids[:2], *ids[2:4], *ids[2:4]]])
    rows = [set(fitted.rows_of(each)[0].flatten().tolist()) for each in (once, twice)]
    more = torch.tensor(sorted(rows[1]))
    own = torch.ones(1, twice.shape[1], 1, dtype=torch.bool)
    length = fitted.frequency[more].square().sum().sqrt()
    expected = fitted.table.weight[more].sum(0) / length + fitted.bias
    assert torch.allclose(fitted(twice, own)[0], expected, atol=1e-5)
    assert rows[0] < rows[1]


def test_the_share_scales_the_logits(fitted: Wide, tiny_bert: Path) -> None:
    tokenizer, truth = load_base_tokenizer(tiny_bert), target_matrix(ROWS, LEAVES)
    half = fit_wide(ROWS, truth, tokenizer, SETTINGS, 0.5, SMALL)
    assert np.allclose(said(half, tiny_bert, ROWS), said(fitted, tiny_bert, ROWS) / 2, atol=1e-5)


def test_augmented_rows_are_left_out(fitted: Wide, tiny_bert: Path) -> None:
    more = [*ROWS, row(95, "好的包邮便宜", "product_color", augmented=True)]
    again = fit_wide(more, target_matrix(more, LEAVES), load_base_tokenizer(tiny_bert), SETTINGS, 1.0, SMALL)
    assert torch.equal(again.table.weight, fitted.table.weight)


def test_words_are_silent_while_the_network_learns(fitted: Wide, tiny_bert: Path) -> None:
    net = Classifier(TextEncoder.from_folder(tiny_bert), len(LEAVES), dropout=0.0, wide=fitted)
    without = Classifier(net.encoder, len(LEAVES), dropout=0.0)
    without.head = net.head
    encoded = encode_rows(ROWS[:2], load_base_tokenizer(tiny_bert), SETTINGS)
    inputs = [torch.from_numpy(array) for array in pad(encoded)]
    assert torch.equal(net.train()(*inputs), without.train()(*inputs))
    with torch.no_grad():
        difference = (net.eval()(*inputs) - without.eval()(*inputs)).numpy()
    assert np.allclose(difference, said(fitted, tiny_bert, ROWS[:2]), atol=1e-5)


def test_the_graph_adds_the_words_too(tiny_bert: Path, tmp_path: Path) -> None:
    taxonomy = load("attention")
    leaves, tokenizer = [leaf.id for leaf in taxonomy.leaves], load_base_tokenizer(tiny_bert)
    wide = fit_wide(ROWS, target_matrix(ROWS, leaves), tokenizer, SETTINGS, 1.0)
    net = Classifier(TextEncoder.from_folder(tiny_bert), len(leaves), wide=wide).eval()
    thresholds = np.full(len(leaves), 0.5, dtype=np.float32)
    made = Made(net, tokenizer, thresholds, Cutoff(0.0, 1.0, 0.1, 0.1, 10), SETTINGS)
    model: Model = export(made, taxonomy, "attention-v1", tmp_path, check=ROWS)
    scores = model.score(["包邮吗"], [()])
    assert leaves[int(scores.argmax())] == "logistics_freight"
    kept = load_file(tmp_path / HEAD_FILE)
    assert kept["wide.table.weight"].shape == (WideConfig().rows, len(leaves))


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(BadInput, match="wide out of range"):
        FinetuneSettings(wide=1.5)
