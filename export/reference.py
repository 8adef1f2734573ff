"""ALBERT's forward pass in float64 numpy: what an exported graph is held against.

Written from "ALBERT: A Lite BERT" (https://arxiv.org/abs/1909.11942) and "Attention Is All You
Need" (https://arxiv.org/abs/1706.03762), one sequence at a time and without padding, and shares no
code with the graph. `make parity` compares it with transformers' own classes.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.config import Activation, AlbertConfig
from export.weights import (
    CLASSIFIER,
    EMBEDDINGS,
    MAPPING,
    POOLER,
    SPAN_HEAD,
    Weights,
    layer_prefix,
)

Array = NDArray[np.float64]


class Reference:
    """The forward pass of one checkpoint; holds its weights a second time, in float64."""

    def __init__(self, config: AlbertConfig, weights: Weights) -> None:
        self._config = config
        self._weights = {name: value.astype(np.float64) for name, value in weights.tensors.items()}

    def logits(self, ids: Sequence[int], token_types: Sequence[int]) -> Array:
        """Return the head's output for one sequence, float64.

        ``ids`` and ``token_types`` hold one number for each token, special tokens included. A
        classifier gives [labels]; question answering gives [2, tokens], starts before ends.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite fails the gate
            return self._head(self._encode(ids, token_types))

    def _encode(self, ids: Sequence[int], token_types: Sequence[int]) -> Array:
        hidden = self._embed(ids, token_types)
        for layer in range(self._config.num_hidden_layers):
            group = self._config.group_of_layer(layer)
            for inner in range(self._config.inner_group_num):
                hidden = self._layer(layer_prefix(group, inner), hidden)
        return hidden

    def _head(self, hidden: Array) -> Array:
        if self._config.is_question_answering:
            return self._linear(SPAN_HEAD, hidden).T
        pooled = np.tanh(self._linear(POOLER, hidden[0]))
        return self._linear(CLASSIFIER, pooled)

    def _embed(self, ids: Sequence[int], token_types: Sequence[int]) -> Array:
        summed = (
            self._weights[f"{EMBEDDINGS}.word_embeddings.weight"][list(ids)]
            + self._weights[f"{EMBEDDINGS}.token_type_embeddings.weight"][list(token_types)]
            + self._weights[f"{EMBEDDINGS}.position_embeddings.weight"][: len(ids)]
        )
        return self._linear(MAPPING, self._norm(f"{EMBEDDINGS}.LayerNorm", summed))

    def _layer(self, prefix: str, hidden: Array) -> Array:
        attended = self._linear(
            f"{prefix}.attention.dense", self._attend(f"{prefix}.attention", hidden)
        )
        attended = self._norm(f"{prefix}.attention.LayerNorm", hidden + attended)
        inner = activate(self._config.activation, self._linear(f"{prefix}.ffn", attended))
        inner = self._linear(f"{prefix}.ffn_output", inner)
        return self._norm(f"{prefix}.full_layer_layer_norm", inner + attended)

    def _attend(self, prefix: str, hidden: Array) -> Array:
        """Return softmax(Q Kᵀ / √d) V of each head, side by side: [tokens, hidden]."""
        size = self._config.head_size
        query, key, value = (
            self._linear(f"{prefix}.{product}", hidden) for product in ("query", "key", "value")
        )
        context = np.empty_like(value)
        for head in range(self._config.num_attention_heads):
            columns = slice(head * size, (head + 1) * size)
            scores = query[:, columns] @ key[:, columns].T / math.sqrt(size)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            weights /= weights.sum(axis=1, keepdims=True)
            context[:, columns] = weights @ value[:, columns]
        return context

    def _linear(self, prefix: str, value: Array) -> Array:
        result: Array = (
            value @ self._weights[f"{prefix}.weight"].T + self._weights[f"{prefix}.bias"]
        )
        return result

    def _norm(self, prefix: str, value: Array) -> Array:
        mean = value.mean(axis=-1, keepdims=True)
        variance = np.square(value - mean).mean(axis=-1, keepdims=True)
        unit = (value - mean) / np.sqrt(variance + self._config.layer_norm_eps)
        result: Array = unit * self._weights[f"{prefix}.weight"] + self._weights[f"{prefix}.bias"]
        return result


def activate(activation: Activation, x: Array) -> Array:
    """Apply the activation, elementwise.

    GELU is x Φ(x); its tanh form is the approximation of https://arxiv.org/abs/1606.08415.
    """
    result: Array
    match activation:
        case Activation.GELU:
            result = 0.5 * x * (1 + erf(x / math.sqrt(2)))
        case Activation.GELU_TANH:
            result = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
        case Activation.RELU:
            result = np.maximum(x, 0)
        case Activation.SILU:
            result = x * 0.5 * (1 + np.tanh(x / 2))
        case Activation.TANH:
            result = np.tanh(x)
    return result


_GRID_STEPS = 512  # to the unit
_GRID_END = 6  # erf(6) is 1 in float64
_GRID = np.arange(_GRID_END * _GRID_STEPS + 1) / _GRID_STEPS
_ERF_ON_GRID = np.array([math.erf(x) for x in _GRID])


def erf(x: Array) -> Array:
    """Return the error function, float64, within 1e-14.

    numpy has none, so this is the Taylor polynomial of degree 4 about the nearest point of a grid
    of values of math.erf, whose derivatives are Hermite polynomials times 2/√π exp(-x²).
    """
    size = np.minimum(np.abs(x), _GRID_END)
    nearest = np.rint(size * _GRID_STEPS).astype(np.intp)
    a = _GRID[nearest]
    d = size - a
    slope = 2 / math.sqrt(math.pi) * np.exp(-a * a)
    series = 1 - a * d + (2 * a * a - 1) * d**2 / 3 - (2 * a**3 - 3 * a) * d**3 / 6
    signed: Array = np.copysign(_ERF_ON_GRID[nearest] + slope * d * series, x)
    return signed
