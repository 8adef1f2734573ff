"""Questions over public data sets in the format that training/README.md describes."""

import random
from pathlib import Path

from tests.pipeline.golden import Asked
from tests.pipeline.parameters import drawn
from training.datasets import Question, read_questions

SHORT_OF_EACH = 110
LONG_OF_EACH = 40
LONG_CONTEXTS = (2, 3, 4, 5, 6, 8, 10)
DOCUMENT_CHARACTERS = (60_000, 120_000)
"""The longest ones have some 60 and 110 windows."""


def data_sets(directory: Path) -> list[Asked]:
    """Questions over ``directory/qa/*.jsonl.xz``: their own contexts, and several joined into one.

    ``directory`` is the one that training takes as ``DATA``. Raises FileNotFoundError.
    """
    paths = sorted((directory / "qa").glob("*.jsonl.xz"))
    if not paths:
        raise FileNotFoundError(f"there is no qa/*.jsonl.xz in {directory}")
    asked: list[Asked] = []
    for path in paths:
        source = random.Random(path.name)
        questions = list(read_questions(path))
        asked += [
            Asked(one.question, one.context, drawn(source))
            for one in source.sample(questions, SHORT_OF_EACH)
        ]
        contexts = list(dict.fromkeys(one.context for one in questions))
        for _ in range(LONG_OF_EACH):
            count = source.choice(LONG_CONTEXTS)
            asked.append(_joined(source, questions, source.sample(contexts, count)))
        if path.name.startswith("squad"):
            for characters in DOCUMENT_CHARACTERS:
                around = []
                while sum(map(len, around)) < characters:
                    around.append(source.choice(contexts))
                asked.append(_joined(source, questions, around))
    return list({one.digest(): one for one in asked}.values())


def _joined(source: random.Random, questions: list[Question], around: list[str]) -> Asked:
    """A question whose context stands somewhere among others."""
    one = source.choice(questions)
    place = source.randrange(len(around) + 1)
    context = source.choice((" ", "\n\n", "\r\n")).join(
        [*around[:place], one.context, *around[place:]]
    )
    return Asked(one.question, context, drawn(source))
