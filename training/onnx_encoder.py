"""Reads a checkpoint back out of a model directory that `albert-export` wrote.

The default models are in the repository as ONNX files only. What fine-tuning starts from, the
weights under Hugging Face's names, the config and the tokenizer, is all in them.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, numpy_helper
from safetensors.numpy import save_file

from export.checkpoint import CONFIG, SINGLE_FILE, TOKENIZER
from export.config import CLASSIFICATION, QUESTION_ANSWERING, AlbertConfig, parse_config
from export.weights import EMBEDDINGS, expected_shapes
from model_directory.integrity import open_version
from model_directory.manifest import Manifest, Task

_WEIGHT_INPUTS = {
    "Gather": (0,),
    "Slice": (0,),
    "MatMul": (1,),
    "Add": (0, 1),
    "LayerNormalization": (1, 2),
}
"""Operators that use weights, and which of their inputs may be one."""


Array = NDArray[np.float32]


class RestoreError(ValueError):
    """The model directory cannot be turned back into a checkpoint; the message says why."""


def restore_checkpoint(version: Path, directory: Path) -> None:
    """Writes ``config.json``, ``model.safetensors`` and ``tokenizer.json`` into ``directory``.

    ``version`` is ``models/NAME/VERSION``. The weights are those of the checkpoint that was
    exported, to the bit; only the query's, which the graph holds divided by the square root of the
    head's size, may differ in the last one where that root is no power of two. ModelDirectoryError
    if the version is not whole, RestoreError if its graph is not the exporter's fp32 graph.
    """
    verified = open_version(version)
    manifest = verified.manifest
    if manifest.precision != "fp32":
        raise RestoreError(
            f"{version} is of precision {manifest.precision}: its weights were rounded, "
            "only an fp32 export can be fine-tuned"
        )
    graph = onnx.load_model_from_string(verified.model).graph
    content = _config_of(manifest, _epsilon(graph))
    config = parse_config(json.dumps(content).encode())
    weights = weights_of(graph, config)
    directory.mkdir(parents=True, exist_ok=True)
    save_file(weights, directory / SINGLE_FILE, metadata={"format": "pt"})
    (directory / TOKENIZER).write_bytes(verified.tokenizer)
    (directory / CONFIG).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def weights_of(graph: GraphProto, config: AlbertConfig) -> dict[str, Array]:
    """The weights of an exported graph under Hugging Face's names; linear ones are [out, in].

    They are told apart by the order in which they are used: the exporter stores equal weights
    once, under the first of their names, so a name alone does not find each.
    """
    stored = {tensor.name: tensor for tensor in graph.initializer}
    uses = list(_uses(graph, stored))
    names = _in_order_of_use(config)
    if len(uses) != len(names):
        raise RestoreError(f"the graph uses {len(uses)} weights, not the {len(names)} of an ALBERT")
    weights: dict[str, Array] = {}
    first_names: dict[str, str] = {}
    for name, used in zip(names, uses, strict=True):
        if first_names.setdefault(used, name) != used:
            raise RestoreError(f"the graph uses {used!r} where {name!r} is expected")
        weights[name] = _as_trained(name, numpy_helper.to_array(stored[used]), config)
    _check_shapes(weights, config)
    return weights


def _in_order_of_use(config: AlbertConfig) -> list[str]:
    """As `expected_shapes` has them, but token types are added before positions."""
    names = list(expected_shapes(config))
    position = names.index(f"{EMBEDDINGS}.position_embeddings.weight")
    kind = names.index(f"{EMBEDDINGS}.token_type_embeddings.weight")
    names[position], names[kind] = names[kind], names[position]
    return names


def _uses(graph: GraphProto, stored: dict[str, TensorProto]) -> Iterator[str]:
    """Names of the weights in the order of their uses, those in the bodies of loops too."""
    for node in graph.node:
        for place in _WEIGHT_INPUTS.get(node.op_type, ()):
            tensor = stored.get(node.input[place])
            if tensor is not None and tensor.data_type == TensorProto.FLOAT and tensor.dims:
                yield tensor.name
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _uses(attribute.g, stored)


def _as_trained(name: str, stored: NDArray[Any], config: AlbertConfig) -> Array:
    """Undoes what the exporter did: linear weights are transposed, queries are scaled."""
    value = stored
    if stored.ndim == 2 and "embeddings" not in name:
        value = value.T
    if ".attention.query." in name:
        value = value.astype(np.float64) * math.sqrt(config.head_size)
    return np.ascontiguousarray(value, dtype=np.float32)


def _check_shapes(weights: dict[str, Array], config: AlbertConfig) -> None:
    for name, shape in expected_shapes(config).items():
        if weights[name].shape != shape:
            raise RestoreError(f"{name} has shape {list(weights[name].shape)}, not {list(shape)}")


def _epsilon(graph: GraphProto) -> float:
    for node in graph.node:
        if node.op_type == "LayerNormalization":
            return _attribute(node, "epsilon")
    raise RestoreError("the graph has no LayerNormalization")


def _attribute(node: NodeProto, name: str) -> float:
    """A float attribute, as the decimal number that was written and not its float32 neighbour."""
    value = next(attribute.f for attribute in node.attribute if attribute.name == name)
    return float(str(np.float32(value)))


def _config_of(manifest: Manifest, epsilon: float) -> dict[str, Any]:
    """``config.json`` as transformers writes it; dropouts are those of ALBERT v2."""
    answers_questions = manifest.task is Task.QUESTION_ANSWERING
    figures = manifest.architecture.model_dump(exclude={"parameters"})
    content: dict[str, Any] = {
        "architectures": [QUESTION_ANSWERING if answers_questions else CLASSIFICATION],
        "model_type": "albert",
        **figures,
        "layer_norm_eps": epsilon,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob": 0.1,
        "pad_token_id": manifest.tokenizer.pad_token_id,
        "bos_token_id": manifest.tokenizer.cls_token_id,
        "eos_token_id": manifest.tokenizer.sep_token_id,
    }
    if not answers_questions:
        content["id2label"] = {str(place): label for place, label in enumerate(manifest.labels)}
        content["label2id"] = {label: place for place, label in enumerate(manifest.labels)}
        content["problem_type"] = manifest.problem_type
    return content
