"""Dropout from a pool: the right share, the right scale, the same masks for the same seed."""

from __future__ import annotations

import torch
from torch import nn

from xundan.training.dropout import POOL, PooledDropout


def test_a_tenth_is_dropped_and_the_mean_stays() -> None:
    dropped = PooledDropout(0.1)(torch.ones(500, 1000))
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.9).item()}
    assert abs((dropped == 0).float().mean().item() - 0.1) < 0.005
    assert abs(dropped.mean().item() - 1) < 0.005


def test_nothing_is_dropped_outside_training_or_at_share_0() -> None:
    values = torch.randn(7, 5)
    assert torch.equal(PooledDropout(0.5).eval()(values), values)
    assert torch.equal(PooledDropout(0.0)(values), values)


def test_masks_follow_the_seed_and_change_from_call_to_call() -> None:
    layer, values = PooledDropout(0.3), torch.ones(64, 64)
    torch.manual_seed(5)
    first, second = layer(values), layer(values)
    assert not torch.equal(first, second)
    torch.manual_seed(5)
    assert torch.equal(layer(values), first)


def test_an_input_larger_than_the_pool_has_a_mask_of_its_own() -> None:
    dropped = PooledDropout(0.5)(torch.ones(POOL + 1))
    assert 0.49 < (dropped == 0).float().mean().item() < 0.51


def test_gradients_flow_through_what_was_kept_in_the_type_of_the_values() -> None:
    values = torch.ones(100, dtype=torch.bfloat16, requires_grad=True)
    dropped = nn.Sequential(PooledDropout(0.2))(values)
    assert dropped.dtype == torch.bfloat16
    dropped.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad == 0, dropped == 0)
