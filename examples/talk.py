"""Turns one planned session into its messages, with the intended attention leaves of every buyer message.

>>> from xundan.examples.talk import TIDY
>>> "dialog_nontext" in TIDY
True
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from xundan.examples.draw import Bag
from xundan.examples.noise import as_typed, traditional
from xundan.examples.phrasebook import Book, Leaving
from xundan.examples.plan import UNCLEAR, SessionPlan
from xundan.examples.shops import Shop

# Sent as written: numbers, links, placeholders and advertisements have no typing noise.
TIDY = {"dialog_nontext", "dialog_provide_info", "dialog_other"}


@dataclass(frozen=True)
class Message:
    """One message; ``signs`` are the intended attention leaves (buyers only)."""

    seq: int
    sent_at: datetime
    role: str
    account: str
    text: str
    signs: tuple[str, ...] = ()


@dataclass
class Talk:
    """Writes one session; ``values`` fill the slots, ``pace`` multiplies the agent's answer times."""

    plan: SessionPlan
    shop: Shop
    book: Book
    bag: Bag
    rng: random.Random
    values: Mapping[str, object]
    buyer: str
    agent: str
    pace: float = 1.0
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = self.plan.start

    def write(self) -> list[Message]:
        """All messages of the session, in order."""
        scene = {"spam": self._spam, "initiated": self._initiated}.get(self.plan.kind, self._inquiry)
        scene()
        return self.messages

    def _say(self, role: str, account: str, text: str, wait: float, signs: tuple[str, ...] = ()) -> None:
        if self.messages:
            self.clock += timedelta(seconds=max(1, round(wait)))
        self.messages.append(Message(len(self.messages) + 1, self.clock, role, account, text, signs))

    def _buyer(self, wording: str, signs: tuple[str, ...], *, wait: float | None = None) -> None:
        text = wording.format_map(self.values)
        for piece in as_typed(text, self.rng, tidy=bool(TIDY & set(signs))):
            typed = traditional(piece) if self.plan.traditional else piece
            self._say("buyer", self.buyer, typed, self.rng.uniform(8, 70) if wait is None else wait, signs)
            wait = self.rng.uniform(2, 9)

    def _ask(self, leaf: str) -> None:
        pool = self.book.asks(leaf, self.shop.trade)
        self._buyer(self.bag.pick((leaf, self.shop.trade), pool), (leaf,))

    def _agent(self, text: str, wait: float | None = None) -> None:
        if wait is None:
            wait = min(self.rng.lognormvariate(2.9, 0.5), 75) * self.pace
        self._say("agent", f"{self.shop.name}:{self.agent}", text.format_map(self.values), wait)

    def _reply(self, leaf: str) -> None:
        self._agent(self.rng.choice(self.book.replies(leaf, self.shop.trade)))

    def _line(self, kind: str, wait: float | None = None) -> None:
        self._agent(self.rng.choice(self.book.agents[kind]), wait)

    def _bot(self, kind: str) -> None:
        text = self.rng.choice(self.book.agents[kind]).format_map(self.values)
        self._say("bot", f"{self.shop.name}:机器人", text, 1)

    def _spam(self) -> None:
        self._ask("dialog_other")
        if self.rng.random() < 0.6:
            self._reply("dialog_other")

    def _initiated(self) -> None:
        self._line("call_back")
        if self.rng.random() < 0.3:
            self._buyer("好的 谢谢", ("dialog_ack",), wait=self.rng.uniform(60, 3000))

    def _inquiry(self) -> None:
        self._open()
        if self.plan.loss == UNCLEAR:
            self._blank()
        elif self.plan.loss == "loss_service_no_reply":
            self._alone()
        elif self.plan.loss == "loss_service_bot":
            self._with_bot()
        else:
            self._answered()

    def _open(self) -> None:
        if self.rng.random() < 0.06:
            text = self.rng.choice(self.book.agents["system"])
            account = f"{self.shop.name}:{self.agent}"
            self._say("system", "系统", text.format_map({**self.values, "account": account}), 1)
        if "dialog_greeting" in self.plan.moves:
            self._ask("dialog_greeting")
        if "dialog_nontext" in self.plan.moves:
            self._ask("dialog_nontext")

    def _welcome(self) -> None:
        """The robot greets for shops that have one; a person answers a greeting that came alone."""
        if self.messages and self.rng.random() < self.shop.bot_share:
            self._bot("bot_welcome")
        elif "dialog_greeting" in self.plan.moves and self.plan.loss != "loss_service_slow":
            self._reply("dialog_greeting")

    def _blank(self) -> None:
        self._ask("dialog_nontext")
        self._agent("收到图片 稍等")
        self._line("welcome")

    def _alone(self) -> None:
        for number, leaf in enumerate(self.plan.asks):
            self._ask(leaf)
            if number == 0 and self.rng.random() < 0.6:
                self._bot("bot_night")

    def _with_bot(self) -> None:
        for leaf in self.plan.asks:
            self._ask(leaf)
            self._bot("bot_loop")
        self._buyer(self.plan.closing, self.plan.closing_signs)
        self._bot("bot_loop")

    def _answered(self) -> None:
        self._welcome()
        leaving = self.book.losses[self.plan.loss] if self.plan.closing else None
        for number, leaf in enumerate(self.plan.asks):
            last = number == len(self.plan.asks) - 1
            self._ask(leaf)
            if leaving and (last or leaving.leaf == "loss_service_slow"):
                continue
            if last and "service_human" in self.plan.moves:
                self._agent_is_late()
            if last and "dialog_provide_info" in self.plan.moves:
                self._probe()
            self._reply(leaf)
        if leaving:
            self._leave(leaving)
        else:
            self._end()

    def _agent_is_late(self) -> None:
        nudge = self.bag.pick("service_human", self.book.blocks("service_human", "any"))
        self._buyer(nudge, ("service_human",), wait=70)
        self._line("sorry_slow")

    def _probe(self) -> None:
        """The agent asks for something, the buyer tells it: needs before buying, contact data after."""
        kind = self.shop.trade if self.plan.kind == "presale" else "any"
        self._line(f"probes_{kind}")
        answers = self.book.blocks("dialog_provide_info", kind)
        self._buyer(self.bag.pick(("dialog_provide_info", kind), answers), ("dialog_provide_info",))

    def _leave(self, leaving: Leaving) -> None:
        """The agent's unhappy line(s), then the buyer's last words, then often a polite end."""
        slow = leaving.leaf == "loss_service_slow"
        if {"service_human", "dialog_provide_info"} & self.plan.moves and not slow:
            self._line("hold")
            if "service_human" in self.plan.moves:
                self._agent_is_late()
            if "dialog_provide_info" in self.plan.moves:
                self._probe()
        for number, text in enumerate(self.rng.sample(leaving.agent, min(leaving.push, len(leaving.agent)))):
            wait = self.rng.uniform(5, 15) if number else None
            self._agent(text, self.rng.uniform(420, 2100) if slow else wait)
        if "dialog_ack" in self.plan.moves:
            self._ask("dialog_ack")
        self._buyer(self.plan.closing, self.plan.closing_signs)
        if leaving.behaviour == "no_followup" or self.rng.random() < 0.5:
            self._line("bye")

    def _end(self) -> None:
        """Silence, a purchase, or the end of an after-sale talk."""
        moves = self.plan.moves
        if "dialog_hesitate" in moves:
            self._ask("dialog_hesitate")
            self._line("push")
        if "dialog_ack" in moves:
            self._ask("dialog_ack")
            if self.rng.random() < 0.4:
                self._reply("dialog_ack")
        if "dialog_buy_confirm" in moves:
            self._ask("dialog_buy_confirm")
            self._reply("dialog_buy_confirm")
        if self.plan.outcome == "lost_refund":
            self._buyer(self.rng.choice(self.book.agents["refund_ask"]), ("order_cancel",), wait=2400)
            self._reply("order_cancel")
        elif self.plan.outcome == "won" and self.rng.random() < 0.3:
            self._line("thanks")
        elif self.plan.loss == "loss_silent_leave" and self.rng.random() < 0.3:
            self._line("push", self.rng.uniform(60, 400))
