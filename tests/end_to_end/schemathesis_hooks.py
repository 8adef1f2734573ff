"""What the interface asks of a request and JSON Schema cannot say, told to schemathesis' generator.

No check is left out, and no answer is excused: a request that is valid by the schema is made one
that the documented rules let through. Each of these rules has tests of its own.
"""

import json
import re
from typing import Any

import schemathesis

from service.api.headers import SECONDS
from service.api.open_inference.infer_routes import OCTET_REQUEST

MODELS = {"intents", "question-answering", "sentiment", "topics"}
MODELS |= {f"{name}_tensors" for name in MODELS}
ANSWERING = "question-answering"

TIMEOUT = "X-Request-Timeout"
ENOUGH_SECONDS = "60"
"""A deadline that cannot be met is 504, which would count as a fault of the server."""

MODEL_TOKENS = 512
ROOM_TOKENS = 256
"""For any question that is generated, and some context."""

WORD = " word"

LENGTH = "Inference-Header-Content-Length"
TENSOR = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A warm, funny film."]}
SHARED = ("priority", "binary_data_output")
"""Parameters of a request under /v2 that every model takes."""


@schemathesis.serializer("application/x-ndjson")
def as_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A text as it is; any other value as a line of JSON."""
    text = value if isinstance(value, str) else f"{json.dumps(value)}\n"
    return text.encode(errors="surrogatepass")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: Any) -> None:
    """Give ``case`` time to be answered and, where it is valid, have it keep to those rules."""
    if case.headers and re.fullmatch(SECONDS, str(case.headers.get(TIMEOUT, ""))):
        case.headers[TIMEOUT] = ENOUGH_SECONDS
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    model = (case.path_parameters or {}).get("model")
    if case.path.endswith("/infer"):
        if model in MODELS:
            _be_for_sentiment(case)
    elif isinstance(case.body, dict) and "inputs" in case.body:
        answers = _asks_questions(case.body["inputs"])
        if model in MODELS:  # the task follows from the model
            case.path_parameters["model"] = ANSWERING if answers else "sentiment"
        if answers:
            case.body = _answerable(case.body)


def _asks_questions(inputs: Any) -> bool:
    first = inputs[0] if isinstance(inputs, list) else inputs
    return isinstance(first, dict) and "question" in first


def _answerable(body: dict[str, Any]) -> dict[str, Any]:
    """A question and a context have words; doc_stride is at most max_seq_len, which is at most what
    the model takes and leaves room beside the question.
    """
    inputs = body["inputs"]
    worded = [_worded(each) for each in inputs] if isinstance(inputs, list) else _worded(inputs)
    parameters = dict(body.get("parameters") or {})
    length, stride = parameters.get("max_seq_len"), parameters.get("doc_stride")
    if length is not None:
        parameters["max_seq_len"] = min(max(length, ROOM_TOKENS), MODEL_TOKENS)
    if stride is not None:
        parameters["doc_stride"] = min(stride, ROOM_TOKENS)
    return {**body, "inputs": worded, **({"parameters": parameters} if parameters else {})}


def _worded(question: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [text + WORD for text in value] if isinstance(value, list) else value + WORD
        for key, value in question.items()
    }


def _be_for_sentiment(case: schemathesis.Case) -> None:
    """The tensors and the parameters are those of the model, and all of the body is JSON."""
    case.path_parameters["model"] = "sentiment"
    if case.headers:
        case.headers.pop(LENGTH, None)
    if case.media_type == "application/octet-stream":
        case.body = OCTET_REQUEST.encode()
    elif isinstance(case.body, dict):
        given = case.body.get("parameters") or {}
        parameters = {key: given[key] for key in SHARED if key in given}
        outputs = [{"name": "label"}] if case.body.get("outputs") else None
        case.body = {
            **case.body,
            "inputs": [TENSOR],
            "outputs": outputs,
            "parameters": parameters,
        }
