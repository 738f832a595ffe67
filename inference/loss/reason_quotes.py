"""Who said what when in a lost session: the messages of evidence as one clause, and what came after them.

said = Quotes(lost, wording, Limits()).told()
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from xundan.inference.loss.reason_wording import Wording
from xundan.inference.loss.silent import Talk
from xundan.models.loss.case import Case, Turn
from xundan.models.loss.facts import Ids
from xundan.settings import Limits

MOST_QUOTED = 3
_BARGAIN = "loss_price_bargain_failed"
_DEMANDS = frozenset({"price_bargain", "price_bulk"})
# A message that is worded as a question; of all others a sentence says "said", which is never wrong. What
# ends like a question and is none ("还没", "没什么", "这么", "我上班呢") is left out.
_QUESTION = re.compile(
    r"\?|(?:.吗|.(?<![这那])么|(?:在|行|是|可以)嘛|.(?<![还都也就才从并我没可要])[不没]|(?:^|\s)那\S{1,6}呢"
    r"|.(?:多少|什么|啥|哪里?|怎么?样|咋样|(?<![十百千好])几)呢?)[呀啊哈的]*$"
)
_NO_QUESTION = re.compile(
    r"(?:(?<!有)没有?|不管|无论|随便|不要|不用)\S{0,2}(?:什么|啥|多少|几|怎么?样)[^?]{0,2}$|什么的[呀啊哈]*$"
)
Words = tuple[str, Mapping[str, str]]
"""The key of the words that tell a message, and what they hold besides its time and text."""


@dataclass(frozen=True)
class Lost:
    """A judged lost session: its turns, its leaf, and what stands behind it.

    ``evidence``: message ids, the clearest first; ``facts``: those that hold, each with the ids that show
    it; ``texts``: the masked text of every message as it was written; ``by_person``: a person chose the
    leaf; ``talk``: what a silent session shows.
    """

    case: Case
    leaf: str
    evidence: Ids
    texts: Mapping[str, str]
    started_at: datetime
    facts: Mapping[str, Ids] = field(default_factory=dict)
    refunded_at: datetime | None = None
    by_person: bool = False
    talk: Talk | None = None

    @property
    def proof(self) -> tuple[Turn, ...]:
        """The messages of evidence that are there, the clearest few, in order of time."""
        there = {turn.message_id for turn in self.case.turns}
        chosen = [name for name in self.evidence if name in there][:MOST_QUOTED]
        return tuple(turn for turn in self.case.turns if turn.message_id in chosen)


@dataclass(frozen=True)
class Quotes:
    """Tells the messages of one session."""

    lost: Lost
    wording: Wording
    limits: Limits

    def told(self, also: Mapping[str, Words] | None = None, ending: bool = True) -> str:
        """The evidence and the messages of ``also``, in order of time, and with ``ending`` what came after.

        Of a message that is no evidence only what was done and when is told, in the words that end in _bare.
        """
        also, quoted = also or {}, {turn.message_id for turn in self.lost.proof}
        told = [turn for turn in self.lost.case.turns if turn.message_id in quoted | set(also)]
        said = []
        for turn in told:
            key, values = also.get(turn.message_id) or self._words(turn)
            words = self.wording.words[key if turn.message_id in quoted else f"{key}_bare"]
            text = self.wording.quote(self.lost.texts[turn.message_id], turn.content_type)
            said.append((turn.role, words.format(at=self.wording.clock(turn.at), text=text, **values)))
        clauses = [self.wording.speak(said), *([self._ending(told[-1])] if ending else [])]
        return self.wording.words["clause"].join(clauses)

    def _words(self, turn: Turn) -> Words:
        if turn.is_media or turn.role == "system":
            return "sent" if turn.is_media else "noted", {}
        if turn.role != "buyer":
            return self._reply(turn)
        if self.lost.leaf == _BARGAIN and _DEMANDS & turn.leaves:
            return "wanted", {}
        asked = _QUESTION.search(turn.text) and not _NO_QUESTION.search(turn.text)
        return "asked" if asked else "said", {}

    def _reply(self, turn: Turn) -> Words:
        """An agent's or a bot's words; a person's answer past the limit is told with the wait for it.

        The wait runs from the first buyer message since a person last spoke, as response times do.
        """
        turns = self.lost.case.turns
        before = turns[: turns.index(turn)]
        spoke = max((place for place, each in enumerate(before) if each.role == "agent"), default=-1)
        waiting = next((each for each in before[spoke + 1 :] if each.role == "buyer"), None)
        if turn.role == "agent" and waiting is not None:
            seconds = (turn.at - waiting.at).total_seconds()
            if seconds > self.limits.first_response_s:
                return "replied_late", {"waited": self.wording.span(seconds)}
        return "replied" if any(each.role == "buyer" for each in before) else "said", {}

    def _ending(self, last: Turn) -> str:
        """What came after the last message that was told."""
        words, turns = self.wording.words, self.lost.case.turns
        after = [turn for turn in turns[turns.index(last) + 1 :] if turn.role != "system"]
        more = sum(turn.role == "buyer" for turn in after)
        if more:
            return words["went_on"].format(n=more)
        if last.role != "buyer":
            return words["left"]
        if not after:
            return words["nobody_answered"]
        reply = next((turn for turn in after if turn.role == "agent"), after[0])
        return words["left_after"].format(who=words[f"who_{reply.role}"], at=self.wording.clock(reply.at))
