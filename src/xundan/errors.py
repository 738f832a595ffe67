"""What can go wrong, said so that the reader can act: what came, what was expected, what to do, where.

raise BadInput("no column for the sender's role", got="a, b", expected="角色 or role", where="chats.csv:1")
"""

from __future__ import annotations

import importlib
from types import ModuleType

EXTRA_OF = {
    "torch": "train",
    "transformers": "train",
    "datasets": "train",
    "sklearn": "train",
    "accelerate": "train",
    "jieba": "train",
    "label_studio_sdk": "label",
    "openai": "label",
    "cleanlab": "label",
    "httpx": "label",
    "ray": "cluster",
}


class XundanError(Exception):
    """The base of every error a person may see; ``exit_code`` is what the command line returns."""

    exit_code = 2

    def __init__(
        self, what: str, *, got: object = None, expected: str = "", do: str = "", where: str = ""
    ) -> None:
        parts = [f"{where}: {what}" if where else what]
        if got is not None:
            parts.append(f"got {got}")
        if expected:
            parts.append(f"expected {expected}")
        if do:
            parts.append(do)
        super().__init__("; ".join(parts))
        self.where = where


class BadInput(XundanError):
    """The input cannot be used as it is: exit code 2, and nothing was written."""


class Refused(XundanError):
    """The work was done, but a gate said no: exit code 1."""

    exit_code = 1


class MissingExtra(BadInput):
    """An optional library is not installed; the message is the command that installs it."""


def require(module: str) -> ModuleType:
    """Import an optional library, or raise `MissingExtra` with the exact install command."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra = EXTRA_OF[module.split(".")[0]]
        raise MissingExtra(
            f'{module.split(".")[0]} is not installed: pip install "xundan[{extra}]" -c constraints.txt'
        ) from error
