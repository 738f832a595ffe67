"""Train a Chinese BERT by masked-language modelling, from scratch or onward from any BERT.

    xundan pretrain chats.txt=5 reviews.txt --out pretrained --tokens 70e6

Whole-word masking (Cui et al. 2019, https://arxiv.org/abs/1906.08101) over jieba's words; short texts are
packed into rows without padding; the learning rate warms up, stays, and decays over the last part of the run
(warmup-stable-decay, Hu et al. 2024, https://arxiv.org/abs/2404.06395), so a run can go on with more tokens.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from torch import Tensor, nn
from transformers import BertForMaskedLM

from xundan.errors import BadInput
from xundan.models.encoder import (
    NgramConfig,
    NgramEmbeddings,
    load_base_tokenizer,
    load_masked_lm,
    load_ngrams,
    new_masked_lm,
    save_ngrams,
)
from xundan.models.tokenizer import MASK, PAD, SPECIAL, TOKENIZER_FILE
from xundan.training.corpus import Source, Stream, prepare
from xundan.training.hardware import best_device, mixed_precision

CHECKPOINT = "checkpoint.pt"
SETTINGS = "pretrain.json"


@dataclass(frozen=True)
class PretrainSettings:
    """Everything that decides a pretraining run; saved beside the weights."""

    tokens: int = 70_000_000
    row: int = 128
    batch: int = 64
    layers: int = 4
    hidden: int = 256
    learning_rate: float = 1e-3
    warmup: float = 0.02
    decay: float = 0.25
    masked: float = 0.28
    weight_decay: float = 0.01
    seed: int = 0
    checkpoint_minutes: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.masked < 1:
            raise BadInput("masked share out of range", got=self.masked, expected="between 0 and 1")
        if self.tokens < self.row * self.batch:
            raise BadInput(
                "too few tokens for one step", got=self.tokens, expected=f"at least {self.row * self.batch}"
            )


def learning_rate_at(step: int, steps: int, settings: PretrainSettings) -> float:
    """Linear warm-up, constant, then a square-root-shaped decay to zero over the last ``decay`` share."""
    warmup = max(1, int(settings.warmup * steps))
    decay = max(1, int(settings.decay * steps))
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    left = max(0, steps - step)
    return settings.learning_rate * (1 - (1 - left / decay) ** 0.5 if left < decay else 1.0)


def rows_of(
    streams: list[Stream], weights: list[float], settings: PretrainSettings, skip: int = 0
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Endless batches of packed rows, ids and word starts [batch, row], drawn from files by size × weight.

    The draw depends only on the seed and the step, so a resumed run (``skip`` steps) sees what it would have.
    """
    sizes = np.array([max(0, len(s.ids) - settings.row) * w for s, w in zip(streams, weights, strict=True)])
    if not sizes.sum():
        raise BadInput(
            "too little text", expected=f"at least one file of more than {settings.row} characters"
        )
    share = sizes / sizes.sum()
    step = skip
    while True:
        random = np.random.default_rng([settings.seed, step])
        ids = np.empty((settings.batch, settings.row), dtype=np.int64)
        starts = np.empty((settings.batch, settings.row), dtype=bool)
        for i, which in enumerate(random.choice(len(streams), settings.batch, p=share)):
            stream = streams[which]
            at = random.integers(len(stream.ids) - settings.row)
            ids[i] = stream.ids[at : at + settings.row]
            starts[i] = stream.starts[at : at + settings.row]
        yield ids, starts
        step += 1


