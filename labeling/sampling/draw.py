"""Draw the next tasks: choose, check that all is masked, keep them; the same call again draws nothing new.

wish = Wish("attention", parse_mix("random=100,uncertain=200,rare=200", 500))
with Store.open(Path("xundan-labels")) as store:
    drawn = draw(Lake(Path("xundan-out")), store, wish)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from xundan.disk import replace_file
from xundan.errors import BadInput
from xundan.labeling.sampling.audit import proportional
from xundan.labeling.sampling.disputed import disputed
from xundan.labeling.sampling.diverse import diverse
from xundan.labeling.sampling.doubtful import uncertain, valuable
from xundan.labeling.sampling.drawn import Chosen, Drawn, count
from xundan.labeling.sampling.frame import Frame, make_frame
from xundan.labeling.sampling.known import read_known
from xundan.labeling.sampling.mix import RANDOM
from xundan.labeling.sampling.offers import Hints, Offer, Offers, best, in_turn
from xundan.labeling.sampling.pool import Pool, read_pool
from xundan.labeling.sampling.rare import rare, room
from xundan.labeling.sampling.tasks import make_tasks, refuse_unmasked
from xundan.labeling.store import Store
from xundan.labeling.tag_sources import link_tags, places_of
from xundan.lake import Lake
from xundan.progress import Begin, silent
from xundan.settings import SHANGHAI
from xundan.taxonomy.trees import load

DRAWS = "draws"
EVERY_LEAF = "any leaf"
BY_DOUBT = frozenset({"uncertain", "valuable"})


@dataclass(frozen=True)
class Wish:
    """What is to be drawn.

    ``mix``: tasks by purpose (`parse_mix`). ``target``: the labels that ``rare`` wants of each leaf.
    ``since``: only what was sent (or began) from this day on. ``labels``: labelled sets besides the store;
    ``held_out``: files of sessions that are kept for tests. ``model``: the folder of the model that
    classified the workspace, or its model.json, which the purposes `BY_DOUBT` need. Another ``seed`` draws
    further tasks from the same workspace.
    """

    tree: str
    mix: Mapping[str, int]
    seed: int = 0
    target: int = 50
    since: date | None = None
    labels: tuple[Path, ...] = ()
    held_out: tuple[Path, ...] = ()
    model: Path | None = None
    taxonomy: str | Path | None = None


def draw(lake: Lake, store: Store, wish: Wish, begin: Begin = silent) -> Drawn:
    """Add the tasks to the store, all or none, and say what was drawn, why, and what was left out.

    The batch is named after the workspace, the files and the wish: a call that was killed, and one that was
    not, can be repeated, and the second gives back what the first drew. Raises `BadInput` for a lake, file or
    model that cannot be used, `Refused` where a text that would go out is not masked.
    """
    taxonomy = load(wish.taxonomy or wish.tree)
    pool = read_pool(lake, wish.tree, wish.since, begin)
    link_tags(store, wish.tree, places_of(pool.candidates))
    known = read_known(store, taxonomy, wish.labels, wish.held_out)
    doubts = pool.tree != "loss" and BY_DOUBT & wish.mix.keys()
    thresholds = read_thresholds(wish.model, pool) if wish.model and doubts else None
    batch = _batch(pool, wish, thresholds)
    report = store.folder / DRAWS / f"{batch}.json"
    if report.is_file() and store.tasks(batch=batch):
        return Drawn.read(report)
    frame = make_frame(pool, known, begin)
    random = np.random.default_rng(wish.seed)
    order = random.permutation(len(frame.groups)).tolist()
    hints = Hints(known, taxonomy, thresholds, wish.target, order, wish.seed)
    chosen, offered = _choose(frame, hints, wish, random, begin)
    tasks = make_tasks(pool, chosen, batch)
    refuse_unmasked(pool, tasks)
    drawn = count(batch, wish.mix, frame, known, chosen, offered)
    # The report first: where the tasks are, it is too. A report without tasks is written again.
    report.parent.mkdir(exist_ok=True)
    replace_file(report, drawn.to_json().encode())
    store.add_tasks(tasks)
    return drawn


def read_thresholds(model: Path, pool: Pool) -> Mapping[str, float]:
    """The threshold of each leaf, from the model.json of the model that classified the pool; `BadInput` for
    another file, and for that of another model."""
    path = model / "model.json" if model.is_dir() else model
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        thresholds = dict(zip(said["leaves"], map(float, said["thresholds"]), strict=True))
        version = said["version"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        expected = "a model folder, or its model.json with version, leaves and thresholds"
        raise BadInput("no thresholds", got=error, expected=expected, where=str(path)) from None
    others = {one.predicted.model_version for one in pool.candidates if one.predicted.leaves} - {version}
    if others:
        raise BadInput(
            "the workspace was classified by another model",
            got=", ".join(sorted(map(str, others))),
            expected=version,
            do="name that model, or classify again: xundan classify",
            where=str(path),
        )
    return thresholds


def _choose(
    frame: Frame, hints: Hints, wish: Wish, random: np.random.Generator, begin: Begin
) -> tuple[list[Chosen], dict[str, Offers]]:
    """What each purpose draws, and what it had to choose from; a group that one has drawn is gone."""
    chosen: list[Chosen] = []
    offered: dict[str, Offers] = {}
    taken: set[int] = set()
    for purpose, n in wish.mix.items():
        begin(f"draw: {purpose}", 0)
        free = [group for group in range(len(frame.groups)) if group not in taken]
        if purpose == RANDOM:
            offered[purpose] = Offers(tuple(Offer(group, 0, EVERY_LEAF, "", 0) for group in free))
            own = _random(frame, n, random)
        else:
            offered[purpose] = _offers(purpose, n, frame, free, hints)
            own = [Chosen(purpose, offer, None) for offer in _pick(purpose, n, offered[purpose].all, hints)]
        chosen += own
        taken |= {one.offer.group for one in own}
    return chosen, offered


def _random(frame: Frame, n: int, random: np.random.Generator) -> list[Chosen]:
    """Groups in proportion to their size, and of each group any member with the same chance."""
    chosen = []
    places, weights = proportional(frame.sizes, n, random)
    for group, weight in zip(places.tolist(), weights.tolist(), strict=True):
        members = frame.groups[group]
        number = members[int(random.integers(len(members)))]
        why = f"at random; {len(members)} say nearly this; it stands for {weight:.1f}"
        chosen.append(Chosen(RANDOM, Offer(group, number, EVERY_LEAF, why, 0), weight))
    return chosen


def _offers(purpose: str, n: int, frame: Frame, free: Sequence[int], hints: Hints) -> Offers:
    if purpose == "diverse":
        return diverse(frame, free, hints, n)
    makers = {"uncertain": uncertain, "rare": rare, "disputed": disputed, "valuable": valuable}
    return makers[purpose](frame, free, hints)


def _pick(purpose: str, n: int, offers: Sequence[Offer], hints: Hints) -> list[Offer]:
    """Leaves in turn where a leaf is the reason, else the best."""
    if purpose in ("uncertain", "rare"):
        return in_turn(offers, n, room(hints) if purpose == "rare" else None)
    return best(offers, n)


def _batch(pool: Pool, wish: Wish, thresholds: Mapping[str, float] | None) -> str:
    """Tree, last day, and a digest of all that a draw depends on but the store, which it changes itself."""
    digest = hashlib.blake2b(digest_size=4)
    files = [hashlib.blake2b(path.read_bytes()).hexdigest() for path in (*wish.labels, *wish.held_out)]
    digest.update(json.dumps([wish.tree, wish.mix, wish.seed, wish.target, files, thresholds]).encode())
    digest.update(f"{wish.since} {wish.taxonomy}".encode())
    for one in pool.candidates:
        row = pool.sessions.get(one.session_id, {})
        money = (row.get("outcome"), row.get("amount"))
        digest.update(repr((one.key, one.session_id, one.message_id, one.predicted, money)).encode())
    last = max((one.at for one in pool.candidates), default=None)
    day = last.astimezone(SHANGHAI).strftime("%Y%m%d") if last else "empty"
    return f"{wish.tree}-{day}-{digest.hexdigest()}"
