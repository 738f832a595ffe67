"""The page on which one session is labelled: its bubbles, to be ticked as evidence, and the answers beside.

page = session_page(load("loss"), retired={})
"""

from __future__ import annotations

from collections.abc import Mapping

from xundan.labeling.studio.config_parts import (
    COMMENT,
    EVIDENCE,
    MOST_SECONDARY,
    OBJECT,
    PRIMARY,
    SECONDARY,
    STAGE,
    Element,
    doubts,
    element,
    heading,
    key_help,
    model_line,
    page,
    tree_of,
)
from xundan.taxonomy.trees import Taxonomy

STAGES = {
    "stage_enter": ("进店首问", "买家只问了一句，没有再接话"),
    "stage_need": ("了解需求", "还在说要什么，没有得到解答"),
    "stage_answer": ("解答推荐", "客服在解答或推荐商品"),
    "stage_negotiate": ("议价活动", "在谈价格、优惠、赠品、运费"),
    "stage_objection": ("异议犹豫", "嫌贵、要比较、要考虑、不放心"),
    "stage_order_unpaid": ("已拍未付", "下了单，没有付款"),
    "stage_paid": ("已付款", "付过款（后来退了也算）"),
    "stage_aftersale": ("售后", "谈的是已买的东西"),
}
"""Every stage of `xundan.chats.records.STAGES` with its name and what it means; key 1 is the first."""


def session_page(taxonomy: Taxonomy, retired: Mapping[str, str]) -> Element:
    """The page as XML; ``retired``: see `tree_of`."""
    root = page("page", "session")
    left = element("View", root, className="xd-read")
    inner = element("View", left)
    element("HyperText", inner, name=OBJECT, value="$head", inline="true", selectionEnabled="false")
    heading(inner, "证据消息", "点选能说明流失原因的那几句")
    evidence = {"choice": "multiple", "value": "$turns"}
    element("Choices", element("View", inner, className="xd-turns"), name=EVIDENCE, toName=OBJECT, **evidence)
    right = element("View", root, className="xd-answer")
    heading(right, "主要流失点", "必选一个：没有它，这单多半就成了")
    right.append(tree_of(taxonomy, PRIMARY, placeholder="点开分类树", most=1, retired=retired))
    heading(right, "次要流失点", f"没有就空着，最多 {MOST_SECONDARY} 个")
    right.append(tree_of(taxonomy, SECONDARY, placeholder="点开分类树", most=MOST_SECONDARY, retired=retired))
    model_line(right)
    heading(right, "断在哪个环节", "按数字键")
    right.append(_stages())
    heading(right, "拿不准")
    right.append(doubts())
    heading(right, "备注")
    comment = {"rows": "2", "maxSubmissions": "1", "editable": "true", "placeholder": "可以不填"}
    element("TextArea", right, name=COMMENT, toName=OBJECT, **comment)
    key_help(right)
    return root


def _stages() -> Element:
    choices = element("Choices", None, name=STAGE, toName=OBJECT, choice="single", showInline="true")
    for number, (stage, (name, meaning)) in enumerate(STAGES.items(), 1):
        shown = f"<i>{number}</i>{name}"
        element("Choice", choices, value=name, alias=stage, html=shown, hotkey=str(number), hint=meaning)
    return choices
