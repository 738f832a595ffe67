"""What a session shows without any reading of reasons: who spoke when, what was answered, what was paid.

case = Case("s1", turns, outcome="lost_unpaid", ordered_at=..., closed_at=None)
facts_of(case, words, Limits())["unpaid_not_urged"]    # the message ids that show it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from xundan.models.loss.case import Case, Exchange, Turn
from xundan.settings import Limits

Words = Mapping[str, re.Pattern[str]]
Ids = tuple[str, ...]
# A second agent message after a pause this long is a follow-up, not the rest of an answer.
_PAUSE = timedelta(minutes=5)
_BOT_TURNS = 2
_LAST_EXCHANGES = 2


@dataclass(frozen=True)
class _View:
    """A case with the word lists and limits that every fact needs."""

    case: Case
    words: Words
    limits: Limits

    @property
    def persons(self) -> tuple[Turn, ...]:
        return self.case.by("agent")

    def says(self, word: str, turn: Turn) -> bool:
        return self.words[word].search(turn.text) is not None

    def means_to_buy(self, turn: Turn) -> bool:
        meant = self.says("intent", turn) or "dialog_buy_confirm" in turn.leaves
        return meant and not self.says("leaving", turn)

    def waits_for_answer(self, turn: Turn) -> bool:
        turned_away = self.says("leaving", turn) or self.says("hesitation", turn)
        return not turn.is_media and self.says("asking", turn) and not turned_away


def facts_of(case: Case, words: Words, limits: Limits) -> dict[str, Ids]:
    """Every fact that holds, with the ids of the messages that show it (at most three)."""
    view = _View(case, words, limits)
    found = {name: tell(view) for name, tell in _FACTS.items()}
    return {name: ids[:3] for name, ids in found.items() if ids}


def _ids(turns: Iterable[Turn]) -> Ids:
    return tuple(dict.fromkeys(turn.message_id for turn in turns))


def _no_person(view: _View) -> Ids:
    """A buyer asked, and no person ever spoke."""
    buyers = [turn for turn in view.case.by("buyer") if not turn.is_media]
    return () if view.persons else _ids(buyers[-3:])


def _bot_only(view: _View) -> Ids:
    """Only a bot answered, more than once or although a person was asked for."""
    bots = view.case.by("bot")
    asked = [turn for turn in view.case.by("buyer") if view.says("want_person", turn)]
    if view.persons or not bots or (len(bots) < _BOT_TURNS and not asked):
        return ()
    return _ids([*asked[-2:], bots[-1]])


def _slow(view: _View) -> Ids:
    """Near the end, a person let a question wait longer than the limit, and the buyer did not stay."""
    exchanges = view.case.exchanges
    for exchange in exchanges[-_LAST_EXCHANGES:]:
        replies = [turn for turn in exchange.told if turn.role == "agent"]
        waiting = [turn for turn in exchange.asked if view.waits_for_answer(turn)]
        if not replies or not waiting:
            continue
        if (replies[0].at - waiting[0].at).total_seconds() > view.limits.first_response_s:
            return _ids([waiting[0], replies[0], *exchanges[-1].asked[-1:]])
    return ()


def _unanswered(view: _View) -> Ids:
    """Persons answered before, but not the buyer's last question."""
    last = view.case.exchanges[-1] if view.case.exchanges else Exchange()
    waiting = [turn for turn in last.asked if view.waits_for_answer(turn)]
    return _ids(waiting[-3:]) if view.persons and not last.told else ()


def _after(view: _View, since: Turn) -> tuple[Turn, ...]:
    """What buyer and agents said after a turn, by its place: moments may be equal."""
    said = view.case.by("buyer", "agent")
    return said[said.index(since) + 1 :]


def _followed_up(view: _View, since: Turn) -> bool:
    """An agent came back to the buyer after ``since``: by words, by action, or unasked after a pause."""
    later = _after(view, since)
    actions = {"act_urge_order", "act_urge_pay", "act_next_touch", "act_lock"}
    by_words = any(
        view.says("follow_up", turn) or actions & turn.leaves for turn in later if turn.role == "agent"
    )
    return by_words or any(
        one.role == other.role == "agent" and other.at - one.at >= _PAUSE for one, other in pairwise(later)
    )


def _intent_dropped(view: _View) -> Ids:
    """The buyer meant to buy, and no agent came back to it."""
    asked = [turn for exchange in view.case.exchanges[-_LAST_EXCHANGES:] for turn in exchange.asked]
    meant = [turn for turn in asked if view.means_to_buy(turn)]
    if not meant or not view.persons or _followed_up(view, meant[-1]):
        return ()
    replies = [turn for turn in _after(view, meant[-1]) if turn.role == "agent"]
    return _ids([meant[-1], *replies[:2]])


def _unpaid_not_urged(view: _View) -> Ids:
    """An order stayed unpaid past the limit, and within the limit no agent asked for payment.

    Where no person spoke, or a question waited too long, that is the cause, and this does not hold.
    """
    case = view.case
    if not view.persons or _slow(view):
        return ()
    if case.outcome != "lost_unpaid" or case.ordered_at is None or case.paid_at is not None:
        return ()
    limit = case.ordered_at + timedelta(minutes=view.limits.urge_pay_minutes)
    urged = any(
        case.ordered_at <= turn.at <= limit
        and (view.says("urging_payment", turn) or "act_urge_pay" in turn.leaves)
        for turn in view.persons
    )
    closed_early = case.closed_at is not None and case.closed_at < limit
    return () if urged or closed_early else _ids(case.turns[-3:])


def _hesitates(view: _View) -> Ids:
    """Near the end the buyer puts it off without saying why."""
    asked = [turn for exchange in view.case.exchanges[-_LAST_EXCHANGES:] for turn in exchange.asked]
    put_off = [turn for turn in asked if view.says("hesitation", turn) or "dialog_hesitate" in turn.leaves]
    return _ids(put_off[-3:])


def _mostly_media(view: _View) -> Ids:
    """Most of what the buyer sent, the last of it too, cannot be read."""
    buyers = view.case.by("buyer")
    media = [turn for turn in buyers if turn.is_media]
    if not media or media[-1] is not buyers[-1] or 2 * len(media) < len(buyers):
        return ()
    return _ids(media[-3:])


def _cut_off(view: _View) -> Ids:
    """The record says itself that it is not whole."""
    marks = [turn for turn in view.case.by("system") if view.says("cut_off", turn)]
    return _ids(marks[-1:])


def _refunded(view: _View) -> Ids:
    """The buyer paid and took the money back."""
    return _ids(view.case.by("buyer")[-3:]) if view.case.outcome == "lost_refund" else ()


def _answered(view: _View) -> Ids:
    """A person spoke, and nothing above says what went wrong."""
    return _ids(view.persons[-1:])


def _nothing(view: _View) -> Ids:
    """Always holds, so that no lost session stays without a row."""
    return _ids(view.case.turns[-1:])


_FACTS: dict[str, Callable[[_View], Ids]] = {
    "no_person": _no_person,
    "bot_only": _bot_only,
    "slow": _slow,
    "unanswered": _unanswered,
    "intent_dropped": _intent_dropped,
    "unpaid_not_urged": _unpaid_not_urged,
    "hesitates": _hesitates,
    "mostly_media": _mostly_media,
    "cut_off": _cut_off,
    "refunded": _refunded,
    "answered": _answered,
    "nothing": _nothing,
}
FACT_NAMES = tuple(_FACTS)
