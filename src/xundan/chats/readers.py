"""Chat exports of any supported kind to one table of messages: masked, without duplicates, in sessions.

>>> from xundan.chats.readers import read_chats
>>> read_chats([Path("chats.csv")], Settings(), salt="pepper").table.num_rows  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from xundan.chats.cells import Cell, RowError, id_of, integer_of, text_of, time_of
from xundan.chats.encoding import is_damaged
from xundan.chats.files import Export, Row, Sheet, damaged, load
from xundan.chats.headers import CHAT, locate, missing, platform_of
from xundan.chats.masking import hash_buyer, mask
from xundan.chats.records import MESSAGES
from xundan.chats.rejects import Imported, Rejects
from xundan.chats.roles import content_type_of, role_of, role_of_parties
from xundan.chats.sessions import assign_sessions
from xundan.errors import BadInput
from xundan.progress import Begin, silent, tracked
from xundan.settings import Settings

_DAMAGED_SHARE = 0.1  # a file with more damaged texts than this was damaged as a whole


@dataclass(slots=True)
class Message:
    """One row of MESSAGES while it is being made; session and number may still be missing."""

    platform: str | None
    shop: str | None
    session_id: str | None
    message_id: str
    seq: int | None
    sent_at: datetime
    role: str
    account: str | None
    buyer: str | None
    content_type: str
    text: str
    item_id: str | None
    order_id: str | None
    source_file: str
    source_row: int
    has_own_id: bool

    def identity(self) -> tuple[object, ...]:
        """Two messages with the same identity are one message exported twice."""
        if self.has_own_id:
            return (self.platform, self.shop, self.message_id)
        return (self.platform, self.shop, *self.content(), self.seq)

    def content(self) -> tuple[object, ...]:
        """What was said, when, by whom."""
        who = self.session_id or self.buyer
        return (who, self.sent_at, self.role, self.account, self.content_type, self.text)


def read_chats(paths: Sequence[Path], settings: Settings, salt: str, begin: Begin = silent) -> Imported:
    """MESSAGES of all files, sorted by session and time.

    A file that cannot be used as a whole raises `BadInput`; a bad row goes to the rejects. The file's own
    session and message ids are kept (one that two shops use gets the shop's name); where it has none,
    sessions are cut by the gap rule, and message ids come from the file's content and the row, so that
    reading a file again gives the same ids.
    """
    if not paths:
        raise BadInput("no chat file was given", do="name at least one csv, tsv, jsonl, xlsx or parquet file")
    rejects = Rejects()
    found: list[Message] = []
    rows_in = 0
    for path in paths:
        export = load(path)
        before = len(rejects.rows)
        good = _messages_of(export, path, salt, rejects, begin)
        rows_in += len(good) + len(rejects.rows) - before
        found += good
    kept: dict[tuple[object, ...], Message] = {}
    for message in found:
        kept.setdefault(message.identity(), message)
    messages = list(kept.values())
    _tell_shops_apart(messages)
    table = _to_table(messages, timedelta(hours=settings.session_gap_hours))
    return Imported(table, rejects.table(), rows_in, len(found) - len(kept))


def _messages_of(export: Export, path: Path, salt: str, rejects: Rejects, begin: Begin) -> list[Message]:
    """The good rows of one file; the file is refused if most rows are bad or no buyer speaks."""
    before = len(rejects.rows)
    messages: list[Message] = []
    for sheet, columns in _chat_sheets(export, path):
        reader = _SheetReader(sheet, columns, salt, export.digest)
        for number, error in sheet.bad:
            rejects.add(sheet.file, number, error)
        for number, row in tracked(sheet.rows, begin, f"read {sheet.file}"):
            try:
                messages.append(reader.read(number, row))
            except RowError as error:
                rejects.add(sheet.file, number, error)
        if len(reader.damaged) > _DAMAGED_SHARE * reader.not_ascii:
            raise damaged(f"{path.parent / sheet.file}:{reader.damaged[0]}")
    rejects.rows[before:] = sorted(rejects.rows[before:], key=lambda row: (str(row["file"]), row["row"]))
    rejects.check_file(export, path, len(messages) + len(rejects.rows) - before, before)
    _check_ids(messages, path)
    if not any(message.role == "buyer" for message in messages):
        roles = Counter(message.role for message in messages)
        raise BadInput(
            "no message of a buyer in this file",
            got=", ".join(f"{count} of {role}" for role, count in roles.items()),
            do="check the column of the role and export both sides of the chat",
            where=str(path),
        )
    return messages


def _chat_sheets(export: Export, path: Path) -> list[tuple[Sheet, dict[str, int]]]:
    """The sheets that hold messages; in a workbook with others, a summary without time and text is none."""
    located = [(sheet, locate(sheet.header, CHAT)) for sheet in export.sheets]
    chats = [(sheet, columns) for sheet, columns in located if {"sent_at", "text"} & columns.keys()]
    for sheet, columns in chats or located:
        where = str(path.parent / sheet.file)
        for field in ("sent_at", "text"):
            if field not in columns:
                raise missing(field, sheet.header, CHAT, where)
        parties = "account" in columns and bool({"buyer", "receiver"} & columns.keys())
        if "role" not in columns and not parties:
            raise missing("role", sheet.header, CHAT, where)
        if not {"session_id", "buyer", "receiver"} & columns.keys():
            raise missing(
                "session_id", sheet.header, {"session_id": CHAT["session_id"] + CHAT["buyer"]}, where
            )
    return chats


def _check_ids(messages: Sequence[Message], path: Path) -> None:
    """Refuse a file whose message ids are no ids: numbers that start again in every session."""
    first: dict[tuple[object, ...], Message] = {}
    clashes = []
    for message in messages:
        earlier = first.setdefault(message.identity(), message)
        if message.has_own_id and earlier.content() != message.content():
            clashes.append(message)
    if 2 * len(clashes) > len(messages):
        raise BadInput(
            f"{len(clashes)} of {len(messages)} messages have the message_id of another message",
            got=clashes[0].message_id,
            expected="an id that no other message of the shop has",
            do="call the column 消息序号 (seq) if it numbers the messages of a session",
            where=f"{path.parent / clashes[0].source_file}:{clashes[0].source_row}",
        )


class _SheetReader:
    """Rows of one sheet to messages; remembers names already hashed and rows with damaged text."""

    def __init__(self, sheet: Sheet, columns: dict[str, int], salt: str, digest: str) -> None:
        self.sheet = sheet
        self.columns = columns
        self.salt = salt
        self.digest = digest
        self.hashes: dict[str, str] = {}
        self.damaged: list[int] = []
        self.not_ascii = 0

    def read(self, number: int, row: Row) -> Message:
        cell = self._cell
        sent_at = time_of(cell(row, "sent_at"), self._name("sent_at"))
        shop = text_of(cell(row, "shop"))
        role, account, buyer = self._sender(row, shop)
        session_id = self._id(row, "session_id")
        if session_id is None and buyer is None:
            raise RowError(self._name("session_id") or self._name("buyer"), "", "has no session and no buyer")
        text = self._text(row, number)
        word = text_of(cell(row, "content_type"))
        content_type = content_type_of(word, text)
        if not text and content_type == "text":
            raise RowError(
                self._name("text"), "", "is empty, and no message type names a picture or the like"
            )
        message_id = self._id(row, "message_id")
        return Message(
            platform=platform_of(text_of(cell(row, "platform"))),
            shop=shop or None,
            session_id=session_id,
            message_id=message_id or self._made_id(number),
            seq=integer_of(cell(row, "seq"), self._name("seq")),
            sent_at=sent_at,
            role=role,
            account=self._hash(account) if role == "buyer" else account or None,
            buyer=buyer and self._hash(buyer),
            content_type=content_type,
            text=mask(text),
            item_id=self._id(row, "item_id"),
            order_id=self._id(row, "order_id"),
            source_file=self.sheet.file,
            source_row=number,
            has_own_id=message_id is not None,
        )

    def _sender(self, row: Row, shop: str) -> tuple[str, str, str | None]:
        """(role, account, buyer); the last two are plain names."""
        account, buyer, agent, receiver = (
            text_of(self._cell(row, name)) for name in ("account", "buyer", "agent", "receiver")
        )
        parties = role_of_parties(account, receiver, buyer, shop, agent)
        if "role" in self.columns:
            word = text_of(self._cell(row, "role"))
            role = role_of(word, text_of(self._cell(row, "source")), account)
            if role is None:
                expected = "is no role we know: 买家/buyer, 客服/agent, 机器人/bot or 系统/system"
                raise RowError(self._name("role"), word, expected)
        elif parties:
            role = parties[0] if parties[0] == "buyer" else role_of("agent", "", account) or "agent"
        else:
            raise RowError(self._name("account"), "", "does not tell buyer and agent apart")
        if not buyer:
            buyer = account if role == "buyer" else parties[1] if parties else ""
        account = account or (buyer if role == "buyer" else agent)
        return role, account, buyer or None

    def _text(self, row: Row, number: int) -> str:
        text = text_of(self._cell(row, "text"))
        if not text.isascii():
            self.not_ascii += 1
            if is_damaged(text):
                self.damaged.append(number)
                raise RowError(self._name("text"), text, "is damaged (saved in a wrong encoding before)")
        return text

    def _cell(self, row: Row, field: str) -> Cell:
        index = self.columns.get(field)
        return None if index is None else row[index]

    def _name(self, field: str) -> str:
        index = self.columns.get(field)
        return "" if index is None else self.sheet.header[index]

    def _id(self, row: Row, field: str) -> str | None:
        index = self.columns.get(field)
        return None if index is None else id_of(row[index], self.sheet.header[index])

    def _hash(self, name: str) -> str | None:
        if not name:
            return None
        if name not in self.hashes:
            self.hashes[name] = hash_buyer(name, self.salt)
        return self.hashes[name]

    def _made_id(self, number: int) -> str:
        origin = (
            f"{self.digest} {self.sheet.file.rpartition('#')[2] if '#' in self.sheet.file else ''} {number}"
        )
        return "m_" + hashlib.blake2b(origin.encode(), digest_size=8).hexdigest()


def _to_table(messages: list[Message], gap: timedelta) -> pa.Table:
    _fill_buyers(messages)
    free = [message for message in messages if message.session_id is None]
    keys = [(message.platform, message.shop, message.buyer) for message in free]
    for message, session_id in zip(
        free, assign_sessions(keys, [message.sent_at for message in free], gap), strict=True
    ):
        message.session_id = session_id
    messages.sort(key=lambda message: (message.session_id, message.sent_at, message.seq or 0))
    place = 0
    for before, message in zip([None, *messages], messages, strict=False):
        place = place + 1 if before is not None and before.session_id == message.session_id else 1
        message.seq = place if message.seq is None else message.seq
    columns = [
        pa.array([getattr(message, field.name) for message in messages], type=field.type)
        for field in MESSAGES
    ]
    return pa.Table.from_arrays(columns, schema=MESSAGES)


def _tell_shops_apart(messages: Sequence[Message]) -> None:
    """Where two shops use the same session or message id, add the shop to it; all other ids stay as given."""
    for field in ("session_id", "message_id"):
        owners: dict[str, set[str]] = defaultdict(set)
        for message in messages:
            owners[getattr(message, field) or ""].add(_place(message))
        for message in messages:
            given = getattr(message, field)
            if given and len(owners[given]) > 1:
                setattr(message, field, f"{given}@{_place(message)}")


def _place(message: Message) -> str:
    return "/".join(part for part in (message.platform, message.shop) if part)


def _fill_buyers(messages: Sequence[Message]) -> None:
    """Give the other side's rows the buyer of their session: the last who spoke, else the first who will."""
    for ordered in (messages, messages[::-1]):
        last: dict[tuple[object, ...], str] = {}
        for message in ordered:
            key = (message.platform, message.shop, message.session_id)
            if message.session_id is None:
                continue
            if message.buyer is None:
                message.buyer = last.get(key)
            else:
                last[key] = message.buyer
