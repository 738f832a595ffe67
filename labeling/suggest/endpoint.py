"""One OpenAI-compatible address, asked once: the reply, or why there is none. It never retries by itself.

endpoint = Endpoint(Asking("http://127.0.0.1:8000/v1", "qwen"), key=None); endpoint.ask(messages, schema)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from xundan.chats.masking import mask
from xundan.errors import BadInput, Refused, XundanError, require
from xundan.labeling.suggest.asking import KEY_VARIABLE, Asking
from xundan.labeling.suggest.dialect import Dialect

_HEADERS = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
_RAW = "x-stainless-raw-response"  # the library tells itself by this header to hand over the plain answer
_NO_MONEY = ("insufficient_quota", "insufficient balance", "arrearage", "billing")
_LONGEST_COMPLAINT = 200
_VARIABLE = f"{KEY_VARIABLE}, or the variable that --key-env names"


@dataclass(frozen=True)
class Reply:
    """What came back; token counts None where the endpoint gave none."""

    content: str
    finish: str
    served_by: str
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int


class Busy(Exception):
    """No answer this time; ``after``: seconds the endpoint asks to wait; ``billed``: it may have cost."""

    def __init__(self, why: str, after: float | None = None, billed: bool = False) -> None:
        super().__init__(why)
        self.after, self.billed = after, billed


class Declined(Exception):
    """The endpoint will not answer this one question: its content filter, or it is too long; ``billed``: what
    was filtered is an answer, which may have cost."""

    def __init__(self, why: str, billed: bool = False) -> None:
        super().__init__(why)
        self.billed = billed


class Endpoint(AbstractContextManager["Endpoint"]):
    """A client that sends to the named address alone, and no more than it must."""

    def __init__(self, asking: Asking, key: str | None) -> None:
        """``key`` is kept in memory only; `MissingExtra` without the openai library, `BadInput` for a key
        that no header can carry."""
        if key and not (key.isascii() and key.isprintable()):
            raise BadInput("the key of the endpoint holds characters that no key has", do=f"set {_VARIABLE}")
        self._openai: Any = require("openai")
        self._asking, self._key = asking, key
        self._dialect, self._lock = Dialect(), threading.Lock()
        self._client = self._openai.OpenAI(
            api_key=key or "none",
            base_url=asking.base_url,
            max_retries=0,
            http_client=self._openai.DefaultHttpxClient(
                timeout=asking.timeout_s,
                follow_redirects=False,  # a redirect would carry the text to an address nobody named
                trust_env=not asking.loopback,  # nor may a proxy see what is meant for this machine
                event_hooks={"request": [self._bare]},
            ),
        )

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, messages: Sequence[dict[str, str]], schema: dict[str, Any]) -> Reply:
        """Send once (again only in a simpler dialect); raises `Busy`, `Declined`, and `BadInput` or `Refused`
        where no further question makes sense."""
        while True:
            dialect = self._dialect
            try:
                raw = self._client.chat.completions.with_raw_response.create(
                    model=self._asking.model,
                    messages=list(messages),
                    extra_body=dict(self._asking.extra_body),
                    **dialect.fields(schema, self._asking.max_tokens),
                )
                return _reply(raw.text)
            except self._openai.APITimeoutError:
                raise Busy(f"no answer within {self._asking.timeout_s:g} s", billed=True) from None
            except self._openai.APIConnectionError as error:
                cause = type(error.__cause__ or error).__name__
                raise Busy(f"connection failed ({cause})", billed=cause != "ConnectError") from None
            except self._openai.APIStatusError as error:
                self._judge(error, dialect)

    def _bare(self, request: Any) -> None:
        """Take off what the library adds: the machine's system, keys and headers of other providers that
        stand in the environment."""
        for name in set(request.headers) - _HEADERS - {_RAW}:
            del request.headers[name]
        request.headers["user-agent"] = "xundan"
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"

    def _judge(self, error: Any, dialect: Dialect) -> None:
        """Raise what a refusal means; returns where a simpler dialect is worth a try."""
        status, said = int(error.status_code), self._said(error)
        if status in (408, 409, 425, 429) or status >= 500:
            if status == 429 and any(word in said.lower() for word in _NO_MONEY):
                raise Refused("the account has no money left", got=_short(said), where=self._asking.base_url)
            raise Busy(f"HTTP {status}", _retry_after(error.response.headers), billed=status >= 500)
        if status in (400, 415, 422):
            simpler = dialect.without(said)
            if simpler is None:
                raise Declined(f"HTTP {status}: {_short(said)}")
            with self._lock:
                if self._dialect == dialect:  # else another thread has found out already
                    self._dialect = simpler
            return
        if status == 413:
            raise Declined("HTTP 413: the question is too long")
        raise self._hopeless(status, said)

    def _hopeless(self, status: int, said: str) -> XundanError:
        where = self._asking.base_url
        if status in (401, 403):  # what it says may quote the key
            return BadInput(
                f"the endpoint refuses the key (HTTP {status})", do=f"set {_VARIABLE}", where=where
            )
        if status == 402:
            return Refused("the account has no money left", got="HTTP 402", where=where)
        if 300 <= status < 400:
            return BadInput(
                "the endpoint sends elsewhere, and text goes only to the address you name",
                got=f"HTTP {status}",
                do="name the final address with --endpoint",
                where=where,
            )
        return BadInput(
            "the endpoint does not know the address or the model",
            got=f"HTTP {status}: {_short(said)}",
            expected=f"an OpenAI-compatible address (most end in /v1) that serves {self._asking.model!r}",
            where=where,
        )

    def _said(self, error: Any) -> str:
        """The endpoint's words, without the key and without private data it may quote."""
        body = error.body if isinstance(error.body, dict) else {}
        text = " ".join(str(body.get(name) or "") for name in ("code", "message")).strip()
        text = text or error.response.text.strip()
        text = text.encode("utf-8", "replace").decode()
        return mask(text.replace(self._key, "***") if self._key else text)


def _short(said: str) -> str:
    return said[:_LONGEST_COMPLAINT]


def _reply(text: str) -> Reply:
    """Read a chat completion as far as it is one; servers differ in all but its core."""
    try:
        body = json.loads(text)
        choice = body["choices"][0]
        message, usage = choice["message"], body.get("usage") or {}
        content = message.get("content") or message.get("refusal") or ""
        finish = str(choice.get("finish_reason") or "stop")
        served_by = str(body.get("model") or "")
        details = usage.get("prompt_tokens_details") or {}
        cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0
        counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Busy("what came is no chat completion", billed=True) from None
    if finish == "content_filter":
        raise Declined("the endpoint's content filter", billed=True)
    tokens_in, tokens_out = (count if type(count) is int and count >= 0 else None for count in counts)
    cached = cached if type(cached) is int and 0 <= cached <= (tokens_in or 0) else 0
    return Reply(str(content), finish, served_by, tokens_in, tokens_out, cached)


def _retry_after(headers: Any) -> float | None:
    """Seconds of a Retry-After header: a number or a date (RFC 9110, 10.2.3); None without one."""
    given = headers.get("retry-after")
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time())
    except (TypeError, ValueError):
        return None
