"""A tiny BERT trained for seconds on sentences written here, shared by the training tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import BertConfig, BertForMaskedLM

from xundan.training.corpus import Source
from xundan.training.pretrain import PretrainSettings, pretrain

SENTENCES = [
    "这件衣服包邮吗",
    "什么时候发货呀",
    "今天拍明天能到吗",
    "能不能便宜一点",
    "有没有优惠券可以领",
    "这个尺码偏大还是偏小",
    "好的谢谢",
    "快递到哪里了",
]
LABELS = [
    ("这件包邮吗", "logistics_freight"),
    ("邮费多少钱", "logistics_freight"),
    ("能便宜点吗", "price_bargain"),
    ("再少点我就拍了", "price_bargain"),
    ("好的谢谢", "dialog_ack"),
    ("嗯嗯知道了", "dialog_ack"),
]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred lines of shop talk."""
    path = tmp_path_factory.mktemp("corpus") / "shop.txt"
    path.write_text("\n".join(SENTENCES * 25), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_settings() -> PretrainSettings:
    """Thirty small steps of a two-layer BERT."""
    return PretrainSettings(tokens=32 * 8 * 30, row=32, batch=8, layers=1, hidden=64, learning_rate=5e-3)


@pytest.fixture(scope="session")
def tiny_bert(
    corpus: Path, tiny_settings: PretrainSettings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A pretrained folder as `xundan pretrain` leaves it."""
    folder = tmp_path_factory.mktemp("bert")
    pretrain([Source(corpus)], folder, tiny_settings, quiet=True)
    return folder


@pytest.fixture(scope="session")
def label_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty labelled messages in thirty sessions."""
    path = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    rows = [
        {
            "id": f"s{i // 2}#{i % 2}",
            "text": text,
            "context": ["客:在的亲"] if i % 3 else [],
            "labels": [leaf],
        }
        for i, (text, leaf) in enumerate(LABELS * 10)
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def plain_bert(label_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain BERT folder as the hub gives it: config, weights and vocab.txt, no n-grams of ours."""
    base = tmp_path_factory.mktemp("hub") / "plain-bert"
    said = [*SENTENCES, label_file.read_text(encoding="utf-8")]
    characters = sorted({c for text in said for c in text if "一" <= c <= "鿿"})
    vocabulary = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=64,
    )
    BertForMaskedLM(config).save_pretrained(base)
    (base / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    return base
