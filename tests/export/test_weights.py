import json

import numpy as np
import pytest

from bench.checkpoints import TINY, Shape, config_of, random_tensors
from export.config import AlbertConfig, parse_config
from export.errors import ExportRefusedError
from export.weights import Weights, check_names_and_shapes, expected_shapes


def config_with(
    shape: Shape = TINY, labels: tuple[str, ...] | None = ("no", "yes")
) -> AlbertConfig:
    return parse_config(json.dumps(config_of(shape, labels, None)).encode())


@pytest.mark.parametrize("shape", [TINY, Shape(num_hidden_groups=2, inner_group_num=3)])
@pytest.mark.parametrize("labels", [("a",), ("a", "b", "c"), None])
def test_expected_tensors_are_those_of_a_checkpoint(
    shape: Shape, labels: tuple[str, ...] | None
) -> None:
    tensors = random_tensors(shape, None if labels is None else len(labels))
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    assert expected_shapes(config_with(shape, labels)) == shapes


def test_parameters_are_counted_once() -> None:
    assert Weights({"a": np.ones((2, 3)), "b": np.ones(4)}).parameters == 10


def test_each_missing_or_misshapen_tensor_is_named() -> None:
    config = config_with()
    shapes = expected_shapes(config)
    check_names_and_shapes(config, shapes)
    for name in shapes:
        with pytest.raises(ExportRefusedError, match=f"'{name}' is missing"):
            check_names_and_shapes(config, {k: v for k, v in shapes.items() if k != name})
        with pytest.raises(ExportRefusedError, match=f"'{name}' has shape"):
            check_names_and_shapes(config, shapes | {name: (*shapes[name], 1)})


def test_buffers_that_old_versions_saved_are_harmless() -> None:
    config = config_with()
    buffers = {"albert.embeddings.position_ids": (1, 64)}
    check_names_and_shapes(config, expected_shapes(config) | buffers)


def test_any_other_tensor_is_refused() -> None:
    config = config_with()
    shapes = expected_shapes(config) | {"predictions.bias": (160,)}
    with pytest.raises(ExportRefusedError, match=r"'predictions\.bias' is not part of Albert"):
        check_names_and_shapes(config, shapes)


def test_a_pooler_that_question_answering_never_reads_is_harmless() -> None:
    config = config_with(labels=None)
    pooler = {"albert.pooler.weight": (32, 32), "albert.pooler.bias": (32,)}
    check_names_and_shapes(config, expected_shapes(config) | pooler)


def test_a_pooler_of_another_shape_is_refused() -> None:
    config = config_with(labels=None)
    shapes = expected_shapes(config) | {"albert.pooler.weight": (32, 31)}
    with pytest.raises(ExportRefusedError, match=r"'albert\.pooler\.weight' is not part"):
        check_names_and_shapes(config, shapes)


def test_more_weights_than_one_file_holds_are_refused_before_any_is_read() -> None:
    shape = Shape(vocab_size=2_000_000, embedding_size=4096)
    with pytest.raises(ExportRefusedError, match="one ONNX file holds"):
        expected_shapes(config_with(shape))
