"""Writes an inference response: JSON, and behind it the tensors that are wanted as bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from service.api.open_inference.face import Face, version_of
from service.api.open_inference.request import ParsedInference
from service.tensors.codec import to_binary, to_json
from service.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Written:
    """A body; ``json_bytes`` of it are JSON, all if that is None."""

    body: bytes
    json_bytes: int | None


def write_inference(face: Face, parsed: ParsedInference, tensors: Iterable[Tensor]) -> Written:
    """The answer to ``parsed`` with those of ``tensors`` that it wants."""
    by_name = {tensor.name: tensor for tensor in tensors}
    raw: list[bytes] = []
    outputs = [_output(by_name[name], binary, raw) for name, binary in parsed.outputs.items()]
    document: dict[str, Any] = {"model_name": face.name, "model_version": version_of(face)}
    if parsed.id is not None:
        document["id"] = parsed.id
    head = orjson.dumps(document | {"outputs": outputs})
    return Written(b"".join([head, *raw]), len(head)) if raw else Written(head, None)


def _output(tensor: Tensor, binary: bool, raw: list[bytes]) -> dict[str, Any]:
    """How the JSON describes ``tensor``; its bytes go to the end of ``raw`` if it is binary."""
    described: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": tensor.shape,
    }
    if not binary:
        return described | {"data": to_json(tensor)}
    raw.append(to_binary(tensor))
    return described | {"parameters": {"binary_data_size": len(raw[-1])}}
