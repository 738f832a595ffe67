"""The encoder: a `transformers` BERT whose characters also carry the n-grams they stand in.

    encoder = TextEncoder.from_folder(Path("models/shipped/encoder"))
    hidden = encoder(ids, segments, mask)          # [messages, tokens, width]

Characters alone say little in a small model trained on a small corpus. Hashed embeddings of the
bigrams and the trigram around each position give it words from the first layer on (the hashing trick of
Weinberger et al. 2009, https://arxiv.org/abs/0902.2206; n-gram embeddings as in fastText, Bojanowski et
al. 2017, https://arxiv.org/abs/1607.04606). They are computed from the ids inside the model, so a masked
character hides its n-grams too. A BERT from elsewhere has none, and works the same without.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, BertConfig, BertForMaskedLM, BertModel
from transformers.utils import logging as transformers_logging

from xundan.errors import BadInput
from xundan.models.ngrams import NgramHash
from xundan.models.quantise import from_int8, to_int8
from xundan.models.tokenizer import TOKENIZER_FILE, load_tokenizer

WEIGHTS_FILE = "ngrams.safetensors"
NGRAM_CONFIG = "ngrams.json"
NGRAM_TABLES = ("bigram", "trigram")


@dataclass(frozen=True)
class NgramConfig:
    """Rows and width of the hashed tables (prime sizes spread the hash)."""

    bigrams: int = 65521
    trigrams: int = 32749
    width: int = 64


class NgramEmbeddings(nn.Module):
    """Add to each position the embeddings of its left bigram, right bigram and centred trigram."""

    def __init__(self, config: NgramConfig, vocabulary: int, hidden: int) -> None:
        super().__init__()
        self.config = config
        self.bigram = nn.Embedding(config.bigrams, config.width)
        self.trigram = nn.Embedding(config.trigrams, config.width)
        self.project = nn.Linear(3 * config.width, hidden, bias=False)
        nn.init.normal_(self.bigram.weight, std=0.05)
        nn.init.normal_(self.trigram.weight, std=0.05)
        self.hash = NgramHash(config.bigrams, config.trigrams, vocabulary)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [rows, tokens] -> [rows, tokens, hidden]."""
        padded = nn.functional.pad(ids, (1, 1))
        first, second, third = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
        pairs = self.bigram(self.hash.pair(padded[:, :-1], padded[:, 1:]))
        triples = self.trigram(self.hash.triple(first, second, third))
        joined: Tensor = self.project(torch.cat([pairs[:, :-1], pairs[:, 1:], triples], dim=-1))
        return joined


