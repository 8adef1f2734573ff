"""Random Hugging Face ALBERT checkpoints of any shape, for tests and benchmarks; needs no torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

SPECIAL_TOKENS = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
SENTENCES = (
    "the film was good and the music was better",
    "a bad book that nobody will read again",
    "where is the city of london and who lives there",
    "the river runs to the sea in the north of the country",
    "markets fell after the bank raised its rates",
    "she wrote the first program for the machine in 1843",
)

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The figures of an ALBERT, by their names in ``config.json``; the default is a tiny one."""

    vocab_size: int = 160
    embedding_size: int = 16
    hidden_size: int = 32
    intermediate_size: int = 64
    num_attention_heads: int = 4
    num_hidden_layers: int = 3
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    max_position_embeddings: int = 64
    type_vocab_size: int = 2
    hidden_act: str = "gelu_new"
    layer_norm_eps: float = 1e-12


TINY = Shape()
BASE = Shape(
    vocab_size=30_000,
    embedding_size=128,
    hidden_size=768,
    intermediate_size=3072,
    num_attention_heads=12,
    num_hidden_layers=12,
    max_position_embeddings=512,
)


def write_checkpoint(
    directory: Path,
    *,
    shape: Shape = TINY,
    labels: tuple[str, ...] | None = ("NEGATIVE", "POSITIVE"),
    problem_type: str | None = None,
    seed: int = 0,
    dtype: Any = np.float32,
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``config.json``, ``model.safetensors`` and ``tokenizer.json`` into ``directory``.

    ``labels`` makes a sequence classification checkpoint, None one for question answering.
    ``config`` adds to or overrides ``config.json``. Returns the directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    content = config_of(shape, labels, problem_type) | dict(config or {})
    (directory / "config.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    tensors = random_tensors(shape, None if labels is None else len(labels), seed)
    write_tensors(directory, {name: tensor.astype(dtype) for name, tensor in tensors.items()})
    build_tokenizer(shape.vocab_size).save(str(directory / "tokenizer.json"))
    return directory


def write_tensors(directory: Path, tensors: Tensors) -> None:
    """Write ``model.safetensors``."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(contiguous, str(directory / "model.safetensors"), metadata={"format": "pt"})


def config_of(
    shape: Shape, labels: tuple[str, ...] | None, problem_type: str | None
) -> dict[str, Any]:
    """Return the content of ``config.json`` as transformers writes it."""
    head = "QuestionAnswering" if labels is None else "SequenceClassification"
    content = {
        "architectures": [f"AlbertFor{head}"],
        "model_type": "albert",
        **asdict(shape),
        "hidden_dropout_prob": 0,
        "attention_probs_dropout_prob": 0,
        "classifier_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    if labels is not None:
        content["id2label"] = {str(index): label for index, label in enumerate(labels)}
        content["label2id"] = {label: index for index, label in enumerate(labels)}
    if problem_type is not None:
        content["problem_type"] = problem_type
    return content


def random_tensors(shape: Shape, label_count: int | None, seed: int = 0) -> Tensors:
    """Draw every tensor of the checkpoint, float32, at scales that keep activations lively.

    Linear weights are [out, in] and biases [out], as torch stores them. ``label_count`` None makes
    the question answering head.
    """
    random = np.random.default_rng(seed)
    tensors: Tensors = {}

    def table(name: str, rows: int) -> None:
        tensors[f"{name}.weight"] = random.standard_normal((rows, shape.embedding_size))

    def norm(name: str, size: int) -> None:
        tensors[f"{name}.weight"] = 1 + 0.2 * random.standard_normal(size)
        tensors[f"{name}.bias"] = 0.2 * random.standard_normal(size)

    def linear(name: str, outputs: int, inputs: int) -> None:
        weight = random.standard_normal((outputs, inputs))
        tensors[f"{name}.weight"] = weight * 1.5 / np.sqrt(inputs)
        tensors[f"{name}.bias"] = 0.2 * random.standard_normal(outputs)

    hidden, inner = shape.hidden_size, shape.intermediate_size
    table("albert.embeddings.word_embeddings", shape.vocab_size)
    table("albert.embeddings.position_embeddings", shape.max_position_embeddings)
    table("albert.embeddings.token_type_embeddings", shape.type_vocab_size)
    norm("albert.embeddings.LayerNorm", shape.embedding_size)
    linear("albert.encoder.embedding_hidden_mapping_in", hidden, shape.embedding_size)
    for group in range(shape.num_hidden_groups):
        for layer in range(shape.inner_group_num):
            prefix = f"albert.encoder.albert_layer_groups.{group}.albert_layers.{layer}"
            norm(f"{prefix}.full_layer_layer_norm", hidden)
            for product in ("query", "key", "value", "dense"):
                linear(f"{prefix}.attention.{product}", hidden, hidden)
            norm(f"{prefix}.attention.LayerNorm", hidden)
            linear(f"{prefix}.ffn", inner, hidden)
            linear(f"{prefix}.ffn_output", hidden, inner)
    if label_count is None:
        linear("qa_outputs", 2, hidden)
    else:
        linear("albert.pooler", hidden, hidden)
        linear("classifier", label_count, hidden)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def build_tokenizer(vocab_size: int) -> Tokenizer:
    """Build a unigram tokenizer with ALBERT's normalisation and exactly ``vocab_size`` pieces."""
    characters = sorted(set("abcdefghijklmnopqrstuvwxyz0123456789.,!?'\"-▁"))
    words = sorted({f"▁{word}" for sentence in SENTENCES for word in sentence.split()})
    pieces = [*SPECIAL_TOKENS, *characters, *words]
    pieces += [f"▁filler{number}" for number in range(vocab_size - len(pieces))]
    scores = [0.0] * len(SPECIAL_TOKENS) + [-8.0] * len(characters)
    scores += [-4.0] * (len(pieces) - len(scores))
    pieces, scores = pieces[:vocab_size], scores[:vocab_size]
    tokenizer = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=1))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer
