"""The manifest of a model directory.

One pydantic schema serves the exporter that writes it and the service that reads it.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MANIFEST_NAME = "manifest.json"
MODEL_NAME = "model.onnx"
TOKENIZER_NAME = "tokenizer.json"
CARD_NAME = "README.md"
FILE_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
MODEL_NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$"


class Task(StrEnum):
    """What a model is asked."""

    SENTIMENT = "sentiment"
    CLASSIFICATION = "classification"
    QUESTION_ANSWERING = "question-answering"


class Precision(StrEnum):
    """The type that a graph's products are computed in."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class ProblemType(StrEnum):
    """How the logits of a classification head are read.

    The names are those of Hugging Face's ``config.problem_type``.
    """

    SINGLE_LABEL = "single_label_classification"
    MULTI_LABEL = "multi_label_classification"
    REGRESSION = "regression"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Architecture(_Part):
    """The figures of the ALBERT that was exported, by their names in ``config.json``."""

    vocab_size: Annotated[int, Field(gt=0)]
    embedding_size: Annotated[int, Field(gt=0)]
    hidden_size: Annotated[int, Field(gt=0)]
    intermediate_size: Annotated[int, Field(gt=0)]
    num_attention_heads: Annotated[int, Field(gt=0)]
    num_hidden_layers: Annotated[int, Field(gt=0)]
    num_hidden_groups: Annotated[int, Field(gt=0)]
    inner_group_num: Annotated[int, Field(gt=0)]
    max_position_embeddings: Annotated[int, Field(gt=0)]
    type_vocab_size: Annotated[int, Field(gt=0)]
    hidden_act: str
    parameters: Annotated[
        int, Field(gt=0, description="Weights in the file, each shared one once.")
    ]


class TokenizerFacts(_Part):
    """What the service must know of the tokenizer to build sequences and batches."""

    cls_token_id: Annotated[int, Field(ge=0)]
    sep_token_id: Annotated[int, Field(ge=0)]
    pad_token_id: Annotated[int, Field(ge=0)]
    unk_token_id: Annotated[int, Field(ge=0)] | None
    vocab_size: Annotated[int, Field(gt=0)]
    lower_case: bool


class Parity(_Part):
    """The exported file against the float64 reference forward pass.

    Differences are absolute, in units of a logit.
    """

    max_logit_difference: Annotated[float, Field(ge=0)]
    limit: Annotated[float, Field(gt=0)]
    sequences: Annotated[int, Field(gt=0)]
    batches: Annotated[int, Field(gt=0)]


class Agreement(_Part):
    """The exported graph's answers beside those of the same checkpoint in fp32."""

    texts: Annotated[int, Field(gt=0)]
    agreement: Annotated[
        float, Field(ge=0, le=1, description="Share of texts with the same answer, ties counted.")
    ]
    mean_drift: Annotated[
        float, Field(ge=0, description="Mean over the texts of a text's largest score difference.")
    ]
    max_drift: Annotated[float, Field(ge=0)]


class Quantisation(_Part):
    """How an int8 graph rounds, and on which texts that was chosen."""

    rounding: dict[str, str] = Field(description="By site; see docs/export.md.")
    calibration: Annotated[str, Field(description="Where the calibration texts are from.")]
    calibration_texts: Annotated[int, Field(gt=0)]


class Speed(_Part):
    """Median time of a run of one batch with one thread, on the machine of the export."""

    batch: Annotated[int, Field(gt=0)]
    tokens: Annotated[int, Field(gt=0)]
    milliseconds: Annotated[float, Field(gt=0)]
    fp32_milliseconds: Annotated[float, Field(gt=0)] | None = None
    processor: str


class Figure(_Part):
    """One measured figure of the served file."""

    dataset: str
    metric: str
    value: float
    examples: Annotated[int, Field(gt=0)]
    source: str = ""


class FileRecord(_Part):
    """Size and digest of one file of the directory, which is flat: ``path`` is a plain name."""

    path: Annotated[str, Field(max_length=128)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        if re.fullmatch(FILE_NAME_PATTERN, self.path) is None:
            raise ValueError(f"file path {self.path!r} is not a plain name in the model directory")
        return self


class Manifest(_Part):
    """Everything that is known of one version of one model."""

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    name: Annotated[str, Field(pattern=MODEL_NAME_PATTERN)]
    version: Annotated[int, Field(gt=0)]
    task: Task
    labels: tuple[str, ...] = Field(
        description="In the order of the logits; empty for question answering."
    )
    problem_type: ProblemType | None
    max_tokens: Annotated[
        int, Field(gt=3, description="Longest sequence, special tokens included.")
    ]
    precision: Precision
    packed: bool = Field(
        False,
        description="Whether the graph computes nothing but attention at padded positions, so that "
        "a batch of unlike lengths costs about what its tokens cost.",
    )
    architecture: Architecture
    tokenizer: TokenizerFacts
    parity: Parity = Field(
        description="Of the graph; where precision is not fp32, of the fp32 graph it is held to."
    )
    agreement: Agreement | None = None
    quantisation: Quantisation | None = None
    speed: tuple[Speed, ...] = ()
    evaluation: tuple[Figure, ...] = ()
    default: bool = Field(
        False,
        description="Whether it answers its task's route where several models could and no "
        "setting names one.",
    )
    source: str
    licence: str
    created: datetime
    exporter_version: str
    files: tuple[FileRecord, ...]

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _task_and_labels_agree(self) -> Self:
        if self.task is Task.QUESTION_ANSWERING:
            if self.labels or self.problem_type is not None:
                raise ValueError("a question-answering model has neither labels nor problem_type")
        elif not self.labels or self.problem_type is None:
            raise ValueError(f"a {self.task} model needs labels and problem_type")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels repeat")
        if self.max_tokens > self.architecture.max_position_embeddings:
            raise ValueError("max_tokens is larger than architecture.max_position_embeddings")
        return self

    @model_validator(mode="after")
    def _precision_is_accounted_for(self) -> Self:
        if (self.precision is Precision.INT8) != (self.quantisation is not None):
            raise ValueError("quantisation belongs to precision int8, and int8 needs it")
        if (self.precision is Precision.FP32) != (self.agreement is None):
            raise ValueError("agreement belongs to precisions other than fp32, and they need it")
        return self

    @model_validator(mode="after")
    def _files_are_whole(self) -> Self:
        paths = [record.path for record in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("files repeat")
        if MANIFEST_NAME in paths:
            raise ValueError(f"{MANIFEST_NAME} cannot hold its own digest")
        for needed in (self.model_file, self.tokenizer_file):
            if needed not in paths:
                raise ValueError(f"{needed} is not among the files")
        return self

    @property
    def model_file(self) -> str:
        """Name of the graph within the directory."""
        return MODEL_NAME

    @property
    def tokenizer_file(self) -> str:
        """Name of the tokenizer within the directory."""
        return TOKENIZER_NAME


def is_model_name(name: str) -> bool:
    """Whether ``name`` may name a model: it is a directory and a part of a URL."""
    return re.fullmatch(MODEL_NAME_PATTERN, name) is not None
