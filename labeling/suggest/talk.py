"""The conversation about one task: question, answer, and where that cannot be used the mistake told.

talk = recall(prompt, asking, cache); talk.ended      # as far as answers are kept
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xundan.labeling.suggest.answer import Answer, Malformed, read_answer
from xundan.labeling.suggest.asking import Asking
from xundan.labeling.suggest.cache import Cache, Exchange, question_hash
from xundan.labeling.suggest.prompt import Message, Prompt, repaired


@dataclass
class Talk:
    """``messages``: what is to be sent next; ``answer``: the first that could be used; ``why``: what was
    wrong with the latest that could not."""

    prompt: Prompt
    asking: Asking
    messages: tuple[Message, ...]
    exchanges: list[Exchange] = field(default_factory=list)
    answer: Answer | None = None
    why: str = ""

    @property
    def question(self) -> str:
        """The hash of what is to be sent next, or of what led to the answer."""
        return question_hash(self.asking, self.messages)

    @property
    def ended(self) -> bool:
        """Whether there is an answer, or the model was told its mistakes often enough."""
        return self.answer is not None or len(self.exchanges) > self.asking.repairs

    def hear(self, exchange: Exchange) -> None:
        """Check an answer; where it cannot be used, go on with telling the model why."""
        self.exchanges.append(exchange)
        try:
            self.answer = read_answer(exchange.content, self.prompt.wanted, exchange.finished)
        except Malformed as error:
            self.why = error.kind
            self.messages = repaired(self.messages, exchange.content, str(error))


def recall(prompt: Prompt, asking: Asking, cache: Cache) -> Talk:
    """The conversation as far as its answers are kept: a repeated run walks it without paying."""
    talk = Talk(prompt, asking, prompt.messages)
    while not talk.ended:
        exchange = cache.get(talk.question)
        if exchange is None:
            break
        talk.hear(exchange)
    return talk
