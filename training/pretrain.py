"""Pretrains the encoder: masked n-grams, sentence order and cloze questions in every step."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from training.corpus import Corpus, load_corpus, word_starts
from training.device import autocast, device_of, training_device
from training.encoder import PretrainingModel, encoder_config, save_encoder, warm_start
from training.masking import mask_ngrams, segment_pair
from training.optimisers import Optimisers
from training.progress import (
    CHECKPOINT_SECONDS,
    Interval,
    Journal,
    RecentSteps,
    Stopwatch,
    TokenBudget,
    learning_rate_share,
    replace_whole,
)
from training.tokenizer import load_tokenizer

LENGTH = 128
ORDER_WEIGHT = 0.5
CLIP_NORM = 1.0
LOG_EVERY_STEPS = 20


@dataclass(frozen=True, slots=True)
class PretrainingPlan:
    """How a pretraining run goes. ``tokens`` decide its length; rows are those of one step.

    ``loader_processes`` make batches ahead of a GPU that would wait for them; 0 makes each in turn.
    """

    tokens: int
    masked_rows: int
    cloze_rows: int
    peak_learning_rate: float
    weight_decay: float = 0.01
    threads: int = 2
    loader_processes: int = 0
    seed: int = 0

    @property
    def tokens_a_step(self) -> int:
        """All rows are `LENGTH` long."""
        return (self.masked_rows + self.cloze_rows) * LENGTH


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows, masked ones first: int64, each of `LENGTH` tokens without padding.

    ``masked_at`` indexes the flattened [masked rows × length] positions; ``masked`` are their ids.
    ``swapped`` [masked rows]; ``spans`` [cloze rows, 2]; ``context`` bool [cloze rows, length]
    marks where an answer may lie.
    """

    ids: torch.Tensor
    types: torch.Tensor
    masked_at: torch.Tensor
    masked: torch.Tensor
    swapped: torch.Tensor
    spans: torch.Tensor
    context: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(*(getattr(self, one.name).to(device) for one in fields(self)))


def make_batch(
    corpus: Corpus,
    clozes: dict[str, np.ndarray],
    begins_word: np.ndarray,
    plan: PretrainingPlan,
    step: int,
) -> Batch:
    """The batch of a step: a function of step and seed alone, so that runs resume exactly."""
    draw = np.random.default_rng((plan.seed, step))
    rows, types, masked_at, masked, swapped = [], [], [], [], []
    for row in range(plan.masked_rows):
        ids, row_types, order = segment_pair(corpus, LENGTH, draw)
        hidden, positions = mask_ngrams(ids, begins_word, draw)
        rows.append(hidden)
        types.append(row_types)
        swapped.append(order)
        masked_at.append(positions + row * LENGTH)
        masked.append(ids[positions])
    picked = (np.arange(plan.cloze_rows) + step * plan.cloze_rows) % len(clozes["ids"])
    places = np.arange(LENGTH)
    cloze_types = places >= clozes["question"][picked][:, None]
    context = cloze_types & (places < LENGTH - 1)
    context[:, 0] = True
    return Batch(
        torch.from_numpy(np.concatenate([np.stack(rows), clozes["ids"][picked].astype(np.int64)])),
        torch.from_numpy(np.concatenate([np.stack(types), cloze_types.astype(np.int64)])),
        torch.from_numpy(np.concatenate(masked_at)),
        torch.from_numpy(np.concatenate(masked)),
        torch.tensor(swapped),
        torch.from_numpy(
            np.stack([clozes["start"][picked], clozes["end"][picked]], axis=1).astype(np.int64)
        ),
        torch.from_numpy(context),
    )


class Batches(Dataset[Batch]):
    """Every step's batch, by the number of the step."""

    def __init__(self, work: Path, plan: PretrainingPlan) -> None:
        self._plan = plan
        self._corpus = load_corpus(work / "corpus")
        self._clozes = dict(np.load(work / "cloze.npz"))
        self._begins_word = word_starts(load_tokenizer(work / "tokenizer"))

    @property
    def vocabulary(self) -> int:
        """How many pieces the tokenizer has."""
        return len(self._begins_word)

    def __getitem__(self, step: int) -> Batch:
        """The batch of this step."""
        return make_batch(self._corpus, self._clozes, self._begins_word, self._plan, step)

    def from_step(self, step: int) -> Iterator[Batch]:
        """The batches of this step and of those after it."""
        processes = self._plan.loader_processes
        steps = count(step)
        return iter(DataLoader(self, None, sampler=steps, num_workers=processes))


