"""Cross-validation: no judge sees a session it answers for, nor one made from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xundan.chats.records import STAGES
from xundan.errors import BadInput
from xundan.taxonomy.trees import load
from xundan.training.loss import cross_validate as module
from xundan.training.loss.compact import read_compact
from xundan.training.loss.cross_validate import cross_validate, family_folds, weights_of
from xundan.training.loss.finetune import LossSettings, Scored
from xundan.training.loss.kin import kin
from xundan.training.loss.sessions import LabelledSession

LEAF = "loss_silent_leave"


def session(name: str, part: str = "real") -> LabelledSession:
    return LabelledSession(name, read_compact(name, ["买 在吗"]), LEAF, part=part)


SESSIONS = [
    *(session(f"r{number}") for number in range(20)),
    *(session(f"w{number}", "written") for number in range(10)),
    *(session(f"r{number}~1", "augmented") for number in range(20)),
    *(session(f"alone{number}", "augmented") for number in range(5)),
]


def test_families_stay_together_and_parts_are_spread_evenly() -> None:
    folds = family_folds(SESSIONS, 5, seed=0)
    of_family: dict[str, set[int]] = {}
    for each, fold in zip(SESSIONS, folds.tolist(), strict=True):
        of_family.setdefault(each.family, set()).add(fold)
    assert {len(its) for its in of_family.values()} == {1}
    counts = Counter((each.part, fold) for each, fold in zip(SESSIONS, folds.tolist(), strict=True))
    assert {counts["real", fold] for fold in range(5)} == {4}
    assert {counts["written", fold] for fold in range(5)} == {2}


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    folds = family_folds(SESSIONS, 5, seed=0)
    backwards = family_folds(SESSIONS[::-1], 5, seed=0)
    assert folds.tolist() == backwards[::-1].tolist()
    assert folds.tolist() != family_folds(SESSIONS, 5, seed=1).tolist()


TALK = ["买 这条毯子能机洗吗", "客 +20s 可以的 要套上洗衣袋哦", "买 +30s 会不会掉毛", "客 +20s 不掉毛的"]
SCRIPT = ["客 您好 欢迎光临本店 有什么可以帮您", "客 +1s 今天下单明天就能发货哦", "客 +1s 收藏本店再减五元"]


def told(name: str, lines: Sequence[str], part: str = "real") -> LabelledSession:
    return LabelledSession(name, read_compact(name, lines), LEAF, part=part)


def test_the_same_talk_under_other_ids_stays_in_one_fold() -> None:
    others = [told(f"r{number}", [f"买 第{number}款毯子多大呢"]) for number in range(20)]
    for number in range(10):
        whole = told(f"r{number}", [*TALK, f"买 +1m 第{number}款也这样吗", "客 +10s 都一样的哦"])
        cut = told(f"cut{number}", whole_lines(number), "augmented")
        short = told("zz", ["买 +1m 第77款也这样吗"], "written")
        sessions = [*others[:number], whole, *others[number + 1 :], cut, short]
        folds = dict(zip((s.id for s in sessions), family_folds(sessions, 5, seed=0).tolist(), strict=True))
        assert folds[cut.id] == folds[whole.id]
        alone = family_folds(sessions[:20], 5, seed=0).tolist()
        assert [folds[s.id] for s in sessions[:20]] == alone, "what is measured stays where it was"


def whole_lines(number: int) -> list[str]:
    """The end of the talk, as another export has it."""
    return [*(line.replace(" +20s", " +5m") for line in TALK[1:]), f"买 +1m 第{number}款也这样吗"]


def test_kin_reaches_by_way_of_others_and_a_script_or_a_word_makes_none() -> None:
    sessions = [
        told("c", TALK),
        told("b", [*TALK[1:], "买 +1m 那红色的还有没有货", "客 +10s 有的 现在拍吗"]),
        told("a", ["客 不掉毛的", "买 +1m 那红色的还有没有货", "客 +10s 有的 现在拍吗"]),
        told("d", [*SCRIPT, "买 +1m 杯子多少钱"]),
        told("e", [*SCRIPT, "买 +1m 灯多少钱"]),
        told("f", ["买 在吗", "客 +5s 在的亲"]),
        told("g", ["买 在吗", "客 +9s 在的亲"]),
    ]
    alike = kin(sessions)
    assert [alike[name] for name in "cba"] == ["a", "a", "a"]
    assert [alike[name] for name in "defg"] == list("defg")


def test_one_talk_alone_cannot_be_cross_validated() -> None:
    sessions = [told(f"k~{number}", TALK) for number in range(60)]
    rows: Any = [None] * 60
    rows[0] = type("Row", (), {"target": np.zeros(3)})()
    with pytest.raises(BadInput, match="of one family, or tell the same talk"):
        cross_validate(sessions, rows, Path("base"), LossSettings(folds=2))


def test_a_session_made_from_none_is_a_family_of_its_own() -> None:
    assert [session(name, "augmented").family for name in ("~1", "~2")] == ["~1", "~2"]


def test_what_a_sample_was_drawn_for_is_real() -> None:
    drawn = session("r1", "random")
    assert (drawn.kind, drawn.augmented) == ("real", False)
    assert weights_of([drawn], LossSettings(real=3.0)) == [3.0]


def test_parts_count_as_the_settings_say() -> None:
    settings = LossSettings(real=3.0, written=2.0, augmented=0.5)
    chosen = [SESSIONS[0], SESSIONS[20], SESSIONS[30]]
    assert weights_of(chosen, settings) == [3.0, 2.0, 0.5]


def test_each_session_is_scored_by_a_network_that_saw_none_of_its_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows stand for sessions by number; a network is the set of families that it was trained on."""
    leaves = len(load("loss").leaves)
    trained: list[int] = []

    def train(rows: Sequence[Any], weights: Sequence[float], *_: object) -> set[str]:
        trained.append(len(rows))
        assert len(weights) == len(rows)
        return {SESSIONS[row.number].family for row in rows}

    def score(seen: set[str], rows: Sequence[Any]) -> Scored:
        numbers = [row.number for row in rows]
        assert not {SESSIONS[number].family for number in numbers} & seen
        said = np.repeat(np.array(numbers, dtype=np.float32)[:, None], leaves, axis=1)
        return Scored(
            said, np.zeros((len(rows), len(STAGES)), np.float32), [{str(number): 0.0} for number in numbers]
        )

    class Numbered:
        def __init__(self, number: int) -> None:
            self.number, self.target = number, np.zeros(leaves)

    monkeypatch.setattr(module, "train_judge", train)
    monkeypatch.setattr(module, "score", score)
    rows: Any = [Numbered(number) for number in range(len(SESSIONS))]
    begun: list[tuple[str, int]] = []

    def begin(what: str, total: int) -> Any:
        begun.append((what, total))
        return lambda steps: None

    held = cross_validate(SESSIONS, rows, Path("base"), LossSettings(epochs=2, batch=10, folds=5), begin)
    assert held.which.tolist() == list(range(30))
    assert held.leaves[:, 0].tolist() == list(range(30))
    assert [list(its) for its in held.evidence] == [[str(number)] for number in range(30)]
    assert held.folds.tolist() == family_folds(SESSIONS, 5, 0)[:30].tolist()
    assert sum(trained) == 4 * len(SESSIONS)
    assert begun[0] == ("fold 1 of 5", 2 * -(-trained[0] // 10))
