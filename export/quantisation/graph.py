"""Writes ALBERT with its products in int8.

A site is rounded once for all the products that take it. The products are onnxruntime's
MatMulIntegerToFloat: uint8 activations, int8 weights with a scale for each output, float32 results.
"""

from dataclasses import dataclass, replace

import numpy as np
from onnx import TensorProto

from export.config import AlbertConfig
from export.graph import serialise
from export.graph_builder import GraphBuilder
from export.quantisation.calibration import Calibration
from export.quantisation.codes import QUERY_CODES, Affine, round_rows, round_weight
from export.quantisation.plan import SITE_OF_PRODUCT, Plan, Rounding, Site
from export.token_layout import Asked, Packed, TokenLayout
from export.weights import EMBEDDINGS, Weights
from export.written_out import WrittenOutWriter

CONTRIB = "com.microsoft"
_TOKEN_CODES = 127  # codes on either side of the zero point of a token with a scale of its own
_ZERO_POINT = 128


def build_int8_graph(
    config: AlbertConfig, weights: Weights, plan: Plan, calibration: Calibration
) -> bytes:
    """Return the serialised ONNX model; inputs and outputs are those of ``build_graph``."""
    return serialise(Int8Writer(config, weights, plan, calibration).write())


@dataclass(frozen=True, slots=True)
class _Codes:
    """Names of a rounded value: codes, their scale and zero, and each token's own factor if any."""

    codes: str
    scale: str
    zero_point: str
    factor: str | None


class Int8Writer(WrittenOutWriter):
    """Writes the products of the layers on codes, as the plan says for each site."""

    def __init__(
        self,
        config: AlbertConfig,
        weights: Weights,
        plan: Plan,
        calibration: Calibration,
        layout: type[TokenLayout] = Packed,
    ) -> None:
        self._plan = plan
        self._calibration = calibration
        self._codes: dict[str, _Codes] = {}
        super().__init__(config, weights, layout=layout)

    def _embed_words(self, ids: str) -> str:
        if self._plan[Site.EMBEDDINGS] is Rounding.NONE:
            return super()._embed_words(ids)
        main, name = self._main, f"{EMBEDDINGS}.word_embeddings.weight"
        codes, scales = round_rows(self._weights[name])
        rows = main.add("Gather", main.tensor(f"{name} codes", codes), ids)
        scale = main.add("Gather", main.tensor(f"{name} scales", scales), ids)
        return main.add("Mul", main.add("Cast", rows, to=TensorProto.FLOAT), scale)

    def _compute_product(self, body: GraphBuilder, prefix: str, value: str, scale: float) -> str:
        kind = prefix.rpartition(".")[2]
        site = SITE_OF_PRODUCT[kind]
        if self._plan[site] is Rounding.NONE:
            return super()._compute_product(body, prefix, value, scale)
        weight = self._weights[f"{prefix}.weight"].astype(np.float64).T * scale
        bias = self._weights[f"{prefix}.bias"].astype(np.float64) * scale
        bias_name = f"{prefix}.bias"
        if kind == "key" and self._plan[Site.SCORES] is Rounding.STATIC:
            bias -= self._calibration.key_centre(self._step)
            bias_name += f" {self._step}"
        if self._plan[site] is Rounding.SMOOTHED:
            weight *= self._calibration.smoothing(self._step, site)[:, np.newaxis]
        if value not in self._codes:
            self._codes[value] = self._round(body, site, value)
        given = self._codes[value]
        stored, scales = round_weight(weight)
        codes = body.tensor(f"{prefix}.weight codes", stored)
        factors = body.floats(f"{prefix}.weight scales", scales)
        product = [given.codes, codes, given.scale, factors, given.zero_point, ""]
        bias_constant = body.floats(bias_name, bias)
        if given.factor is None:
            return body.add("MatMulIntegerToFloat", *product, bias_constant, domain=CONTRIB)
        result = body.add("MatMulIntegerToFloat", *product[:-1], domain=CONTRIB)
        return body.add("Add", body.add("Mul", result, given.factor), bias_constant)

    def _merge_heads(self, body: GraphBuilder, context: str, asked: Asked | None) -> str:
        """Write them as codes where one scale serves all: a quarter of the bytes to move."""
        if self._plan[Site.CONTEXT] is not Rounding.STATIC:
            return super()._merge_heads(body, context, asked)
        given = self._coded(body, context, self._calibration.static(self._step, Site.CONTEXT))
        merged = super()._merge_heads(body, given.codes, asked)
        self._codes[merged] = replace(given, codes=merged)
        return merged

    def _round(self, body: GraphBuilder, site: Site, value: str) -> _Codes:
        """Write the codes of a site's values, uint8 of the same shape."""
        match self._plan[site]:
            case Rounding.PER_TOKEN:
                peak = body.add("ReduceMax", body.add("Abs", value), body.integers(-1), keepdims=1)
                # A token of nothing but zeros has codes of zero, whatever it is divided by.
                peak = body.add("Max", peak, body.scalar(float(np.finfo(np.float32).tiny)))
                factor = body.add("Mul", peak, body.scalar(1 / _TOKEN_CODES))
                unit = body.add("Div", value, factor)
                return self._coded(body, unit, Affine(1.0, _ZERO_POINT), factor)
            case Rounding.SMOOTHED:
                divisor = self._calibration.smoothing(self._step, site)
                value = body.add("Mul", value, body.floats(f"smoothing of {value}", 1 / divisor))
                return self._coded(body, value, self._calibration.smoothed(self._step, site))
            case _:
                return self._coded(body, value, self._calibration.static(self._step, site))

    def _coded(
        self, body: GraphBuilder, value: str, code: Affine, factor: str | None = None
    ) -> _Codes:
        scale = body.scalar(code.scale)
        zero_point = body.tensor(f"zero {code.zero_point}", np.array(code.zero_point, np.uint8))
        return _Codes(
            body.add("QuantizeLinear", value, scale, zero_point), scale, zero_point, factor
        )

    def _split_query(self, body: GraphBuilder, query: str, asked: Asked | None) -> str:
        if self._plan[Site.SCORES] is Rounding.NONE:
            return super()._split_query(body, query, asked)
        scale = self._calibration.query_scale(self._step)
        self._query = self._coded(body, query, Affine(scale, QUERY_CODES // 2 + 1))
        return self._layout.split(body, self._query.codes, asked)

    def _split_key(self, body: GraphBuilder, key: str) -> str:
        if self._plan[Site.SCORES] is Rounding.NONE:
            return self._layout.split(body, key)  # the product turns them itself
        self._key_scale = body.scalar(self._calibration.key_scale(self._step))
        zero = body.tensor("zero int8", np.array(0, np.int8))
        codes = body.add("QuantizeLinear", key, self._key_scale, zero)
        return self._layout.split_turned(body, codes)

    def _write_scores(self, body: GraphBuilder, query: str, key: str) -> str:
        if self._plan[Site.SCORES] is Rounding.NONE:
            return body.add("FusedMatMul", query, key, transB=1, domain=CONTRIB)
        given = self._query
        scales = (given.scale, self._key_scale, given.zero_point)
        return body.add("MatMulIntegerToFloat", query, key, *scales, domain=CONTRIB)
