"""Fine-tunes the encoder for one task, within a token budget, and keeps the best checkpoint."""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.calibration import recorded_temperature, scale_head
from training.device import autocast, device_of, training_device
from training.encoder import SERVED_ACTIVATION, TRAINED_ACTIVATION
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
from training.rows import PaddedRows, Row, batches, pad

LOG_EVERY_STEPS = 25
CLIP_NORM = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run: its rows are used until ``until_share`` of the token budget is spent.

    ``rows`` makes the rows of an epoch from a generator seeded for it.
    """

    until_share: float
    rows: Callable[[random.Random], list[Row]]


@dataclass(frozen=True, slots=True)
class FinetuningPlan:
    """How a fine-tuning run goes.

    ``tokens``, without padding, decide its length; ``padded_tokens`` is the size of a batch;
    ``validations`` are spread evenly over the run, the last one at its end.
    """

    tokens: int
    peak_learning_rate: float
    padded_tokens: int = 4_096
    weight_decay: float = 0.01
    validations: int = 12
    threads: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What a fine-tuning run learns.

    ``loss`` takes the model's output and int64 targets [rows, numbers]. ``validate`` returns a
    figure of merit, higher is better. ``calibrate``, where given, returns the temperature that the
    best checkpoint's head is divided by in the end (`calibration`). Dropout is as the model's
    configuration has it.
    """

    name: str
    model: nn.Module
    stages: tuple[Stage, ...]
    loss: Callable[[object, torch.Tensor], torch.Tensor]
    validate: Callable[[nn.Module], float]
    calibrate: Callable[[nn.Module], float] | None = None


@dataclass(slots=True)
class Position:
    """Where a run is: what it takes to go on exactly there."""

    stage: int = 0
    epoch: int = 0
    batches_done: int = 0
    step: int = 0
    validations: int = 0
    best: float = float("-inf")


