"""A model's own inputs and outputs, for callers who tokenise on their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from model_directory.manifest import Task
from service.api.open_inference.face import Asked, same_rows
from service.api.open_inference.text_face import unknown_parameter
from service.api.translation import InputLimits
from service.registry import LoadedModel
from service.tasks.errors import InputError
from service.tasks.tensors import TensorsRequest, TensorsTask
from service.tensors.tensor import ANY, Datatype, Tensor, TensorSpec

SUFFIX = "_tensors"


@dataclass(frozen=True)
class TensorsFace:
    """A model under its name with ``SUFFIX``."""

    model: LoadedModel
    task: TensorsTask
    limits: InputLimits

    platform = "onnxruntime_onnx"

    @classmethod
    def of(cls, model: LoadedModel, limits: InputLimits) -> "TensorsFace":
        """The face of ``model``, whose texts are not looked at."""
        manifest = model.manifest
        task = TensorsTask(
            vocabulary=manifest.architecture.vocab_size,
            token_types=manifest.architecture.type_vocab_size,
            per_token=manifest.task is Task.QUESTION_ANSWERING,
        )
        return cls(model, task, limits)

    @property
    def name(self) -> str:
        """The model's name, with the suffix."""
        return self.model.name + SUFFIX

    @cached_property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """INT64 ``[batch, tokens]``."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        most = (self.limits.max_inputs, self.model.manifest.max_tokens)
        return tuple(
            TensorSpec(name, Datatype.INT64, (ANY, ANY), most, optional=name != "input_ids")
            for name in names
        )

    @cached_property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """FP32 ``[batch, labels]``, or ``[batch, tokens]`` twice."""
        manifest = self.model.manifest
        if manifest.task is Task.QUESTION_ANSWERING:
            names, shape = ["start_logits", "end_logits"], (ANY, ANY)
        else:
            names, shape = ["logits"], (ANY, len(manifest.labels))
        return tuple(TensorSpec(name, Datatype.FP32, shape) for name in names)

    def parse(self, tensors: Mapping[str, Tensor], parameters: Mapping[str, Any]) -> Asked:
        """The request of the task. Raises ProblemError, 422."""
        for name in parameters:
            raise unknown_parameter(name, ())
        same_rows(tensors, self.inputs[0].name, 2)
        request = TensorsRequest(**{name: tensor.array for name, tensor in tensors.items()})
        return Asked(request, _place, self._tensors)

    def _tensors(self, logits: list[Any]) -> list[Tensor]:
        return [
            Tensor.of_array(output.name, array)
            for output, array in zip(self.outputs, logits, strict=True)
        ]


def _place(error: InputError) -> str:
    return f"{error.field}[{error.index}]"
