"""What will be asked, how many tasks that leaves out and why, and what it will cost: before anything is sent.

plan = make_plan(store, load("attention"), asking, Examples(), n=500); print("\\n".join(plan.lines()))
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from xundan.errors import BadInput
from xundan.labeling.agreement.votes import is_adjudication
from xundan.labeling.records import Task
from xundan.labeling.store import Store
from xundan.labeling.suggest.ask import worst_yuan
from xundan.labeling.suggest.asking import Asking
from xundan.labeling.suggest.cache import Cache, question_hash
from xundan.labeling.suggest.cost import ANSWER_TOKENS, estimated_tokens
from xundan.labeling.suggest.examples import Examples
from xundan.labeling.suggest.prompt import Prompt, Prompts, kind_of
from xundan.labeling.suggest.talk import recall
from xundan.taxonomy.trees import Taxonomy

WHICH = ("unlabelled", "labelled", "all")
"""Pre-annotation asks about the unlabelled; asking about the labelled measures the language model."""


@dataclass(frozen=True)
class Job:
    """One question and the tasks it answers (more than one where they read the same once cut)."""

    prompt: Prompt
    keys: tuple[str, ...]
    version: str
    turns: tuple[str, ...]
    kept: bool


@dataclass(frozen=True)
class Estimate:
    """Of the questions whose answer is not kept yet: tokens, yuan (None: prices unknown), the worst case."""

    questions: int
    kept: int
    tokens_in: int
    tokens_out: int
    yuan: float | None
    most_yuan: float | None


@dataclass(frozen=True)
class Plan:
    """``counts`` adds up to ``tasks``: those asked about and those left out by reason."""

    taxonomy: Taxonomy
    asking: Asking
    jobs: tuple[Job, ...]
    tasks: int
    counts: tuple[tuple[str, int], ...]
    examples: Examples
    estimate: Estimate

    def lines(self) -> list[str]:
        """What a person reads before saying yes."""
        e, asking, rows = self.estimate, self.asking, len(self.examples.rows)
        counts = " + ".join(f"{count:,} {name}" for name, count in self.counts)
        left = ", ".join(f"{count:,} {reason}" for reason, count in self.examples.left_out) or "none"
        money = "price unknown: give --price-in and --price-out"
        if e.yuan is not None:
            money = f"about {e.yuan:.2f} yuan, {e.most_yuan:.2f} at worst if nothing is asked twice"
        way = "this machine" if asking.loopback else "encrypted" if asking.encrypted else "NOT ENCRYPTED"
        return [
            f"tasks: {self.tasks:,} = {counts}",
            f"examples: {rows:,} labelled rows, {min(asking.shots, rows)} shown a question; left out: {left}",
            f"questions: {e.questions:,} to send, {e.kept:,} answered before and free",
            f"tokens: about {e.tokens_in:,} in, {e.tokens_out:,} out; {money}",
            f"limits: {asking.per_minute:g} a minute, {asking.concurrent} at once, "
            + (f"stop at {asking.max_yuan:g} yuan" if asking.max_yuan is not None else "no --max-yuan"),
            f"to: {asking.base_url} ({way}), model {asking.model}; masked text only",
        ]


def make_plan(
    store: Store,
    taxonomy: Taxonomy,
    asking: Asking,
    examples: Examples,
    *,
    which: str = "unlabelled",
    batch: str | None = None,
    n: int | None = None,
    again: bool = False,
) -> Plan:
    """Choose the tasks of the tree and write their prompts; nothing is sent. `BadInput` for text that is not
    masked, for an unknown ``which``, and where the store has no task of the tree.

    Left out: those (not) labelled by a person as ``which`` says, those this model answered with this
    version of the prompt (unless ``again``), and what goes beyond ``n``.
    """
    if which not in WHICH:
        raise BadInput("unknown choice of tasks", got=which, expected=", ".join(WHICH), where="--which")
    tasks = [task for task in store.tasks(taxonomy.tree, batch) if not is_adjudication(task.key)]
    if not tasks:
        raise BadInput(
            "no task to ask about",
            got=f"tree {taxonomy.tree}" + (f", batch {batch}" if batch else ""),
            do="draw some: xundan label next",
            where=str(store.folder),
        )
    prompts = Prompts(taxonomy, examples, asking.shots)
    chosen, counts = _choose(store, tasks, prompts, asking.model, which, n, again)
    written = prompts.of(chosen)
    with Cache.open(store.folder) as cache:
        jobs = _jobs(chosen, written, prompts, cache, asking)
        estimate = _estimate(jobs, cache.ratio(asking.model), asking)
    return Plan(taxonomy, asking, jobs, len(tasks), counts, examples, estimate)


def _choose(
    store: Store, tasks: Sequence[Task], prompts: Prompts, model: str, which: str, n: int | None, again: bool
) -> tuple[list[Task], tuple[tuple[str, int], ...]]:
    human = [one for one in store.annotations(prompts.taxonomy.tree) if one.source == "human"]
    labelled = {one.key for one in human if not one.withdrawn}
    labelled |= {one.key for one in store.decisions()}
    done = {(one.key, one.prompt_version) for one in store.suggestions() if one.model == model}
    versions = {kind: prompts.version(kind) for kind in {kind_of(task) for task in tasks}}
    chosen, counts = list[Task](), Counter[str]()
    for task in tasks:
        if which != "all" and (task.key in labelled) != (which == "labelled"):
            counts["labelled already" if which == "unlabelled" else "not labelled"] += 1
        elif not again and (task.key, versions[kind_of(task)]) in done:
            counts["answered by this model and prompt"] += 1
        elif n is not None and len(chosen) >= n:
            counts["beyond --n"] += 1
        else:
            chosen.append(task)
    return chosen, (("to ask about", len(chosen)), *sorted(counts.items()))


def _jobs(
    tasks: Sequence[Task], written: Sequence[Prompt], prompts: Prompts, cache: Cache, asking: Asking
) -> tuple[Job, ...]:
    same: dict[str, list[int]] = defaultdict(list)
    for index, prompt in enumerate(written):
        same[question_hash(asking, prompt.messages)].append(index)
    jobs = []
    for rows in same.values():
        first = tasks[rows[0]]
        jobs.append(
            Job(
                written[rows[0]],
                tuple(tasks[index].key for index in rows),
                prompts.version(kind_of(first)),
                tuple(turn.message_id for turn in first.turns),
                recall(written[rows[0]], asking, cache).ended,
            )
        )
    return tuple(jobs)


def _estimate(jobs: Sequence[Job], ratio: float, asking: Asking) -> Estimate:
    new = [job.prompt for job in jobs if not job.kept]
    tokens_in = round(sum(estimated_tokens(prompt.messages) for prompt in new) * ratio)
    tokens_out = ANSWER_TOKENS * len(new)
    yuan = most = None
    if asking.prices is not None:
        yuan = asking.prices.yuan(tokens_in, tokens_out)
        most = sum(worst_yuan(prompt.messages, prompt.wanted.schema(), asking) for prompt in new)
    return Estimate(len(new), len(jobs) - len(new), tokens_in, tokens_out, yuan, most)
