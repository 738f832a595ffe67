"""What the verdict says of two models, of a promise and of sure scores: from answers written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Leaf, from_leaves
from xundan.training.evaluation.assessment import Assessment, assess
from xundan.training.evaluation.certainty import Sureness
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.page.sentences import sentences
from xundan.training.evaluation.page.view import View
from xundan.training.evaluation.paired import paired
from xundan.training.evaluation.result import Evaluation
from xundan.training.labels import LabelledMessage, target_matrix

LEAVES = ("fee", "time", "thanks")
TREE = from_leaves("small", [Leaf(leaf, leaf, "", "all") for leaf in LEAVES])


def rows(sessions: int) -> list[LabelledMessage]:
    """Two hundred messages, one in ten about time."""
    return [
        LabelledMessage(f"s{i % sessions}#{i}", "多少钱", (), ("time" if i >= 180 else "fee",))
        for i in range(200)
    ]


def answered(labelled: list[LabelledMessage], wrong: range, score: float = 0.9) -> Judged:
    """Right but for some rows, which are taken for thanks."""
    chosen: Chosen = target_matrix(labelled, LEAVES) > 0
    chosen[list(wrong)] = [False, False, True]
    return Judged("v1", TREE.version, LEAVES, (chosen * score).astype(np.float32), chosen, {})


def assessed(labelled: list[LabelledMessage], judged: Judged) -> Assessment:
    sureness = Sureness(np.ones(len(labelled), dtype=np.float32), cutoff=0.5, promised=0.125)
    return assess(judged, sureness, labelled, TREE)


def evaluation(sessions: int, old: range, new: range, asked: tuple[str, ...] = ()) -> Evaluation:
    labelled = rows(sessions)
    before, after = answered(labelled, old), answered(labelled, new)
    model, against = assessed(labelled, after), assessed(labelled, before)
    between = paired(before, after, labelled, TREE)
    return Evaluation(TREE, tuple(labelled), "0" * 64, (), model, against, between, None, None, asked)


FREQUENT, RARE = range(60), range(180, 200)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(FREQUENT, RARE, "整体更好、少见叶子更差"), (RARE, FREQUENT, "整体更差、少见叶子更好")],
)
def test_rare_leaves_that_say_the_opposite_are_named(old: range, new: range, said: str) -> None:
    _, second, third, *_ = sentences(evaluation(200, old, new))
    assert said in second
    assert "按会话的符号检验" in third


def test_of_a_few_sessions_no_model_is_called_better() -> None:
    first, second, *rest = sentences(evaluation(10, FREQUENT, RARE), "en")
    assert first.startswith("Too few sessions (10; at least 20 are needed) to compare")
    assert "sign test of sessions" in second
    assert not any("better overall" in line for line in rest)


def test_two_of_one_version_are_told_apart_by_role_and_folder() -> None:
    assert View.of(evaluation(20, RARE, RARE), "zh").names == ("v1 (本模型)", "v1 (对比模型)")
    named = View.of(evaluation(20, RARE, RARE, ("new", "old")), "en").names
    assert named == ("v1 (this model new)", "v1 (other model old)")


def test_a_promise_is_told_with_what_it_is_worth() -> None:
    kept = next(line for line in sentences(evaluation(200, FREQUENT, RARE)) if "交给人看" in line)
    assert "模型承诺不超过 12.5%：约 95% 的把握" in kept
    assert "您的消息可能不同" in kept
    broken = next(line for line in sentences(evaluation(200, RARE, FREQUENT), "en") if "Flagged" in line)
    assert "more than the promised 12.5%" in broken
    assert "your messages may differ" in broken


def test_too_sure_is_said_only_of_more_than_chance() -> None:
    sure, fair = (
        next(line for line in sentences(evaluation(200, new, new)) if "得分减正确率" in line)
        for new in (FREQUENT, RARE)
    )
    assert sure.endswith("总体偏高。")
    assert "看不出" not in sure
    assert "看不出总体偏高" in fair  # said 0.9, right in nine of ten
