"""Tables of one byte a number stay close to what they were, and look up the same rows."""

from __future__ import annotations

import torch

from xundan.models.quantise import Int8Embedding, from_int8, to_int8


def test_the_error_is_at_most_half_a_step() -> None:
    table = torch.randn(50, 8) * torch.logspace(-3, 1, 50).unsqueeze(1)
    rows, scales = to_int8(table)
    assert rows.dtype == torch.int8
    assert ((from_int8(rows, scales) - table).abs() <= scales * 0.5001).all()


def test_a_row_of_zeros_stays_zero() -> None:
    assert not from_int8(*to_int8(torch.zeros(2, 4))).any()


def test_it_looks_rows_up_in_their_order() -> None:
    table = torch.arange(12.0).reshape(4, 3)
    found = Int8Embedding(table)(torch.tensor([[3, 0]]))
    assert torch.allclose(found, table[torch.tensor([[3, 0]])], atol=0.05)
