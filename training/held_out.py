"""The questions that question answering is validated on: whole articles, never trained on."""

import random
from collections import defaultdict
from pathlib import Path

from training.datasets import Question, read_questions
from training.splits import is_held_out_article

TITLED_SETS = ("squad-part-a", "squad2-part-a", "squad-realigned", "squadshifts-wiki")


def held_out_titles(data: Path) -> tuple[str, ...]:
    """Titles of the articles kept for validation, of all sets that have titles."""
    return tuple(sorted({one.article for one in _questions_of_articles(data)}))


def held_out_questions(data: Path) -> list[Question]:
    """Answerable questions over the held-out articles, each once, in a fixed random order."""
    seen: dict[tuple[str, str], Question] = {}
    for one in _questions_of_articles(data):
        if one.answers:
            seen.setdefault((one.context, one.question), one)
    questions = list(seen.values())
    random.Random(0).shuffle(questions)
    return questions


def paired_with_other_paragraphs(questions: list[Question]) -> list[Question]:
    """Each question over another paragraph of its article that lacks the answer's words."""
    draw = random.Random(0)
    paragraphs: dict[str, list[str]] = defaultdict(list)
    for one in questions:
        paragraphs[one.article].append(one.context)
    unanswerable = []
    for one in questions:
        other = draw.choice(paragraphs[one.article])
        if not any(text.lower() in other.lower() for _, text in one.answers):
            unanswerable.append(Question(one.article, other, one.question, ()))
    return unanswerable


def _questions_of_articles(data: Path) -> list[Question]:
    return [
        one
        for name in TITLED_SETS
        for one in read_questions(data / "qa" / f"{name}.jsonl.xz")
        if is_held_out_article(one.article)
    ]
