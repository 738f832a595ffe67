"""A migration file is read whole or refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.taxonomy.migrate import read_migration


def test_old_ids_lead_to_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "moved.yaml"
    path.write_text("product_color: product_appearance\nprice_bulk: price_bargain\n", encoding="utf-8")
    assert read_migration(path) == {"product_color": "product_appearance", "price_bulk": "price_bargain"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no migration in it"),
        ("- a\n- b\n", "no migration in it"),
        ("a: b\nc: [d]\n", r"moved.yaml:2: not a pair of leaf ids"),
    ],
)
def test_anything_else_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "moved.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_migration(path)
