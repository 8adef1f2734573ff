"""What a face of a model is: its tensors, and what they mean to the model's task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from service.api.problems import invalid
from service.registry import LoadedModel
from service.tasks.errors import InputError
from service.tasks.task import Task
from service.tensors.tensor import Tensor, TensorSpec


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid request for the task of a face, where a caller finds what the task refuses of it, and
    the output tensors of its result, in the order of the face's ``outputs``.
    """

    request: Any
    place: Callable[[InputError], str]
    tensors: Callable[[Any], list[Tensor]]


class Face(Protocol):
    """A model as clients see it."""

    @property
    def name(self) -> str:
        """The name that clients ask for."""

    @property
    def model(self) -> LoadedModel:
        """What is run, and measured under its own name."""

    @property
    def task(self) -> Task[Any, Any, Any]:
        """What it is run for."""

    @property
    def platform(self) -> str:
        """What it is made of, in the protocol's form."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The first one is never optional."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """In the order in which they are given."""

    def parse(self, tensors: Mapping[str, Tensor], parameters: Mapping[str, Any]) -> Asked:
        """What ``tensors``, each as its specification has it and none missing that is not optional,
        ask with ``parameters``. Raises ProblemError, 422.
        """


def version_of(face: Face) -> str:
    """The version of the model, as the protocol has it."""
    return str(face.model.manifest.version)


def same_rows(tensors: Mapping[str, Tensor], first: str, dimensions: int) -> None:
    """Raises ProblemError, 422, unless all ``tensors`` have the first ``dimensions`` of ``first``'s
    shape.
    """
    expected = tensors[first].shape[:dimensions]
    for name, tensor in tensors.items():
        if tensor.shape[:dimensions] != expected:
            raise invalid(
                [
                    (
                        f"{name}.shape",
                        f"The shape is {list(tensor.shape)} and must be as that of {first}, "
                        f"{list(tensors[first].shape)}.",
                    )
                ]
            )
