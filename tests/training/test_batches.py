"""Epochs are fixed by the seed; augmented rows take turns; rows lose context and characters as asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from xundan.models.encoder import load_base_tokenizer
from xundan.training.batches import LONGEST, Encodings, batches, longest_message, steps_an_epoch
from xundan.training.finetune import FinetuneSettings
from xundan.training.labels import AUGMENTED, LabelledMessage

SETTINGS = FinetuneSettings(batch=4, drop_context=0.0)
ROWS = [
    LabelledMessage(f"s{i}#1", "包邮吗" + "呀" * (i % 3), ("客:在的亲",), ("price_bargain",))
    for i in range(10)
]
COPIES = [replace(row, id=f"{row.id}~{k}", part=AUGMENTED) for row in ROWS for k in (1, 2)]


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: Path) -> Tokenizer:
    return load_base_tokenizer(tiny_bert)


def seen(data: Encodings, settings: FinetuneSettings, epoch: int) -> list[int]:
    return [row for chosen, *_ in batches(data, settings, epoch) for row in chosen]


def test_every_row_comes_once_an_epoch_in_an_order_fixed_by_the_seed(tokenizer: Tokenizer) -> None:
    data = Encodings.of(ROWS, tokenizer, SETTINGS)
    assert sorted(seen(data, SETTINGS, 0)) == list(range(10))
    assert seen(data, SETTINGS, 1) == seen(data, SETTINGS, 1)
    assert seen(data, SETTINGS, 0) != seen(data, SETTINGS, 1)
    assert steps_an_epoch(ROWS, SETTINGS) == 3


def test_augmented_rows_take_turns_until_all_were_seen(tokenizer: Tokenizer) -> None:
    rows = [*ROWS, *COPIES]
    settings = replace(SETTINGS, augmented_share=0.25)
    data = Encodings.of(rows, tokenizer, settings)
    counts = Counter(row for epoch in range(4) for row in seen(data, settings, epoch))
    assert [counts[i] for i in range(30)] == [4] * 10 + [1] * 20
    assert steps_an_epoch(rows, settings) == 4  # 10 rows and 5 of the 20 copies


def test_a_copy_stays_with_the_session_of_its_original() -> None:
    assert COPIES[0].session == ROWS[0].session == "s0"
    assert COPIES[0].augmented
    assert not ROWS[0].augmented


def test_context_is_dropped_and_characters_are_hidden_only_as_asked(tokenizer: Tokenizer) -> None:
    bare = replace(SETTINGS, drop_context=0.999)
    data = Encodings.of(ROWS, tokenizer, bare)
    segments = [segments for _, _, segments, _ in batches(data, bare, 0)]
    assert not any(part.any() for part in segments), "no second segment is left"
    mask = tokenizer.token_to_id("[MASK]") or 0
    hidden = replace(SETTINGS, hide_tokens=0.5)
    share = [ids.eq(mask).sum().item() for _, ids, _, _ in batches(data, hidden, 0)]
    assert sum(share) > 10
    assert not any(ids.eq(mask).any() for _, ids, _, _ in batches(data, SETTINGS, 0))
    first = next(batches(data, hidden, 0))[1][:, 0]
    assert set(first.tolist()) == {tokenizer.token_to_id("[CLS]")}, "special tokens are never hidden"


def test_long_texts_are_read_further_up_to_a_limit() -> None:
    short = [LabelledMessage(f"s:{i}#0", "包邮吗", (), ("a",)) for i in range(99)]
    long = [LabelledMessage(f"l:{i}#0", "好" * 100, (), ("a",)) for i in range(5)]
    huge = [LabelledMessage(f"h:{i}#0", "好" * 900, (), ("a",)) for i in range(5)]
    assert longest_message(short, 64) == 64
    assert longest_message([*short, *long], 64) == 112
    assert longest_message([*short, *huge], 64) == LONGEST
    assert longest_message([*short, *huge], 256) == 256
