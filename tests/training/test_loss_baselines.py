"""The floors: the commonest leaf, words weighted by a linear machine, the rules."""

from __future__ import annotations

from xundan.training.loss.baselines import majority_judge, svm_judge
from xundan.training.loss.compact import read_compact
from xundan.training.loss.sessions import LabelledSession

WAIT, DEAR, SLOW = "loss_promo_wait", "loss_price_too_high", "loss_service_slow"


def session(last: str, leaf: str) -> LabelledSession:
    return LabelledSession("k", read_compact("k", ["买 这把梳子多少钱", "客 +20s 五十九", last]), leaf)


WAITING = [session(f"买 +30s 等{day}活动再来", WAIT) for day in ("周年庆", "双11", "年底", "店庆")]
DEARER = [session(f"买 +30s 太贵了{end}", DEAR) for end in ("吧", "呀", " 不要了", "哦")]


def test_the_commonest_leaf_is_said_of_all() -> None:
    assert majority_judge([*WAITING, *DEARER[:2]], DEARER) == [WAIT] * 4


def test_the_linear_machine_learns_the_words() -> None:
    outside = [session("买 +40s 等618活动再来看", WAIT), session("买 +50s 也太贵了", DEAR)]
    assert svm_judge([*WAITING, *DEARER], outside) == [WAIT, DEAR]


def test_where_one_leaf_is_all_there_is_the_machine_says_it() -> None:
    assert svm_judge(WAITING, DEARER[:2]) == [WAIT, WAIT]
