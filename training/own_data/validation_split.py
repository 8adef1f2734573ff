"""Keeps a part of the rows for validation, by a hash: the same part whatever the file's order.

Rows with the same text, and questions over the same article, stay together, so that nothing a
figure is measured on was trained on.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

from training.datasets import Question
from training.splits import UNTITLED, normalised_title

VALIDATION_SHARE = 0.1
ENOUGH_TO_SPLIT = 5
"""Texts of a label from which one is taken for validation; of fewer, all are trained on."""
ENOUGH_ARTICLES = 10
"""Titles from which whole articles are taken; of fewer, contexts are."""
LARGEST_OF_SHARE = 3
"""An article with more questions than so many times the share wanted is trained on."""


def same_text(text: str) -> str:
    """Texts that differ only in capitals and spaces have the same value here."""
    return " ".join(text.casefold().split())


def held_out_texts(texts: Sequence[str], strata: Sequence[Hashable]) -> set[int]:
    """Numbers of the rows for validation: of each stratum, such as a label, its share.

    A text that stands in several rows counts once, in the stratum of the first of them.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        groups[same_text(text)].append(number)
    of_stratum: dict[Hashable, list[str]] = defaultdict(list)
    for text, numbers in groups.items():
        of_stratum[strata[numbers[0]]].append(text)
    held_out: set[int] = set()
    for members in of_stratum.values():
        count = math.floor(VALIDATION_SHARE * len(members) + 0.5)
        if len(members) >= ENOUGH_TO_SPLIT:
            count = max(1, count)
        for text in sorted(members, key=_digest)[:count]:
            held_out.update(groups[text])
    return held_out


def held_out_questions(questions: Sequence[Question]) -> set[int]:
    """Numbers of the questions for validation: those of whole articles, or of whole contexts.

    No context of a question that is held out is left to train on, under whatever title.
    """
    titles = {normalised_title(question.article) for question in questions} - UNTITLED
    by_article = len(titles) >= ENOUGH_ARTICLES
    groups: dict[str, list[int]] = defaultdict(list)
    for number, question in enumerate(questions):
        title = normalised_title(question.article)
        groups[title if by_article and title not in UNTITLED else question.context].append(number)
    held_out: set[int] = set()
    wanted = max(1, math.floor(VALIDATION_SHARE * len(questions) + 0.5))
    for group in sorted(groups, key=_digest):
        if len(held_out) < wanted and len(groups[group]) <= LARGEST_OF_SHARE * wanted:
            held_out.update(groups[group])
    contexts = {questions[number].context for number in held_out}
    return {number for number, question in enumerate(questions) if question.context in contexts}


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
