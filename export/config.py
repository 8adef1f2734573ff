"""What of ``config.json`` decides the graph: the subset of Hugging Face's AlbertConfig.

Absent fields have the defaults of ``transformers.AlbertConfig``. Every figure is bounded, so that
nothing is allocated or computed for a model that could not be served.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from export.errors import ExportRefusedError
from export.strict_json import parse_json
from model_directory.manifest import ProblemType

MAX_LABELS = 10_000
MAX_LABEL_CHARACTERS = 256

# What one sequence may cost, so that the gate ends and the service can run what passes it. In
# brackets: ALBERT-xxlarge, the largest there is.
_MOST_MULTIPLICATIONS = 20_000_000_000  # for a token (2.4e9)
_MOST_ATTENTION_SCORES = 1 << 28  # held at a time, 1 GiB in float32 (1.7e7)
_MOST_ACTIVATIONS = 1_200_000_000  # of all layers (3e8), for as many tokens as the gate compares
_COMPARED_TOKENS = 1024

CLASSIFICATION = "AlbertForSequenceClassification"
QUESTION_ANSWERING = "AlbertForQuestionAnswering"


class Activation(StrEnum):
    """The distinct functions behind the names that checkpoints use."""

    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    RELU = "relu"
    SILU = "silu"
    TANH = "tanh"


# ``hidden_act`` -> function, after transformers.activations.ACT2FN
_ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_python": Activation.GELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_fast": Activation.GELU_TANH,
    "gelu_accurate": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
    "gelu_python_tanh": Activation.GELU_TANH,
    "relu": Activation.RELU,
    "silu": Activation.SILU,
    "swish": Activation.SILU,
    "tanh": Activation.TANH,
}


class AlbertConfig(BaseModel):
    """The figures of one ALBERT, by their names in ``config.json``."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)

    model_type: Literal["albert"]
    architectures: Annotated[list[str], Field(min_length=1, max_length=1)]
    vocab_size: Annotated[int, Field(gt=4, le=2_000_000)] = 30_000
    embedding_size: Annotated[int, Field(gt=0, le=65_536)] = 128
    hidden_size: Annotated[int, Field(gt=0, le=65_536)] = 4096
    num_hidden_layers: Annotated[int, Field(gt=0, le=256)] = 12
    num_hidden_groups: Annotated[int, Field(gt=0, le=256)] = 1
    num_attention_heads: Annotated[int, Field(gt=0, le=1024)] = 64
    intermediate_size: Annotated[int, Field(gt=0, le=32_768)] = 16_384
    inner_group_num: Annotated[int, Field(gt=0, le=64)] = 1
    hidden_act: str = "gelu_new"
    max_position_embeddings: Annotated[int, Field(ge=8, le=131_072)] = 512
    type_vocab_size: Annotated[int, Field(ge=2, le=1024)] = 2
    layer_norm_eps: Annotated[float, Field(gt=0, le=0.1)] = 1e-12
    position_embedding_type: Literal["absolute"] | None = "absolute"
    pad_token_id: Annotated[int, Field(ge=0)] | None = 0
    problem_type: (
        Literal["regression", "single_label_classification", "multi_label_classification"] | None
    ) = None
    id2label: dict[str, str] | None = None
    num_labels: Annotated[int, Field(gt=0, le=MAX_LABELS)] | None = None

    @field_validator("architectures")
    @classmethod
    def _architecture_is_served(cls, value: list[str]) -> list[str]:
        if value[0] not in (CLASSIFICATION, QUESTION_ANSWERING):
            raise ValueError(
                f"{value[0][:80]} is neither {CLASSIFICATION} nor {QUESTION_ANSWERING}"
            )
        return value

    @field_validator("hidden_act")
    @classmethod
    def _activation_is_known(cls, value: str) -> str:
        if value not in _ACTIVATIONS:
            raise ValueError(f"{value[:40]!r} is none of {', '.join(_ACTIVATIONS)}")
        return value

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.num_hidden_groups > self.num_hidden_layers:
            raise ValueError("num_hidden_groups is larger than num_hidden_layers")
        if self.pad_token_id is not None and self.pad_token_id >= self.vocab_size:
            raise ValueError("pad_token_id is not below vocab_size")
        self._check_work()
        self._check_labels()
        return self

    def _check_work(self) -> None:
        layers = self.num_hidden_layers * self.inner_group_num
        hidden, inner, heads = self.hidden_size, self.intermediate_size, self.num_attention_heads
        longest = self.max_position_embeddings
        compared = min(longest, _COMPARED_TOKENS)
        if layers * hidden * (4 * hidden + 2 * inner) > _MOST_MULTIPLICATIONS:
            raise ValueError(
                "num_hidden_layers, hidden_size and intermediate_size ask for more than "
                f"{_MOST_MULTIPLICATIONS:.0e} multiplications for a token"
            )
        if heads * longest**2 > _MOST_ATTENTION_SCORES:
            raise ValueError(
                "num_attention_heads and max_position_embeddings ask for more than "
                f"{_MOST_ATTENTION_SCORES >> 28} GiB of attention scores for a sequence"
            )
        if layers * compared * (inner + heads * compared) > _MOST_ACTIVATIONS:
            raise ValueError(
                "num_hidden_layers, intermediate_size and num_attention_heads ask for more than "
                f"{_MOST_ACTIVATIONS:.1e} activations for {compared} tokens"
            )

    def _check_labels(self) -> None:
        if self.id2label is not None:
            count = len(self.id2label)
            if count == 0 or count > MAX_LABELS:
                raise ValueError(f"id2label has {count} labels, 1 to {MAX_LABELS} are allowed")
            if set(self.id2label) != {str(index) for index in range(count)}:
                raise ValueError("the keys of id2label are not 0, 1, 2, … without a gap")
            if self.num_labels not in (None, count):
                raise ValueError(f"num_labels is {self.num_labels}, id2label has {count} labels")
        if self.is_question_answering:
            return
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("id2label names a label twice")
        for label in self.labels:
            if not label.strip() or len(label) > MAX_LABEL_CHARACTERS or not label.isprintable():
                raise ValueError(f"label {label[:40]!r} is empty, too long or not printable")
        if self.problem_type == "single_label_classification" and len(self.labels) == 1:
            raise ValueError("problem_type single_label_classification needs more than one label")

    @property
    def is_question_answering(self) -> bool:
        """Whether the head marks spans; otherwise it classifies the sequence."""
        return self.architectures[0] == QUESTION_ANSWERING

    @property
    def activation(self) -> Activation:
        """The function between the two products of the feed-forward part."""
        return _ACTIVATIONS[self.hidden_act]

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the logits; ``LABEL_0`` and so on where the config names none."""
        if self.id2label is None:
            return tuple(f"LABEL_{index}" for index in range(self.num_labels or 2))
        return tuple(self.id2label[str(index)] for index in range(len(self.id2label)))

    @property
    def inferred_problem_type(self) -> ProblemType:
        """How the logits are read, as transformers' text classification pipeline reads them.

        A declared ``problem_type`` holds. Without one, several labels exclude each other, and a
        single label is a probability of its own: a sigmoid, which is what multi-label means.
        """
        if self.problem_type is not None:
            return ProblemType(self.problem_type)
        return ProblemType.SINGLE_LABEL if len(self.labels) > 1 else ProblemType.MULTI_LABEL

    def group_of_layer(self, layer: int) -> int:
        """Return which group's weights layer number ``layer`` uses.

        The expression, rounding included, is that of transformers' AlbertTransformer.
        """
        return int(layer / (self.num_hidden_layers / self.num_hidden_groups))


def parse_config(content: bytes) -> AlbertConfig:
    """Read ``config.json``; ExportRefusedError names the first thing that is wrong with it."""
    try:
        parse_json(content)
    except ValueError as error:
        raise ExportRefusedError("config.json is not valid JSON, or has a key twice") from error
    try:
        return AlbertConfig.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise ExportRefusedError(f"config.json: {_sentence(first)}") from error


def _sentence(error: Any) -> str:
    field = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{field} is missing, so this is not an ALBERT checkpoint"
    if field == "model_type":
        return f"model_type is {str(error['input'])[:40]!r}, only 'albert' can be exported"
    if field == "architectures":
        return f"architectures: {message}"
    if field:
        return f"{field} is {str(error['input'])[:40]!r}: {message}"
    return message