def losses(model: PretrainingModel, batch: Batch) -> dict[str, torch.Tensor]:
    """The three losses of a batch, each a scalar; accuracies beside them, without gradient."""
    hidden, pooled = model(batch.ids, batch.types)
    masked_rows = len(batch.swapped)
    at_masked = hidden[:masked_rows].reshape(-1, hidden.shape[-1])[batch.masked_at]
    words = model.predictions(at_masked).float()
    order = model.sop_classifier(pooled[:masked_rows]).float()
    spans = model.qa_outputs(hidden[masked_rows:]).float()
    spans = spans.masked_fill(~batch.context[:, :, None], -1e4)
    start, end = spans[..., 0], spans[..., 1]
    found = (start.argmax(1) == batch.spans[:, 0]) & (end.argmax(1) == batch.spans[:, 1])
    return {
        "words": functional.cross_entropy(words, batch.masked),
        "order": functional.cross_entropy(order, batch.swapped),
        "cloze": (
            functional.cross_entropy(start, batch.spans[:, 0])
            + functional.cross_entropy(end, batch.spans[:, 1])
        )
        / 2,
        "words_accuracy": (words.argmax(1) == batch.masked).float().mean(),
        "order_accuracy": (order.argmax(1) == batch.swapped).float().mean(),
        "cloze_accuracy": found.float().mean(),
    }


def pretrain(work: Path, plan: PretrainingPlan, widths: dict[str, int]) -> Path:
    """Trains for the plan's tokens, resuming what was begun, and writes ``work/encoder``.

    ``widths`` are `AlbertConfig`'s names of the encoder's sizes.
    """
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    run = _Run(work, plan, widths)
    run.resume()
    run.train()
    save_encoder(run.model, work / "tokenizer", work / "encoder")
    return work / "encoder"


class _Run:
    """A pretraining run: the only owner of its model, its optimisers, its step and its files."""

    def __init__(self, work: Path, plan: PretrainingPlan, widths: dict[str, int]) -> None:
        self._plan = plan
        self._batches = Batches(work, plan)
        start = np.load(work / "warm-start.npz")
        config = encoder_config(vocab_size=self._batches.vocabulary, **widths)
        self.model = PretrainingModel(config)
        warm_start(self.model, start["words"], start["frequencies"])
        self.model.to(training_device())
        self._optimisers = Optimisers(self.model, plan.peak_learning_rate, plan.weight_decay)
        self._journal = Journal(work / "pretrain.jsonl")
        self._checkpoint = work / "pretrain.pt"
        self._budget, self._step = TokenBudget(plan.tokens), 0
        self._clock = Stopwatch()

    def train(self) -> None:
        """Trains until the budget is spent; saves on the way and at the end."""
        save = Interval(CHECKPOINT_SECONDS, self._save)
        recent = RecentSteps()
        batches = self._batches.from_step(self._step)
        while not self._budget.is_over():
            recent.add(self._plan.tokens_a_step, **self._train_step(next(batches)))
            if self._step % LOG_EVERY_STEPS == 0:
                self._journal.write(
                    step=self._step,
                    seconds=self._clock.seconds(),
                    tokens=self._budget.seen,
                    done=self._budget.share(),
                    learning_rate=self._learning_rate(),
                    **recent.summary(),
                )
                recent = RecentSteps()
            save.call_if_due()
        self._save()

    def resume(self) -> None:
        """Takes up the state that an earlier run saved, if there is one."""
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, map_location=device_of(self.model))
        self.model.load_state_dict(state["model"])
        self._optimisers.load_state_dict(state["optimisers"])
        self._step, self._clock = state["step"], Stopwatch(state["seconds"])
        self._budget = TokenBudget(self._plan.tokens, state["tokens"])
        self._journal.write(event="resumed", step=self._step, seconds=state["seconds"])

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimisers": self._optimisers.state_dict(),
            "step": self._step,
            "tokens": self._budget.seen,
            "seconds": self._clock.seconds(),
        }
        replace_whole(self._checkpoint, lambda path: torch.save(state, path))

    def _learning_rate(self) -> float:
        return self._plan.peak_learning_rate * learning_rate_share(self._budget.share())

    def _train_step(self, batch: Batch) -> dict[str, float]:
        batch = batch.to(device_of(self.model))
        with autocast(self.model):
            parts = losses(self.model, batch)
        loss = parts["words"] + ORDER_WEIGHT * parts["order"] + parts["cloze"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self._optimisers.step(self._learning_rate())
        self._step += 1
        self._budget.seen += self._plan.tokens_a_step
        return {name: value.item() for name, value in parts.items()}
