"""Bodies of the Open Inference Protocol v2, and of Triton's extensions to it that are taken."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from service.api.schemas.base import INTEGRAL, Body

Size = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1), INTEGRAL]
Elements = Annotated[
    Any,
    Field(
        description="The elements in row-major order, flat or nested in the tensor's shape; absent "
        "where parameters.binary_data_size says that they follow as bytes.",
        json_schema_extra={"type": "array", "items": {}},
    ),
]

MOST_MICROSECONDS = 3600 * 10**6


class InputTensorParameters(Body):
    """How an input tensor is sent."""

    binary_data_size: Annotated[
        Size | None, Field(description="Its bytes behind the JSON, in the order of the inputs.")
    ] = None
    content_type: Annotated[
        str | None, Field(description="Taken for compatibility with MLServer, without effect.")
    ] = None


class RequestInput(Body):
    """An input tensor."""

    name: str
    shape: Annotated[list[Size], Field(min_length=1, max_length=8)]
    datatype: str
    parameters: InputTensorParameters | None = None
    data: Elements = None


class OutputTensorParameters(Body):
    """How an output tensor is wanted."""

    binary_data: Annotated[
        StrictBool | None,
        Field(description="As bytes behind the JSON (default: as the request's)."),
    ] = None
    content_type: Annotated[
        str | None, Field(description="Taken for compatibility with MLServer, without effect.")
    ] = None


class RequestOutput(Body):
    """An output tensor that is wanted."""

    name: str
    parameters: OutputTensorParameters | None = None


class InferenceParameters(BaseModel):
    """Of a whole request. A text model takes those of its route under /v1 beside these."""

    model_config = ConfigDict(extra="allow", frozen=True)

    timeout: Annotated[
        Annotated[int, Field(strict=True, ge=0, le=MOST_MICROSECONDS), INTEGRAL] | None,
        Field(
            description="Microseconds in which the answer must be there; 504 otherwise. "
            "0: the service's own."
        ),
    ] = None
    priority: Annotated[
        Size | None,
        Field(description="1: interactive, 2 or more: bulk, which lets the others go first."),
    ] = None
    binary_data_output: Annotated[
        StrictBool | None,
        Field(description="Output tensors as bytes behind the JSON (default false)."),
    ] = None


class InferenceRequest(Body):
    """Tensors for a model."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "42",
                    "inputs": [
                        {
                            "name": "text",
                            "shape": [2, 1],
                            "datatype": "BYTES",
                            "data": ["Great value.", "It broke after a week."],
                        }
                    ],
                    "outputs": [{"name": "label"}, {"name": "score"}],
                    "parameters": {"top_k": 1, "timeout": 2_000_000},
                }
            ]
        }
    )

    id: Annotated[str | None, Field(max_length=1024, description="Comes back.")] = None
    parameters: InferenceParameters | None = None
    inputs: Annotated[list[RequestInput], Field(min_length=1)]
    outputs: Annotated[
        list[RequestOutput] | None, Field(description="All of them when absent or empty.")
    ] = None
    model_name: Annotated[
        str | None, Field(description="Taken for compatibility, without effect: the path decides.")
    ] = None
    model_version: Annotated[str | None, Field(description="The same.")] = None


class ResponseOutput(BaseModel):
    """An output tensor; its elements are ``data``, or as many bytes behind the JSON as
    ``parameters.binary_data_size`` says.
    """

    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: dict[str, int] | None = None


class InferenceResponse(BaseModel):
    """Tensors from a model."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model_name": "sentiment",
                    "model_version": "1",
                    "id": "42",
                    "outputs": [
                        {
                            "name": "label",
                            "datatype": "BYTES",
                            "shape": [2, 1],
                            "data": ["positive", "negative"],
                        },
                        {
                            "name": "score",
                            "datatype": "FP32",
                            "shape": [2, 1],
                            "data": [0.99, 0.94],
                        },
                    ],
                }
            ]
        }
    )

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[ResponseOutput]


class ServerMetadata(BaseModel):
    """What serves here, and which extensions of the protocol it has."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "albert-serve", "version": "0.1.0", "extensions": ["binary_tensor_data"]}
            ]
        }
    )

    name: str
    version: str
    extensions: list[str]


class ServerLive(BaseModel):
    """The process is alive."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"live": True}]})

    live: bool


class ServerReady(BaseModel):
    """Whether requests may be sent now, and if not why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True, "reasons": []}]})

    ready: bool
    reasons: list[str] = []


class ModelReady(BaseModel):
    """A model that answers."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "sentiment", "ready": True}]}
    )

    name: str
    ready: Literal[True] = True


class TensorMetadata(BaseModel):
    """A tensor of a model; -1 is a dimension of any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "sentiment_tensors",
                    "versions": ["1"],
                    "platform": "onnxruntime_onnx",
                    "inputs": [{"name": "input_ids", "datatype": "INT64", "shape": [-1, -1]}],
                    "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 2]}],
                }
            ]
        }
    )

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class TensorConfig(BaseModel):
    """A tensor of a model as Triton's configuration has it: ``dims`` are without the batch's."""

    name: str
    data_type: str
    dims: list[int]
    optional: bool = False


class ModelConfig(BaseModel):
    """The part of Triton's model configuration that clients ask for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "sentiment_tensors",
                    "platform": "onnxruntime_onnx",
                    "max_batch_size": 256,
                    "input": [
                        {
                            "name": "input_ids",
                            "data_type": "TYPE_INT64",
                            "dims": [-1],
                            "optional": False,
                        }
                    ],
                    "output": [
                        {"name": "logits", "data_type": "TYPE_FP32", "dims": [2], "optional": False}
                    ],
                    "dynamic_batching": {},
                    "model_transaction_policy": {"decoupled": False},
                }
            ]
        }
    )

    name: str
    platform: str
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]
    dynamic_batching: dict[str, Any]
    model_transaction_policy: dict[str, bool]


class RepositoryIndexRequest(Body):
    """Which models are to be listed; the body may be empty."""

    ready: Annotated[StrictBool, Field(description="Only those that answer.")] = False


class RepositoryIndexEntry(BaseModel):
    """A model, and why it is not ready if it is not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "sentiment", "version": "1", "state": "READY", "reason": ""}]
        }
    )

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str
