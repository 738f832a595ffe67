"""What a model must answer: its JSON schema, and the check of every answer against the taxonomy.

answer = read_answer('{"reason": "问邮费", "leaves": ["logistics_freight"], "unsure": false}', wanted)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from xundan.chats.masking import mask

MOST_LEAVES = {"message": 5, "session": 3}
LONGEST_REASON = 120
_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_NEAR = 3


@dataclass(frozen=True)
class Wanted:
    """What an answer may hold: these leaves, ``most`` of them, and of a session evidence among ``turns``."""

    leaves: tuple[str, ...]
    most: int
    turns: int | None = None

    def schema(self) -> dict[str, Any]:
        """The JSON schema; the reason stands first, so that a model thinks before it chooses."""
        properties: dict[str, Any] = {
            "reason": {"type": "string"},
            "leaves": {"type": "array", "items": {"type": "string", "enum": list(self.leaves)}},
            "unsure": {"type": "boolean"},
        }
        if self.turns is not None:
            properties["evidence"] = {"type": "array", "items": {"type": "integer"}}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }


@dataclass(frozen=True)
class Answer:
    """A checked answer: leaves best first (none only where ``unsure``), evidence as turn numbers from 1."""

    leaves: tuple[str, ...]
    unsure: bool
    reason: str
    evidence: tuple[int, ...] = ()


class Malformed(Exception):
    """An answer that cannot be used: ``kind`` for the count, the message is told to the model."""

    def __init__(self, kind: str, told: str) -> None:
        super().__init__(told)
        self.kind = kind


def cleaned(content: str) -> str:
    """The answer as it may be kept: masked, should the model have made up or repeated private data."""
    body = _json(content)
    try:
        text = mask(content) if body is None else json.dumps(_masked(body), ensure_ascii=False)
    except RecursionError:
        text = mask(content)
    return text.encode("utf-8", "replace").decode()  # half a character can be neither kept nor sent


def read_answer(content: str, wanted: Wanted, finished: bool = True) -> Answer:
    """Check an answer as `cleaned` left it; raises `Malformed`. ``finished``: False where it was cut off for
    length."""
    body = _json(content)
    if body is None and not finished:
        raise Malformed("cut off", "回答太长，被截断了。理由写短些，只回一个 JSON 对象")
    if body is None:
        raise Malformed("not JSON", "回答不是一个 JSON 对象。不要写其它文字，只回一个 JSON 对象")
    leaves, unsure = body.get("leaves"), body.get("unsure", False)
    if not isinstance(leaves, list) or not all(isinstance(leaf, str) for leaf in leaves):
        raise Malformed("no leaves", f"leaves 必须是 id 的列表，例如 {json.dumps([wanted.leaves[0]])}")
    if not isinstance(unsure, bool):
        raise Malformed("unsure is no truth value", "unsure 必须是 true 或 false")
    leaves = list(dict.fromkeys(leaf.strip() for leaf in leaves))
    for leaf in leaves:
        if leaf not in wanted.leaves:
            raise Malformed("invented leaf", _unknown(leaf, wanted))
    if not leaves and not unsure:
        raise Malformed("no leaves", "leaves 是空的：请至少选一个；实在判断不了，unsure 填 true")
    if len(leaves) > wanted.most:
        raise Malformed("too many leaves", f"选了 {len(leaves)} 个，最多 {wanted.most} 个：只留最重要的")
    reason = str(body.get("reason") or "")[:LONGEST_REASON]
    return Answer(tuple(leaves), unsure, reason, _evidence(body, wanted))


def _evidence(body: dict[str, Any], wanted: Wanted) -> tuple[int, ...]:
    given = body.get("evidence", [])
    if wanted.turns is None:
        return ()
    whole = isinstance(given, list) and all(type(number) is int for number in given)
    if not whole or not all(1 <= number <= wanted.turns for number in given):
        raise Malformed("no such evidence", f"evidence 必须是消息编号的列表，编号从 1 到 {wanted.turns}")
    return tuple(dict.fromkeys(given))


def _unknown(leaf: str, wanted: Wanted) -> str:
    near = get_close_matches(leaf, wanted.leaves, _NEAR, cutoff=0.4)
    hint = f"；相近的有 {'、'.join(near)}" if near else ""
    return f"类别表里没有「{leaf[:40]}」，不能自创 id{hint}"


def _json(content: str) -> dict[str, Any] | None:
    """The first JSON object of a text, whatever stands around it: thoughts, a code fence, small talk."""
    text = _THOUGHT.sub("", content)
    start = text.find("{")
    if start < 0:
        return None
    try:
        body, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(entry) for entry in value]
    if isinstance(value, dict):
        return {mask(name): _masked(entry) for name, entry in value.items()}
    return value
