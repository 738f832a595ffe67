"""Where somebody says otherwise than the model, or people among themselves, and what is like it.

offers = disputed(frame, free, hints)

What people answered already is settled by adjudication, never drawn again: a message comes here through a tag
of its own (an agent's, a quality checker's), or because it is like a task in dispute and of the same leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xundan.labeling.agreement.votes import dispute_of
from xundan.labeling.records import Task
from xundan.labeling.sampling.frame import Frame
from xundan.labeling.sampling.known import Known, reading_text
from xundan.labeling.sampling.likeness import Likeness
from xundan.labeling.sampling.offers import Hints, Offer, Offers

ALIKE = 0.4
"""The least cosine with a task in dispute."""


@dataclass(frozen=True)
class Contradiction:
    """A task over which there is a dispute: its text, the leaves named on either side, and who differs."""

    text: str
    leaves: frozenset[str]
    who: str


def contradictions(known: Known) -> list[Contradiction]:
    """The tasks on which people differ, or on which a person or a tag contradicts the model; a decision
    settles the first kind, not the second."""
    return [found for task in known.votes.tasks.values() for found in _of_task(task, known)]


def disputed(frame: Frame, free: Sequence[int], hints: Hints) -> Offers:
    """Groups with a tag that contradicts the model, then groups like a task in dispute, the likest first."""
    tagged = [offer for group in free if (offer := _tagged(frame, group, hints))]
    against = contradictions(hints.known)
    taken = {offer.group for offer in tagged}
    rest = [group for group in free if group not in taken]
    alike = _alike(frame, rest, against) if against and rest else []
    return Offers(
        (*tagged, *alike), f"{len(tagged)} tags contradict the model, {len(against)} tasks are in dispute"
    )


def _of_task(task: Task, known: Known) -> Iterator[Contradiction]:
    text = reading_text(task.text, task.turns, task.is_session)
    model = frozenset(leaf for leaf, _ in task.predicted)
    votes = known.votes.labels(task.key)
    said = frozenset(leaf for vote in votes for leaf in vote.leaves)
    answer = frozenset(known.answers.get(task.key, ()))
    tags = frozenset(leaf for _, leaves in known.tags.get(task.key, ()) for leaf in leaves)
    if not answer and dispute_of(known.votes.by_task.get(task.key, ()), task) == "differ":
        yield Contradiction(text, said | model, " and ".join(vote.by for vote in votes[:2]))
    elif answer and model and not answer & model:
        yield Contradiction(text, answer | model, "the annotator and the model")
    elif not answer and tags and model and not tags & model:
        yield Contradiction(text, tags | model, "a tag and the model")


def _tagged(frame: Frame, group: int, hints: Hints) -> Offer | None:
    for number, one in frame.members(group):
        model = [leaf for leaf, _ in one.predicted.leaves]
        for source, leaves in hints.known.tags.get(one.key, ()):
            if leaves and not set(leaves) & set(model):
                why = f"{source} says {', '.join(leaves)}, the model {', '.join(model) or 'nothing'}"
                place = hints.order[group] / len(hints.order)
                return Offer(group, number, one.predicted.first, why, place)
    return None


def _alike(frame: Frame, rest: Sequence[int], against: Sequence[Contradiction]) -> list[Offer]:
    place, cosine = Likeness([frame.text(group) for group in rest]).nearest([one.text for one in against])
    offers = []
    for group, at, near in zip(rest, place.tolist(), cosine.tolist(), strict=True):
        number = frame.groups[group][0]
        leaf = frame.pool.candidates[number].predicted.first
        if near >= ALIKE and leaf in against[at].leaves:
            why = f"like a task on which {against[at].who} differ ({near:.2f})"
            offers.append(Offer(group, number, leaf, why, 2 - near))
    return offers
