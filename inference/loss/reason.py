"""Say in one sentence why each lost session was lost: who said what when, what was done and what was not.

found = sentences(book, ["s1"], Settings(), "zh"); found["s1"]

Nothing is invented: words are quoted from the messages of evidence alone, times and orders are those of the
tables, and where no message can be quoted the sentence says so. All of it is about the session: "did not
write again" means before the session ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from xundan.chats.text import normalize
from xundan.errors import BadInput
from xundan.inference.loss.corrections import PERSON
from xundan.inference.loss.reason_parts import CLAIMS, parts_of
from xundan.inference.loss.reason_quotes import Lost
from xundan.inference.loss.reason_wording import Wording, reason_words
from xundan.inference.loss.silent import SILENT, Talk, read_talks
from xundan.inference.report.tallies import Book
from xundan.models.loss.case import Case, Turn
from xundan.models.loss.facts import facts_of
from xundan.models.loss.rules import load_rules
from xundan.settings import SHANGHAI, Limits, Settings
from xundan.taxonomy.trees import Taxonomy, load

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 5000  # sessions whose messages are held at a time

_SESSIONS = """
WITH chosen AS (SELECT DISTINCT unnest(CAST($1 AS VARCHAR[])) AS session_id),
said AS (
    SELECT session_id, any_value(leaf) AS leaf, any_value(evidence) AS evidence, any_value(facts) AS facts,
           any_value(model_version) AS version FROM {loss} JOIN chosen USING (session_id)
    WHERE rank = 1 GROUP BY session_id),
placed AS (
    SELECT order_id, min(created_at) AS created_at, min(paid_at) AS paid_at, min(closed_at) AS closed_at,
           min(refunded_at) AS refunded_at FROM orders GROUP BY order_id)
SELECT session_id, leaf, evidence, facts, version, outcome, epoch_us(started_at), epoch_us(created_at),
       epoch_us(paid_at), epoch_us(closed_at), epoch_us(refunded_at)
FROM lost JOIN said USING (session_id) LEFT JOIN placed USING (order_id)
"""
_MESSAGES = """
WITH chosen AS (SELECT DISTINCT unnest(CAST($1 AS VARCHAR[])) AS session_id),
seen AS (
    SELECT session_id, message_id, list(leaf) AS leaves
    FROM (SELECT session_id, message_id, leaf FROM attention
          UNION ALL SELECT session_id, message_id, leaf FROM action) JOIN chosen USING (session_id)
    GROUP BY session_id, message_id)
SELECT session_id, message_id, role, text, epoch_us(sent_at), coalesce(content_type, 'text'),
       coalesce(leaves, [])
FROM messages JOIN chosen USING (session_id) LEFT JOIN seen USING (session_id, message_id)
ORDER BY session_id, sent_at, seq
"""
# What the decomposition of silent leavers reads, of these sessions; won ones are not compared here.
_OF_SILENT = {
    "lost": f"SELECT session_id, shop_name, '{SILENT}' AS reason, last_attention, started_at FROM lost "
    "WHERE session_id IN (SELECT unnest(CAST($1 AS VARCHAR[])))",
    "messages": "SELECT * FROM messages WHERE session_id IN (SELECT unnest(CAST($1 AS VARCHAR[])))",
    "attention": "SELECT * FROM attention WHERE session_id IN (SELECT unnest(CAST($1 AS VARCHAR[])))",
    "dated": "SELECT * FROM dated WHERE $1 IS NULL",
    "orders": "SELECT * FROM orders WHERE $1 IS NULL",
}
_Row = tuple[Any, ...]


def sentences(
    book: Book,
    session_ids: Sequence[str],
    settings: Settings,
    lang: str,
    attention: Taxonomy | None = None,
    loss: str = "loss",
) -> dict[str, str]:
    """The sentence of each of these sessions that is lost and was judged, in "zh" or "en".

    ``attention``: the tree that names attention points (default: the shipped one). ``loss``: the table of
    the book to explain, such as the model's own words beside a person's. `BadInput` for another language.
    """
    words, name = reason_words(lang), _namer(attention or load("attention"), lang)
    found = {}
    for start in range(0, len(session_ids), _AT_ONCE):
        for lost in _read(book, session_ids[start : start + _AT_ONCE], settings, loss):
            wording = Wording(words, lost.started_at.astimezone(SHANGHAI).date())
            found[lost.case.session_id] = wording.sentence(parts_of(lost, wording, settings, name))
    return found


def sentence_head(lang: str) -> str:
    """The head of a column of sentences."""
    return reason_words(lang)["head"]


def _namer(tree: Taxonomy, lang: str) -> Callable[[str], str]:
    def name(leaf: str) -> str:
        try:
            return tree.name_of(leaf, lang)
        except BadInput:
            return leaf  # the tree no longer has it

    return name


def _read(book: Book, session_ids: Sequence[str], settings: Settings, loss: str) -> Iterator[Lost]:
    chosen = [list(session_ids)]
    judged = book.rows(_SESSIONS.format(loss=loss), chosen)
    messages = defaultdict(list)
    for session_id, *message in book.rows(_MESSAGES, chosen):
        messages[session_id].append(message)
    talks = _silent_talks(book, [row[0] for row in judged if row[1] == SILENT], settings)
    for row in judged:
        yield _lost(row, messages[row[0]], settings.limits, talks.get(row[0]))


def _lost(row: _Row, messages: Sequence[Sequence[Any]], limits: Limits, talk: Talk | None) -> Lost:
    session_id, leaf, evidence, facts, version, outcome, *times = row
    started, created, paid, closed, refunded = (_moment(time) for time in times)
    assert started is not None
    case = Case(session_id, tuple(_turn(message) for message in messages), outcome, created, paid, closed)
    known = facts_of(case, load_rules().words, limits) if leaf in CLAIMS else {}
    urged_by = None if created is None else created + timedelta(minutes=limits.urge_pay_minutes)
    if urged_by and case.turns and urged_by < case.turns[0].at:
        known.pop("unpaid_not_urged", None)  # it was to be done before this session: nothing here can show it
    return Lost(
        case=case,
        leaf=leaf,
        evidence=tuple(evidence or ()),
        texts={message[0]: message[2] for message in messages},
        started_at=started,
        facts={name: ids for name, ids in known.items() if name in (facts or ())},
        refunded_at=refunded,
        by_person=version == PERSON,
        talk=talk,
    )


def _turn(message: Sequence[Any]) -> Turn:
    message_id, role, text, sent_at, content_type, leaves = message
    at = _moment(sent_at)
    assert at is not None
    return Turn(message_id, role, normalize(text), at, content_type, frozenset(leaves))


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _silent_talks(book: Book, session_ids: list[str], settings: Settings) -> dict[str, Talk]:
    """What these sessions show, read from a book that holds nothing else."""
    if not session_ids:
        return {}
    with duckdb.connect() as narrow:
        for name, query in _OF_SILENT.items():
            narrow.register(name, book.connection.sql(query, params=[session_ids]).to_arrow_table())
        return {talk.session_id: talk for talk in read_talks(Book(narrow, book.has_orders), settings)}
