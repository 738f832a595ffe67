"""Pretraining: masking whole words, the schedule, learning, resuming, continuing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from xundan.chats.records import MESSAGES, from_rows
from xundan.errors import BadInput
from xundan.lake import Lake
from xundan.models.encoder import TextEncoder
from xundan.models.tokenizer import SPECIAL, load_tokenizer
from xundan.training.corpus import Source, number_lines, read_lines
from xundan.training.pretrain import (
    PretrainSettings,
    learning_rate_at,
    mask_words,
    pretrain,
    rows_of,
)

ORDINARY = np.arange(100) >= len(SPECIAL)


def test_words_are_masked_whole() -> None:
    random = np.random.default_rng(0)
    ids = np.full((4, 60), len(SPECIAL) + 3, dtype=np.int64)
    starts = np.tile([True, False, False], (4, 20))
    masked, chosen = mask_words(ids, starts, 0.3, ORDINARY, 4, random)
    words = chosen.reshape(4, 20, 3)
    assert (words.all(axis=2) == words.any(axis=2)).all()
    assert 0.15 < chosen.mean() < 0.45
    assert (masked == ids)[~chosen].all()
    assert (masked[chosen] == 4).mean() > 0.6


def test_special_tokens_are_never_masked() -> None:
    ids = np.arange(len(SPECIAL), dtype=np.int64)[None, :].repeat(8, axis=0)
    _, chosen = mask_words(ids, np.ones_like(ids, dtype=bool), 0.9, ORDINARY, 4, np.random.default_rng(0))
    assert not chosen.any()


def test_jieba_words_begin_where_they_begin() -> None:
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *"什么时候发货[图片]"])}
    stream = number_lines(["什么时候发货[图片]"], vocabulary, 1)
    assert stream.starts.tolist() == [True, False, True, False, True, False, True, True]
    assert stream.ids[-1] == vocabulary["[SEP]"]
    assert stream.ids[-2] == vocabulary["[图片]"]


def test_learning_rate_warms_up_stays_and_decays() -> None:
    settings = PretrainSettings(learning_rate=1.0, warmup=0.1, decay=0.2)
    rates = [learning_rate_at(step, 100, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:80] == [1.0] * 70
    assert rates[99] < 0.1
    assert all(a >= b for a, b in pairwise(rates[80:]))


def test_a_batch_depends_on_seed_and_step_only(corpus: Path, tiny_bert: Path) -> None:
    tokenizer = load_tokenizer(tiny_bert)
    lines = list(read_lines(corpus))
    streams = [number_lines(lines, tokenizer.get_vocab(), 1)]
    settings = PretrainSettings(tokens=10_000, row=16, batch=4)
    run = rows_of(streams, [1.0], settings)
    straight = [next(run)[0] for _ in range(5)]
    resumed = next(rows_of(streams, [1.0], settings, skip=4))[0]
    assert (straight[4] == resumed).all()


def test_it_learns_and_leaves_a_hugging_face_bert(tiny_bert: Path) -> None:
    record = json.loads((tiny_bert / "pretrain.json").read_text(encoding="utf-8"))
    assert record["history"][-1]["loss"] < np.log(record["vocabulary"])
    model = AutoModelForMaskedLM.from_pretrained(tiny_bert)
    assert model.config.model_type == "bert"
    assert TextEncoder.from_folder(tiny_bert).ngrams is not None


def test_a_stopped_run_goes_on_where_it_was(
    corpus: Path, tiny_settings: PretrainSettings, tmp_path: Path
) -> None:
    half = replace(tiny_settings, tokens=tiny_settings.tokens // 2)
    pretrain([Source(corpus)], tmp_path, half, quiet=True)
    record = pretrain([Source(corpus)], tmp_path, tiny_settings, quiet=True)
    assert [entry["tokens"] for entry in record["history"]] == [half.tokens, tiny_settings.tokens]


@pytest.mark.parametrize("fixture", ["tiny_bert", "plain_bert"])
def test_a_bert_can_be_continued_ours_or_from_elsewhere(
    fixture: str,
    request: pytest.FixtureRequest,
    corpus: Path,
    tiny_settings: PretrainSettings,
    tmp_path: Path,
) -> None:
    base = request.getfixturevalue(fixture)
    before = TextEncoder.from_folder(base)
    pretrain([Source(corpus)], tmp_path, replace(tiny_settings, tokens=32 * 8 * 3), str(base), quiet=True)
    after = TextEncoder.from_folder(tmp_path)
    assert after.width == before.width
    assert (after.ngrams is None) == (before.ngrams is None)
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(before.bert.state_dict()[name], after.bert.state_dict()[name])


@pytest.mark.parametrize(
    ("value", "message"),
    [("missing.txt", "no such text file"), ("a.txt=much", "expected FILE or FILE=NUMBER")],
)
def test_a_bad_source_is_named(value: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Source.parse(value)


def test_a_file_too_short_to_fill_a_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("在吗\n", encoding="utf-8")
    with pytest.raises(BadInput, match="more than 128 characters"):
        pretrain([Source(path)], tmp_path / "out", PretrainSettings(tokens=10_000), quiet=True)


def test_no_bert_to_continue_is_one_clear_error(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no BERT to start from"):
        TextEncoder.from_folder(tmp_path / "nothing")


def test_a_shops_own_chats_are_read_by_session_from_its_workspace(tmp_path: Path) -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    said = [("s1", 1, "buyer", "包邮吗"), ("s1", 2, "agent", "包邮的亲"), ("s2", 1, "buyer", "[手机] 打给我")]
    rows = [
        {
            "session_id": s,
            "message_id": f"{s}{n}",
            "seq": n,
            "sent_at": at,
            "role": role,
            "content_type": "text",
        }
        | {"text": text}
        for s, n, role, text in said
    ]
    Lake(tmp_path).write({"messages": from_rows(rows, MESSAGES)})
    lines = list(read_lines(tmp_path / "messages.parquet"))
    assert lines == ["[买]包邮吗[客]包邮的亲", "[买][手机] 打给我"]
    with pytest.raises(BadInput, match=r"expected messages\.parquet"):
        list(read_lines(tmp_path / "other.parquet"))
