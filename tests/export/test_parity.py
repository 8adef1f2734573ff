from pathlib import Path

import numpy as np
import pytest

from bench.checkpoints import Shape, write_checkpoint
from export.checkpoint import Checkpoint, read_checkpoint
from export.config import AlbertConfig
from export.errors import ExportRefusedError
from export.graph import build_graph
from export.parity import (
    BUILT_IN_TEXTS,
    FP32_LIMIT,
    ParitySequence,
    build_sequences,
    measure_parity,
)
from export.tokenizer import CheckedTokenizer, check_tokenizer
from export.weights import Weights
from model_directory.manifest import Parity
from tests.export.conftest import silent


@pytest.fixture
def tiny(checkpoint: Path) -> Checkpoint:
    return read_checkpoint(checkpoint)


@pytest.fixture
def tokenizer(tiny: Checkpoint) -> CheckedTokenizer:
    return check_tokenizer(tiny.tokenizer, tiny.config)


def measure(path: Path, tiny: Checkpoint, graph: bytes, rows: list[ParitySequence]) -> Parity:
    model = path / "model.onnx"
    model.write_bytes(graph)
    return measure_parity(model, tiny.config, tiny.weights, rows, silent)


def changed(tiny: Checkpoint, name: str, by: float) -> Weights:
    tensors = dict(tiny.weights.tensors)
    tensors[name] = tensors[name] + np.float32(by)
    return Weights(tensors)


def test_sequences_are_of_many_lengths_singles_and_pairs(tokenizer: CheckedTokenizer) -> None:
    rows = build_sequences(tokenizer, BUILT_IN_TEXTS, 512)
    assert [len(row.ids) for row in rows] == [2, 3, 5, 8, 13, 21, 34, 64, 128, 512]
    for row in rows:
        assert len(row.token_types) == len(row.ids)
        assert (row.ids[0], row.ids[-1]) == (2, 3)
    assert any(1 in row.token_types for row in rows)
    assert any(len(row.ids) > 4 and 1 not in row.token_types for row in rows)


def test_sequences_stay_within_the_positions(tokenizer: CheckedTokenizer) -> None:
    assert max(len(row.ids) for row in build_sequences(tokenizer, BUILT_IN_TEXTS, 50)) == 50
    assert max(len(row.ids) for row in build_sequences(tokenizer, BUILT_IN_TEXTS, 9999)) == 1024


def test_sequences_begin_with_the_tokens_of_the_texts(tokenizer: CheckedTokenizer) -> None:
    rows = build_sequences(tokenizer, ["the film was good and the music was better"] * 9, 64)
    text = tokenizer.ids("the film was good")
    assert list(rows[1].ids[1:2]) == text[:1]


def test_texts_that_are_too_short_are_filled_up(tokenizer: CheckedTokenizer) -> None:
    rows = build_sequences(tokenizer, ["x"], 64)
    assert max(len(row.ids) for row in rows) == 64
    assert rows == build_sequences(tokenizer, ["x"], 64)


def test_a_right_graph_passes_and_is_measured(
    tiny: Checkpoint, tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    rows = build_sequences(tokenizer, BUILT_IN_TEXTS, 64)
    parity = measure(tmp_path, tiny, build_graph(tiny.config, tiny.weights), rows)
    assert 0 < parity.max_logit_difference < 1e-5
    assert parity.limit == FP32_LIMIT
    assert parity.sequences == len(rows)
    assert parity.batches > len(rows)


@pytest.mark.parametrize(
    "name",
    [
        "classifier.bias",
        "albert.embeddings.LayerNorm.bias",
        "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.value.bias",
        "albert.encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm.bias",
    ],
)
def test_a_graph_of_other_weights_is_refused(
    name: str, tiny: Checkpoint, tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    graph = build_graph(tiny.config, changed(tiny, name, 1e-2))
    rows = build_sequences(tokenizer, BUILT_IN_TEXTS, 64)
    with pytest.raises(ExportRefusedError, match="the graph differs from the reference by"):
        measure(tmp_path, tiny, graph, rows)


def test_a_graph_of_another_activation_is_refused(
    tiny: Checkpoint, tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    other = AlbertConfig(**(tiny.config.model_dump() | {"hidden_act": "gelu"}))
    rows = build_sequences(tokenizer, BUILT_IN_TEXTS, 64)
    with pytest.raises(ExportRefusedError, match="differs from the reference"):
        measure(tmp_path, tiny, build_graph(other, tiny.weights), rows)


def test_weights_that_overflow_are_refused(
    tiny: Checkpoint, tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    tensors = {name: tensor * np.float32(1e37) for name, tensor in tiny.weights.tensors.items()}
    huge = Checkpoint(tiny.config, Weights(tensors), 0, ("F32",), tiny.tokenizer)
    rows = build_sequences(tokenizer, BUILT_IN_TEXTS, 64)
    with pytest.raises(ExportRefusedError, match="differs from the reference by nan"):
        measure(tmp_path, huge, build_graph(huge.config, huge.weights), rows)


def test_question_answering_is_compared_position_by_position(tmp_path: Path) -> None:
    qa = read_checkpoint(write_checkpoint(tmp_path / "qa", shape=Shape(), labels=None))
    rows = build_sequences(check_tokenizer(qa.tokenizer, qa.config), BUILT_IN_TEXTS, 64)
    graph = build_graph(qa.config, qa.weights)
    assert measure(tmp_path, qa, graph, rows).max_logit_difference < 1e-5
    with pytest.raises(ExportRefusedError, match="differs from the reference"):
        measure(tmp_path, qa, build_graph(qa.config, changed(qa, "qa_outputs.bias", 1e-3)), rows)


def test_progress_counts_the_sequences(
    tiny: Checkpoint, tokenizer: CheckedTokenizer, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    (tmp_path / "model.onnx").write_bytes(build_graph(tiny.config, tiny.weights))
    rows = build_sequences(tokenizer, BUILT_IN_TEXTS, 8)
    measure_parity(
        tmp_path / "model.onnx",
        tiny.config,
        tiny.weights,
        rows,
        lambda _stage, done=0, of=0: told.append((done, of)),
    )
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]
