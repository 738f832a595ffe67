"""What is sent and what is accepted: the guideline, the examples, the masked task, the checked answer.

pytest tests/labeling/test_suggest_prompt.py
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.labeling.asking_help import task
from xundan.errors import BadInput
from xundan.labeling.freeze.collect import row_id
from xundan.labeling.freeze.session_label import session_record
from xundan.labeling.records import Turn
from xundan.labeling.suggest.answer import Malformed, Wanted, cleaned, read_answer
from xundan.labeling.suggest.asking import Asking, Prices
from xundan.labeling.suggest.dialect import Dialect
from xundan.labeling.suggest.examples import Examples
from xundan.labeling.suggest.guide import MOST_IN_FULL, near
from xundan.labeling.suggest.prompt import Prompt, Prompts, repaired
from xundan.labeling.suggest.reading import LONGEST_SESSION, written
from xundan.taxonomy.trees import SHIPPED, load

ATTENTION = load("attention")
WANTED = Wanted(("price_bargain", "logistics_freight", "logistics_ship_time"), most=2)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def label(text: str, *leaves: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"id": name, "text": text, "labels": list(leaves), **more}


@pytest.fixture
def examples(tmp_path: Path) -> Examples:
    rows = (
        label("运费要几块钱", "logistics_freight", name="x1#3", context=["客:您好"]),
        label("运费谁来出呢", "logistics_freight", name="x2#1"),
        label("运费谁来出呢", "logistics_freight", name="x3#1"),
        label("可以便宜十块吗", "price_bargain", name="x4#2"),
        label("zzz", "dialog_other", name="x5#2"),
    )
    return Examples.read(write(tmp_path / "labels.jsonl", *rows), ATTENTION)


def words(prompt: Prompt) -> str:
    return "\n".join(message["content"] for message in prompt.messages)


def test_a_big_tree_is_given_in_lines_and_only_what_is_near_in_full(examples: Examples) -> None:
    asked = task("运费怎么算", predicted=(("product_color", 0.9),))
    prompt = Prompts(ATTENTION, examples, 2).of([asked])[0]
    system, user = (message["content"] for message in prompt.messages)
    for leaf in ATTENTION.leaves:
        assert f"{leaf.id}｜{leaf.name}：{leaf.definition}" in system
    assert "不含：" not in system
    full = near(ATTENTION, ["product_color", "logistics_freight"])
    assert {"product_color", "aftersale_quality_issue", "logistics_freight"} <= set(full)
    shown = [line.partition("｜")[0] for line in user.splitlines() if "｜" in line]
    assert shown == [leaf.id for leaf in ATTENTION.leaves if leaf.id in full]  # not in the model's order
    assert len(words(prompt)) < 7000


def test_a_smaller_tree_is_given_whole_so_that_every_prompt_begins_alike() -> None:
    action = load("action")
    prompts = Prompts(action, Examples(), 6).of([task("您好", tree="action"), task("已发货", 2, "action")])
    assert prompts[0].messages[0] == prompts[1].messages[0]
    assert prompts[0].messages[0]["content"].count("不含：") == sum(
        bool(leaf.excludes) for leaf in action.leaves
    )
    assert prompts[0].messages[1]["content"].startswith("请标注\n")


def test_only_so_many_leaves_are_given_in_full() -> None:
    everything = [leaf.id for leaf in ATTENTION.leaves]
    assert near(ATTENTION, everything) == everything[:MOST_IN_FULL]
    assert near(ATTENTION, ["no_such_leaf"]) == []


def test_nothing_says_whose_message_it_is(examples: Examples) -> None:
    asked = replace(task("运费怎么算", 77), shop="某某旗舰店", buyer="b_secret", item="棉布窗帘")
    sent = words(Prompts(ATTENTION, examples, 2).of([asked])[0])
    assert "棉布窗帘" in sent
    for hidden in ("某某旗舰店", "b_secret", asked.session_id, str(asked.message_id), asked.key):
        assert hidden not in sent


def test_text_that_masking_would_change_is_refused_without_showing_it() -> None:
    asked = task("我的号码13812345678")
    with pytest.raises(BadInput, match="holds text that is not masked, so nothing was sent") as caught:
        Prompts(ATTENTION, Examples(), 0).of([task("包邮吗", 2), asked])
    assert f"task {asked.key} of session s1" in str(caught.value)
    assert "138" not in str(caught.value)
    before = replace(asked, text="嗯", turns=(Turn("m", "buyer", "微信：abc_12345"),))
    with pytest.raises(BadInput, match="is not masked"):
        Prompts(ATTENTION, Examples(), 0).of([before])


def test_an_item_title_is_masked_on_the_way() -> None:
    sent = written(task("包邮吗", item="专线13812345678窗帘"))
    assert "专线[手机]窗帘" in sent


@pytest.mark.parametrize("tree", SHIPPED)
def test_masking_leaves_every_id_as_it_is(tree: str) -> None:
    leaves = [leaf.id for leaf in load(tree).leaves]
    content = json.dumps({"reason": "加微信", "leaves": leaves, "unsure": False}, ensure_ascii=False)
    assert json.loads(cleaned(content))["leaves"] == leaves


def test_the_nearest_rows_are_shown_each_text_once_and_the_best_last(examples: Examples) -> None:
    shown = examples.nearest([task("运费要几块")], 5)[0]
    assert shown[0].id == "x1#3"
    assert [row.text for row in shown].count("运费谁来出呢") == 1
    assert "x5#2" not in [row.id for row in shown]  # shares no n-gram
    user = Prompts(ATTENTION, examples, 5).of([task("运费要几块")])[0].messages[1]["content"]
    line = '{"前文": ["客:您好"], "消息": "运费要几块钱", "leaves": ["logistics_freight"]}'
    assert line in user
    assert user.index("运费谁来出呢") < user.index(line) < user.index("请标注")


@pytest.mark.parametrize(("name", "session"), [("x1", "x1"), ("x1", "demo:x1"), ("x~1", "demo:x%7E1")])
def test_a_row_is_never_its_own_example_nor_one_of_its_session(
    tmp_path: Path, name: str, session: str
) -> None:
    """Sessions are named as in the chats, or as a frozen set names them."""
    asked = replace(task("运费要几块"), session_id=name)
    rows = (
        label("运费要几块钱呀", "logistics_freight", name=f"{session}#9"),
        label("运费要几块", "logistics_freight", name="other#1"),  # reads the same
        label("运费 要几块吧", "logistics_freight", name="other#2"),
    )
    examples = Examples.read(write(tmp_path / "labels.jsonl", *rows), ATTENTION)
    assert [row.id for row in examples.nearest([asked], 5)[0]] == ["other#2"]
    assert session == name or row_id(asked).startswith(f"{session}#")


def test_without_rows_or_shots_nothing_is_shown(examples: Examples) -> None:
    assert examples.nearest([task("运费")], 0) == [()]
    assert Examples().nearest([task("运费")], 3) == [()]


def test_rows_that_may_not_be_shown_are_counted(tmp_path: Path) -> None:
    rows = (
        label("运费多少", "logistics_freight"),
        label("我的号码13812345678", "logistics_freight"),
        label("运费", "a_leaf_of_last_year"),
        label("运费呢", "logistics_freight", name="s#1~1", part="augmented"),
    )
    examples = Examples.read(write(tmp_path / "labels.jsonl", *rows), ATTENTION)
    assert len(examples.rows) == 1
    assert examples.left_out == (("augmented", 1), ("labels the tree does not have", 1), ("not masked", 1))


def test_a_label_may_be_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.jsonl", {"text": "有色差吗", "labels": "颜色色差"})
    assert Examples.read(path, ATTENTION).rows[0].leaves == ("product_color",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not a JSON object"),
        ('{"labels": ["a"]}', "a row without text"),
        ('{"text": "a", "labels": [1]}', "labels is no list of texts"),
        ('{"loss_primary": "a", "messages": 3}', "not a labelled session"),
    ],
)
def test_a_broken_example_names_its_row(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "在吗", "labels": ["dialog_ack"]}\n' + line, encoding="utf-8")
    with pytest.raises(BadInput, match=f"labels.jsonl:2: {said}"):
        Examples.read(path, ATTENTION)
    with pytest.raises(BadInput, match="cannot be read"):
        Examples.read(tmp_path / "none.jsonl", ATTENTION)


def test_a_session_is_numbered_lines_with_times_and_order_events(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    turns = (Turn("m1", "buyer", "有点贵\n了", at), Turn("m2", "agent", "已经是最低价了"))
    session = replace(
        task("", tree="loss"), message_id=None, turns=turns, events=(("ordered", at),), item="台灯"
    )
    assert written(session).splitlines() == [
        "商品：台灯",
        "[1] 03-01 10:30:00 买：有点贵 了",
        "[2] 客：已经是最低价了",
        "订单：下单 03-01 10:30:00",
    ]
    record = session_record(replace(session, session_id="other"), ("loss_price_too_high",), [])
    examples = Examples.read(write(tmp_path / "loss.jsonl", record), load("loss"))
    other = replace(session, turns=(Turn("m1", "buyer", "贵了点"),))
    prompt = Prompts(load("loss"), examples, 1).of([other])[0]
    assert prompt.examples == ("other",)
    assert '"leaves": ["loss_price_too_high"]' in prompt.messages[1]["content"]
    assert prompt.wanted.turns == 1
    assert "evidence" in prompt.messages[0]["content"]


def test_a_number_on_several_lines_is_masked_once_it_stands_on_one() -> None:
    session = replace(task("", tree="loss"), message_id=None, turns=(Turn("m1", "buyer", "138\n1234\n5678"),))
    assert written(session) == "[1] 买：[手机]"


def test_of_a_long_session_the_middle_is_left_out() -> None:
    turns = tuple(Turn(f"m{i}", "buyer", f"第{i}句 " + "字" * 100) for i in range(1, 401))
    text = written(replace(task("", tree="loss"), message_id=None, turns=turns))
    assert len(text) < LONGEST_SESSION + 100
    assert "第1句" in text
    assert "第400句" in text
    left = [line for line in text.splitlines() if line.startswith("…（略去")]
    kept = len(text.splitlines()) - 1
    assert left == [f"…（略去 {400 - kept} 条）…"]
    assert text.index(left[0]) < len(text) / 3  # more of the end is kept


def test_the_version_changes_with_wording_and_shots_and_not_with_labels(examples: Examples) -> None:
    version = Prompts(ATTENTION, examples, 3).version("message")
    more = replace(examples, rows=examples.rows[:1])
    assert Prompts(ATTENTION, more, 3).version("message") == version
    assert version.startswith("p1-attention-1.0.0-")
    group = ATTENTION.groups[0]
    reworded = replace(group, leaves=(replace(group.leaves[0], definition="换了说法"), *group.leaves[1:]))
    other = replace(ATTENTION, groups=(reworded, *ATTENTION.groups[1:]))
    versions = [
        Prompts(other, examples, 3).version("message"),
        Prompts(ATTENTION, examples, 4).version("message"),
        Prompts(ATTENTION, examples, 3).version("session"),
        Prompts(ATTENTION, Examples(), 3).version("message"),
    ]
    assert len({version, *versions}) == 5


def test_the_schema_knows_the_leaves_and_nothing_else() -> None:
    schema = WANTED.schema()
    assert schema["properties"]["leaves"]["items"]["enum"] == list(WANTED.leaves)
    assert schema["required"] == ["reason", "leaves", "unsure"]
    assert schema["additionalProperties"] is False
    assert "evidence" in replace(WANTED, turns=3).schema()["required"]


@pytest.mark.parametrize(
    "content",
    [
        '{"reason": "问运费", "leaves": ["logistics_freight"], "unsure": false}',
        '<think>{"leaves": ["price_bargain"]}</think>\n{"reason": "问运费", "leaves": ["logistics_freight"]}',
        '```json\n{"reason": "问运费", "leaves": ["logistics_freight", " logistics_freight"]}\n```',
        '好的：{"reason": "问运费", "leaves": ["logistics_freight"]} 以上。',
    ],
)
def test_an_answer_is_found_whatever_stands_around_it(content: str) -> None:
    answer = read_answer(cleaned(content), WANTED)
    assert (answer.leaves, answer.unsure, answer.reason) == (("logistics_freight",), False, "问运费")


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        ("运费吧", "not JSON", "不是一个 JSON 对象"),
        ("[1]", "not JSON", "不是一个 JSON 对象"),
        ("", "not JSON", "不是一个 JSON 对象"),
        ('{"leaves": "logistics_freight"}', "no leaves", "必须是 id 的列表"),
        ('{"leaves": []}', "no leaves", "请至少选一个"),
        ('{"leaves": ["logistic_freight"]}', "invented leaf", "相近的有 logistics_freight"),
        ('{"leaves": ["logistics"]}', "invented leaf", "类别表里没有「logistics」"),
        ('{"leaves": ["logistics_freight"], "unsure": "no"}', "unsure is no truth value", "true 或 false"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(content: str, kind: str, told: str) -> None:
    with pytest.raises(Malformed, match=told) as caught:
        read_answer(cleaned(content), WANTED)
    assert caught.value.kind == kind


def test_too_many_leaves_cut_off_answers_and_unknown_evidence_are_malformed() -> None:
    with pytest.raises(Malformed, match="选了 3 个，最多 2 个"):
        read_answer(json.dumps({"leaves": WANTED.leaves}), WANTED)
    with pytest.raises(Malformed, match="被截断"):
        read_answer('{"reason": "很长', WANTED, finished=False)
    session = replace(WANTED, turns=2)
    for evidence in ([3], [0], ["1"], [True], 1):
        with pytest.raises(Malformed, match="编号从 1 到 2"):
            read_answer(json.dumps({"leaves": ["price_bargain"], "evidence": evidence}), session)
    good = read_answer(json.dumps({"leaves": ["price_bargain"], "evidence": [2, 2, 1]}), session)
    assert good.evidence == (2, 1)


def test_unsure_without_a_leaf_is_an_answer() -> None:
    answer = read_answer('{"reason": "看不懂", "leaves": [], "unsure": true}', WANTED)
    assert (answer.leaves, answer.unsure) == ((), True)


def test_what_is_kept_of_an_answer_is_masked_and_whole() -> None:
    kept = cleaned(
        '{"reason": "手机13812345678 \\ud83d", "leaves": ["price_bargain"], "more": [{"a": "13812345678"}]}'
    )
    assert "13812345678" not in kept
    assert read_answer(kept, WANTED).reason.startswith("手机[手机] ")
    kept.encode()
    assert cleaned("打 13812345678 问问") == "打 [手机] 问问"
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    assert isinstance(cleaned(deep), str)


def test_a_mistake_is_told_in_the_conversation() -> None:
    messages = repaired(({"role": "user", "content": "问"},), "", "请至少选一个")
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == "（空）"
    assert "这个回答不能用：请至少选一个" in messages[2]["content"]


def test_a_dialect_gives_way_step_by_step() -> None:
    first = Dialect()
    assert first.fields({}, 9)["response_format"]["json_schema"]["strict"] is True
    second = first.without("This response_format type is unavailable now")
    assert second == Dialect("json_object")
    third = second.without("'response_format' is not supported") if second else None
    assert third is not None
    assert "response_format" not in third.fields({}, 9)
    assert third.without("response_format") is None
    assert first.without("Use 'max_completion_tokens' instead") == Dialect(cap="max_completion_tokens")
    assert first.without("Unsupported value: 'temperature'") == Dialect(temperature=False)
    assert first.without("the input is too long") is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "api.example.com"}, "not the address of an endpoint"),
        ({"base_url": "ftp://example.com"}, "not the address of an endpoint"),
        ({"base_url": "http://[::1"}, "not the address of an endpoint"),
        ({"base_url": "https://me:secret@example.com/v1"}, "the address holds a secret"),
        ({"base_url": "https://example.com/v1?key=secret"}, "the address holds a secret"),
        ({"model": " "}, "no model is named"),
        ({"concurrent": 0}, "concurrent must be above 0"),
        ({"shots": -1}, "shots is negative"),
        ({"max_yuan": 1.0}, "--max-yuan needs prices"),
        ({"max_yuan": math.nan, "prices": Prices(1, 1)}, "--max-yuan is no number; got nan"),
        ({"max_yuan": -1.0, "prices": Prices(1, 1)}, "--max-yuan is negative"),
        ({"per_minute": math.nan}, "per_minute is no number"),
        ({"timeout_s": math.inf}, "timeout_s is no number"),
        ({"base_url": "https://example.com/v1#secret"}, "the address holds a secret"),
        ({"base_url": "https://a..b/v1"}, "not the address of an endpoint"),
        ({"base_url": "https://a b/v1"}, "not the address of an endpoint"),
        ({"extra_body": {"n": 5, "stream": True}}, "not yours to set; got n, stream"),
        ({"extra_body": {"seed": math.nan}}, "values that JSON does not have"),
        ({"extra_body": {"user": "\ud83d"}}, "values that JSON does not have"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], said: str) -> None:
    good: dict[str, Any] = {"base_url": "https://example.com/v1", "model": "qwen"}
    with pytest.raises(BadInput, match=said):
        Asking(**{**good, **changes})


def test_addresses_know_whether_they_leave_the_machine() -> None:
    cases = {
        "http://localhost:11434/v1": (True, True),
        "http://127.0.0.9:8000/v1": (True, True),
        "http://[::1]:8000/v1": (True, True),
        "https://example.com/v1": (False, True),
        "http://10.0.0.7:8000/v1": (False, False),
    }
    for address, expected in cases.items():
        asking = Asking(address, "qwen")
        assert (asking.loopback, asking.encrypted) == expected


def test_prices_are_yuan_per_million_tokens() -> None:
    assert Prices(2.0, 8.0).yuan(1_000_000, 500_000, cached=400_000) == pytest.approx(6.0)
    assert Prices(2.0, 8.0, cached=0.5).yuan(1_000_000, 0, cached=400_000) == pytest.approx(1.4)
    with pytest.raises(BadInput, match="price tokens_in is negative"):
        Prices(-1, 1)
    with pytest.raises(BadInput, match="price tokens_out is no number"):
        Prices(1, math.nan)
    with pytest.raises(BadInput, match="cached input is dearer"):
        Prices(1, 1, cached=2)
