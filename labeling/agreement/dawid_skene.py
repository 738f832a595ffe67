"""One-coin Dawid-Skene: the probable answer when people of different reliability voted.

found = one_coin(task, person, answer, classes=2)       # three arrays [votes]
found.posterior[task_number], found.skill[person_number]

Each person has one coin: right with probability ``skill``, else any of the other answers alike. Skills and
the odds of the answers are estimated together by expectation maximisation (A. Dawid, A. Skene, Applied
Statistics 28, 1979, https://doi.org/10.2307/2346806; one coin: Y. Zhang and others, JMLR 17, 2016,
https://jmlr.org/papers/v17/14-511.html).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xundan.labeling.agreement.figures import Numbers, Whole

_ROUNDS, _STILL = 200, 1e-7


@dataclass(frozen=True)
class OneCoin:
    """``posterior`` [tasks, classes]; ``skill`` [people], the chance to be right; ``prior`` [classes]."""

    posterior: Numbers
    skill: Numbers
    prior: Numbers


def one_coin(task: Whole, person: Whole, answer: Whole, classes: int, pseudo: float = 1.0) -> OneCoin:
    """Estimate from votes: ``person`` p of vote v gave ``answer`` [votes] to ``task`` [votes]; numbers are
    from 0.

    It begins at the share of the votes. ``pseudo`` right and wrong answers are added to each person's, in
    the ratio of their first guess, so that someone with three votes is not held to be infallible.
    """
    tasks, people = int(task.max()) + 1, int(person.max()) + 1
    cell = task * classes + answer

    def per_cell(weights: Numbers) -> Numbers:
        sums: Numbers = np.bincount(cell, weights, tasks * classes).astype(np.float64)
        return sums.reshape(tasks, classes)

    votes = per_cell(np.ones(len(task)))
    posterior: Numbers = votes / votes.sum(axis=1, keepdims=True)
    given = np.bincount(person, minlength=people)
    start = posterior[task, answer].mean()
    for _ in range(_ROUNDS):
        right = np.bincount(person, posterior[task, answer], people)
        skill = (right + pseudo * start) / np.maximum(given + pseudo, 1e-12)
        skill = np.clip(skill, 1e-6, 1 - 1e-6)
        prior = posterior.mean(axis=0)
        gain = np.log(skill * (classes - 1) / (1 - skill))  # a vote for a class, against one for another
        weight = per_cell(gain[person]) + np.log(np.maximum(prior, 1e-12))
        after = np.exp(weight - weight.max(axis=1, keepdims=True))
        after /= after.sum(axis=1, keepdims=True)
        moved = np.abs(after - posterior).max()
        posterior = after
        if moved < _STILL:
            break
    return OneCoin(posterior, skill, prior)
