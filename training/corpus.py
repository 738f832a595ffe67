"""Text for pretraining: read, normalise, segment into words, number the characters, pack into one stream.

stream = prepare([Source(Path("shop.txt"), 1.0)], tokenizer=None, out=Path("pretrained"))
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from xundan.chats.sessions import in_sessions
from xundan.chats.text import ROLE_MARKS, normalize
from xundan.errors import BadInput, require
from xundan.lake import Lake
from xundan.models.tokenizer import SEP, SPECIAL, build_tokenizer

_OPEN: dict[str, Callable[..., object]] = {".xz": lzma.open, ".gz": gzip.open}
_LINES_A_CHUNK = 4000


@dataclass(frozen=True)
class Source:
    """A text file (one text a line, plain, .gz or .xz) or a workspace's messages.parquet, and its weight."""

    path: Path
    weight: float = 1.0

    @classmethod
    def parse(cls, value: str) -> Source:
        """``chats.txt`` or ``chats.txt=3``: the number is the weight in the mix."""
        path, sign, weight = value.partition("=")
        try:
            source = cls(Path(path), float(weight) if sign else 1.0)
        except ValueError as error:
            raise BadInput("bad weight", got=value, expected="FILE or FILE=NUMBER") from error
        if not source.path.is_file():
            raise BadInput(
                "no such text file", got=path, expected="text, one a line (.txt .gz .xz), or messages.parquet"
            )
        return source


@dataclass(frozen=True)
class Stream:
    """One file's characters as ids, ``starts`` marking those that begin a word; both 1-d, same length."""

    ids: npt.NDArray[np.uint16]
    starts: npt.NDArray[np.bool_]


def read_lines(path: Path) -> Iterator[str]:
    """The normalised non-empty lines of a text file, or the sessions of a workspace's messages.parquet."""
    if path.suffix == ".parquet":
        yield from _sessions_of(path)
        return
    with _open(path) as lines:
        for line in _decoded(lines, path):
            text = normalize(line)
            if text:
                yield text


def _sessions_of(path: Path) -> Iterator[str]:
    """One line a session: its turns in order, each after the mark of its role."""
    if path.name != "messages.parquet":
        raise BadInput("not a table of messages", got=path.name, expected="messages.parquet", where=str(path))
    table = Lake(path.parent).read("messages")
    for _, rows in in_sessions(table, ("role", "text")):
        text = normalize("".join(ROLE_MARKS[row["role"]] + row["text"] for row in rows))
        if text:
            yield text


def _open(path: Path) -> TextIO:
    return cast(TextIO, _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8"))


def _decoded(lines: Iterable[str], path: Path) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8 text", do="convert it first", where=str(path)) from error


def count_characters(sources: Iterable[Source]) -> Counter[str]:
    """How often each character occurs in all the files together."""
    counts: Counter[str] = Counter()
    for source in sources:
        for text in read_lines(source.path):
            counts.update(text)
    return counts


def number_lines(lines: list[str], vocabulary: dict[str, int], unknown: int) -> Stream:
    """Ids and word starts of some lines, each closed by [SEP]; words are jieba's."""
    jieba = require("jieba")
    jieba.setLogLevel(60)
    ids: list[int] = []
    starts: list[bool] = []
    for line in lines:
        for piece in _split_special(line):
            if piece in vocabulary and len(piece) > 1:
                ids.append(vocabulary[piece])
                starts.append(True)
                continue
            for word in jieba.cut(piece, HMM=False):
                ids.extend(vocabulary.get(character, unknown) for character in word)
                starts.extend([True] + [False] * (len(word) - 1))
        ids.append(vocabulary[SEP])
        starts.append(True)
    return Stream(np.asarray(ids, dtype=np.uint16), np.asarray(starts, dtype=bool))


def prepare(
    sources: list[Source], tokenizer: Tokenizer | None, folder: Path
) -> tuple[Tokenizer, list[Stream]]:
    """Number every source once (kept under ``folder``), with ``tokenizer`` or a new one built on them."""
    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer is None:
        tokenizer = build_tokenizer(count_characters(sources))
    vocabulary = tokenizer.get_vocab()
    streams = []
    for source in sources:
        place = hashlib.blake2b(str(source.path.resolve()).encode(), digest_size=4).hexdigest()
        kept = folder / f"{source.path.name}-{place}.npz"
        state = source.path.stat()
        signature = json.dumps([state.st_size, state.st_mtime_ns, len(vocabulary)])
        if not (kept.exists() and str(np.load(kept)["signature"]) == signature):
            stream = _number_file(source.path, vocabulary)
            np.savez(kept, ids=stream.ids, starts=stream.starts, signature=signature)
        loaded = np.load(kept)
        streams.append(Stream(loaded["ids"], loaded["starts"]))
    return tokenizer, streams


_VOCABULARY: dict[str, int] = {}


def _set_vocabulary(vocabulary: dict[str, int]) -> None:
    _VOCABULARY.update(vocabulary)


def _number_chunk(lines: list[str]) -> Stream:
    return number_lines(lines, _VOCABULARY, _VOCABULARY["[UNK]"])


def _number_file(path: Path, vocabulary: dict[str, int]) -> Stream:
    lines = read_lines(path)
    chunks = iter(lambda: list(islice(lines, _LINES_A_CHUNK)), [])
    with multiprocessing.get_context("spawn").Pool(2, _set_vocabulary, (vocabulary,)) as pool:
        parts = list(pool.imap(_number_chunk, chunks))
    if not parts:
        raise BadInput("no text in it", where=str(path))
    return Stream(np.concatenate([p.ids for p in parts]), np.concatenate([p.starts for p in parts]))


def _split_special(line: str) -> list[str]:
    if "[" not in line:
        return [line]
    pieces, rest = [], line
    while rest:
        positions = [(rest.find(token), token) for token in SPECIAL if token in rest]
        if not positions:
            pieces.append(rest)
            break
        at, token = min(positions)
        if at:
            pieces.append(rest[:at])
        pieces.append(token)
        rest = rest[at + len(token) :]
    return pieces
