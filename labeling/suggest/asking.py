"""How a language model is asked: where, which, how fast, how dear at most.

asking = Asking("http://127.0.0.1:11434/v1", "qwen3:8b", per_minute=120)
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from xundan.errors import BadInput

KEY_VARIABLE = "XUNDAN_LLM_KEY"
"""Never OPENAI_API_KEY: a key of one provider must not go to whatever address was named."""
OWN_FIELDS = {"model", "messages", "n", "stream", "max_tokens", "max_completion_tokens"}
"""Fields of a request that ``extra_body`` may not hold: what is sent, to whom, and the bound on its cost."""


@dataclass(frozen=True)
class Prices:
    """Yuan per million tokens; ``cached``: of input that the provider had read before (None: as input)."""

    tokens_in: float
    tokens_out: float
    cached: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and value < 0:
                raise BadInput(f"the price {name} is negative", got=value, expected="yuan per million tokens")
            _check_finite(f"the price {name}", value)
        if self.cached is not None and self.cached > self.tokens_in:
            raise BadInput(
                "cached input is dearer than input", got=self.cached, expected=f"{self.tokens_in:g} or less"
            )

    def yuan(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """What this many tokens cost; ``cached`` is the part of ``tokens_in`` that was read before."""
        again = self.tokens_in if self.cached is None else self.cached
        millionths = (tokens_in - cached) * self.tokens_in + cached * again + tokens_out * self.tokens_out
        return millionths / 1e6


@dataclass(frozen=True)
class Asking:
    """Everything about the asking but the key, which is held nowhere.

    ``shots``: labelled examples a prompt shows. ``repairs``: how often the model is told its mistake.
    ``tries``: how often one request is sent while the endpoint is busy or silent. ``extra_body``: further
    fields of the request, such as ``{"enable_thinking": false}``. ``max_yuan`` bounds one command; `BadInput`
    where it is given without prices. Some providers bill thinking beyond ``max_tokens``: switch it off where
    the bound must hold to the last answer.
    """

    base_url: str
    model: str
    prices: Prices | None = None
    max_yuan: float | None = None
    per_minute: float = 60.0
    concurrent: int = 4
    shots: int = 6
    repairs: int = 2
    tries: int = 5
    timeout_s: float = 120.0
    max_tokens: int = 400
    backoff_s: float = 2.0
    longest_wait_s: float = 300.0
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_address(self.base_url)
        if not self.model.strip():
            raise BadInput("no model is named", do="give its name with --model")
        low = {"per_minute": 0, "concurrent": 0, "tries": 0, "timeout_s": 0, "max_tokens": 0}
        for name, bound in low.items():
            _check_finite(name, getattr(self, name))
            if getattr(self, name) <= bound:
                raise BadInput(f"{name} must be above {bound}", got=getattr(self, name))
        for name in ("shots", "repairs", "backoff_s", "longest_wait_s"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} is negative", got=getattr(self, name))
        _check_finite("--max-yuan", self.max_yuan)
        if self.max_yuan is not None and self.max_yuan < 0:
            raise BadInput("--max-yuan is negative", got=self.max_yuan, expected="yuan, 0 or more")
        _check_extra(self.extra_body)
        if self.max_yuan is not None and self.prices is None:
            raise BadInput(
                "--max-yuan needs prices", do="give --price-in and --price-out, yuan per million tokens"
            )

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def encrypted(self) -> bool:
        """Whether what is sent cannot be read on the way."""
        return self.loopback or urlsplit(self.base_url).scheme == "https"

    def to_json(self) -> str:
        """The settings as JSON, to be kept beside the suggestions."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def _check_finite(name: str, value: float | None) -> None:
    """`BadInput` for nan, which no bound holds, and for infinity."""
    if value is not None and not math.isfinite(value):
        raise BadInput(f"{name} is no number", got=value)


def _check_extra(extra_body: Mapping[str, Any]) -> None:
    own = sorted(OWN_FIELDS & extra_body.keys())
    if own:
        raise BadInput(
            "fields that are not yours to set",
            got=", ".join(own),
            expected="other fields; --model and --max-tokens have options of their own",
            where="--extra-body",
        )
    try:
        json.dumps(dict(extra_body), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise BadInput("values that JSON does not have, such as NaN", where="--extra-body") from None


def _check_address(base_url: str) -> None:
    expected = "such as https://dashscope.aliyuncs.com/compatible-mode/v1 or http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and (parts.port is None or parts.port > 0)
        usable = usable and _is_host(parts.hostname or "") and not any(map(str.isspace, base_url))
    except ValueError:
        usable = False
    if not usable:
        raise BadInput("not the address of an endpoint", got=repr(base_url), expected=expected)
    if parts.username or parts.password or parts.query or parts.fragment:
        # The address is printed and kept beside the answers.
        raise BadInput("the address holds a secret or a query", expected=expected, do=f"use {KEY_VARIABLE}")


def _is_host(name: str) -> bool:
    """Whether it can be looked up: no empty part, none too long (UnicodeError is a ValueError)."""
    return bool(name) and bool(name.encode("idna"))
