"""What a shop may set, read from xundan.toml: session gap, loss definition, limits, privacy.

>>> from xundan.settings import load_settings
>>> load_settings(None).loss.label
'taobao-day+1/1 付款口径 day+1'
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from xundan.errors import BadInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
NUMERATORS = {"ordered": "下单口径", "paid": "付款口径"}
EXCLUSIONS = ("aftersale", "agent_initiated", "own_accounts", "spam")
_HOURS = {"24h": 24}
_CALENDAR_DAYS = {"day+1": 2, "3d": 3, "7d": 7, "15d": 15}
WINDOWS = (*_HOURS, *_CALENDAR_DAYS)


def _one_of(name: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise BadInput(f"{name} is not known", got=repr(value), expected=f"one of {', '.join(valid)}")


@dataclass(frozen=True)
class LossDefinition:
    """When an inquiry counts as won, and how long the buyer has for it.

    ``24h`` runs from the first buyer message; the others are whole calendar days in Asia/Shanghai,
    the day of the inquiry included (``day+1`` = that day and the next, ``3d`` = that day and two more).
    """

    name: str = "taobao-day+1"
    version: int = 1
    numerator: str = "paid"
    window: str = "day+1"
    exclude: tuple[str, ...] = EXCLUSIONS

    def __post_init__(self) -> None:
        _one_of("loss.numerator", self.numerator, tuple(NUMERATORS))
        _one_of("loss.window", self.window, WINDOWS)
        for name in self.exclude:
            _one_of("loss.exclude", name, EXCLUSIONS)

    @property
    def label(self) -> str:
        """One line that names the rule wherever a figure made with it is shown."""
        return f"{self.name}/{self.version} {NUMERATORS[self.numerator]} {self.window}"

    def closes(self, started_at: datetime) -> datetime:
        """The moment (aware) at which the window of a session that began at ``started_at`` (aware) closes."""
        if self.window in _HOURS:
            return started_at + timedelta(hours=_HOURS[self.window])
        day = started_at.astimezone(SHANGHAI).date() + timedelta(days=_CALENDAR_DAYS[self.window])
        return datetime.combine(day, time(), SHANGHAI)


# Where each rule comes from:
# taobao     询单→次日付款成功率: paid on the day or the next / 询单人数 (千牛 客服绩效, from trade articles)
# chitu      赤兔名品 7 天付款成功率
# pdd        拼多多 客服绩效 最终成团人数: paid and grouped within 近 3 天, today included
# jd         京东 客服管家 促成: ordered within 订单时效 (default example 24 h), pay time irrelevant
# jd_pop_*   京东 POP 绩效工具: 询单有效时长 2-15 天 and 绩效判定 下单 / 付款 are settings of the shop
# douyin     no official formula is published; the common next-day paid rule is used
PRESETS: dict[str, LossDefinition] = {
    "taobao": LossDefinition(),
    "tmall": LossDefinition(),
    "chitu": LossDefinition("chitu-7d", 1, "paid", "7d"),
    "pdd": LossDefinition("pdd-3d", 1, "paid", "3d"),
    "jd": LossDefinition("jd-24h", 1, "ordered", "24h"),
    "jd_pop_3d": LossDefinition("jd-pop-3d", 1, "ordered", "3d"),
    "jd_pop_15d": LossDefinition("jd-pop-15d", 1, "ordered", "15d"),
    "douyin": LossDefinition("douyin-day+1", 1, "paid", "day+1"),
}


@dataclass(frozen=True)
class Limits:
    """Service limits used to say that an answer was slow or that nobody asked for payment."""

    first_response_s: float = 180.0  # platform rule: a person answers within 3 minutes
    slow_response_s: float = 60.0  # mean answer time above which a session counts as slow
    urge_pay_minutes: float = 15.0  # an unpaid order is followed up within 15 minutes
    aftersale_days: float = 30.0  # a buyer with an order this recent and no new one asks after sale
    order_tolerance_minutes: float = 5.0  # clocks of chat and order exports may differ this much

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 0:
                raise BadInput(f"limits.{item.name} is negative", got=getattr(self, item.name))


# Where each comes from:
# platform   天猫 and 拼多多: a person answers within 3 minutes
# jd         京东 客服管家: 首次 30 秒应答率, 月均响应 below 40 s
# company    what trained teams ask of themselves: 30 s, and a word after 10 minutes without payment
LIMIT_PRESETS: dict[str, Limits] = {
    "platform": Limits(),
    "jd": Limits(first_response_s=30.0, slow_response_s=40.0),
    "company": Limits(first_response_s=30.0, slow_response_s=30.0, urge_pay_minutes=10.0),
}


@dataclass(frozen=True)
class Settings:
    """Everything a run depends on besides its files and models."""

    session_gap_hours: float = 4.0
    loss: LossDefinition = field(default_factory=LossDefinition)
    own_accounts: tuple[str, ...] = ()
    salt: str | None = None
    limits: Limits = field(default_factory=Limits)
    min_n: int = 30

    def __post_init__(self) -> None:
        if self.session_gap_hours <= 0:
            raise BadInput("session.gap_hours must be above zero", got=self.session_gap_hours)
        if self.min_n < 1:
            raise BadInput("report.min_n must be at least 1", got=self.min_n)

    def to_json(self) -> str:
        """The settings as JSON, to be kept beside what they produced; the salt is a secret and left out."""
        plain = asdict(self)
        plain["salt"] = None if self.salt is None else "(set)"
        return json.dumps(plain, ensure_ascii=False, indent=2, sort_keys=True)


def load_settings(path: Path | None) -> Settings:
    """Settings from a TOML file; ``None`` gives the defaults. A mistake raises `BadInput` naming the file."""
    if path is None:
        return Settings()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise BadInput("no such settings file", do="leave it out for the defaults", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not a TOML file in UTF-8 ({error})", where=str(path)) from None
    try:
        return _from_document(document)
    except BadInput as error:
        raise BadInput(str(error), where=str(path)) from None


def _from_document(document: Mapping[str, Any]) -> Settings:
    _known("", document, ("session", "loss", "limits", "privacy", "shop", "report"))
    session = _section(document, "session", {"gap_hours": _number})
    privacy = _section(document, "privacy", {"salt": _text})
    shop = _section(document, "shop", {"own_accounts": _texts})
    report = _section(document, "report", {"min_n": _integer})
    changes: dict[str, Any] = {**privacy, **shop, **report, "limits": _limits(document)}
    if "gap_hours" in session:
        changes["session_gap_hours"] = session["gap_hours"]
    return Settings(loss=_loss(document), **changes)


def _limits(document: Mapping[str, Any]) -> Limits:
    given = _section(document, "limits", {"preset": _text, **{item.name: _number for item in fields(Limits)}})
    preset = given.pop("preset", "platform")
    _one_of("limits.preset", preset, tuple(LIMIT_PRESETS))
    return replace(LIMIT_PRESETS[preset], **given)


def _loss(document: Mapping[str, Any]) -> LossDefinition:
    given = _section(
        document,
        "loss",
        {
            "preset": _text,
            "name": _text,
            "version": _integer,
            "numerator": _text,
            "window": _text,
            "exclude": _texts,
        },
    )
    preset = given.pop("preset", "taobao")
    _one_of("loss.preset", preset, tuple(PRESETS))
    base = PRESETS[preset]
    if given and "name" not in given:
        # A changed rule must not be shown under the name of the rule it was changed from.
        given["name"] = f"{preset}-own"
    return replace(base, **given)


def _section(
    document: Mapping[str, Any], name: str, readers: Mapping[str, Callable[[str, Any], Any]]
) -> dict[str, Any]:
    section = document.get(name, {})
    if not isinstance(section, dict):
        raise BadInput(f"{name} must be a section", got=section, expected=f"[{name}]")
    _known(name, section, tuple(readers))
    return {key: readers[key](f"{name}.{key}", value) for key, value in section.items()}


def _known(section: str, given: Mapping[str, Any], valid: tuple[str, ...]) -> None:
    for key in given:
        if key not in valid:
            place = f" in [{section}]" if section else ""
            raise BadInput(f"unknown key {key}{place}", expected=f"one of {', '.join(valid)}")


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{name} is no number", got=repr(value))
    return float(value)


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{name} is no whole number", got=repr(value))
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{name} is no text", got=repr(value))
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadInput(f"{name} is no list", got=repr(value), expected='a list such as ["a", "b"]')
    return tuple(_text(name, item) for item in value)
