"""Take the silent leavers apart: what they asked last, how they were answered, what they had seen by then.

with open_book(lake) as book: parts = decompose(book, read_talks(book, settings), shop=None)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from xundan.chats.text import normalize
from xundan.inference.report.tallies import Book, loss_reasons, share
from xundan.models.loss.case import Turn
from xundan.models.loss.facts import Words
from xundan.models.loss.rules import load_rules
from xundan.models.loss.stage import standing
from xundan.settings import Limits, LossDefinition, Settings

SILENT = "loss_silent_leave"
ASKED_PRICE = "price_inquiry"
# The levels of each fact, in the order to show them; those of last_attention are the leaves that occur.
LEVELS: dict[str, tuple[str, ...]] = {
    "last_attention": (),
    "last_speaker": ("agent", "bot", "buyer"),
    "reply": ("fast", "medium", "slow", "none"),
    "answered": ("person", "bot", "no", "no_question"),
    "price": ("named", "asked", "none"),
    "image": ("buyer", "agent", "both", "none"),
    "follow_up": ("yes", "no"),
    "room": ("under_24h", "24_to_36h", "36_to_48h", "over_48h", "no_agent"),
}
# A won session has no room left for a follow-up: it is not compared there.
_ONLY_SILENT = frozenset({"room"})
# A person's second message after a pause this long came unasked: it is a follow-up (as in the loss rules).
_PAUSE = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS = 50_000
_COUNTED = (
    r"(?!\.?\d|\s*多?\s*(?:[天月日号点年件个款色码折人岁米寸斤支只瓶盒套双次张包片条箱度瓦%]|小时|分|[a-z]))"
)
_PRICE = re.compile(
    r"¥\s*\d|\[金额\]|\d(?:\.\d+)?[百千万]?\s*(?:元|块(?!砖|板|布|地|毯|毛巾|香?皂|表))|"
    r"[一二两三四五六七八九十百千万]+(?:元|块钱)|"
    r"(?<![\d.满])\d+(?:\.\d+)?\s*包邮|"
    r"(?:到手价?|[券折]后价?|价格?|只要|仅需|低至|一共|总共)\s*[是为:]?\s*\d+(?:\.\d+)?" + _COUNTED
)
# The answer to a question for the price that is nothing but a number.
_BARE_PRICE = re.compile(
    r"\W*(?:亲|是|要)?\W*\d{1,6}(?:\.\d+)?(?:一[件个套瓶盒双条包份台支只箱])?[的哦呢呀哈\W]*"
)
_IMAGE = "[图片]"

# Won sessions end, for this comparison, where their order was made: what follows is about the order.
_TALKS = f"""
WITH chosen AS (
    SELECT session_id, shop_name, false AS won, last_attention, started_at, NULL AS ordered_at FROM lost
    WHERE reason = '{SILENT}'
    UNION ALL
    SELECT session_id, shop_name, true, NULL, started_at, ordered_at FROM dated JOIN
    (SELECT order_id, min(created_at) AS ordered_at FROM orders GROUP BY ALL) USING (order_id)
    WHERE is_inquiry AND outcome = 'won'),
leaves AS (SELECT session_id, message_id, list(leaf ORDER BY score, leaf) AS leaves FROM attention
           GROUP BY ALL)
SELECT session_id, shop_name, won, last_attention, epoch_us(started_at), message_id, role, text,
       epoch_us(sent_at), content_type, coalesce(leaves, [])