def mask_words(
    ids: npt.NDArray[np.int64],
    starts: npt.NDArray[np.bool_],
    share: float,
    ordinary: npt.NDArray[np.bool_],
    mask_id: int,
    random: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Choose whole words for about ``share`` of the characters: 80 % masked, 10 % random, 10 % left.

    ``ordinary`` [vocabulary] says which ids are no special tokens; those others are never chosen. Returns the
    masked ids and which positions are to be predicted, both [batch, row].
    """
    words = starts.copy()
    words[:, 0] = True
    number = np.cumsum(words.reshape(-1)) - 1
    count = int(number[-1]) + 1
    chosen = (random.random(count) < share)[number].reshape(ids.shape) & ordinary[ids]
    treatment = random.random(count)[number].reshape(ids.shape)
    masked = np.where(chosen & (treatment < 0.8), mask_id, ids)
    other = random.choice(np.flatnonzero(ordinary), ids.shape)
    return np.where(chosen & (treatment >= 0.9), other, masked), chosen


class MaskedLM(nn.Module):
    """A `BertForMaskedLM` with n-gram embeddings, scored at the chosen positions only."""

    def __init__(self, model: BertForMaskedLM, ngrams: NgramEmbeddings | None) -> None:
        super().__init__()
        self.model = model
        self.ngrams = ngrams

    def forward(self, ids: Tensor, chosen: Tensor, truth: Tensor) -> Tensor:
        embedded = self.model.bert.embeddings.word_embeddings(ids)
        if self.ngrams is not None:
            embedded = embedded + self.ngrams(ids)
        hidden = self.model.bert(inputs_embeds=embedded).last_hidden_state
        logits = self.model.cls(hidden[chosen])
        return nn.functional.cross_entropy(logits.float(), truth[chosen])


def pretrain(
    sources: list[Source],
    out: Path,
    settings: PretrainSettings,
    base: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train, or resume what stands in ``out``; returns the record also written to ``pretrain.json``.

    ``out`` ends as a Hugging Face BERT folder (config, weights, tokenizer) with the n-gram tables beside it.
    """
    device = best_device()
    torch.manual_seed(settings.seed)
    started_from = out if (out / TOKENIZER_FILE).exists() else base
    tokenizer, streams = prepare(
        sources, load_base_tokenizer(started_from) if started_from else None, out / "numbered"
    )
    tokenizer.save(str(out / TOKENIZER_FILE))
    vocabulary = tokenizer.get_vocab()
    net = _build(base, len(vocabulary), settings).to(device)
    optimizer = torch.optim.AdamW(
        net.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(0.9, 0.98),
        fused=True,
    )
    step, history = _resume(out, net, optimizer)
    per_step = settings.row * settings.batch
    steps = settings.tokens // per_step
    batches = rows_of(streams, [source.weight for source in sources], settings, skip=step)
    ordinary = np.ones(len(vocabulary), dtype=bool)
    ordinary[[vocabulary[token] for token in SPECIAL if token in vocabulary]] = False
    running, saved = None, time.monotonic()
    net.train()
    with _progress(quiet) as progress:
        task = progress.add_task("pretrain", total=steps * per_step, completed=step * per_step, loss="")
        while step < steps:
            ids, starts = next(batches)
            random = np.random.default_rng([settings.seed, step, 1])
            masked, chosen = mask_words(ids, starts, settings.masked, ordinary, vocabulary[MASK], random)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(step, steps, settings)
            loss = _step(net, optimizer, (masked, chosen, ids), device)
            step += 1
            running = loss if running is None else 0.98 * running + 0.02 * loss
            progress.update(task, advance=per_step, loss=f"loss {running:.3f}")
            if step % 100 == 0 or step == steps:
                history.append({"tokens": step * per_step, "loss": round(running, 4)})
            if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
                _checkpoint(out, net, optimizer, step, history)
                saved = time.monotonic()
    _checkpoint(out, net, optimizer, step, history)
    record = {
        "settings": asdict(settings),
        "sources": {source.path.name: source.weight for source in sources},
        "vocabulary": len(vocabulary),
        "history": history,
    }
    _save(net, vocabulary[PAD], out, record)
    return record


def _build(base: str | None, vocabulary: int, settings: PretrainSettings) -> MaskedLM:
    """A new network with n-grams, or the one to go on with as it is."""
    if base is None:
        model = new_masked_lm(vocabulary, settings.layers, settings.hidden)
        return MaskedLM(model, NgramEmbeddings(NgramConfig(), vocabulary, settings.hidden))
    model = load_masked_lm(base)
    return MaskedLM(model, load_ngrams(Path(base), model.config.vocab_size, model.config.hidden_size))


def _step(
    net: MaskedLM, optimizer: torch.optim.Optimizer, arrays: tuple[npt.NDArray[Any], ...], device: str
) -> float:
    """One optimisation step on masked ids, chosen positions and true ids; returns the loss."""
    with mixed_precision(device):
        loss = net(*(torch.from_numpy(array).to(device) for array in arrays))
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _checkpoint(
    out: Path, net: MaskedLM, optimizer: torch.optim.Optimizer, step: int, history: list[Any]
) -> None:
    part = out / (CHECKPOINT + ".part")
    torch.save(
        {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "history": history}, part
    )
    os.replace(part, out / CHECKPOINT)


def _resume(out: Path, net: MaskedLM, optimizer: torch.optim.Optimizer) -> tuple[int, list[dict[str, Any]]]:
    if not (out / CHECKPOINT).exists():
        return 0, []
    state = torch.load(out / CHECKPOINT, map_location="cpu", weights_only=True)
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), list(state["history"])


def _save(net: MaskedLM, pad_id: int, out: Path, record: dict[str, Any]) -> None:
    net.model.config.pad_token_id = pad_id
    nn.Module.half(net.model)
    net.model.save_pretrained(out)
    if net.ngrams is not None:
        save_ngrams(net.ngrams, out)
    (out / SETTINGS).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class _Speed(ProgressColumn):
    """Tokens per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f} tokens/s")


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}% {task.fields[loss]}"),
        _Speed(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        disable=quiet,
    )
