"""Sessions as rows and batches: targets, stages, evidence, padding, order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer

from xundan.chats.records import STAGES
from xundan.models.loss.signals import signal_names
from xundan.models.tokenizer import PAD, build_tokenizer
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.loss.compact import read_compact
from xundan.training.loss.rows import UNKNOWN, Row, batches, make_rows, stack, stack_proof
from xundan.training.loss.sessions import LabelledSession

LEAVES = [leaf.id for leaf in load("loss").leaves]
LINES = ["买 毯子多大", "客 +20s 一米五", "买 +30s 好"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer(Counter("毯子多大一米五好系结束"), min_count=1)


def session(lines: list[str] = LINES, leaf: str = "loss_silent_leave", **more: object) -> LabelledSession:
    plain = LabelledSession("k1", read_compact("k1", lines), leaf, believed={leaf: 1.0})
    return replace(plain, **more)  # type: ignore[arg-type]


def one(tokenizer: Tokenizer, **more: object) -> Row:
    (row,) = make_rows([session(**more)], tokenizer, Limits())  # type: ignore[arg-type]
    return row


def test_a_target_is_what_readers_believed_and_sums_to_one(tokenizer: Tokenizer) -> None:
    row = one(tokenizer, believed={"loss_silent_leave": 3.0, "loss_buyer_hesitate": 1.0})
    assert row.target.shape == (len(LEAVES),)
    assert row.target[LEAVES.index("loss_silent_leave")] == pytest.approx(0.75)
    assert row.target[LEAVES.index("loss_buyer_hesitate")] == pytest.approx(0.25)
    assert row.target.sum() == pytest.approx(1.0)
    assert row.signals.shape == (len(signal_names()),)


def test_without_readers_the_target_is_the_primary_leaf(tokenizer: Tokenizer) -> None:
    target = one(tokenizer, believed={}).target
    assert target[LEAVES.index("loss_silent_leave")] == target.sum() == 1.0


def test_a_stage_that_nobody_named_is_unknown(tokenizer: Tokenizer) -> None:
    assert one(tokenizer).stage == UNKNOWN
    assert STAGES[one(tokenizer, stage="stage_objection").stage] == "stage_objection"


def test_proof_is_one_in_evidence_zero_in_other_messages_and_nothing_elsewhere(tokenizer: Tokenizer) -> None:
    row = one(tokenizer, evidence=("2",))
    spans = row.read.spans
    expected = np.full(len(row.read.ids), -1.0)
    for name, value in (("1", 0.0), ("2", 1.0), ("3", 0.0)):
        expected[slice(*spans[name])] = value
    assert row.proof.tolist() == expected.tolist()
    assert row.proof[0] == row.proof[-1] == -1
    assert set(one(tokenizer).proof) == {-1.0}


def many(tokenizer: Tokenizer) -> list[Row]:
    return make_rows([session(["买 " + "大" * (1 + 7 * i % 23)]) for i in range(23)], tokenizer, Limits())


def test_batches_hold_every_row_once(tokenizer: Tokenizer) -> None:
    rows = many(tokenizer)
    for epoch in (None, 0, 1):
        chosen = [i for numbers, _ in batches(rows, 5, seed=3, epoch=epoch) for i in numbers]
        assert sorted(chosen) == list(range(23))
    assert [len(numbers) for numbers, _ in batches(rows, 5, 3, None)] == [5, 5, 5, 5, 3]


def test_to_score_rows_come_by_length_to_train_they_are_shuffled(tokenizer: Tokenizer) -> None:
    rows = many(tokenizer)

    def order(seed: int, epoch: int | None) -> list[int]:
        return [i for numbers, _ in batches(rows, 4, seed, epoch) for i in numbers]

    lengths = [len(rows[i].read.ids) for i in order(0, None)]
    assert lengths == sorted(lengths)
    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed, epoch in ((0, 0), (0, 1), (1, 0))}) == 3


def test_shorter_rows_are_padded(tokenizer: Tokenizer) -> None:
    short, long = make_rows(
        [session(["买 好"], evidence=("1",)), session(evidence=("1",))], tokenizer, Limits()
    )
    batch = stack([short, long])
    n, longest = len(short.read.ids), len(long.read.ids)
    assert [tuple(tensor.shape) for tensor in batch.inputs()] == [(2, longest)] * 3 + [
        (2, len(signal_names()))
    ]
    assert batch.ids[0, :n].tolist() == short.read.ids.tolist()
    assert set(batch.ids[0, n:].tolist()) == {tokenizer.token_to_id(PAD)}
    assert batch.mask.sum(1).tolist() == [n, longest]
    proof = stack_proof([short, long], longest)
    assert proof[0, :n].tolist() == short.proof.tolist()
    assert set(proof[0, n:].tolist()) == {-1.0}
