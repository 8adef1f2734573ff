"""Makes questions out of plain Wikipedia text, so that pretraining teaches to find answers.

A sentence of an article loses a name, a number or a phrase; what is left of it, with a question
word and some words missing, is the question; the article around the sentence is the context, and
the lost words in it are the answer. Masked language modelling at this size hardly teaches to align
two texts; this does, from the same unlabelled corpus.
"""

import random
import re
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from training.datasets import Document
from training.spans import token_span, window_start
from training.tokenizer import CLS, SEP

SENTENCE = re.compile(r"[A-Z0-9\"(][^.!?]*(?:[.!?](?=\S)[^.!?]*)*[.!?](?=\s|$)")
DATE = re.compile(
    r"\b(?:(?:January|February|March|April|May|June|July|August|September|October|November|"
    r"December)(?: \d{1,2},?)? )?(?:1\d{3}|20[01]\d)\b"
)
NUMBER = re.compile(
    r"[$£€]?\b\d[\d,.]*\d\b(?: (?:percent|million|billion))?%?|\b(?:two|three|four|five|"
    r"six|seven|eight|nine|ten|twelve|twenty)\b"
)
NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’-]+(?:(?: of| the| de| and)? [A-Z][\w'’-]+){0,3}")
PHRASE = re.compile(r"(?<= )[a-z]+(?: [a-z]+)? [a-z]{5,}\b|(?<= )[a-z]{6,}\b")
CONTEXT_CHARACTERS = 900
WORDS_EACH_SIDE = 11
UNANSWERABLE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Cloze:
    """A made question: the answer is ``context[start:end]``."""

    question: str
    context: str
    start: int
    end: int


def make_cloze(document: Document, draw: random.Random) -> Cloze | None:
    """A question over a place of the document, or None where no sentence there suits."""
    text = " ".join(document.paragraphs)
    place = draw.randrange(max(1, len(text) - 200))
    sentence = SENTENCE.search(text, place)
    if sentence is None or not 50 <= len(sentence[0]) <= 400:
        return None
    answer = _answer(sentence[0], draw)
    if answer is None:
        return None
    (begin, end), words = answer
    question = _question(sentence[0][:begin], sentence[0][end:], words, draw)
    first = max(0, sentence.start() - draw.randrange(CONTEXT_CHARACTERS))
    first = text.find(" ", first) + 1 if first else 0
    context = text[min(first, sentence.start()) : sentence.end() + CONTEXT_CHARACTERS]
    shift = sentence.start() - min(first, sentence.start())
    return Cloze(question, context, shift + begin, shift + end)


def _answer(sentence: str, draw: random.Random) -> tuple[tuple[int, int], tuple[str, ...]] | None:
    """Characters of the words to lose, and the question words that fit them."""
    kinds = [(NAME, 5), (DATE, 2), (NUMBER, 2), (PHRASE, 3)]
    while kinds:
        pattern, _ = kinds.pop(draw.choices(range(len(kinds)), [weight for _, weight in kinds])[0])
        matches = list(pattern.finditer(sentence))
        if not matches:
            continue
        match = draw.choice(matches)
        before = sentence[: match.start()].rstrip().rsplit(" ", 1)[-1].lower()
        if pattern is NAME:
            words = (
                ("where", "in what place")
                if before in {"in", "at", "near", "from"}
                else ("who", "who", "what", "which", "whose")
            )
        elif pattern is DATE:
            words = ("when", "when", "in what year", "what year")
        elif pattern is NUMBER:
            words = ("how many", "how many", "how much", "what number")
        else:
            words = ("what", "what", "what", "which", "how")
        return match.span(), words
    return None


def _question(left: str, right: str, words: tuple[str, ...], draw: random.Random) -> str:
    """The rest of the sentence, thinned out, with a question word in front or in the gap."""
    dropped = draw.uniform(0.0, 0.6)

    def thinned(part: list[str]) -> list[str]:
        return [word.strip('"(),;.') for word in part if draw.random() >= dropped]

    before = thinned(left.split()[-WORDS_EACH_SIDE:])
    after = thinned(right.split()[:WORDS_EACH_SIDE])
    word = draw.choice(words)
    front = draw.random() < 0.6
    order = [word, *before, *after] if front else [*before, word, *after]
    return " ".join(" ".join(order).split()) + ("?" if draw.random() < 0.9 else "")


def cloze_rows(
    documents: list[Document], tokenizer: Tokenizer, count: int, length: int, seed: int
) -> dict[str, np.ndarray]:
    """``count`` rows ``[CLS] question [SEP] context [SEP]`` of exactly ``length`` tokens.

    Returns uint16 ``ids`` [count, length] and int16 ``question`` (tokens of the first segment,
    [CLS] and [SEP] included), ``start`` and ``end`` (positions of the answer's first and last
    token; 0, 0 where the context is of another document), each [count].
    """
    draw = random.Random(seed)
    ids = np.zeros((count, length), dtype=np.uint16)
    question = np.zeros(count, dtype=np.int16)
    start = np.zeros(count, dtype=np.int16)
    end = np.zeros(count, dtype=np.int16)
    weights = [sum(len(paragraph) for paragraph in document.paragraphs) for document in documents]
    row = 0
    while row < count:
        made = [
            cloze
            for document in draw.choices(documents, weights, k=500)
            if (cloze := make_cloze(document, draw)) is not None
        ]
        asked = tokenizer.encode_batch([cloze.question for cloze in made], add_special_tokens=False)
        contexts = tokenizer.encode_batch(
            [cloze.context for cloze in made], add_special_tokens=False
        )
        for number, (cloze, ask, context) in enumerate(zip(made, asked, contexts, strict=True)):
            room = length - 3 - len(ask)
            offsets = np.array(context.offsets).reshape(-1, 2)
            span = token_span(offsets[:, 0], offsets[:, 1], cloze.start, cloze.end)
            if row == count or len(ask) > length // 3 or len(context) < room or span is None:
                continue
            first = window_start(span, room, len(context), draw)
            if first is None:
                continue
            tokens, places = context.ids[first : first + room], (span[0] - first, span[1] - first)
            if draw.random() < UNANSWERABLE_SHARE:
                tokens, places = contexts[number - 1].ids[:room], (-len(ask) - 2, -len(ask) - 2)
                if len(tokens) < room:
                    continue
            ids[row] = [CLS, *ask.ids, SEP, *tokens, SEP]
            question[row] = len(ask) + 2
            start[row], end[row] = places[0] + len(ask) + 2, places[1] + len(ask) + 2
            row += 1
    return {"ids": ids, "question": question, "start": start, "end": end}
