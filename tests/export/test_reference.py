import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.checkpoints import TINY, Shape, Tensors, config_of, random_tensors
from export.config import Activation, parse_config
from export.reference import Reference, activate, erf
from export.weights import Weights


def reference(
    tensors: Tensors, shape: Shape = TINY, labels: tuple[str, ...] | None = ("no", "yes")
) -> Reference:
    config = parse_config(json.dumps(config_of(shape, labels, None)).encode())
    return Reference(config, Weights(tensors))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_erf_is_that_of_the_standard_library(x: float) -> None:
    assert abs(erf(np.array([x]))[0] - math.erf(x)) <= 1e-15


@pytest.mark.parametrize(
    ("activation", "at_one", "at_minus_two"),
    [
        (Activation.GELU, 0.841344746068543, -0.04550026389635842),
        (Activation.GELU_TANH, 0.8411919906082768, -0.04540230591222494),
        (Activation.RELU, 1.0, 0.0),
        (Activation.SILU, 0.7310585786300049, -0.2384058440442351),
        (Activation.TANH, 0.7615941559557649, -0.9640275800758169),
    ],
)
def test_activations_have_their_known_values(
    activation: Activation, at_one: float, at_minus_two: float
) -> None:
    values = activate(activation, np.array([1.0, -2.0]))
    np.testing.assert_allclose(values, [at_one, at_minus_two], rtol=1e-14, atol=1e-14)


def test_the_pooler_and_classifier_see_only_the_first_token() -> None:
    """With attention and feed-forward part switched off, [CLS] passes through norms alone."""
    tensors = random_tensors(TINY, 2)
    for name, tensor in tensors.items():
        if "dense" in name or "ffn_output" in name:
            tensor[:] = 0
    model = reference(tensors)
    first = model.logits([2, 9, 3], [0, 0, 0])
    np.testing.assert_array_equal(first, model.logits([2, 40, 50, 3], [0, 1, 0, 1]))
    assert not np.allclose(first, model.logits([5, 9, 3], [0, 0, 0]))


def test_token_types_and_positions_matter() -> None:
    model = reference(random_tensors(TINY, 2))
    logits = model.logits([2, 9, 10, 3], [0, 0, 0, 0])
    assert logits.shape == (2,)
    assert not np.allclose(logits, model.logits([2, 9, 10, 3], [0, 0, 1, 1]))
    assert not np.allclose(logits, model.logits([2, 10, 9, 3], [0, 0, 0, 0]))


def test_question_answering_gives_starts_and_ends_of_each_token() -> None:
    model = reference(random_tensors(TINY, None), labels=None)
    assert model.logits([2, 9, 3, 10, 3], [0, 0, 0, 1, 1]).shape == (2, 5)


def test_one_layer_by_hand() -> None:
    """A layer of width 2, one head, worked out with the formulas and nothing shared."""
    shape = Shape(
        vocab_size=5,
        embedding_size=2,
        hidden_size=2,
        intermediate_size=2,
        num_attention_heads=1,
        num_hidden_layers=1,
        hidden_act="relu",
    )
    tensors = random_tensors(shape, 1, seed=4)
    w = {name: tensor.astype(float) for name, tensor in tensors.items()}

    def norm(x: list[float], name: str) -> list[float]:
        mean = sum(x) / 2
        deviation = math.sqrt(sum((v - mean) ** 2 for v in x) / 2 + 1e-12)
        scale, bias = w[f"{name}.weight"], w[f"{name}.bias"]
        return [(v - mean) / deviation * scale[i] + bias[i] for i, v in enumerate(x)]

    def linear(x: list[float], name: str) -> list[float]:
        weight, bias = w[f"{name}.weight"], w[f"{name}.bias"]
        return [
            sum(a * b for a, b in zip(row, x, strict=True)) + c
            for row, c in zip(weight, bias, strict=True)
        ]

    ids, layer = [2, 4, 3], "albert.encoder.albert_layer_groups.0.albert_layers.0"
    embedded = []
    for position, token in enumerate(ids):
        tables = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        rows = (token, position, 0)
        parts = [w[f"albert.embeddings.{t}.weight"][r] for t, r in zip(tables, rows, strict=True)]
        summed = [sum(column) for column in zip(*parts, strict=True)]
        mapped = linear(
            norm(summed, "albert.embeddings.LayerNorm"),
            "albert.encoder.embedding_hidden_mapping_in",
        )
        embedded.append(mapped)
    query = linear(embedded[0], f"{layer}.attention.query")
    scores = []
    for x in embedded:
        key = linear(x, f"{layer}.attention.key")
        scores.append(math.exp(sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(2)))
    context = [0.0, 0.0]
    for score, x in zip(scores, embedded, strict=True):
        value = linear(x, f"{layer}.attention.value")
        context = [c + score / sum(scores) * v for c, v in zip(context, value, strict=True)]
    dense = linear(context, f"{layer}.attention.dense")
    attended = norm(
        [a + b for a, b in zip(embedded[0], dense, strict=True)], f"{layer}.attention.LayerNorm"
    )
    inner = [max(v, 0) for v in linear(attended, f"{layer}.ffn")]
    output = linear(inner, f"{layer}.ffn_output")
    final = norm(
        [a + b for a, b in zip(output, attended, strict=True)], f"{layer}.full_layer_layer_norm"
    )
    pooled = [math.tanh(v) for v in linear(final, "albert.pooler")]
    expected = linear(pooled, "classifier")

    got = reference(tensors, shape, ("score",)).logits(ids, [0, 0, 0])
    np.testing.assert_allclose(got, expected, rtol=1e-12)
