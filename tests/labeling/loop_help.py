"""The week of a data team for the tests: 200 messages, two people and an adjudicator, and their command line.

label(person, FIRST, numbers); Plain(home, access).run("label", "pull", "--home", home)
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from tests.labeling.dropping_proxy import Proxy, dropping
from tests.labeling.own_tasks import BEGAN
from tests.labeling.real_studio import result
from xundan.labeling.records import Task, Turn, task_key
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access, write_access
from xundan.labeling.studio.client import library
from xundan.labeling.studio.config_parts import COMMENT, DOUBT, UNREADABLE, UNSURE

THINGS = ("铁壶", "毛线帽", "鱼竿", "书包", "香薰蜡烛", "电吹风", "帐篷", "木梳", "保温饭盒", "门帘")
ASKS = {
    "price_inquiry": ("{}现在多少钱", "{}啥价位啊", "问下{}的价格", "一个{}要几块"),
    "price_bargain": ("{}还能再便宜点吗", "买两个{}给抹个零", "{}贵了，少十块行不行", "老顾客了，{}打个折吧"),
    "logistics_ship_time": (
        "{}今天能发出来吗",
        "几号给我寄{}",
        "下单的{}什么时候发货",
        "{}拍了三天没动静，啥时发",
    ),
    "logistics_freight": ("{}包邮到家吗", "寄{}到新疆收邮费不", "邮费谁出，{}这种", "{}的运费怎么算"),
    "stock_availability": ("{}还有货没有", "{}卖光了吗", "蓝的{}有没有现货", "{}啥时候补货"),
}
LEAVES = tuple(ASKS)
COUNT = 200
AT_RANDOM = 80  # two of five


def tasks() -> list[Task]:
    """200 messages, two a session, of 60 buyers; two of five drawn at random, all with a prediction, of which
    one in nine is wrong."""
    made = []
    asked = [(leaf, ask) for leaf, asks in ASKS.items() for ask in asks]
    for number, (thing, (leaf, ask)) in enumerate(product(THINGS, asked)):
        session, random = number // 2, number % 5 < 2
        text = ask.format(thing)
        turns = (
            Turn(f"m{number}-1", "buyer", f"你好，想看看{thing}", BEGAN),
            Turn(f"m{number}-2", "agent", "欢迎光临，您说", BEGAN),
        )
        made.append(
            Task(
                key=task_key("attention", text, turns),
                tree="attention",
                session_id=f"s{session}",
                message_id=f"m{number}-3",
                shop="青柳杂货",
                buyer=f"b{session % 60}",
                text=text,
                turns=turns,
                item=thing,
                predicted=((beside(leaf) if number % 9 == 2 else leaf, 0.8),),
                model_version="attention-test-1",
                purpose="random" if random else "uncertain",
                weight=10.0 if random else None,
                batch="draw-1",
            )
        )
    return made


def beside(leaf: str) -> str:
    """Another leaf."""
    return LEAVES[(LEAVES.index(leaf) + 1) % len(LEAVES)]


TASKS = tasks()
_ASKED = [leaf for leaf, asks in ASKS.items() for _ in asks] * len(THINGS)
TRUTH = {task.key: leaf for task, leaf in zip(TASKS, _ASKED, strict=True)}
_NUMBERED = list(enumerate(TRUTH.items()))
Answers = Mapping[str, str]
# The last 60 messages nobody answers; the first 70 the second person answers too, sees one in nine otherwise,
# and knows two of which the first is not sure; two nobody can read.
FIRST: Answers = {
    key: UNREADABLE if number < 2 else UNSURE if number in (7, 47) else leaf
    for number, (key, leaf) in _NUMBERED[:140]
}
SECOND: Answers = {
    key: UNREADABLE if number < 2 else beside(leaf) if number % 9 == 4 else leaf
    for number, (key, leaf) in _NUMBERED[:70]
}
DISPUTED = [key for key, answer in SECOND.items() if FIRST[key] != answer]
# The adjudicator cannot read one and leaves one for later.
DECIDED: Answers = {DISPUTED[0]: UNREADABLE} | {key: TRUTH[key] for key in DISPUTED[1:-1]}
REASON = "看买家最后问的是什么"


def label(person: Access, answers: Answers, numbers: Mapping[str, int], reason: str = "") -> None:
    """One person answers the tasks of these keys, whose numbers in Label Studio are given."""
    client = library(person)

    def one(key: str) -> None:
        client.annotations.create(
            numbers[key],
            result=_result(answers[key], reason),
            lead_time=4.0,
            request_options={"max_retries": 0},
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, answers))


def _result(answer: str, reason: str) -> list[dict[str, Any]]:
    items = [result(answer)] if answer in LEAVES else [{**result(answer), "from_name": DOUBT}]
    said = {"id": "why", "from_name": COMMENT, "to_name": "text", "type": "textarea"}
    return [*items, {**said, "value": {"text": [reason]}}] if reason else items


@dataclass
class Plain:
    """Runs the command line as a person does, on the Label Studio of ``access``; ``seconds``: how long each
    verb took, ``deaths``: which commands were killed."""

    home: Path
    access: Access
    seconds: dict[str, float] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reach(self.access.address)
        with Store.open(self.home) as store:
            store.add_tasks(TASKS)

    def reach(self, address: str) -> None:
        """Use this address of Label Studio from now on."""
        write_access(self.home, replace(self.access, address=address))

    def run(self, *words: object) -> str:
        """Run a command to its end; what it printed."""
        began = time.monotonic()
        child = self.started(*words)
        said, complaint = child.communicate()
        assert child.returncode == 0, complaint
        self.seconds[_verb(words)] = time.monotonic() - began
        return said

    def started(self, *words: object) -> subprocess.Popen[str]:
        """A command that just began."""
        command = [sys.executable, "-c", "from xundan.cli import main; main()", *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _verb(words: tuple[object, ...]) -> str:
    return str(words[1] if words[0] == "label" else words[0])


@dataclass
class Killed(Plain):
    """Runs each command several times: killed when the server has acted on a certain request and its answer
    is not yet there, or at a part of the time it took elsewhere (``took``), and at last to its end."""

    took: Mapping[str, float] = field(default_factory=dict)

    def run(self, *words: object) -> str:
        """Kill it at each of its moments, then let it live."""
        verb = _verb(words)
        for number, request in _MOMENTS.get(verb, ()):
            with dropping(self.access.address, number, request) as proxy:
                self.reach(proxy.address)
                self._kill(words, partial(_dropped, proxy))
        for part in _PARTS.get(verb, ()):
            self._kill(words, partial(_past, time.monotonic() + part * self.took[verb]))
        self.reach(self.access.address)
        return super().run(*words)

    def _kill(self, words: tuple[object, ...], now: Callable[[], bool]) -> None:
        child = self.started(*words)
        while child.poll() is None:
            if now():
                child.kill()
            time.sleep(0.01)
        child.communicate()
        if child.returncode == -signal.SIGKILL:
            self.deaths.append(_verb(words))


def _dropped(proxy: Proxy) -> bool:
    return bool(proxy.dropped)


def _past(moment: float) -> bool:
    return time.monotonic() > moment


# The how-manieth request with this end: a project made, tasks imported, tasks listed, answers read.
_MOMENTS = {
    "push": ((1, "POST /api/projects/"), (1, "/import"), (1, "GET /api/tasks/")),
    "pull": ((1, "GET /api/tasks/"), (2, "GET /api/tasks/")),
    "adjudicate": ((1, "POST /api/projects/"), (1, "/import"), (2, "GET /api/tasks/")),
}
_PARTS = {"agreement": (0.8,), "freeze": (0.7, 0.95), "train": (0.5,)}
