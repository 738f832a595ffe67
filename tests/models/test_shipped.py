"""The models in the package: whole, for the shipped trees, and right about plain cases."""

from __future__ import annotations

import pytest

from xundan.models.registry import SHIPPED, champion
from xundan.models.runtime import Model
from xundan.taxonomy.trees import load

PLAIN: dict[str, list[tuple[str, tuple[str, ...], str]]] = {
    "attention": [
        ("包邮吗", (), "logistics_freight"),
        ("可以再便宜一点吗", (), "price_bargain"),
        ("能开发票吗", (), "invoice_issue"),
        ("我的快递怎么还没到 查一下", (), "logistics_tracking"),
        ("有什么赠品送吗", (), "promo_gift"),
        ("好的谢谢", ("客:今天可以发出的哦",), "dialog_ack"),
    ],
    "action": [
        ("请问您的订单号是多少呢", ("买:帮我查下快递",), "act_ask_info"),
        ("亲 请稍等哦", ("买:在吗",), "act_hold"),
        ("非常抱歉给您带来不便", ("买:都坏了",), "act_apologize"),
    ],
}


@pytest.mark.parametrize("tree", PLAIN)
def test_a_shipped_model_speaks_its_taxonomy(tree: str) -> None:
    description = Model.load(champion(tree)).description
    taxonomy = load(tree)
    assert description.leaves == tuple(leaf.id for leaf in taxonomy.leaves)
    assert description.taxonomy_version == taxonomy.version
    assert len(description.thresholds) == len(description.leaves)


@pytest.mark.parametrize("tree", PLAIN)
def test_plain_cases_are_right(tree: str) -> None:
    model = Model.load(champion(tree))
    texts, contexts, truth = zip(*PLAIN[tree], strict=True)
    chosen = model.choose(model.score(texts, contexts))
    said = [{model.description.leaves[i] for i in row.nonzero()[0]} for row in chosen]
    assert [leaf in leaves for leaf, leaves in zip(truth, said, strict=True)] == [True] * len(truth)


@pytest.mark.parametrize("text", ["", " ", "\ud800", "😀" * 50, "好" * 5000, "[图片]", "\x00"])
def test_odd_text_gets_a_leaf_too(text: str) -> None:
    model = Model.load(champion("attention"))
    assert model.choose(model.score([text], [()])).any()


@pytest.mark.parametrize("name", ["attention", "action", "encoder"])
def test_each_has_a_card_that_names_data_and_limits(name: str) -> None:
    card = (SHIPPED / name / "card.md").read_text(encoding="utf-8")
    assert "## Data" in card
    assert "## Limits" in card
