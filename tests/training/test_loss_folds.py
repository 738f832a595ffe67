"""Cross-validation: no judge sees a session it answers for, nor one made from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xundan.chats.records import STAGES
from xundan.taxonomy.trees import load
from xundan.training.loss import cross_validate as module
from xundan.training.loss.compact import read_compact
from xundan.training.loss.cross_validate import cross_validate, family_folds, weights_of
from xundan.training.loss.finetune import LossSettings, Scored
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
