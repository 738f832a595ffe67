"""Turn messages into token ids: one character, one token, with the previous turns as second segment.

tokenizer = build_tokenizer(character_counts)
encode(tokenizer, ["包邮吗"], [["客:在的亲"]], max_message=64, max_context=48)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from xundan.chats.text import PLACEHOLDERS, ROLE_MARKS, normalize

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = [PAD, UNK, CLS, SEP, MASK, *ROLE_MARKS.values(), *(f"[{name}]" for name in PLACEHOLDERS)]
TOKENIZER_FILE = "tokenizer.json"

IntArray = npt.NDArray[np.int64]


def build_tokenizer(counts: Counter[str], min_count: int = 5) -> Tokenizer:
    """A tokenizer with every character seen at least ``min_count`` times, the commonest first."""
    characters = [c for c, n in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])) if n >= min_count]
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *characters])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNK))
    tokenizer.pre_tokenizer = Split(Regex("."), behavior="isolated")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    return tokenizer


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer a model folder carries (``tokenizer.json``, ours or any Hugging Face BERT's)."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    contexts: Sequence[Sequence[str]],
    max_message: int = 64,
    max_context: int = 48,
) -> list[tuple[IntArray, int]]:
    """``[CLS] message [SEP] context [SEP]`` for each message, as (ids, length of the message segment).

    ``contexts`` are the previous turns, oldest first, each beginning with "买:", "客:", "机:" or "系:".
    A message keeps its beginning and end when it is too long; a context keeps its end, where the
    question stands that the message answers.
    """
    ids_of = tokenizer.token_to_id
    cls, sep = ids_of(CLS), ids_of(SEP)
    messages = tokenizer.encode_batch_fast([normalize(text) for text in texts], add_special_tokens=False)
    turns = tokenizer.encode_batch_fast(
        [_join_turns(context) for context in contexts], add_special_tokens=False
    )
    rows = []
    for message, turn in zip(messages, turns, strict=True):
        first = _keep_ends(message.ids, max_message)
        second = turn.ids[-max_context:] if max_context else []
        ids = [cls, *first, sep, *second, sep] if second else [cls, *first, sep]
        rows.append((np.asarray(ids, dtype=np.int64), len(first) + 2))
    return rows


def pad(rows: Sequence[tuple[IntArray, int]], pad_id: int = 0) -> tuple[IntArray, IntArray, IntArray]:
    """Stack encoded rows: ids, segments (0 message, 1 context) and mask, each int64 [rows, longest]."""
    longest = max(len(ids) for ids, _ in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    segments = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for i, (row, first) in enumerate(rows):
        ids[i, : len(row)] = row
        segments[i, first : len(row)] = 1
        mask[i, : len(row)] = 1
    return ids, segments, mask


def _join_turns(context: Sequence[str]) -> str:
    marks = {mark[1]: mark for mark in ROLE_MARKS.values()}
    return "".join(
        marks[turn[0]] + normalize(turn[2:]) if turn[:1] in marks and turn[1:2] == ":" else normalize(turn)
        for turn in context
    )


def _keep_ends(ids: list[int], limit: int) -> list[int]:
    if len(ids) <= limit:
        return ids
    tail = limit // 3
    return ids[: limit - tail] + ids[-tail:]
