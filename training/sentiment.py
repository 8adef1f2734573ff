"""The default model for sentiment: negative or positive, and near the middle where nothing is said.

Beside the labelled sets an epoch has sentences made from them: negated adjectives, verdicts after a
"but", and texts that state facts, which are taught to lie halfway between the two labels.
"""

import random
import re
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional

from training.datasets import (
    SENTIMENT_LABELS,
    LabelledText,
    read_clinc,
    read_imdb,
    read_question_sets,
    read_reviews_labelled,
    read_sst2,
)
from training.finetune import Stage, Task
from training.held_out import TITLED_SETS, held_out_titles
from training.made_sentences import POSITIVE, negated, polar_words, slipped, turned
from training.penn_treebank import as_written
from training.rows import Row
from training.text_labels import (
    LONGEST_SERVED,
    accuracy_on,
    classifier,
    label_row,
    label_rows,
)
from training.tokenizer import load_tokenizer

NEUTRAL = 2
"""A training target only: both labels equally likely."""
YELP_AN_EPOCH = 20_000
REVIEWS_AN_EPOCH = 6_000
NEUTRAL_AN_EPOCH = 5_000
NEGATED_AN_EPOCH = 4_000
TURNED_AN_EPOCH = 4_000
SLIP_SHARE = 0.1


def sentiment_task(data: Path, encoder: Path) -> Task:
    """Negative or positive; validated on SST-2 dev, which is never trained on.

    An epoch is all of SST-2 (half of it as one would write it, without the spaces of its
    tokenisation), all UCI sentences twice, a part of each larger set, and the made sentences. Of
    long reviews a random length of the start or the end is taken; one in eight keeps 320 tokens.
    """
    tokenizer = load_tokenizer(encoder)
    sst2 = read_sst2(data, "train")
    sentences = read_reviews_labelled(data, "uci-sentences")
    yelp = read_reviews_labelled(data, "yelp-sentences")
    imdb, _ = read_imdb(data)
    reviews = [*imdb, *read_reviews_labelled(data, "amazon-4-domains")]
    words = polar_words(sst2, (row.text for row in imdb))
    facts = _facts(data)

    def epoch(draw: random.Random) -> list[Row]:
        phrases = [
            LabelledText(as_written(row.text) if draw.random() < 0.5 else row.text, row.label)
            for row in [*sst2, *draw.sample(yelp, YELP_AN_EPOCH)]
        ]
        made = [
            *(negated(words, draw) for _ in range(NEGATED_AN_EPOCH)),
            *turned(yelp, draw, TURNED_AN_EPOCH),
            *(LabelledText(fact, NEUTRAL) for fact in draw.sample(facts, NEUTRAL_AN_EPOCH)),
        ]
        texts = [
            LabelledText(slipped(row.text, draw), row.label) if draw.random() < SLIP_SHARE else row
            for row in [*phrases, *sentences, *sentences, *made]
        ]
        parts = cut_reviews(draw.sample(reviews, REVIEWS_AN_EPOCH), tokenizer, draw)
        return [*label_rows(texts, tokenizer, 128), *parts]

    validation = label_rows(read_sst2(data, "dev"), tokenizer, LONGEST_SERVED)
    model = classifier(encoder, SENTIMENT_LABELS)
    return Task("sentiment", model, (Stage(1.0, epoch),), polarity_loss, accuracy_on(validation))


def polarity_loss(output: object, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits [rows, 2] with targets [rows, 1]; `NEUTRAL` is half of each label."""
    labels = targets[:, 0]
    wanted = functional.one_hot(labels.clamp(max=POSITIVE), 2).float()
    wanted[labels == NEUTRAL] = 0.5
    return functional.cross_entropy(output.logits.float(), wanted)


def cut_reviews(texts: list[LabelledText], tokenizer: Tokenizer, draw: random.Random) -> list[Row]:
    """Rows of long reviews, each a random length of its start or, as often, of its end."""
    encoded = tokenizer.encode_batch_fast([row.text for row in texts], add_special_tokens=False)
    rows = []
    for encoding, row in zip(encoded, texts, strict=True):
        length = 320 if draw.random() < 0.125 else draw.randint(40, 128)
        ids = encoding.ids[:length] if draw.random() < 0.5 else encoding.ids[-length:]
        rows.append(label_row(ids, row.label))
    return rows


def _facts(data: Path) -> list[str]:
    """Texts without a verdict: encyclopaedia sentences, questions, and requests to an assistant."""
    articles = read_question_sets(data, TITLED_SETS, held_out_titles(data))
    sentences = {
        sentence.strip()
        for context in {one.context for one in articles}
        for sentence in re.split(r"(?<=[.!?]) ", context)
        if 20 <= len(sentence) <= 200
    }
    questions = {one.question for one in articles}
    requests = {row.text for row in read_clinc(data, "train")}
    chosen = random.Random(0)
    return [
        *chosen.sample(sorted(sentences), 20_000),
        *chosen.sample(sorted(questions), 5_000),
        *chosen.sample(sorted(requests), 5_000),
    ]
