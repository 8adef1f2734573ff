"""Which tensors an ALBERT checkpoint must hold, by name and shape, and the arrays themselves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from export.config import AlbertConfig
from export.errors import ExportRefusedError

# Buffers that older versions of transformers saved; they hold 0, 1, 2, … and zeros.
HARMLESS_BUFFERS = frozenset({"albert.embeddings.position_ids", "albert.embeddings.token_type_ids"})
# One protobuf message holds less than 2 GiB, and every parameter takes four bytes of it.
MAX_PARAMETERS = 500_000_000

EMBEDDINGS = "albert.embeddings"
MAPPING = "albert.encoder.embedding_hidden_mapping_in"
POOLER = "albert.pooler"
CLASSIFIER = "classifier"
SPAN_HEAD = "qa_outputs"

Tensors = Mapping[str, NDArray[Any]]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Weights:
    """The checkpoint's tensors under Hugging Face's names.

    Linear weights are [out, in] as torch stores them. Arrays are float32, or float64 where the
    checkpoint was; all values are finite.
    """

    tensors: Tensors

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.tensors[name]

    @property
    def parameters(self) -> int:
        """Number of weights, each shared one counted once."""
        return sum(tensor.size for tensor in self.tensors.values())


def layer_prefix(group: int, inner: int) -> str:
    """Return where the tensors of one inner layer of one group are."""
    return f"albert.encoder.albert_layer_groups.{group}.albert_layers.{inner}"


def expected_shapes(config: AlbertConfig) -> Shapes:
    """Return the shape of every tensor that the graph needs, by name.

    ExportRefusedError if there would be more weights than one ONNX file can hold.
    """
    hidden, inner_size = config.hidden_size, config.intermediate_size
    width = config.embedding_size
    shapes: Shapes = {
        f"{EMBEDDINGS}.word_embeddings.weight": (config.vocab_size, width),
        f"{EMBEDDINGS}.position_embeddings.weight": (config.max_position_embeddings, width),
        f"{EMBEDDINGS}.token_type_embeddings.weight": (config.type_vocab_size, width),
        **_affine(f"{EMBEDDINGS}.LayerNorm", (width,)),
        **_affine(MAPPING, (hidden, width)),
    }
    for group in range(config.num_hidden_groups):
        for inner in range(config.inner_group_num):
            prefix = layer_prefix(group, inner)
            for product in ("query", "key", "value", "dense"):
                shapes |= _affine(f"{prefix}.attention.{product}", (hidden, hidden))
            shapes |= _affine(f"{prefix}.attention.LayerNorm", (hidden,))
            shapes |= _affine(f"{prefix}.ffn", (inner_size, hidden))
            shapes |= _affine(f"{prefix}.ffn_output", (hidden, inner_size))
            shapes |= _affine(f"{prefix}.full_layer_layer_norm", (hidden,))
    if config.is_question_answering:
        shapes |= _affine(SPAN_HEAD, (2, hidden))
    else:
        shapes |= _affine(POOLER, (hidden, hidden))
        shapes |= _affine(CLASSIFIER, (len(config.labels), hidden))
    parameters = sum(math.prod(shape) for shape in shapes.values())
    if parameters > MAX_PARAMETERS:
        raise ExportRefusedError(
            f"config.json describes {parameters} weights, one ONNX file holds {MAX_PARAMETERS}"
        )
    return shapes


def check_names_and_shapes(config: AlbertConfig, found: Shapes) -> None:
    """Compare the checkpoint's tensors with what its config asks for.

    ``found`` has the shape of each tensor by name. Extra tensors are refused, but for the buffers
    of HARMLESS_BUFFERS and, in a question answering checkpoint, the pooler that some versions of
    transformers saved beside a head that never reads it. ExportRefusedError names the tensor.
    """
    expected = expected_shapes(config)
    for name, shape in expected.items():
        if name not in found:
            raise ExportRefusedError(f"tensor {name!r} is missing")
        if found[name] != shape:
            raise ExportRefusedError(
                f"tensor {name!r} has shape {list(found[name])}, config.json asks for {list(shape)}"
            )
    hidden = config.hidden_size
    for name in sorted(found.keys() - expected.keys() - HARMLESS_BUFFERS):
        if config.is_question_answering and found[name] == _affine(POOLER, (hidden, hidden)).get(
            name
        ):
            continue
        raise ExportRefusedError(f"tensor {name[:200]!r} is not part of {config.architectures[0]}")


def _affine(prefix: str, shape: tuple[int, ...]) -> Shapes:
    return {f"{prefix}.weight": shape, f"{prefix}.bias": shape[:1]}
