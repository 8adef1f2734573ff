"""Reads an inference request: JSON, and behind it the bytes of tensors that are sent as such
(Triton's binary tensor data extension).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from service.api.open_inference.face import Asked, Face
from service.api.problems import ProblemError, invalid, of_validation_error
from service.api.schemas.open_inference import (
    InferenceParameters,
    InferenceRequest,
    InputTensorParameters,
    OutputTensorParameters,
    RequestInput,
    RequestOutput,
)
from service.api.translation import MOST_KEYS, parse_json
from service.scheduling.priority import Priority
from service.tensors.codec import from_binary, from_json
from service.tensors.tensor import Tensor, TensorError, TensorSpec

HEADER_LENGTH = b"inference-header-content-length"
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class ParsedInference:
    """A valid request. ``outputs`` are the names of the tensors that are wanted, in that order, and
    whether each is wanted as bytes. None is what the caller does not say.
    """

    id: str | None
    asked: Asked
    outputs: dict[str, bool]
    timeout_seconds: float | None
    priority: Priority | None


def parse_inference(face: Face, body: bytes, header_length: bytes | None) -> ParsedInference:
    """Validate ``body``, whose first ``header_length`` bytes are JSON; all of it if that is None.

    Raises ProblemError, 400 or 422.
    """
    json_bytes = len(body) if header_length is None else _length_of(header_length, len(body))
    document = parse_json(body[:json_bytes])
    _check_size(document, face)
    try:
        request = InferenceRequest.model_validate(document)
    except ValidationError as error:
        raise of_validation_error(error, _keys_at) from error
    tensors = _tensors_of(face, request.inputs, body[json_bytes:])
    parameters = request.parameters or InferenceParameters()
    timeout, priority = parameters.timeout, parameters.priority
    return ParsedInference(
        request.id,
        face.parse(tensors, parameters.model_extra or {}),
        _outputs_of(face, request.outputs or [], parameters.binary_data_output or False),
        timeout / MICROSECONDS if timeout else None,
        (Priority.INTERACTIVE if priority == 1 else Priority.BULK) if priority else None,
    )


def _length_of(header_length: bytes, body_bytes: int) -> int:
    if not header_length.isdigit() or len(header_length) > 18 or int(header_length) > body_bytes:
        raise ProblemError(
            400,
            "header_length",
            "The header Inference-Header-Content-Length must be the length of the JSON in bytes, "
            f"from 0 to the {body_bytes} of the body.",
        )
    return int(header_length)


def _check_size(document: Any, face: Face) -> None:
    """Refuse what has too many parts before each part is validated."""
    if not isinstance(document, dict):
        return
    objects = [("body", document), ("parameters", document.get("parameters"))]
    for key, most in (("inputs", len(face.inputs)), ("outputs", len(face.outputs))):
        items = document.get(key)
        if not isinstance(items, list):
            continue
        if len(items) > most:
            raise invalid([(key, f"There are {len(items)} and the model has {most}.")])
        for index, item in enumerate(items):
            objects.append((f"{key}[{index}]", item))
            if isinstance(item, dict):
                objects.append((f"{key}[{index}].parameters", item.get("parameters")))
    for place, item in objects:
        if isinstance(item, dict) and len(item) > MOST_KEYS:
            raise invalid(
                [(place, f"The object has {len(item)} keys and none here has over {MOST_KEYS}.")]
            )


def _keys_at(location: Sequence[int | str]) -> Iterable[str]:
    """Names of the keys that the object at ``location`` of a request may have."""
    if not location:
        return InferenceRequest.model_fields
    inside = location[-1] == "parameters"
    if location[0] == "inputs":
        return (InputTensorParameters if inside else RequestInput).model_fields
    return (OutputTensorParameters if inside else RequestOutput).model_fields


# Inputs ------------------------------------------------------------------------------------------


def _tensors_of(face: Face, inputs: list[RequestInput], raw: bytes) -> dict[str, Tensor]:
    """By name, in the order of the face's inputs."""
    specs = {spec.name: spec for spec in face.inputs}
    tensors: dict[str, Tensor] = {}
    position = 0
    for index, given in enumerate(inputs):
        spec = specs.get(given.name)
        if spec is None or given.name in tensors:
            fault = "There is no such input" if spec is None else "The input is there twice"
            raise invalid(
                [(f"inputs[{index}].name", f"{fault}; the model's are: {', '.join(specs)}.")]
            )
        size = given.parameters.binary_data_size if given.parameters is not None else None
        if size is not None and size > len(raw) - position:
            raise invalid(
                [
                    (
                        f"inputs[{index}].parameters.binary_data_size",
                        f"It is {size}, and {len(raw) - position} bytes are left behind the JSON; "
                        "the header Inference-Header-Content-Length says where that ends.",
                    )
                ]
            )
        part = None if size is None else raw[position : position + size]
        tensors[given.name] = _tensor_of(spec, index, given, part)
        position += size or 0
    if position != len(raw):
        raise invalid(
            [("body", f"{len(raw) - position} bytes are left behind those of the inputs.")]
        )
    for spec in face.inputs:
        if not spec.optional and spec.name not in tensors:
            raise invalid([("inputs", f"The input {spec.name} is missing.")])
    return {name: tensors[name] for name in specs if name in tensors}


def _tensor_of(spec: TensorSpec, index: int, given: RequestInput, part: bytes | None) -> Tensor:
    try:
        spec.check(given.datatype, given.shape)
    except TensorError as error:
        raise invalid([(f"{spec.name}", error.message)]) from error
    if (given.data is None) == (part is None):
        message = "It is there beside parameters.binary_data_size; one of them must go."
        if part is None:
            message = "It is needed where there is no parameters.binary_data_size."
        raise invalid([(f"inputs[{index}].data", message)])
    try:
        if part is None:
            return from_json(spec.name, spec.datatype, given.shape, given.data)
        return from_binary(spec.name, spec.datatype, given.shape, part)
    except TensorError as error:
        place = spec.name if error.element is None else f"{spec.name}[{error.element}]"
        raise invalid([(place, error.message)]) from error


# Outputs -----------------------------------------------------------------------------------------


def _outputs_of(face: Face, wanted: list[RequestOutput], binary: bool) -> dict[str, bool]:
    names = [spec.name for spec in face.outputs]
    if not wanted:
        return dict.fromkeys(names, binary)
    outputs: dict[str, bool] = {}
    for index, output in enumerate(wanted):
        if output.name not in names or output.name in outputs:
            missing = output.name not in names
            fault = "There is no such output" if missing else "The output is there twice"
            raise invalid(
                [(f"outputs[{index}].name", f"{fault}; the model's are: {', '.join(names)}.")]
            )
        own = output.parameters.binary_data if output.parameters is not None else None
        outputs[output.name] = binary if own is None else own
    return outputs
