"""Puts a suite to a model, with the service's own code in process, and counts what is passed."""

from collections.abc import Sequence
from dataclasses import dataclass

from model_directory.manifest import Task
from service.registry import LoadedModel
from service.tasks.classification import ClassificationInput, ClassificationRequest
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput
from training.behaviour.cases import Asked, Capability, Case, Input, Outcome
from training.in_process import answer_all
from training.metrics import normalised_answer


@dataclass(frozen=True, slots=True)
class Result:
    """A case, what the model made of it, and whether that is right."""

    case: Case
    outcomes: tuple[Outcome, ...]
    passed: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of a capability's cases are passed."""

    capability: Capability
    passed: int
    total: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.passed / self.total


def score(model: LoadedModel, cases: Sequence[Case]) -> list[Result]:
    """The result of every case, in order. Each distinct input is put to the model once."""
    inputs = list(dict.fromkeys(each for case in cases for each in case.inputs))
    outcomes = dict(zip(inputs, _outcomes(model, inputs), strict=True))
    results = []
    for case in cases:
        found = tuple(outcomes[each] for each in case.inputs)
        results.append(Result(case, found, case.expectation.holds(found)))
    return results


def tallies(results: Sequence[Result]) -> list[Tally]:
    """One for each capability, in the order in which the suite has them."""
    passed: dict[Capability, list[bool]] = {}
    for result in results:
        passed.setdefault(result.case.capability, []).append(result.passed)
    return [Tally(capability, sum(each), len(each)) for capability, each in passed.items()]


def _outcomes(model: LoadedModel, inputs: list[Input]) -> list[Outcome]:
    if model.manifest.task is not Task.QUESTION_ANSWERING:
        texts = [ClassificationInput(text) for text in inputs if isinstance(text, str)]
        ranked = answer_all(model, texts, ClassificationRequest)
        return [Outcome(each[0].label, {one.label: one.score for one in each}) for each in ranked]
    asked = [one for one in inputs if isinstance(one, Asked)]
    found: dict[Asked, Outcome] = {}
    for may_be_impossible in (False, True):
        group = [one for one in asked if one.may_be_impossible is may_be_impossible]
        answers = answer_all(
            model,
            [QuestionInput(one.question, (one.context,)) for one in group],
            lambda some, none=may_be_impossible: QuestionAnsweringRequest(
                some, handle_impossible_answer=none
            ),
        )
        for one, best in zip(group, answers, strict=True):
            text = normalised_answer(best[0].answer)
            found[one] = Outcome(text, {text: best[0].score})
    return [found[one] for one in asked]
