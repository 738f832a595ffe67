"""Pairs of sessions that differ in one fact: the shipped ones, how they are read, who passes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput
from xundan.models.loss.case import Case
from xundan.models.loss.verdict import Reason, Verdict
from xundan.settings import Limits
from xundan.taxonomy.trees import load
from xundan.training.loss.compact import read_compact
from xundan.training.loss.pairs import SessionPair, load_pairs, run_pairs, told_apart, with_leaves_filled
from xundan.training.loss.sessions import with_leaves

ENTRY = """
  - id: reply-time-1
    fact: the answer came at once, or late
    leaves: [loss_silent_leave, loss_service_slow]
    sessions:
      - |
        买 毯子多大
        客 +20s 一米五的
      - |
        买 毯子多大
        客 +30m 一米五的
"""


def written(folder: Path, *entries: str) -> Path:
    path = folder / "own.yaml"
    path.write_text("pairs:" + "".join(entries), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pairs() -> tuple[SessionPair, ...]:
    return load_pairs()


class FakeJudge:
    """Says what it was told of each session."""

    def __init__(self, leaves: dict[str, str]) -> None:
        self.leaves, self.description, self.limits = leaves, None, Limits(first_response_s=1)

    def judge(self, cases: Sequence[Case], limits: Limits, on_rows: object = None) -> list[Verdict]:
        self.limits = limits
        return [(Reason(self.leaves[case.session_id], 0.9, ()),) for case in cases]


def test_the_shipped_pairs_cover_every_leaf(pairs: tuple[SessionPair, ...]) -> None:
    assert len(pairs) == 150
    assert {side.primary for pair in pairs for side in pair.sides} == {
        leaf.id for leaf in load("loss").leaves
    }
    for pair in pairs:
        first, second = pair.sides
        assert first.primary != second.primary
        assert pair.fact


def test_the_shipped_pairs_are_sessions_as_chats_are_cut(pairs: tuple[SessionPair, ...]) -> None:
    for pair in pairs:
        for side in pair.sides:
            turns = side.case.turns
            gaps = [later.at - earlier.at for earlier, later in pairwise(turns)]
            assert max(gaps, default=timedelta()) <= timedelta(hours=4), pair.id
            assert any(turn.role == "buyer" for turn in turns), pair.id


def test_both_sides_must_be_right(pairs: tuple[SessionPair, ...]) -> None:
    right: Any = FakeJudge({side.id: side.primary for pair in pairs for side in pair.sides})
    told = run_pairs(right, pairs)
    assert (told.share.hits, told.share.n, told.share.value) == (150, 150, 1.0)
    assert right.limits == Limits()
    always = told_apart([pair.sides[0].primary for pair in pairs for _ in pair.sides], pairs)
    assert (always.share.hits, set(always.passed.values())) == (0, {False})
    swapped = told_apart([side.primary for pair in pairs for side in reversed(pair.sides)], pairs)
    assert swapped.share.hits == 0


def test_some_pass_with_an_interval(pairs: tuple[SessionPair, ...]) -> None:
    some = pairs[:10]
    chosen = [side.primary for pair in some for side in pair.sides]
    chosen[4] = chosen[7] = chosen[9] = "loss_undetermined"
    told = told_apart(chosen, some)
    assert [name for name, passed in told.passed.items() if not passed] == [
        some[2].id,
        some[3].id,
        some[4].id,
    ]
    assert (told.share.hits, told.share.n) == (7, 10)
    # Wilson: (0.7 + z²/20 ± z·sqrt(0.021 + z²/400)) / (1 + z²/10), z = 1.96
    assert told.share.low == pytest.approx(0.397, abs=0.001)
    assert told.share.high == pytest.approx(0.892, abs=0.001)


def test_own_pairs_are_read(tmp_path: Path) -> None:
    (pair,) = load_pairs(written(tmp_path, ENTRY))
    prompt, late = pair.sides
    assert (prompt.id, prompt.primary, prompt.part) == ("reply-time-1/1", "loss_silent_leave", "written")
    assert prompt.believed == {"loss_silent_leave": 1.0}
    assert late.case.turns[1].at - late.case.turns[0].at == timedelta(minutes=30)


def test_leaves_of_messages_are_filled_in_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(sessions: Sequence[Any], *_: object) -> list[Any]:
        return [with_leaves(each, {"1": frozenset({each.id})}) for each in sessions]

    monkeypatch.setattr("xundan.training.loss.pairs.with_message_leaves", fill)
    nobody: Any = None
    (pair,) = with_leaves_filled(load_pairs(written(tmp_path, ENTRY)), nobody, nobody)
    assert [side.case.turns[0].leaves for side in pair.sides] == [{"reply-time-1/1"}, {"reply-time-1/2"}]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "loss_service_slow]",
            "loss_moon]",
            "own.yaml:2 (reply-time-1): not two leaves of the loss tree; got",
        ),
        ("loss_service_slow]", "loss_silent_leave]", "own.yaml:2 (reply-time-1): not two leaves of the loss"),
        ("[loss_silent_leave, ", "[", "own.yaml:2 (reply-time-1): not two leaves of the loss tree"),
        ("+30m 一米五的", "+20s 一米五的", "(reply-time-1): the sides must differ in one line; got 0 that"),
        (
            "+30m 一米五的",
            "+30m 一米五的\n        买 +10s 好\n        客 +9s 嗯",
            "got 3 that differ",
        ),
        (
            "客 +30m 一米五的",
            "客+30m 一米五的",
            "own.yaml:2 (reply-time-1): no turn and no order event; got",
        ),
        (
            "客 +30m 一米五的",
            "关 +30m",
            "(reply-time-1): an order event without an order; got 关 +30m",
        ),
        ("    fact:", "    why:", "own.yaml:2: not a pair; got {'id': 'reply-"),
        (
            "      - |\n        买 毯子多大\n        客 +20s 一米五的\n",
            "",
            "(reply-time-1): not two sessions; got",
        ),
    ],
)
def test_a_wrong_pair_is_named_with_file_and_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in ENTRY
    with pytest.raises(BadInput) as raised:
        load_pairs(written(tmp_path, ENTRY.replace(old, new, 1)))
    assert message in str(raised.value)


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"own.yaml:12: two pairs of one name; got reply-time-1"):
        load_pairs(written(tmp_path, ENTRY, ENTRY.lstrip("\n")))


def test_no_file_and_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no such file of pairs; got .*absent.yaml"):
        load_pairs(tmp_path / "absent.yaml")
    with pytest.raises(BadInput, match=r"own.yaml: no pairs; expected a list under the key pairs"):
        load_pairs(written(tmp_path, " []"))


def test_a_compact_session_is_read_line_by_line() -> None:
    case = read_compact(
        "k1",
        ["系 商品卡片", "买 +5s 這條毯子", "机 +1s 在的", "单 +2m", "付 +30s", "客 +1h 谢谢", "关 +1d"],
    )
    begin = case.turns[0].at
    assert [(turn.message_id, turn.role, turn.text) for turn in case.turns] == [
        ("1", "system", "商品卡片"),
        ("2", "buyer", "这条毯子"),
        ("3", "bot", "在的"),
        ("4", "agent", "谢谢"),
    ]
    assert case.turns[3].at - begin == timedelta(seconds=6 + 120 + 30 + 3600)
    assert case.ordered_at is not None
    assert case.paid_at is not None
    assert case.closed_at is not None
    assert (case.ordered_at - begin, case.paid_at - begin) == (
        timedelta(seconds=126),
        timedelta(seconds=156),
    )
    assert case.closed_at - begin == timedelta(days=1, seconds=3756)
    assert case.outcome == "lost_refund"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (["买 在吗"], "lost_no_order"),
        (["买 在吗", "单 +1m"], "lost_unpaid"),
        (["买 在吗", "单 +1m", "关 +1m"], "lost_unpaid"),
    ],
)
def test_the_outcome_follows_from_the_order(lines: list[str], outcome: str) -> None:
    assert read_compact("k", lines).outcome == outcome


@pytest.mark.parametrize("line", ["猫 +20s 喵", "客 +20x 有的", "客 +20s", "单", ""])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match="notes:4: no turn and no order event"):
        read_compact("k", ["买 在吗", line], "notes:4")


def test_a_session_without_a_turn_is_refused() -> None:
    with pytest.raises(BadInput, match="notes:4: a session without a turn"):
        read_compact("k", ["单 +1m"], "notes:4")
