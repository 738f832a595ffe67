"""What can be labelled: the buyer's messages, the agents' messages, or the lost sessions of a workspace.

pool = read_pool(Lake(Path("out")), "attention")
pool.rows == len(pool.candidates) + sum(pool.left_out.values())

``candidate.key`` is the key of the task it would become, so that whoever imports tags of agents or of quality
checkers finds the key of a message here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from xundan.chats.sessions import in_sessions
from xundan.errors import BadInput
from xundan.labeling.freeze.collect import CONTEXT_TURNS
from xundan.labeling.records import Turn, task_key
from xundan.lake import Lake
from xundan.progress import Begin, silent
from xundan.settings import SHANGHAI

ROLE_OF = {"attention": "buyer", "action": "agent"}
TREES = (*ROLE_OF, "loss")
LOST = ("lost_no_order", "lost_unpaid", "lost_refund")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one message or session: its leaves with scores, best first.

    ``unsure``: below the model's cutoff, None where it has none.
    """

    leaves: tuple[tuple[str, float], ...] = ()
    unsure: bool | None = None
    model_version: str | None = None
    taxonomy_version: str | None = None

    @property
    def first(self) -> str:
        """The best leaf; empty where there is none."""
        return self.leaves[0][0] if self.leaves else ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message with its previous turns, or a lost session (``message_id`` None, ``text`` empty) with all of
    its turns; ``at`` is when it was sent or began, ``source`` the file and row it came from."""

    key: str
    session_id: str
    message_id: str | None
    shop: str | None
    buyer: str | None
    text: str
    turns: tuple[Turn, ...]
    item: str | None
    at: datetime
    source: str
    predicted: Prediction


@dataclass(frozen=True)
class Pool:
    """``rows``: messages of the tree's role, or sessions, in the lake; each is a candidate or left out, by
    reason. ``sessions``: the sessions' rows by id; ``orders``: the rows of the order table."""

    tree: str
    rows: int
    candidates: tuple[Candidate, ...]
    left_out: Mapping[str, int]
    sessions: Mapping[str, Row]
    orders: tuple[Row, ...] = field(repr=False)

    @property
    def unit(self) -> str:
        """What is counted: messages or sessions."""
        return "sessions" if self.tree == "loss" else "messages"


def read_pool(lake: Lake, tree: str, since: date | None = None, begin: Begin = silent) -> Pool:
    """Everything of a tree that can be labelled, sorted by session and time; ``since``: a day in Shanghai.

    Raises `BadInput` for another tree, and for a lake that is not imported and classified yet.
    """
    if tree not in TREES:
        raise BadInput("tasks are not drawn for this tree", got=tree, expected=f"one of {', '.join(TREES)}")
    messages, predicted = lake.read("messages"), _predictions(lake.read(tree))
    sessions = {row["session_id"]: row for row in lake.read("sessions").to_pylist()}
    orders = tuple(lake.read("orders").to_pylist()) if lake.has("orders") else ()
    advance = begin("read the pool", messages.num_rows)
    left_out: Counter[str] = Counter()
    told = _told(lake) if tree == "loss" else frozenset[str]()
    candidates: list[Candidate] = []
    columns = ["message_id", "shop", "buyer", "role", "content_type", "text", "item_id"]
    for session_id, talk in in_sessions(messages, [*columns, "source_file", "source_row"]):
        session = sessions.get(session_id, {})
        if tree == "loss":
            found = _session(session_id, session, talk, predicted, told)
        else:
            found = _messages(session_id, session, talk, predicted, tree)
        for one in found:
            if isinstance(one, str):
                left_out[one] += 1
            elif since is not None and one.at.astimezone(SHANGHAI).date() < since:
                left_out[f"before {since}"] += 1
            else:
                candidates.append(one)
        advance(len(talk))
    total = len(candidates) + left_out.total()
    return Pool(tree, total, tuple(candidates), dict(left_out), sessions, orders)


def _messages(
    session_id: str,
    session: Row,
    talk: Sequence[Row],
    predicted: Callable[[str, str | None], Prediction],
    tree: str,
) -> Iterator[Candidate | str]:
    """A candidate, or why there is none, for each message of the tree's role."""
    turns = [Turn(row["message_id"], row["role"], row["text"], row["sent_at"]) for row in talk]
    for place, row in enumerate(talk):
        if row["role"] != ROLE_OF[tree]:
            continue
        if row["content_type"] != "text" or not row["text"].strip():
            yield "no text (image, card, voice, link)"
            continue
        before = tuple(turns[max(0, place - CONTEXT_TURNS) : place])
        yield Candidate(
            key=task_key(tree, row["text"], before),
            session_id=session_id,
            message_id=row["message_id"],
            shop=row["shop"],
            buyer=row["buyer"] or session.get("buyer"),
            text=row["text"],
            turns=before,
            item=row["item_id"] or session.get("item_id"),
            at=row["sent_at"],
            source=_source(row),
            predicted=predicted(session_id, row["message_id"]),
        )


def _session(
    session_id: str,
    session: Row,
    talk: Sequence[Row],
    predicted: Callable[[str, str | None], Prediction],
    told: frozenset[str],
) -> Iterator[Candidate | str]:
    """The session as a candidate, or why it is none."""
    outcome = session.get("outcome")
    if outcome not in LOST:
        yield f"not lost ({outcome or 'no inquiry'})"
        return
    if session_id in told:
        yield "its reason is in the register already"
        return
    turns = tuple(Turn(row["message_id"], row["role"], row["text"], row["sent_at"]) for row in talk)
    yield Candidate(
        key=task_key("loss", "", turns),
        session_id=session_id,
        message_id=None,
        shop=session["shop"],
        buyer=session["buyer"],
        text="",
        turns=turns,
        item=session["item_id"],
        at=session["started_at"] or talk[0]["sent_at"],
        source=_source(talk[0]),
        predicted=predicted(session_id, None),
    )


def _source(row: Row) -> str:
    return f"{row['source_file'] or 'messages'}:{row['source_row'] or row['message_id']}"


def _predictions(table: pa.Table) -> Callable[[str, str | None], Prediction]:
    """What the model says of a (session, message), from the attention, action or loss table."""
    is_loss = "rank" in table.column_names
    rows: dict[tuple[str, str | None], list[Row]] = defaultdict(list)
    for row in table.to_pylist():
        rows[row["session_id"], None if is_loss else row["message_id"]].append(row)

    def predicted(session_id: str, message_id: str | None) -> Prediction:
        found = rows.get((session_id, message_id))
        if not found:
            return Prediction()
        found.sort(key=lambda row: row["rank"] if is_loss else -(row["score"] or 0.0))
        return Prediction(
            tuple((row["leaf"], float(row["score"] or 0.0)) for row in found),
            found[0].get("uncertain"),
            found[0]["model_version"],
            found[0]["taxonomy_version"],
        )

    return predicted


def _told(lake: Lake) -> frozenset[str]:
    """Sessions whose reason a person wrote into the reason table: the latest line of a session holds."""
    if not lake.has("corrections"):
        return frozenset()
    log = lake.read("corrections").sort_by("at").select(["session_id", "leaf"]).to_pylist()
    latest = {row["session_id"]: row["leaf"] for row in log}
    return frozenset(name for name, leaf in latest.items() if leaf is not None)
