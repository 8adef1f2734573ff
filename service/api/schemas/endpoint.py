"""What ``{inference route}/info`` answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from model_directory.manifest import Task


class Classifier(BaseModel):
    """The labels of a model, in the order of its logits."""

    id2label: dict[str, str]
    label2id: dict[str, int]


class EndpointInfo(BaseModel):
    """The model behind an inference route, in the words of Hugging Face's own servers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model_id": "topics",
                    "model_version": 1,
                    "model_sha": "0" * 64,
                    "model_dtype": "float32",
                    "model_device_type": "cpu",
                    "model_pipeline_tag": "text-classification",
                    "model_type": {
                        "classifier": {
                            "id2label": {"0": "World", "1": "Sports"},
                            "label2id": {"World": 0, "Sports": 1},
                        }
                    },
                    "task": "classification",
                    "max_input_length": 512,
                    "max_client_batch_size": 256,
                    "max_batch_tokens": 256,
                    "max_input_characters": 200_000,
                    "max_body_bytes": 2_097_152,
                    "version": "0.1.0",
                }
            ]
        }
    )

    model_id: Annotated[str, Field(description="Name; POST /v1/models/{model_id} is its route.")]
    model_version: int
    model_sha: Annotated[str, Field(description="SHA-256 of the model's ONNX file.")]
    model_dtype: Literal["float32", "float16", "int8"]
    model_device_type: Annotated[str, Field(description="cpu, cuda, or cuda:N of several GPUs.")]
    model_pipeline_tag: Literal["text-classification", "question-answering"]
    model_type: Annotated[
        dict[Literal["classifier"], Classifier] | None,
        Field(description="Absent for question answering."),
    ] = None
    task: Task
    max_input_length: Annotated[
        int, Field(description="Tokens in one window; a longer text is cut into several.")
    ]
    max_client_batch_size: Annotated[int, Field(description="Inputs in one request.")]
    max_batch_tokens: Annotated[int, Field(description="Padded tokens in one run.")]
    max_input_characters: Annotated[int, Field(description="Code points in one text.")]
    max_body_bytes: Annotated[int, Field(description="Bytes in one request body.")]
    version: Annotated[str, Field(description="Version of the service.")]