class TextEncoder(nn.Module):
    """A BERT, with or without n-gram embeddings."""

    def __init__(self, bert: BertModel, ngrams: NgramEmbeddings | None) -> None:
        super().__init__()
        self.bert = bert
        self.ngrams = ngrams

    @property
    def width(self) -> int:
        return int(self.bert.config.hidden_size)

    def embed(self, ids: Tensor) -> Tensor:
        """ids [rows, tokens] -> character (and n-gram) embeddings [rows, tokens, width]."""
        embedded: Tensor = self.bert.embeddings.word_embeddings(ids)
        return embedded if self.ngrams is None else embedded + self.ngrams(ids)

    def read(self, embedded: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        """Embeddings [rows, tokens, width], segments and mask [rows, tokens] -> hidden states, same shape."""
        hidden: Tensor = self.bert(
            inputs_embeds=embedded, token_type_ids=segments, attention_mask=mask
        ).last_hidden_state
        return hidden

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        """ids, segments, mask [rows, tokens] int64 -> hidden states [rows, tokens, width]."""
        return self.read(self.embed(ids), segments, mask)

    @classmethod
    def from_folder(cls, folder: Path | str) -> TextEncoder:
        """Load a pretrained folder of ours, or any Hugging Face BERT by folder or hub name.

        Raises `BadInput` when there is no BERT.
        """
        model = load_masked_lm(folder, attention="eager")
        return cls(model.bert, load_ngrams(Path(folder), model.config.vocab_size, model.config.hidden_size))


def new_masked_lm(vocabulary: int, layers: int, hidden: int) -> BertForMaskedLM:
    """An untrained BERT with heads of 64 and the usual fourfold feed-forward width."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=4 * hidden,
        max_position_embeddings=512,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config._attn_implementation = "eager"
    return BertForMaskedLM(config)


def load_masked_lm(folder: Path | str, attention: str = "eager") -> BertForMaskedLM:
    """A `BertForMaskedLM` from a folder or hub name; eager attention, which is the faster on short rows."""
    try:
        config = AutoConfig.from_pretrained(str(folder))
    except (OSError, ValueError) as error:
        raise BadInput(
            "no BERT to start from",
            got=folder,
            expected="a folder with config.json and weights, or a Hugging Face name",
            do="give --base a path such as ./chinese-macbert-base",
        ) from error
    if config.model_type != "bert":
        raise BadInput("not a BERT", got=config.model_type, expected="model_type bert", where=str(folder))
    with _quietly():
        model: BertForMaskedLM = BertForMaskedLM.from_pretrained(
            str(folder), attn_implementation=attention, dtype=torch.float32
        )
    return model


@contextmanager
def _quietly() -> Iterator[None]:
    """The library's bars of a few milliseconds tear our progress apart, and it warns of missing heads that
    are not used; left as they were found."""
    shown = transformers_logging.is_progress_bar_enabled()
    told = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(told)
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def load_base_tokenizer(base: Path | str) -> Tokenizer:
    """The tokenizer of a folder with ``tokenizer.json``, or of any Hugging Face BERT."""
    if (Path(base) / TOKENIZER_FILE).exists():
        return load_tokenizer(Path(base))
    try:
        fast = AutoTokenizer.from_pretrained(str(base), use_fast=True)
    except (OSError, ValueError) as error:
        raise BadInput(
            "no tokenizer to start from", got=base, expected="tokenizer.json or vocab.txt"
        ) from error
    tokenizer: Tokenizer = fast.backend_tokenizer
    return tokenizer


def save_encoder(encoder: TextEncoder, folder: Path) -> None:
    """Write what `TextEncoder.from_folder` reads: a Hugging Face BERT in half precision, and n-grams."""
    half = copy.deepcopy(encoder.bert)
    nn.Module.half(half)
    with _quietly():
        half.save_pretrained(folder)
    if encoder.ngrams is not None:
        save_ngrams(encoder.ngrams, folder)


def save_ngrams(ngrams: NgramEmbeddings, folder: Path) -> None:
    """Write the n-gram tables (one byte a number) and their sizes beside the BERT."""
    (folder / NGRAM_CONFIG).write_text(json.dumps(asdict(ngrams.config), indent=1) + "\n")
    tensors = {"project": ngrams.project.weight.detach().half().contiguous()}
    for name in NGRAM_TABLES:
        tensors[name], tensors[f"{name}_scales"] = to_int8(getattr(ngrams, name).weight.detach().float())
    save_file(tensors, folder / WEIGHTS_FILE)


def load_ngrams(folder: Path, vocabulary: int, hidden: int) -> NgramEmbeddings | None:
    """The n-gram tables of a pretrained folder, or None where it has none."""
    if not (folder / NGRAM_CONFIG).exists():
        return None
    config = NgramConfig(**json.loads((folder / NGRAM_CONFIG).read_text()))
    ngrams = NgramEmbeddings(config, vocabulary, hidden)
    tensors = load_file(folder / WEIGHTS_FILE)
    state = {f"{name}.weight": from_int8(tensors[name], tensors[f"{name}_scales"]) for name in NGRAM_TABLES}
    ngrams.load_state_dict({**state, "project.weight": tensors["project"].float()})
    return ngrams
