"""The task of a user's questions: the model with its span head, its loss, its validation."""

import random

import numpy as np
import torch
from torch import nn
from transformers import AlbertForQuestionAnswering

from training.encoder import ATTENTION
from training.finetune import Stage, Task, run_model
from training.metrics import token_f1
from training.own_data.base_checkpoint import SPAN_HEAD, BaseCheckpoint
from training.own_data.question_data import QuestionData, Window, training_rows, windows
from training.own_data.weights import load_pretrained, trained_activation
from training.question_answering import span_loss
from training.rows import Row, batches, pad
from training.spans import best_span

LONGEST_ANSWER = 30
VALIDATION_TOKENS = 8_192


def question_task(name: str, data: QuestionData, base: BaseCheckpoint, longest: int) -> Task:
    """Finds the answer's first and last token, [CLS] where there is none.

    The figure of merit is SQuAD's F1 over whole contexts; that there is no answer is right, and
    may be said, where the data has questions without one.
    """

    def epoch(draw: random.Random) -> list[Row]:
        return training_rows(data, longest, draw)

    def merit(model: nn.Module) -> float:
        return mean_f1(model, data, longest)

    return Task(name, question_model(base), (Stage(1.0, epoch),), span_loss, merit)


def question_model(base: BaseCheckpoint) -> AlbertForQuestionAnswering:
    """The checkpoint with a span head: its own, or the one that our pretraining began."""
    model = load_pretrained(
        AlbertForQuestionAnswering,
        base,
        hidden_act=trained_activation(base),
        attn_implementation=ATTENTION,
    )
    if (base.directory / SPAN_HEAD).is_file():
        model.qa_outputs.load_state_dict(torch.load(base.directory / SPAN_HEAD, weights_only=True))
    return model


def mean_f1(model: nn.Module, data: QuestionData, longest: int) -> float:
    """SQuAD's F1 over the validation questions, 0 to 1."""
    cut = [
        (number, window)
        for number, question in enumerate(data.validation)
        for window in windows(question, data, longest)
    ]
    best = _best_spans(model, cut)
    scores = []
    for number, question in enumerate(data.validation):
        score, first, last = best[number]
        found = ""
        if score > 0 or not data.has_unanswerable:
            context = data.encoded[question.context]
            found = question.context[context.starts[first] : context.ends[last]]
        scores.append(token_f1(found, [text for _, text in question.answers]))
    return float(np.mean(scores))


@torch.inference_mode()
def _best_spans(
    model: nn.Module, cut: list[tuple[int, Window]]
) -> dict[int, tuple[float, int, int]]:
    """For each question its best span over all windows: how much its score is above that of no
    answer, and its first and last token in the context.
    """
    rows = [
        Row(window.row.ids, window.row.second_segment, (place,))
        for place, (_, window) in enumerate(cut)
    ]
    best: dict[int, tuple[float, int, int]] = {}
    for block in batches(rows, VALIDATION_TOKENS, np.random.default_rng(0)):
        output = run_model(model, pad(block))
        starts = output.start_logits.float().cpu().numpy()
        ends = output.end_logits.float().cpu().numpy()
        for row, start, end in zip(block, starts, ends, strict=True):
            number, window = cut[row.target[0]]
            begins = row.second_segment
            first, last = best_span(start, end, begins, len(row.ids) - 1, LONGEST_ANSWER)
            score = float(start[first] + end[last] - start[0] - end[0])
            shift = window.first - begins
            best[number] = max(
                best.get(number, (-np.inf, 0, 0)), (score, first + shift, last + shift)
            )
    return best
