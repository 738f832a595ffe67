"""What the message models see in labelled sessions: each message after its previous turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xundan.training.loss.compact import read_compact
from xundan.training.loss.leaves import brings_leaves, with_message_leaves
from xundan.training.loss.sessions import LabelledSession, with_leaves


class FakeModel:
    """Sees its first leaf in a question and its second in all else; keeps what it was asked."""

    def __init__(self, *leaves: str) -> None:
        self.description = type("Description", (), {"leaves": leaves})()
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def score(self, texts: Sequence[str], contexts: Sequence[Sequence[str]]) -> Any:
        self.asked += [(text, tuple(context)) for text, context in zip(texts, contexts, strict=True)]
        question = np.array([text.endswith("吗") for text in texts], dtype=np.float32)
        return np.stack([question, 1 - question], axis=1) if texts else np.empty((0, 2), np.float32)

    def choose(self, scores: Any) -> Any:
        return scores > 0.5


def session(name: str, *lines: str) -> LabelledSession:
    return LabelledSession(name, read_compact(name, lines), "loss_silent_leave")


TALK = session(
    "k1", "买 毯子能机洗吗", "机 +1s 欢迎光临", "客 +20s 能的 您要几条", "买 +30s 两条", "客 +10s 要包起来吗"
)


def test_buyers_are_read_for_attention_and_agents_for_actions_after_two_turns() -> None:
    attention: Any = FakeModel("product_usage", "dialog_ack")
    action: Any = FakeModel("act_probe_need", "act_explain")
    (found,) = with_message_leaves([TALK], attention, action)
    assert [turn.leaves for turn in found.case.turns] == [
        {"product_usage"},
        frozenset(),
        {"act_explain"},
        {"dialog_ack"},
        {"act_probe_need"},
    ]
    assert attention.asked == [
        ("毯子能机洗吗", ()),
        ("两条", ("机:欢迎光临", "客:能的 您要几条")),
    ]
    assert action.asked == [
        ("能的 您要几条", ("买:毯子能机洗吗", "机:欢迎光临")),
        ("要包起来吗", ("客:能的 您要几条", "买:两条")),
    ]


def test_sessions_that_bring_leaves_keep_them() -> None:
    own = with_leaves(replace(TALK, id="k2"), {"1": frozenset({"product_care"})})
    attention: Any = FakeModel("product_usage", "dialog_ack")
    action: Any = FakeModel("act_probe_need", "act_explain")
    first, second = with_message_leaves([own, session("k3", "买 在吗")], attention, action)
    assert first == own
    assert [turn.leaves for turn in second.case.turns] == [{"product_usage"}]
    assert attention.asked == [("在吗", ())]
    assert (brings_leaves(own), brings_leaves(TALK)) == (True, False)