def finetune(task: Task, plan: FinetuningPlan, encoder: Path, work: Path) -> Path:
    """Trains, resuming what was begun, and leaves the best checkpoint in ``work/final/<task>``."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    run = _Run(task, plan, encoder, work)
    run.resume()
    if not run.budget.is_over():
        run.train()
    if task.calibrate is not None:
        best = type(task.model).from_pretrained(run.final).to(training_device()).eval()
        scale_head(run.final, task.calibrate(best) * recorded_temperature(run.final))
    return run.final


class _Run:
    """A fine-tuning run: the only owner of its optimiser, its position and its files."""

    def __init__(self, task: Task, plan: FinetuningPlan, encoder: Path, work: Path) -> None:
        self._task, self._plan, self._encoder = task, plan, encoder
        task.model.to(training_device())
        self._optimisers = Optimisers(task.model, plan.peak_learning_rate, plan.weight_decay)
        self._journal = Journal(work / f"{task.name}.jsonl")
        self._checkpoint = work / f"{task.name}.pt"
        self._at = Position()
        self.final = work / "final" / task.name
        self.budget = TokenBudget(plan.tokens)
        self._clock = Stopwatch()

    def train(self) -> None:
        """Trains until the budget is spent; validates and saves on the way and at the end."""
        self._task.model.train()
        save = Interval(CHECKPOINT_SECONDS, self._save)
        recent = RecentSteps()
        while not self.budget.is_over():
            for rows in self._rest_of_epoch():
                batch = pad(rows)
                rate = self._plan.peak_learning_rate * learning_rate_share(self.budget.share())
                loss, tokens = train_step(self._task, self._optimisers, batch, rate)
                recent.add(tokens, loss=loss)
                self._at.step += 1
                self._at.batches_done += 1
                self.budget.seen += tokens
                if self._at.step % LOG_EVERY_STEPS == 0:
                    self._log(rate, recent)
                    recent = RecentSteps()
                if self._validation_is_due():
                    self._validate()
                save.call_if_due()
            self._next_epoch()
        self._save()

    def resume(self) -> None:
        """Takes up the state that an earlier run saved, if there is one."""
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, map_location=device_of(self._task.model))
        self._task.model.load_state_dict(state["model"])
        self._optimisers.load_state_dict(state["optimisers"])
        torch.set_rng_state(state["random"].cpu())
        self._at = Position(**state["position"])
        self.budget = TokenBudget(self._plan.tokens, state["tokens"])
        self._clock = Stopwatch(state["seconds"])
        self._journal.write(event="resumed", **asdict(self._at))

    def _save(self) -> None:
        state = {
            "model": self._task.model.state_dict(),
            "optimisers": self._optimisers.state_dict(),
            "random": torch.get_rng_state(),
            "position": asdict(self._at),
            "tokens": self.budget.seen,
            "seconds": self._clock.seconds(),
        }
        replace_whole(self._checkpoint, lambda path: torch.save(state, path))

    def _rest_of_epoch(self) -> Iterator[list[Row]]:
        """Batches of the epoch that are still to do, while its stage lasts."""
        at, stage = self._at, self._task.stages[self._at.stage]
        rows = stage.rows(random.Random(f"{self._plan.seed} {at.stage} {at.epoch}"))
        draw = np.random.default_rng((self._plan.seed, at.stage, at.epoch))
        epoch = batches(rows, self._plan.padded_tokens, draw)
        for batch in islice(epoch, at.batches_done, None):
            if self.budget.share() >= stage.until_share:
                return
            yield batch

    def _next_epoch(self) -> None:
        at, stages = self._at, self._task.stages
        over = self.budget.share() >= stages[at.stage].until_share
        if over and at.stage + 1 < len(stages):
            at.stage, at.epoch = at.stage + 1, 0
        else:
            at.epoch += 1
        at.batches_done = 0

    def _validation_is_due(self) -> bool:
        done = int(self.budget.share() * self._plan.validations)
        return done > self._at.validations

    def _validate(self) -> None:
        self._task.model.eval()
        figure = self._task.validate(self._task.model)
        self._task.model.train()
        self._at.validations = int(self.budget.share() * self._plan.validations)
        seconds = self._clock.seconds()
        self._journal.write(event="validated", step=self._at.step, seconds=seconds, figure=figure)
        if figure >= self._at.best:
            self._at.best = figure
            save_checkpoint(self._task.model, self._encoder, self.final)

    def _log(self, rate: float, recent: RecentSteps) -> None:
        self._journal.write(
            step=self._at.step,
            seconds=self._clock.seconds(),
            stage=self._at.stage,
            epoch=self._at.epoch,
            tokens=self.budget.seen,
            done=self.budget.share(),
            learning_rate=rate,
            **recent.summary(),
        )


def train_step(
    task: Task, optimisers: Optimisers, batch: PaddedRows, learning_rate: float
) -> tuple[float, int]:
    """One step at this learning rate; returns the loss and the tokens seen, without padding."""
    output = run_model(task.model, batch)
    loss = task.loss(output, torch.from_numpy(batch.targets).to(device_of(task.model)))
    loss.backward()
    nn.utils.clip_grad_norm_(task.model.parameters(), CLIP_NORM)
    optimisers.step(learning_rate)
    return loss.item(), int(batch.mask.sum())


def run_model(model: nn.Module, batch: PaddedRows) -> object:
    """The model's output for padded rows; no mask is passed where nothing is padded."""
    device = device_of(model)
    with autocast(model):
        return model(
            input_ids=torch.from_numpy(batch.ids).to(device),
            attention_mask=None if batch.mask.all() else torch.from_numpy(batch.mask).to(device),
            token_type_ids=torch.from_numpy(batch.types).to(device),
        )


def save_checkpoint(model: nn.Module, encoder: Path, directory: Path) -> None:
    """Writes a standard Hugging Face checkpoint directory, with the encoder's tokenizer."""
    trained = model.config.hidden_act
    if trained == TRAINED_ACTIVATION:
        model.config.hidden_act = SERVED_ACTIVATION
    model.save_pretrained(directory)
    model.config.hidden_act = trained
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).write_bytes((encoder / name).read_bytes())
