"""Tags of agents and quality checkers: whom they belong to, what they mean, and that none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from openpyxl import Workbook

from tests.labeling.voting import AT, TREE, task
from xundan.errors import BadInput
from xundan.labeling.agreement.votes import read_votes
from xundan.labeling.records import Annotation
from xundan.labeling.store import Store
from xundan.labeling.tag_names import TagNames, Unknown, write_unknown
from xundan.labeling.tag_sources import TagsTaken, import_tags, link_tags, places_of
from xundan.taxonomy.trees import Leaf, from_leaves, load


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        opened.add_tasks([task("k1"), task("k2")])
        yield opened


def table(tmp_path: Path, *lines: str, name: str = "客服打标.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def tags(store: Store) -> dict[str, Annotation]:
    return {one.key: one for one in store.annotations() if one.source != "human"}


def adds_up(taken: TagsTaken) -> bool:
    return (
        taken.rows == taken.taken + len(taken.rejected)
        and taken.annotations == taken.new + taken.changed + taken.same
        and taken.annotations == taken.with_leaf + taken.without
    )


def test_tags_become_a_weaker_source(store: Store, tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "会话ID,消息ID,标签,打标人,打标时间",
        "s-k1,m-k1,运费；售前/尺码,客服小林,2026-03-04 10:00:00",
        "s-k1,m-k1,stock,客服小林,2026-03-04 10:05:00",
        "s-k2,m-k2,Time,,",
    )
    taken = import_tags(store, path, TREE, now=AT)
    assert adds_up(taken)
    assert (taken.rows, taken.annotations, taken.new, taken.unplaced, taken.unknown) == (3, 2, 2, 0, ())
    found = tags(store)
    assert found["k1"].leaves == ("fee", "size", "stock")
    assert (found["k1"].by, found["k1"].source) == ("客服小林", "agent_tag")
    assert found["k1"].at == datetime(2026, 3, 4, 2, 5, tzinfo=UTC)  # the latest of the three, of Shanghai
    assert found["k1"].comment == "运费；售前/尺码；stock"
    assert (found["k2"].leaves, found["k2"].by, found["k2"].at) == (("time",), "agent_tag", AT)
    votes = read_votes(store, TREE.tree)
    assert (votes.by_task, votes.counts.agent_tag) == ({}, 2)  # never a human answer


def test_an_import_can_be_repeated_and_mended(store: Store, tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "消息ID,标签,客服",
        "m-k1,包邮不,小林",
        "m-k1,运费险,小林",
        "m-k2,运费,小林",
        "m-k2,无效,小王",
    )
    first = import_tags(store, path, TREE, now=AT)
    assert adds_up(first)
    assert [(one.tag, one.rows, one.example) for one in first.unknown] == [
        ("包邮不", 1, "m-k1"),
        ("无效", 1, "m-k2"),
        ("运费险", 1, "m-k1"),
    ]
    assert first.unknown[0].nearest == "fee"  # 包邮 is among what it includes
    assert (first.with_leaf, first.without) == (1, 2)
    again = import_tags(store, path, TREE)
    assert (again.new, again.changed, again.same) == (0, 0, 3)

    write_unknown(tmp_path / "unknown.csv", first.unknown)
    lines = (tmp_path / "unknown.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "标签,叶子,行数,例,最近的叶子,最近的叶子 id"
    filled = [
        lines[0],
        lines[1].replace("包邮不,,", "包邮不,运费,"),
        lines[2].replace("无效,,", "无效,-,"),
        lines[3],
    ]
    mapping = table(tmp_path, *filled, name="对照.csv")
    mended = import_tags(store, path, TREE, mapping=mapping)
    assert adds_up(mended)
    assert (mended.new, mended.changed, mended.same) == (0, 1, 2)
    assert [one.tag for one in mended.unknown] == ["运费险"]
    assert tags(store)["k1"].leaves == ("fee",)
    assert tags(store)["k1"].history == ()  # there was no leaf before
    assert len(tags(store)) == 2
    said = "\n".join(mended.sentences())
    assert "4 rows = 4 taken + 0 rejected" in said
    assert "3 agent_tag answers = 0 new + 1 changed + 2 as before; 2 with a leaf, 1 without" in said
    assert "运费险 (1): nearest fee 运费" in said


def test_a_corrected_tag_keeps_its_history(store: Store, tmp_path: Path) -> None:
    import_tags(store, table(tmp_path, "消息ID,标签", "m-k1,运费"), TREE, now=AT)
    import_tags(store, table(tmp_path, "消息ID,标签", "m-k1,库存"), TREE)
    (found,) = tags(store).values()
    assert (found.leaves, found.history, found.at) == (("stock",), (("fee",),), AT)


def test_a_tag_waits_for_its_message(store: Store, tmp_path: Path) -> None:
    path = table(tmp_path, "会话ID,消息ID,标签", "s-k9,m-k9,运费", "s-k8,,尺码", ",m-k7,库存")
    taken = import_tags(store, path, TREE, "qa_import")
    assert (taken.annotations, taken.unplaced) == (3, 3)
    assert "3 belong to no task or message of the pool yet" in "\n".join(taken.sentences())
    candidate = SimpleNamespace(key="k9", session_id="s-k9", message_id="m-k9")
    assert link_tags(store, TREE.tree, places_of([candidate])) == 1
    store.add_tasks([task("k7")])
    assert link_tags(store, TREE.tree) == 1
    assert {"k9", "k7"} < set(tags(store))
    again = import_tags(store, path, TREE, "qa_import")  # without the pool: what was linked stays so
    assert (again.same, again.unplaced) == (3, 1)


def test_tags_of_messages_are_tags_of_their_session_in_a_tree_of_sessions(
    store: Store, tmp_path: Path
) -> None:
    loss = load("loss")
    session = task("whole", "s9", whole=True, tree="loss")
    store.add_tasks([session])
    path = table(tmp_path, "会话ID,消息ID,标签,客服", "s9,m3,loss_stock_out,小林", "s9,m5,断货缺码,小林")
    taken = import_tags(store, path, loss)
    assert (taken.annotations, taken.unplaced) == (1, 0)
    assert tags(store)["whole"].leaves == ("loss_stock_out",)
    assert tags(store)["whole"].evidence == ("m3", "m5")


def test_rows_that_say_nothing_are_listed(store: Store, tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "会话ID,消息ID,标签,打标时间",
        ",,运费,",
        "s-k1,m-k1,,",
        "1.23E+15,m-k1,运费,",
        "s-k1,m-k1,运费,昨天",
        "s-k1,m-k1,运费,,多一格",
        "s-k2,m-k2,运费,",
    )
    taken = import_tags(store, path, TREE)
    assert adds_up(taken)
    assert {one.where: one.reason for one in taken.rejected} == {
        "客服打标.csv:2": "no session or message id",
        "客服打标.csv:3": "no tag",
        "客服打标.csv:4": "会话ID a spreadsheet rounded this number; export it as text",
        "客服打标.csv:5": "打标时间 is no date",
        "客服打标.csv:6": "has 5 cells where the header has 4",
    }
    assert "rejected 客服打标.csv:5: 打标时间 is no date" in "\n".join(taken.sentences())


def test_an_excel_file_with_private_data_in_a_tag(store: Store, tmp_path: Path) -> None:
    book = Workbook()
    page = book.active
    assert page is not None
    for line in (("消息ID", "会话标签"), ("m-k1", "回电13800001234"), ("m-k2", "运费")):
        page.append(line)
    book.save(tmp_path / "质检.xlsx")
    taken = import_tags(store, tmp_path / "质检.xlsx", TREE, "qa_import")
    assert taken.unknown[0].tag == "回电[手机]"
    assert tags(store)["k1"].comment == "回电[手机]"
    assert tags(store)["k2"].leaves == ("fee",)


def test_what_a_file_of_tags_must_have(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no column for tag"):
        import_tags(store, table(tmp_path, "会话ID,备注", "s1,运费"), TREE)
    with pytest.raises(BadInput, match="no column for session_id"):
        import_tags(store, table(tmp_path, "标签,备注", "运费,x"), TREE)
    with pytest.raises(BadInput, match="expected agent_tag or qa_import"):
        import_tags(store, table(tmp_path, "会话ID,标签", "s1,运费"), TREE, "human")


def test_a_mapping_to_a_leaf_that_is_none(tmp_path: Path) -> None:
    mapping = table(tmp_path, "标签,叶子", "邮费,运费", "几码,尺玛", name="对照.csv")
    with pytest.raises(BadInput, match=r"no such leaf; got '尺玛'.*the nearest is size 尺码") as caught:
        TagNames.of(TREE, mapping)
    assert caught.value.where.endswith("对照.csv:3")
    with pytest.raises(BadInput, match="no column for leaf"):
        TagNames.of(TREE, table(tmp_path, "标签,名", "邮费,运费", name="b.csv"))


def test_names_that_two_leaves_share_are_not_guessed() -> None:
    tree = from_leaves("two", [Leaf("a_other", "其他", "", "a"), Leaf("b_other", "其他", "", "b")])
    names = TagNames.of(tree)
    assert not names.knows("其他")
    assert (names.leaf("A_Other"), names.leaf("其他")) == ("a_other", None)


def test_unknown_tags_as_a_table(tmp_path: Path) -> None:
    write_unknown(tmp_path / "u.csv", [Unknown('带"引号', 3, "s1", "fee", "运费")])
    assert '"带""引号",,3,s1,运费,fee' in (tmp_path / "u.csv").read_text(encoding="utf-8-sig")


def test_what_was_filled_in_for_unknown_tags_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    path = table(tmp_path, "消息ID,标签,客服", "m-k1,包邮不,小林", "m-k2,几码,小林", "m-k2,运费险,小王")
    listed = tmp_path / "unknown_tags.csv"
    write_unknown(listed, import_tags(store, path, TREE, now=AT).unknown)
    filled = listed.read_text("utf-8-sig").replace("包邮不,,", "包邮不,运费,").replace("几码,,", "几码,尺码,")
    listed.write_text(filled, encoding="utf-8")
    for same in (False, True):  # the second time with the file that the first time has written
        taken = import_tags(store, path, TREE, mapping=listed)
        assert [one.tag for one in taken.unknown] == ["运费险"]
        assert (taken.changed, taken.with_leaf) == (0 if same else 2, 2)
        write_unknown(listed, taken.unknown)
