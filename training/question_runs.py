"""Runs questions through an exported model once, and decodes its logits in several ways."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.registry import LoadedModel
from service.runtime.session import Logits
from service.tasks.answers import Answer
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput
from service.tasks.task import Prepared
from training.datasets import Question
from training.in_process import runs


@dataclass(frozen=True, slots=True)
class _Run:
    places: list[int]
    prepared: Prepared[Any]
    logits: list[Logits]


class QuestionRuns:
    """The logits of questions over their contexts, in the windows that the service cuts."""

    def __init__(self, model: LoadedModel, questions: Sequence[Question]) -> None:
        inputs = [QuestionInput(one.question, (one.context,)) for one in questions]
        self._task = model.task
        self._runs = [_Run(*run) for run in runs(model, inputs, QuestionAnsweringRequest)]

    def answers(self, *, may_be_none: bool, temperature: float = 1.0) -> list[Answer]:
        """The best answer of each question, as the service gives it, with the logits divided by
        ``temperature`` first.
        """
        found: dict[int, Answer] = {}
        for run in self._runs:
            plan = run.prepared.plan
            request = replace(plan.request, handle_impossible_answer=may_be_none)
            prepared = replace(run.prepared, plan=replace(plan, request=request))
            logits = [tuple(each / temperature for each in row) for row in run.logits]
            ranked = self._task.decode(prepared, logits)
            found.update(zip(run.places, (each[0] for each in ranked), strict=True))
        return [found[place] for place in range(len(found))]
