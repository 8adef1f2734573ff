"""Extractive question answering: the data of its two stages, its loss and its validation."""

import random
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AlbertForQuestionAnswering

from training.datasets import Question, read_question_sets
from training.encoder import ATTENTION, TRAINED_ACTIVATION
from training.finetune import Stage, Task, run_model
from training.held_out import TITLED_SETS, held_out_questions, held_out_titles
from training.metrics import token_f1
from training.rows import Row, batches, pad
from training.spans import EncodedText, best_span, encode_texts, question_row, span_rows
from training.tokenizer import load_tokenizer

WIKIPEDIA_SETS = (*TITLED_SETS, "squad-part-b", "squad-part-c", "natural-questions-qed")
OTHER_SETS = {
    "qamr-a": 1.0,
    "qamr-b": 1.0,
    "squadshifts-amazon": 0.5,
    "squadshifts-reddit": 0.5,
    "fairytaleqa-train": 0.5,
    "policyqa-a": 0.25,
    "policyqa-b": 0.25,
}
FIRST_STAGE_SHARE = 0.55
FIRST_LONGEST = 128
LAST_LONGEST = 320
FIRST_UNANSWERABLE = 0.1
LAST_UNANSWERABLE = 0.2
LONGEST_ANSWER = 20
VALIDATION_QUESTIONS = 500
VALIDATION_LONGEST = 384


def question_answering_task(data: Path, encoder: Path) -> Task:
    """Finds the answer's first and last token; [CLS] where there is no answer.

    The first stage cuts contexts to a window around the answer and uses every set: many questions
    for little computation. The last uses whole paragraphs, of Wikipedia and a few others.
    """
    tokenizer = load_tokenizer(encoder)
    titles = held_out_titles(data)
    wikipedia = read_question_sets(data, WIKIPEDIA_SETS, titles)
    wikipedia = list(dict.fromkeys(wikipedia))
    others = {name: read_question_sets(data, (name,), titles) for name in OTHER_SETS}
    validation = held_out_questions(data)[:VALIDATION_QUESTIONS]
    known = [*wikipedia, *validation, *(one for many in others.values() for one in many)]
    encoded = encode_texts(
        {text for one in known for text in (one.question, one.context)}, tokenizer
    )

    def short(draw: random.Random) -> list[Row]:
        mixed = [
            one
            for name, share in OTHER_SETS.items()
            for one in draw.sample(others[name], int(share * len(others[name])))
        ]
        return span_rows([*wikipedia, *mixed], encoded, FIRST_LONGEST, FIRST_UNANSWERABLE, draw)

    def whole(draw: random.Random) -> list[Row]:
        mixed = [one for many in others.values() for one in draw.sample(many, len(many) // 8)]
        return span_rows([*wikipedia, *mixed], encoded, LAST_LONGEST, LAST_UNANSWERABLE, draw)

    stages = (Stage(FIRST_STAGE_SHARE, short), Stage(1.0, whole))
    return Task(
        "question-answering",
        reader(encoder),
        stages,
        span_loss,
        lambda model: mean_f1(model, validation, encoded),
    )


def reader(encoder: Path) -> AlbertForQuestionAnswering:
    """The encoder with the span head that pretraining on cloze questions began."""
    model = AlbertForQuestionAnswering.from_pretrained(
        encoder, hidden_act=TRAINED_ACTIVATION, attn_implementation=ATTENTION
    )
    model.qa_outputs.load_state_dict(torch.load(encoder / "qa_outputs.pt"))
    return model


def span_loss(output: object, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of start and end, over all positions of a row; targets [rows, 2]."""
    start = functional.cross_entropy(output.start_logits.float(), targets[:, 0])
    end = functional.cross_entropy(output.end_logits.float(), targets[:, 1])
    return (start + end) / 2


@torch.inference_mode()
def mean_f1(model: nn.Module, questions: list[Question], encoded: dict[str, EncodedText]) -> float:
    """SQuAD F1, 0 to 1, reading the first `VALIDATION_LONGEST` tokens; a check, not the figure."""
    rows = []
    for number, one in enumerate(questions):
        row = question_row(encoded[one.question], encoded[one.context], VALIDATION_LONGEST)
        rows.append(Row(row.ids, row.second_segment, (number,)))
    scores = []
    for block in batches(rows, 8_192, np.random.default_rng(0)):
        output = run_model(model, pad(block))
        start = output.start_logits.float().numpy()
        end = output.end_logits.float().numpy()
        for place, row in enumerate(block):
            one = questions[row.target[0]]
            first, last = row.second_segment, len(row.ids) - 1
            begin, finish = best_span(start[place], end[place], first, last, LONGEST_ANSWER)
            context = encoded[one.context]
            text = one.context[context.starts[begin - first] : context.ends[finish - first]]
            scores.append(token_f1(text, [answer for _, answer in one.answers]))
    return float(np.mean(scores))
