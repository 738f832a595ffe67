"""Agents' names of two systems, brought to one: a shop prefix (店铺:客服), width and case do not count.

>>> from xundan.inference.reconcile.names import Names
>>> Names({"旗舰店:小美"}, {"小美"}).key("旗舰店：小美")
'小美'
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection

NOBODY = ""


class Names:
    """One name for each agent; where two shops of ours have agents of one short name, the prefix stays.

    ``stripped``: some name has a prefix. ``ambiguous``: short names that two agents of ours share.
    """

    def __init__(self, ours: Collection[str], theirs: Collection[str]) -> None:
        self._full: dict[str, set[str]] = defaultdict(set)
        for name in ours:
            self._full[_short(name).casefold()].add(_plain(name).casefold())
        self._shown: dict[str, str] = {}
        for name in (*sorted(ours), *sorted(theirs)):
            for spelling in (_short(name), _plain(name)):
                self._shown.setdefault(spelling.casefold(), spelling)
        self.stripped = any(_plain(name) != _short(name) for name in (*ours, *theirs))
        self.ambiguous = tuple(
            self._shown[short] for short, full in sorted(self._full.items()) if len(full) > 1
        )

        self._keys: dict[str | None, str] = {None: NOBODY, "": NOBODY}

    def key(self, name: str | None) -> str:
        """The name to compare by and to show; `NOBODY` for none. Only names given at the start are known."""
        if name not in self._keys:
            self._keys[name] = self._key(str(name))
        return self._keys[name]

    def _key(self, name: str) -> str:
        several = len(self._full.get(_short(name).casefold(), ())) > 1
        return self._shown[(_plain(name) if several else _short(name)).casefold()]


def prefix_of(name: str) -> str | None:
    """The shop in front of an agent's name, or None."""
    head, colon, _ = _plain(name).rpartition(":")
    return head.strip() or None if colon else None


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip()


def _short(name: str) -> str:
    return _plain(name).rpartition(":")[2].strip() or _plain(name)
