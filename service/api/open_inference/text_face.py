"""Texts as BYTES tensors: the bodies and answers of ``/v1``, a row for each input."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from model_directory.manifest import Task
from service.api.open_inference.face import Asked, same_rows
from service.api.problems import ProblemError, invalid
from service.api.schemas import ClassificationParameters, QuestionAnsweringParameters
from service.api.translation import InputLimits, parse_document
from service.registry import LoadedModel
from service.tasks.task import Task as TaskProtocol
from service.tensors.tensor import ANY, Datatype, Tensor, TensorSpec

LABELS = [name for name in ClassificationParameters.model_fields if name != "return_windows"]
ANSWERS = list(QuestionAnsweringParameters.model_fields)
"""The parameters of a text model: those of ``/v1`` whose answers fit into the tensors."""

NO_ANSWER = {"answer": "", "score": 0.0, "start": -1, "end": -1}
"""Fills the row of a question that has fewer answers than another one of its request."""

_INPUT = re.compile(r"inputs\[(\d+)\]\.(\w+)")


@dataclass(frozen=True)
class TextFace:
    """A model under its own name."""

    model: LoadedModel
    limits: InputLimits

    platform = "albert_text"

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def task(self) -> TaskProtocol[Any, Any, Any]:
        """The model's own."""
        return self.model.task

    @cached_property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """BYTES ``[batch, 1]``."""
        names = ("question", "context") if self._answers else ("text", "text_pair")
        most = (self.limits.max_inputs, 1)
        return tuple(
            TensorSpec(name, Datatype.BYTES, (ANY, 1), most, optional=name == "text_pair")
            for name in names
        )

    @cached_property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """``[batch, answers]``, best first."""
        if self._answers:
            columns = {
                "answer": Datatype.BYTES,
                "score": Datatype.FP32,
                "start": Datatype.INT64,
                "end": Datatype.INT64,
            }
        else:
            columns = {"label": Datatype.BYTES, "score": Datatype.FP32}
        return tuple(TensorSpec(name, datatype, (ANY, ANY)) for name, datatype in columns.items())

    def parse(self, tensors: Mapping[str, Tensor], parameters: Mapping[str, Any]) -> Asked:
        """The request of the task. Raises ProblemError, 422."""
        allowed = ANSWERS if self._answers else LABELS
        for name in parameters:
            if name not in allowed:
                raise unknown_parameter(name, allowed)
        same_rows(tensors, self.inputs[0].name, 1)
        rows = zip(*(tensor.texts for tensor in tensors.values()), strict=True)
        inputs = [dict(zip(tensors, row, strict=True)) for row in rows]
        document = {"inputs": inputs, "parameters": dict(parameters)}
        try:
            parsed = parse_document(self.model.manifest.task, document, self.limits)
        except ProblemError as problem:
            places = [(_place(each["place"]), each["message"]) for each in problem.errors]
            raise (invalid(places) if places else problem) from problem
        return Asked(
            parsed.request,
            lambda error: _place(parsed.place(error)),
            lambda result: self._tensors(parsed.render(result)),
        )

    def _tensors(self, rendered: Sequence[Any]) -> list[Tensor]:
        """Of an answer of /v1: for each input a list of objects, or the only one."""
        rows = [row if isinstance(row, list) else [row] for row in rendered]
        longest = max(map(len, rows))
        rows = [[*row, *[NO_ANSWER] * (longest - len(row))] for row in rows]
        tensors = []
        for output in self.outputs:
            values = [[item[output.name] for item in row] for row in rows]
            match output.datatype:
                case Datatype.BYTES:
                    tensors.append(Tensor.of_texts(output.name, values))
                case Datatype.INT64:
                    tensors.append(Tensor.of_integers(output.name, values))
                case Datatype.FP32:
                    tensors.append(Tensor.of_floats(output.name, values))
        return tensors

    @property
    def _answers(self) -> bool:
        return self.model.manifest.task is Task.QUESTION_ANSWERING


def unknown_parameter(name: str, allowed: Sequence[str]) -> ProblemError:
    """422 for a parameter that a face does not take."""
    shown = name if len(name) <= 64 else name[:63] + "…"
    names = ", ".join(["timeout", "priority", "binary_data_output", *allowed])
    return invalid(
        [(f"parameters.{shown}", f"There is no such parameter here; allowed are: {names}.")]
    )


def _place(place: str) -> str:
    """``inputs[3].context`` of a body under /v1 as row 3 of the tensor: ``context[3]``."""
    return _INPUT.sub(r"\2[\1]", place)
