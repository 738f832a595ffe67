"""What is said of a lost session: the messages that prove its leaf, then what was measured, then the order.

parts = list(parts_of(lost, wording, settings, topic=lambda leaf: view.name("attention", leaf)))

Something measured is claimed only where a fact that the leaf is about was found when the session was judged,
and still holds; else the messages of evidence are all that is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from xundan.inference.loss.reason_quotes import Lost, Quotes
from xundan.inference.loss.reason_wording import Wording
from xundan.inference.loss.silent import SILENT, Talk
from xundan.models.loss.case import Turn
from xundan.settings import Settings

_UNDETERMINED = "loss_undetermined"


def parts_of(lost: Lost, wording: Wording, settings: Settings, topic: Callable[[str], str]) -> Iterator[str]:
    """The parts of the sentence in order; ``topic`` names an attention point."""
    teller = _Teller(lost, wording, settings)
    claims = CLAIMS.get(lost.leaf, {})
    claim = next((claims[fact] for fact in claims if fact in lost.facts), _Teller.evidence_alone)
    if not lost.proof:
        yield wording.words["no_evidence_person" if lost.by_person else "no_evidence"]
    yield from claim(teller)
    if lost.talk and lost.leaf == SILENT:
        yield from teller.silence(lost.talk, topic)
    if lost.leaf == _UNDETERMINED:
        yield wording.words["undetermined"]
    if claim is not _Teller.unpaid_not_urged:
        yield from teller.order()


@dataclass(frozen=True)
class _Teller:
    """Tells one session; each public method yields parts of the sentence."""

    lost: Lost
    wording: Wording
    settings: Settings

    @property
    def _quotes(self) -> Quotes:
        return Quotes(self.lost, self.wording, self.settings.limits)

    def _say(self, key: str, **values: object) -> str:
        return self.wording.words[key].format(**values)

    def _at(self, moment: datetime) -> str:
        return self.wording.clock(moment)

    def _span(self, start: datetime, end: datetime) -> str:
        return self.wording.span((end - start).total_seconds())

    def _turn(self, message_id: str) -> Turn:
        return next(turn for turn in self.lost.case.turns if turn.message_id == message_id)

    def evidence_alone(self) -> Iterator[str]:
        """Who said what when, or, where nothing can be quoted, how much was said."""
        if self.lost.proof:
            yield self._quotes.told()
        elif self.lost.talk is None:
            yield self._outline()

    def slow(self) -> Iterator[str]:
        """How long a question waited for a person."""
        asked, answer = (self._turn(name) for name in self.lost.facts["slow"][:2])
        limit = self.wording.span(self.settings.limits.first_response_s)
        late = {"since": self._at(asked.at), "waited": self._span(asked.at, answer.at), "limit": limit}
        yield self._quotes.told({asked.message_id: ("asked", {}), answer.message_id: ("late", late)})

    def no_person(self) -> Iterator[str]:
        """That no person ever spoke, and how long the buyer was there."""
        yield from self._proof_alone()
        bots = self.lost.case.by("bot")
        yield self._say("no_person_bots" if bots else "no_person", n=len(bots))
        yield from self._until_last(self.lost.case.by("buyer")[0])

    def bot_only(self) -> Iterator[str]:
        """That only a bot spoke."""
        yield from self._proof_alone()
        yield self._say("bot_only", n=len(self.lost.case.by("bot")))
        yield from self._until_last(self.lost.case.by("buyer", "bot")[0])

    def unanswered(self) -> Iterator[str]:
        """That the last question was left, and for how long."""
        asked = self._turn(self.lost.facts["unanswered"][0])
        yield self._quotes.told({asked.message_id: ("asked", {})}, ending=False)
        yield self._say("unanswered", since=self._at(asked.at))
        yield from self._until_last(asked)

    def unpaid_not_urged(self) -> Iterator[str]:
        """That nobody asked for the payment of an order in time."""
        case, minutes = self.lost.case, self.settings.limits.urge_pay_minutes
        assert case.ordered_at is not None
        yield self._say(
            "unpaid_not_urged",
            at=self._at(case.ordered_at),
            until=self._at(case.ordered_at + timedelta(minutes=minutes)),
            limit=self.wording.span(minutes * 60),
        )
        if self.lost.proof:
            yield self._quotes.told()
        if case.closed_at:
            yield self._say("order_closed", at=self._at(case.closed_at))

    def intent_dropped(self) -> Iterator[str]:
        """That the agent let an intent to buy pass, and what time there was left."""
        meant = self.lost.facts["intent_dropped"][0]
        yield self._quotes.told({meant: ("meant", {})}, ending=False)
        yield self._say("not_followed_up")
        yield self._room()

    def mostly_media(self) -> Iterator[str]:
        """How much of what the buyer sent cannot be read."""
        yield from self._proof_alone()
        buyers = self.lost.case.by("buyer")
        yield self._say("mostly_media", n=len(buyers), media=sum(turn.is_media for turn in buyers))

    def cut_off(self) -> Iterator[str]:
        """That the record is not whole."""
        yield from self._proof_alone()
        mark = self._turn(self.lost.facts["cut_off"][0])
        yield self._say("cut_off", at=self._at(mark.at))

    def silence(self, talk: Talk, topic: Callable[[str], str]) -> Iterator[str]:
        """What a buyer who left in silence asked, how he was answered, what he had seen by then."""
        leaf = talk.facts["last_attention"]
        yield self._say("last_attention", topic=topic(leaf)) if leaf else self._say("no_attention")
        yield self._answered(talk)
        yield self._room()
        yield self._say(f"price_{talk.facts['price']}")
        yield self._say(f"last_{talk.facts['last_speaker']}")

    def order(self) -> Iterator[str]:
        """What became of the order, where there is one."""
        case, refunded_at = self.lost.case, self.lost.refunded_at
        if case.outcome == "lost_unpaid" and case.ordered_at:
            at = self._at(case.ordered_at)
            paid = self._at(case.paid_at) if case.paid_at else None
            yield self._say("order_paid_late" if paid else "order_unpaid", at=at, paid=paid)
        elif case.outcome == "lost_refund" and case.paid_at and refunded_at:
            yield self._say("order_refunded", paid=self._at(case.paid_at), at=self._at(refunded_at))
        elif case.outcome == "lost_refund":
            yield self._say("order_refunded_sometime")

    def _proof_alone(self) -> Iterator[str]:
        """The evidence without what came after it, where there is any."""
        if self.lost.proof:
            yield self._quotes.told(ending=False)

    def _outline(self) -> str:
        spoken = self.lost.case.by("buyer", "agent", "bot")
        if not spoken:
            return self._say("no_messages")
        counts = {role: len(self.lost.case.by(role)) for role in ("buyer", "agent", "bot")}
        who = self.wording.words[f"who_{spoken[-1].role}"]
        return self._say("outline", **counts, who=who, at=self._at(spoken[-1].at))

    def _answered(self, talk: Talk) -> str:
        """Who spoke after the last question, and how long after the buyer's last message a person did."""
        level = talk.facts["answered"]
        said = self._say(f"answered_{level}")
        if talk.reply_s is not None:
            key = "reply_unasked" if level == "no_question" else "reply"
            return said + self._say(key, waited=self.wording.span(talk.reply_s))
        return said + (self._say("no_reply") if level == "person" else "")

    def _until_last(self, since: Turn) -> Iterator[str]:
        """How long the session went on, where it did."""
        last = self.lost.case.by("buyer", "agent", "bot")[-1]
        if last.at > since.at:
            start, end = self._at(since.at), self._at(last.at)
            yield self._say("until_last", since=start, until=end, waited=self._span(since.at, last.at))

    def _room(self) -> str:
        """How long before the close of the window a person spoke last."""
        agents = self.lost.case.by("agent")
        if not agents:
            return self._say("room_none")
        asked = next((turn.at for turn in self.lost.case.by("buyer")), self.lost.started_at)
        spoke, closes = agents[-1].at, self.settings.loss.closes(asked)
        key = "room" if spoke < closes else "room_over"
        return self._say(key, at=self._at(spoke), left=self._span(spoke, closes))


CLAIMS: Mapping[str, Mapping[str, Callable[[_Teller], Iterator[str]]]] = {
    "loss_service_slow": {"slow": _Teller.slow},
    "loss_service_no_reply": {"no_person": _Teller.no_person, "unanswered": _Teller.unanswered},
    "loss_service_bot": {"bot_only": _Teller.bot_only},
    "loss_service_no_followup": {
        "unpaid_not_urged": _Teller.unpaid_not_urged,
        "intent_dropped": _Teller.intent_dropped,
    },
    _UNDETERMINED: {"mostly_media": _Teller.mostly_media, "cut_off": _Teller.cut_off},
}
"""For each leaf that can be measured: the facts that show it, the strongest first, and how they are told."""
