"""A real Label Studio, 200 messages, two people: lost answers and killed processes lose and double nothing.

pytest tests/labeling/test_studio_crash.py        (starts Label Studio; minutes)
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.labeling.dropping_proxy import dropping
from tests.labeling.real_studio import TASKS, Make, annotate, answered, answers, assert_once, standing
from xundan.errors import BadInput
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access, studio_folder
from xundan.labeling.studio.client import connect
from xundan.labeling.studio.process import LOCK_NAME, Process
from xundan.labeling.studio.pull import pull
from xundan.labeling.studio.push import push
from xundan.labeling.studio.server import up
from xundan.labeling.studio.task_data import task_data
from xundan.taxonomy.trees import load

pytestmark = [pytest.mark.slow, pytest.mark.studio]

# Run by a process that is killed: it says when it begins, and when it is through.
CHILD = """
import sys
from pathlib import Path
from xundan.labeling.store import Store
from xundan.labeling.studio.access import read_access
from xundan.labeling.studio.client import connect
from xundan.labeling.studio.pull import pull
from xundan.labeling.studio.push import push
from xundan.taxonomy.trees import load

what, home, project = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
studio = connect(read_access(home))
with Store.open(home) as store:
    print("begins", flush=True)
    if what == "push":
        push(store, studio, project, store.tasks(), load("attention"), batch=20, settles_s=15)
    else:
        pull(store, studio, project)
print("through", flush=True)
"""


def test_every_third_answer_is_lost(
    own_store: Store, access: Access, annotators: tuple[Access, Access], studio_project: Make
) -> None:
    project = studio_project("attention")
    with dropping(access.address, every=3) as proxy:
        through = connect(replace(access, address=proxy.address))
        report = push(own_store, through, project, TASKS, load("attention"), batch=20)
        assert report.pushed == 200
        assert any(request.endswith("/import") for request in proxy.dropped)
        assert_once(own_store, access, project)
        annotate(annotators[0], sorted(row.task for row in own_store.pushed(project))[:80], seed=3)
        assert pull(own_store, through, project).new == 80
        assert pull(own_store, through, project).new == 0
    assert answers(own_store) == answered(access, project)
    assert sum(answers(own_store).values()) == 80


def test_doubles_are_removed_by_the_server_only_while_nobody_answered(
    own_store: Store, access: Access, annotators: tuple[Access, Access], studio_project: Make
) -> None:
    project = studio_project("attention")
    studio = connect(access)
    push(own_store, studio, project, TASKS, load("attention"))
    doubles = studio.add(project, [task_data(task, load("attention")) for task in TASKS[:30]])
    annotate(annotators[0], doubles[:2], seed=4)
    studio.remove_untouched(project, doubles)
    assert set(doubles) & standing(access, project).keys() == set(doubles[:2])
    report = push(own_store, studio, project, TASKS, load("attention"))
    assert (report.pushed, report.doubles) == (0, 2)
    assert_once(own_store, access, project)
    assert set(doubles[:2]) <= {row.task for row in own_store.pushed(project)}


def test_the_server_is_killed_in_the_middle(
    own_store: Store, studio_home: Path, access: Access, studio_project: Make
) -> None:
    project = studio_project("attention")
    process = Process(studio_folder(studio_home))

    def kill(came: int) -> None:
        if came and process.running():
            os.killpg(int((process.folder / LOCK_NAME).read_text()), signal.SIGKILL)

    with pytest.raises(BadInput, match=r"Label Studio does not answer.*run: xundan label up"):
        push(
            own_store,
            connect(access),
            project,
            TASKS,
            load("attention"),
            batch=20,
            begin=lambda what, total: kill,
        )
    while process.running():
        time.sleep(0.05)
    assert up(studio_home) == access
    report = push(own_store, connect(access), project, TASKS, load("attention"), batch=20, settles_s=5)
    assert 0 < report.already < 200
    assert report.pushed + report.already == 200
    assert_once(own_store, access, project)


def killed(what: str, home: Path, project: int, delay: float) -> bool:
    """Run the child and kill it ``delay`` seconds after it began; whether it was through before."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, what, str(home), str(project)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begins\n"
    time.sleep(delay)
    child.kill()
    said = child.stdout.read()
    child.wait()
    return said == "through\n"


def test_the_pushing_process_is_killed_again_and_again(
    own_store: Store, access: Access, studio_project: Make
) -> None:
    project, rng = studio_project("attention"), random.Random(5)
    deaths = 0
    while not killed("push", own_store.folder, project, rng.uniform(0.05, 1.5)):
        deaths += 1
        assert deaths < 60
    assert deaths
    report = push(own_store, connect(access), project, TASKS, load("attention"))
    assert (report.pushed, report.already) == (0, 200)
    assert_once(own_store, access, project)


def test_the_pulling_process_is_killed_again_and_again(
    own_store: Store, access: Access, annotators: tuple[Access, Access], studio_project: Make
) -> None:
    project, rng = studio_project("attention"), random.Random(6)
    push(own_store, connect(access), project, TASKS, load("attention"))
    numbers = sorted(row.task for row in own_store.pushed(project))
    for round_, person in enumerate(annotators):
        annotate(person, numbers[round_ * 40 : 60 + round_ * 40], seed=round_)
        for _ in range(6):
            killed("pull", own_store.folder, project, rng.uniform(0.0, 0.6))
    pull(own_store, connect(access), project)
    assert answers(own_store) == answered(access, project)
    assert sum(answers(own_store).values()) == 120
    assert all(one.at <= datetime.now(UTC) for one in own_store.annotations())
    assert not any(one.history for one in own_store.annotations())
