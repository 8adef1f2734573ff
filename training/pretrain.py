"""Pretrains the encoder: masked n-grams, sentence order and cloze questions in every step."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from training.corpus import Corpus, load_corpus, word_starts
from training.encoder import PretrainingModel, encoder_config, save_encoder, warm_start
from training.masking import mask_ngrams, segment_pair
from training.progress import (
    CHECKPOINT_SECONDS,
    Interval,
    Journal,
    RecentSteps,
    TimeBudget,
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
    """How a pretraining run goes. ``minutes`` of wall clock decide its length."""

    minutes: float
    masked_rows: int = 12
    cloze_rows: int = 20
    peak_learning_rate: float = 7e-4
    weight_decay: float = 0.01
    threads: int = 2
    seed: int = 0


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


def optimiser_for(
    model: torch.nn.Module, peak_learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW; biases and normalisation are not decayed."""
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=peak_learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def pretrain(work: Path, plan: PretrainingPlan) -> Path:
    """Trains for the plan's minutes, resuming what was begun, and writes ``work/encoder``."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    run = _Run(work, plan)
    run.resume()
    run.train()
    save_encoder(run.model, work / "tokenizer", work / "encoder")
    return work / "encoder"


class _Run:
    """A pretraining run: the only owner of its model, its optimiser, its step and its files."""

    def __init__(self, work: Path, plan: PretrainingPlan) -> None:
        self._plan = plan
        self._corpus = load_corpus(work / "corpus")
        self._begins_word = word_starts(load_tokenizer(work / "tokenizer"))
        self._clozes = dict(np.load(work / "cloze.npz"))
        start = np.load(work / "warm-start.npz")
        self.model = PretrainingModel(encoder_config(vocab_size=len(self._begins_word)))
        warm_start(self.model, start["words"], start["frequencies"])
        self._optimiser = optimiser_for(self.model, plan.peak_learning_rate, plan.weight_decay)
        self._journal = Journal(work / "pretrain.jsonl")
        self._checkpoint = work / "pretrain.pt"
        self._budget, self._step = TimeBudget(plan.minutes), 0

    def train(self) -> None:
        """Trains until the budget is spent; saves on the way and at the end."""
        save = Interval(CHECKPOINT_SECONDS, self._save)
        recent = RecentSteps()
        rows = self._plan.masked_rows + self._plan.cloze_rows
        while not self._budget.is_over():
            recent.add(rows * LENGTH, **self._train_step())
            if self._step % LOG_EVERY_STEPS == 0:
                self._journal.write(
                    step=self._step,
                    seconds=self._budget.spent_seconds(),
                    tokens=self._step * rows * LENGTH,
                    learning_rate=self._optimiser.param_groups[0]["lr"],
                    **recent.summary(),
                )
                recent = RecentSteps()
            save.call_if_due()
        self._save()

    def resume(self) -> None:
        """Takes up the state that an earlier run saved, if there is one."""
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint)
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step, self._budget = state["step"], TimeBudget(self._plan.minutes, state["seconds"])
        self._journal.write(event="resumed", step=self._step, seconds=state["seconds"])

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self._step,
            "seconds": self._budget.spent_seconds(),
        }
        replace_whole(self._checkpoint, lambda path: torch.save(state, path))

    def _train_step(self) -> dict[str, float]:
        batch = make_batch(self._corpus, self._clozes, self._begins_word, self._plan, self._step)
        rate = self._plan.peak_learning_rate * learning_rate_share(self._budget.share())
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            parts = losses(self.model, batch)
        loss = parts["words"] + ORDER_WEIGHT * parts["order"] + parts["cloze"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._step += 1
        return {name: value.item() for name, value in parts.items()}
