"""The models in the package: whole, for the shipped trees, and right about plain cases."""

from __future__ import annotations

import pytest

from xundan.models.loss.runtime import LossModel
from xundan.models.registry import SHIPPED, champion
from xundan.models.runtime import Model
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.loss.compact import read_compact
from xundan.training.loss.leaves import with_message_leaves
from xundan.training.loss.sessions import LabelledSession

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

LOST = [
    (["买 这个包多少钱", "客 +20s 亲 899哦", "买 +40s 太贵了 超预算了 算了"], "loss_price_too_high"),
    (["买 你好 这款还有吗", "买 +10m 人呢"], "loss_service_no_reply"),
    (["买 37码有吗", "客 +15s 亲 37码没货了 不补了哦", "买 +30s 哦 那算了"], "loss_stock_out"),
    (
        ["买 发新疆包邮吗", "客 +15s 新疆要补25元运费哦", "买 +20s 运费这么贵 不买了"],
        "loss_logistics_freight",
    ),
    (["买 再少20行不行", "客 +20s 亲 这是最低价了", "买 +30s 少不了就算了"], "loss_price_bargain_failed"),
    (["买 质量好吗", "客 +20s 放心哦 都是好评", "买 +30s 我问下老公再说"], "loss_buyer_consult_other"),
]


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


def test_plain_losses_are_named_and_proved() -> None:
    judge = LossModel.load(champion("loss"))
    assert judge.description.leaves == tuple(leaf.id for leaf in load("loss").leaves)
    cases = [read_compact(leaf, lines) for lines, leaf in LOST]
    filled = with_message_leaves(
        [LabelledSession(case.session_id, case, case.session_id) for case in cases],
        *(Model.load(champion(tree)) for tree in ("attention", "action")),
    )
    said = judge.judge([session.case for session in filled], Limits())
    assert [verdict[0].leaf for verdict in said] == [leaf for _, leaf in LOST]
    assert said[0][0].evidence[0] == "3", "the message that says it"


@pytest.mark.parametrize("text", ["", " ", "\ud800", "😀" * 50, "好" * 5000, "[图片]", "\x00"])
def test_odd_text_gets_a_leaf_too(text: str) -> None:
    model = Model.load(champion("attention"))
    assert model.choose(model.score([text], [()])).any()


@pytest.mark.parametrize("name", ["attention", "action", "encoder", "loss"])
def test_each_has_a_card_that_names_data_and_limits(name: str) -> None:
    card = (SHIPPED / name / "card.md").read_text(encoding="utf-8")
    assert "## Data" in card
    assert "## Limits" in card
