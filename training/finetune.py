"""Fine-tunes the encoder for one task, within a time budget, and keeps the best checkpoint."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.encoder import SERVED_ACTIVATION, TRAINED_ACTIVATION
from training.pretrain import CLIP_NORM, optimiser_for
from training.progress import (
    CHECKPOINT_SECONDS,
    Journal,
    TimeBudget,
    learning_rate_share,
    replace_whole,
)
from training.rows import PaddedRows, Row, batches, pad

LOG_EVERY_STEPS = 25


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run: its rows are used until ``until_share`` of the time budget is spent.

    ``rows`` makes the rows of an epoch from a generator seeded for it.
    """

    until_share: float
    rows: Callable[[random.Random], list[Row]]


@dataclass(frozen=True, slots=True)
class FinetuningPlan:
    """How a fine-tuning run goes. ``minutes`` of wall clock decide its length."""

    minutes: float
    peak_learning_rate: float
    padded_tokens: int = 4_096
    weight_decay: float = 0.01
    validate_seconds: float = 240.0
    threads: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What a fine-tuning run learns.

    ``loss`` takes the model's output and int64 targets [rows, numbers]. ``validate`` returns a
    figure of merit, higher is better.
    """

    name: str
    model: nn.Module
    stages: tuple[Stage, ...]
    loss: Callable[[object, torch.Tensor], torch.Tensor]
    validate: Callable[[nn.Module], float]


def finetune(task: Task, plan: FinetuningPlan, encoder: Path, work: Path) -> Path:
    """Trains, resuming what was begun, and leaves the best checkpoint in ``work/final/<task>``."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    model = task.model
    optimiser = optimiser_for(model, plan.peak_learning_rate, plan.weight_decay)
    journal = Journal(work / f"{task.name}.jsonl")
    budget = TimeBudget(plan.minutes)
    stage, epoch, done, step, best = 0, 0, 0, 0, float("-inf")
    checkpoint, final = work / f"{task.name}.pt", work / "final" / task.name
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        stage, epoch, done, step, best = state["position"]
        budget = TimeBudget(plan.minutes, state["seconds"])
        journal.write(event="resumed", step=step, seconds=budget.spent_seconds())

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "position": (stage, epoch, done, step, best),
            "seconds": budget.spent_seconds(),
        }
        replace_whole(checkpoint, lambda path: torch.save(state, path))

    def validate() -> None:
        nonlocal best
        model.eval()
        figure = task.validate(model)
        model.train()
        journal.write(event="validated", step=step, seconds=budget.spent_seconds(), figure=figure)
        if figure >= best:
            best = figure
            save_checkpoint(model, encoder, final)

    model.train()
    saved = validated = logged = time.monotonic()
    recent: list[float] = []
    tokens = all_tokens = 0
    while not budget.is_over():
        rows = task.stages[stage].rows(random.Random(f"{plan.seed} {stage} {epoch}"))
        draw = np.random.default_rng((plan.seed, stage, epoch))
        for number, batch_rows in enumerate(batches(rows, plan.padded_tokens, draw)):
            if budget.share() >= task.stages[stage].until_share:
                break
            if number < done:
                continue
            batch = pad(batch_rows)
            rate = plan.peak_learning_rate * learning_rate_share(budget.share())
            for group in optimiser.param_groups:
                group["lr"] = rate
            recent.append(train_step(task, optimiser, batch))
            step, done = step + 1, number + 1
            tokens += int(batch.mask.sum())
            if step % LOG_EVERY_STEPS == 0:
                now = time.monotonic()
                all_tokens += tokens
                journal.write(
                    step=step,
                    seconds=budget.spent_seconds(),
                    stage=stage,
                    epoch=epoch,
                    tokens=all_tokens,
                    tokens_per_second=tokens / (now - logged),
                    learning_rate=rate,
                    loss=sum(recent) / len(recent),
                )
                recent, tokens, logged = [], 0, now
            if time.monotonic() - validated > plan.validate_seconds:
                validate()
                validated = time.monotonic()
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                save()
                saved = time.monotonic()
        if budget.share() >= task.stages[stage].until_share and stage + 1 < len(task.stages):
            stage, epoch, done = stage + 1, 0, 0
        else:
            epoch, done = epoch + 1, 0
    validate()
    save()
    return final


def train_step(task: Task, optimiser: torch.optim.Optimizer, batch: PaddedRows) -> float:
    """One step of the optimiser; returns the loss."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = run_model(task.model, batch)
    loss = task.loss(output, torch.from_numpy(batch.targets))
    loss.backward()
    nn.utils.clip_grad_norm_(task.model.parameters(), CLIP_NORM)
    optimiser.step()
    optimiser.zero_grad()
    return loss.item()


def run_model(model: nn.Module, batch: PaddedRows) -> object:
    """The model's output for padded rows; no mask is passed where nothing is padded."""
    return model(
        input_ids=torch.from_numpy(batch.ids),
        attention_mask=None if batch.mask.all() else torch.from_numpy(batch.mask),
        token_type_ids=torch.from_numpy(batch.types),
    )


def save_checkpoint(model: nn.Module, encoder: Path, directory: Path) -> None:
    """Writes a standard Hugging Face checkpoint directory, with the encoder's tokenizer."""
    model.config.hidden_act = SERVED_ACTIVATION
    model.save_pretrained(directory)
    model.config.hidden_act = TRAINED_ACTIVATION
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (directory / name).write_bytes((encoder / name).read_bytes())
