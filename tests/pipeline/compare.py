"""The service's own answers beside the golden ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.registry import LoadedModel
from service.runtime.session import Logits
from service.tasks.answers import Answer
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput
from tests.pipeline.golden import Asked, Golden, Span

SCORE_LIMIT = 1e-4  # the requirement on fp32
FLOAT32_ZERO = 1.2e-38
"""Below it a float32 loses digits and comes to 0; the pipeline's scores are of that type."""
ROWS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that is answered otherwise, and how."""

    case: Golden
    answers: list[Span]


class Reader:
    """Answers with a model as the service does; a row that it has seen is not run again."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._logits: dict[bytes, Logits] = {}

    def answers(self, asked: Asked) -> list[Answer]:
        """The answers of one question, best first."""
        parameters = {
            name: value for name, value in asked.parameters.items() if name != "max_question_len"
        }
        request = QuestionAnsweringRequest(
            [QuestionInput(asked.question, (asked.context,))], **parameters
        )
        prepared = self._model.task.prepare(request)
        keys = [row.fingerprint() for row in prepared.sequences]
        rows = dict(zip(keys, prepared.sequences, strict=True))
        new = [key for key in rows if key not in self._logits]
        for first in range(0, len(new), ROWS_AT_ONCE):
            part = new[first : first + ROWS_AT_ONCE]
            logits = self._model.session.run([rows[key] for key in part])
            self._logits.update(zip(part, logits, strict=True))
        [answers] = self._model.task.decode(prepared, [self._logits[key] for key in keys])
        return answers


def differences(model: LoadedModel, cases: Iterable[Golden]) -> list[Difference]:
    """The cases that are not answered as the pipeline answered them.

    AssertionError if an answer is not what stands between its offsets.
    """
    reader = Reader(model)
    different = []
    for case in cases:
        answers = reader.answers(case.asked)
        for one in answers:
            assert case.asked.context[one.start : one.end] == one.answer, case
        spans = [Span(one.start, one.end, one.score) for one in answers]
        if not same(spans, case.answers):
            different.append(Difference(case, spans))
    return different


def same(ours: list[Span], theirs: list[Span]) -> bool:
    """Whether all offsets, and all scores to 1e-4, are those of the pipeline.

    Scores that float32 rounds to 0 are not in the golden file: of those we may have more.
    """
    more = ours[len(theirs) :]
    return (
        len(ours) >= len(theirs)
        and all(
            (our.start, our.end) == (their.start, their.end)
            and abs(our.score - their.score) <= SCORE_LIMIT
            for our, their in zip(ours, theirs, strict=False)
        )
        and all(our.score < FLOAT32_ZERO for our in more)
    )