FROM messages JOIN chosen USING (session_id) LEFT JOIN leaves USING (session_id, message_id)
WHERE ordered_at IS NULL OR sent_at < ordered_at ORDER BY session_id, sent_at, seq
"""


@dataclass(frozen=True)
class Talk:
    """What one silent or won session shows; ``facts`` holds one level of each fact in `LEVELS`.

    ``reply_s``: seconds from the buyer's last message to the first answer of a person after it, None without
    one. ``room_s``: seconds from the last message of a person to the close of the window, in which the shop
    could still have come back to the buyer. (The time to the session's end says nothing: a silent session
    ends with that message.)
    """

    session_id: str
    shop: str
    won: bool
    facts: Mapping[str, str]
    reply_s: float | None
    room_s: float | None


@dataclass(frozen=True)
class Part:
    """Sessions of one level, with their share of all and its bounds (Wilson, 95 %)."""

    hits: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Split:
    """One level of one fact among the silent and, where it can be compared, among the won sessions."""

    fact: str
    level: str
    silent: Part
    won: Part | None


@dataclass(frozen=True)
class Silence:
    """The silent leavers of a shop: ``n``, their share of the lost, ``n_won`` to compare with, the splits.

    The hits of each fact add up to ``n`` (and to ``n_won``). ``of_lost`` is (share, low, high), None where
    nothing was lost.
    """

    n: int
    lost: int
    of_lost: tuple[float, float, float] | None
    n_won: int
    splits: tuple[Split, ...]


def decompose(book: Book, talks: Iterable[Talk], shop: str | None) -> Silence:
    """Count the facts of a shop's (None: all shops') talks, read once by `read_talks`."""
    here = [talk for talk in talks if shop is None or talk.shop == shop]
    silent, won = ([talk for talk in here if talk.won is side] for side in (False, True))
    lost = sum(reason.sessions for reason in loss_reasons(book, shop))
    splits: list[Split] = []
    if silent:
        for fact in LEVELS:
            splits.extend(_splits(fact, silent, [] if fact in _ONLY_SILENT else won))
    of_lost = share(len(silent), lost) if lost else None
    return Silence(len(silent), lost, of_lost, len(won), tuple(splits))


def read_talks(book: Book, settings: Settings) -> tuple[Talk, ...]:
    """Read the facts of all silent sessions, and of all won ones up to their order.

    A won session whose order came before the buyer's first message is left out, as is one whose order is
    not in the tables. Answered means that somebody spoke after the question, not that it was a good answer.
    """
    words = load_rules().words
    reader = _Reader(words, settings.limits, settings.loss)
    talks = (reader.read(rows) for _, rows in groupby(_stream(book), key=itemgetter(0)))
    return tuple(talk for talk in talks if talk is not None)


def _stream(book: Book) -> Iterator[tuple[Any, ...]]:
    """The messages in order of session and time; never all at once, there may be millions."""
    cursor = book.connection.execute(_TALKS)
    while rows := cursor.fetchmany(_ROWS):
        yield from rows


def _splits(fact: str, silent: Sequence[Talk], won: Sequence[Talk]) -> Iterator[Split]:
    counts, won_counts = (Counter(talk.facts[fact] for talk in talks) for talks in (silent, won))
    levels = LEVELS[fact] or sorted(counts | won_counts, key=lambda level: (-counts[level], level))
    for level in levels:
        compared = _part(won_counts[level], len(won)) if won else None
        yield Split(fact, level, _part(counts[level], len(silent)), compared)


def _part(hits: int, n: int) -> Part:
    return Part(hits, *share(hits, n))


@dataclass(frozen=True)
class _Reader:
    """Reads the rows of one session with the word lists and limits of the loss rules."""

    words: Words
    limits: Limits
    definition: LossDefinition

    def read(self, rows: Iterable[tuple[Any, ...]]) -> Talk | None:
        """The facts of a session; None where the buyer said nothing (before the order)."""
        listed = list(rows)
        session_id, shop, won, last_attention, started = listed[0][:5]
        turns = [
            Turn(message_id, role, normalize(text), _moment(sent), content_type, frozenset(leaves))
            for *_, message_id, role, text, sent, content_type, leaves in listed
            if role != "system"
        ]
        asked = [turn for turn in turns if turn.role == "buyer"]
        if not asked:
            return None
        if won:
            said = [leaf for row in listed if row[6] == "buyer" for leaf in row[10]]
            last_attention = standing(said)[1]
        reply, room = _reply_s(turns), self._room_s(turns, _moment(started))
        facts = {
            "last_attention": last_attention or "",
            "last_speaker": turns[-1].role,
            "reply": self._reply_level(reply),
            "answered": self._answered(turns),
            "price": _price(turns),
            "image": _image(turns),
            "follow_up": "yes" if _followed_up(turns) else "no",
            "room": _room_level(room),
        }
        return Talk(session_id, shop, won, facts, reply, room)

    def _reply_level(self, seconds: float | None) -> str:
        if seconds is None:
            return "none"
        if seconds <= self.limits.slow_response_s:
            return "fast"
        return "medium" if seconds <= self.limits.first_response_s else "slow"

    def _answered(self, turns: Sequence[Turn]) -> str:
        """Who spoke after the buyer's last question."""
        questions = [place for place, turn in enumerate(turns) if turn.role == "buyer" and self._asks(turn)]
        if not questions:
            return "no_question"
        after = {turn.role for turn in turns[questions[-1] + 1 :]}
        return "person" if "agent" in after else "bot" if "bot" in after else "no"

    def _asks(self, turn: Turn) -> bool:
        turned_away = any(self.words[word].search(turn.text) for word in ("leaving", "hesitation"))
        return not turn.is_media and not turned_away and self.words["asking"].search(turn.text) is not None

    def _room_s(self, turns: Sequence[Turn], started: datetime) -> float | None:
        spoken = [turn.at for turn in turns if turn.role == "agent"]
        if not spoken:
            return None
        asked = next((turn.at for turn in turns if turn.role == "buyer"), started)
        return (self.definition.closes(asked) - spoken[-1]).total_seconds()


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _end(turns: Sequence[Turn]) -> tuple[Turn, list[Turn]]:
    """The buyer's last message, and what persons wrote after it."""
    last = max(place for place, turn in enumerate(turns) if turn.role == "buyer")
    return turns[last], [turn for turn in turns[last + 1 :] if turn.role == "agent"]


def _reply_s(turns: Sequence[Turn]) -> float | None:
    last, after = _end(turns)
    return (after[0].at - last.at).total_seconds() if after else None


def _followed_up(turns: Sequence[Turn]) -> bool:
    """After the buyer's last message, a person wrote again after a pause."""
    return any(later.at - earlier.at >= _PAUSE for earlier, later in pairwise(_end(turns)[1]))


def _room_level(seconds: float | None) -> str:
    if seconds is None:
        return "no_agent"
    bounds = ((24, "under_24h"), (36, "24_to_36h"), (48, "36_to_48h"))
    return next((level for hours, level in bounds if seconds < hours * 3600), "over_48h")


def _price(turns: Sequence[Turn]) -> str:
    """Whether somebody wrote an amount of money or, failing that, the buyer asked for it."""
    if any(_PRICE.search(turn.text) for turn in turns):
        return "named"
    asked = next((place for place, turn in enumerate(turns) if ASKED_PRICE in turn.leaves), None)
    if asked is None:
        return "none"
    answers = (turn.text for turn in turns[asked + 1 :] if turn.role != "buyer")
    return "named" if any(map(_BARE_PRICE.fullmatch, answers)) else "asked"


def _image(turns: Sequence[Turn]) -> str:
    """Who sent a picture."""
    senders = {
        "buyer" if turn.role == "buyer" else "agent"
        for turn in turns
        if turn.content_type == "image" or _IMAGE in turn.text
    }
    return "both" if len(senders) > 1 else next(iter(senders), "none")
