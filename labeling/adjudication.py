"""Disputed tasks go to an adjudicator, with what each person answered; the decision and its reason come back.

tasks = adjudication_batch(store, load("attention"))     # push these into a project of their own
print(take_decisions(store))                             # after a pull of that project
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from xundan.chats.masking import mask
from xundan.labeling.agreement.votes import (
    ADJUDICATION,
    Dispute,
    Vote,
    adjudicated,
    decides,
    dispute_of,
    is_adjudication,
    read_votes,
    standing_decisions,
)
from xundan.labeling.records import Annotation, Decision, Task
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Taxonomy

_LETTERS = "甲乙丙丁戊己庚辛壬癸"
_SAID = {"unsure": "不确定", "unreadable": "看不懂", "empty": "没有选"}


@dataclass(frozen=True)
class Disputed:
    """A disputed task that nobody decided yet, why (see `dispute_of`), its votes, and whether three or more
    of them settle it for the time being."""

    task: Task
    why: Dispute
    votes: tuple[Vote, ...]
    voted: bool


@dataclass(frozen=True)
class Taken:
    """What the adjudicators' answers came to: ``answers`` is the sum of the next six.

    ``new`` and ``changed`` decisions; ``same`` as known already; ``unsure``: the adjudicator does not know
    either, so the task is open; ``older``: answers of other adjudicators or withdrawn ones; ``strangers``:
    answers to tasks the store does not have. ``reasonless`` of the decisions that stand give no reason, and
    ``own`` of them were made by somebody who had answered the task before.
    """

    answers: int
    new: int
    changed: int
    same: int
    unsure: int
    older: int
    strangers: int
    reasonless: int
    own: int


def adjudication_key(key: str) -> str:
    """The key of the task in which an adjudicator decides about the task of this key."""
    return ADJUDICATION + key


def disputes(store: Store, tree: str) -> list[Disputed]:
    """The open disputes of a tree: first those that nothing settles, then those that three votes settle."""
    votes = read_votes(store, tree)
    decided = {one.key for one in standing_decisions(store)}
    how = {one.key: one.how for one in settle(store, tree)}
    found = [
        Disputed(votes.tasks[key], why, given, how[key] == "vote")
        for key, given in votes.by_task.items()
        if key not in decided and (why := dispute_of(given, votes.tasks[key])) is not None
    ]
    return sorted(found, key=lambda one: one.voted)


def count_disputes(found: Sequence[Disputed]) -> dict[str, int]:
    """Open disputes by reason; ``settled by votes`` of them are settled for the time being."""
    reasons = Counter(one.why for one in found)
    return {
        **{why: reasons[why] for why in get_args(Dispute)},
        "settled by votes": sum(one.voted for one in found),
    }


def adjudication_batch(store: Store, taxonomy: Taxonomy, voted: bool = False) -> list[Task]:
    """The open disputes as tasks for an adjudicator; the same disputes give the same tasks.

    ``why`` says what each person answered, under letters that are shuffled anew for each task; no leaf is
    filled in. ``voted``: also those that three or more votes settle. Push them, but do not add them to the
    store: they are no tasks to sample, count or freeze.
    """
    return [
        replace(
            one.task,
            key=adjudication_key(one.task.key),
            predicted=(),
            model_version=None,
            purpose="disputed",
            why=answers_shown(one.votes, one.task, taxonomy),
            weight=None,
        )
        for one in disputes(store, taxonomy.tree)
        if voted or not one.voted
    ]


def answers_shown(votes: Sequence[Vote], task: Task, taxonomy: Taxonomy) -> str:
    """What each person answered, one a line, nameless: "甲：价格询问、议价（备注：…）"."""
    shuffled = sorted(votes, key=lambda v: hashlib.blake2b(f"{v.key}\x1f{v.by}".encode()).digest())
    known = {leaf.id for leaf in taxonomy.leaves}
    lines = []
    for number, vote in enumerate(shuffled):
        letter = _LETTERS[number] if number < len(_LETTERS) else f"第{number + 1}人"
        names = [taxonomy.name_of(leaf) if leaf in known else leaf for leaf in vote.leaves]
        said = _in_words(names, task.is_session)
        if vote.kind != "labels":
            said = _SAID[vote.kind] + (f"（先选了{said}）" if said else "")
        note = f"（备注：{mask(vote.comment)}）" if vote.comment else ""
        lines.append(f"{letter}：{said}{note}")
    return "\n".join(lines)


def take_decisions(store: Store) -> Taken:
    """Turn the adjudicators' answers in the store into decisions. Can be repeated.

    看不懂 decides that no leaf fits (a decision without leaves). Of several answers to one dispute the latest
    counts, of those that stand. An answer is taken once: a decision that was moved to a newer taxonomy since
    is not moved back.
    """
    answers = [one for one in store.annotations() if one.source == "human" and is_adjudication(one.key)]
    latest = {key: one for key, one in adjudicated(store).items() if one is not None}
    voters = {(one.key, one.by) for one in store.annotations() if not is_adjudication(one.key)}
    tasks = {task.key for task in store.tasks()}
    known = {one.key: one for one in store.decisions()}
    counts: Counter[str] = Counter(older=len(answers) - len(latest))
    put = []
    for key, one in latest.items():
        before = known.get(key)
        if key not in tasks:
            counts["strangers"] += 1
        elif not decides(one):
            counts["unsure"] += 1
        elif before is not None and before.at == one.at:
            counts["same"] += 1
        else:
            counts["changed" if before is not None else "new"] += 1
            put.append(_decision(key, one))
    store.put_decisions(put)
    standing = [one for one in standing_decisions(store) if one.key in latest]
    return Taken(
        answers=len(answers),
        new=counts["new"],
        changed=counts["changed"],
        same=counts["same"],
        unsure=counts["unsure"],
        older=counts["older"],
        strangers=counts["strangers"],
        reasonless=sum(not one.reason for one in standing),
        own=sum((one.key, one.by) in voters for one in standing),
    )


def _decision(key: str, one: Annotation) -> Decision:
    leaves = () if one.unreadable else tuple(dict.fromkeys(one.leaves))
    return Decision(key, leaves, one.by, mask((one.comment or "").strip()), one.at)


def _in_words(names: Sequence[str], is_session: bool) -> str:
    if not is_session:
        return "、".join(names)
    return "，次要".join(filter(None, ("、".join(names[:1]), "、".join(names[1:]))))
