"""Golden files: questions with parameters, and what the pipeline answered."""

import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

OWN_TEXTS = Path(__file__).parent / "own_texts.jsonl.xz"
"""Questions over this project's own texts, with the texts."""
DATA_SETS = Path(__file__).parent / "data_sets.jsonl.xz"
"""Questions over public data sets, which are not part of the project: digests in place of texts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question over a context, with parameters of the wire."""

    question: str
    context: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """16 hexadecimal digits that no other question of the file has."""
        content = json.dumps([self.question, self.context, self.parameters], sort_keys=True)
        return blake2b(content.encode(), digest_size=8).hexdigest()


class Span(NamedTuple):
    """An answer: first and one-past-last code point of the context, and the score."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Golden:
    """What the pipeline answered, best first."""

    asked: Asked
    answers: list[Span]


def score_change(path: Path, cases: Iterable[Golden]) -> float | None:
    """By how much the scores of a golden file differ at most from those of ``cases``; None if it
    has other questions, or other answers to them.
    """
    cases = list(cases)
    known = _answers(path) if path.exists() else {}
    answers = {case.asked.digest(): case.answers for case in cases}
    if list(known) != list(answers):
        return None
    pairs = [(known[digest], answers[digest]) for digest in known]
    if any([one[:2] for one in old] != [one[:2] for one in new] for old, new in pairs):
        return None
    scores = [spans for pair in pairs for spans in zip(*pair, strict=True)]
    return max((abs(old.score - new.score) for old, new in scores), default=0.0)


def write(path: Path, cases: Iterable[Golden], *, with_texts: bool) -> None:
    """Write a golden file; without texts only who has them can read it."""
    with lzma.open(path, "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file:
        for case in cases:
            asked = case.asked
            line: dict[str, Any] = {"digest": asked.digest()}
            if with_texts:
                line = {"question": asked.question, "context": asked.context}
                line["parameters"] = asked.parameters
            line["answers"] = [
                [answer.start, answer.end, float(f"{answer.score:.7g}")] for answer in case.answers
            ]
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_own_texts() -> list[Golden]:
    """The questions over this project's own texts."""
    return [
        Golden(
            Asked(line["question"], line["context"], line["parameters"]),
            [Span(*answer) for answer in line["answers"]],
        )
        for line in _lines(OWN_TEXTS)
    ]


def read_data_sets(asked: Iterable[Asked]) -> list[Golden]:
    """Of the questions over data sets those that the file has."""
    answers = _answers(DATA_SETS)
    return [Golden(one, answers[one.digest()]) for one in asked if one.digest() in answers]


def _answers(path: Path) -> dict[str, list[Span]]:
    """The answers of a golden file by the digest of the question."""
    answers = {}
    for line in _lines(path):
        digest = line.get("digest")
        if digest is None:
            digest = Asked(line["question"], line["context"], line["parameters"]).digest()
        answers[digest] = [Span(*answer) for answer in line["answers"]]
    return answers


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)
