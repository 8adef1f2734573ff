import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bench.checkpoints import TINY, Shape, write_checkpoint, write_tensors
from export.exporter import ExportRequest, export_checkpoint
from model_directory.errors import ModelDirectoryError
from model_directory.manifest import Precision
from training.onnx_encoder import RestoreError, restore_checkpoint

LABELS = ("bug", "praise", "question")
HEADS_OF_A_POWER_OF_FOUR = replace(TINY, num_attention_heads=2)
SHAPES = {
    "shared layer": HEADS_OF_A_POWER_OF_FOUR,
    "groups and inner layers": replace(
        HEADS_OF_A_POWER_OF_FOUR, num_hidden_layers=5, num_hidden_groups=2, inner_group_num=2
    ),
    "square mapping": replace(HEADS_OF_A_POWER_OF_FOUR, embedding_size=32),
    "large epsilon": replace(HEADS_OF_A_POWER_OF_FOUR, layer_norm_eps=1e-5, hidden_act="gelu"),
}


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


def export(checkpoint: Path, models: Path) -> Path:
    return export_checkpoint(ExportRequest(checkpoint, "model", models), silent).directory


def weights(directory: Path) -> dict[str, NDArray[np.float32]]:
    return load_file(directory / "model.safetensors")


@pytest.mark.parametrize("labels", [LABELS, None], ids=["labels", "questions"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_exported_checkpoint_comes_back_bit_for_bit(
    shape: Shape, labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    trained = write_checkpoint(tmp_path / "trained", shape=shape, labels=labels)
    restore_checkpoint(export(trained, tmp_path / "models"), tmp_path / "restored")
    before, after = weights(trained), weights(tmp_path / "restored")
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert weight.tobytes() == after[name].tobytes(), name
    config = json.loads((tmp_path / "trained/config.json").read_text())
    restored = json.loads((tmp_path / "restored/config.json").read_text())
    figures = Shape.__dataclass_fields__.keys() | {"architectures", "id2label", "label2id"}
    for figure in figures & config.keys():
        assert restored[figure] == config[figure], figure
    tokenizer = (tmp_path / "trained/tokenizer.json").read_bytes()
    assert (tmp_path / "restored/tokenizer.json").read_bytes() == tokenizer


def test_equal_weights_which_the_graph_stores_once_all_come_back(tmp_path: Path) -> None:
    trained = write_checkpoint(tmp_path / "trained", shape=HEADS_OF_A_POWER_OF_FOUR)
    fresh = {
        name: np.zeros_like(weight) if name.endswith("bias") else weight
        for name, weight in weights(trained).items()
    }
    fresh |= {name: np.ones_like(fresh[name]) for name in fresh if "orm.weight" in name}
    write_tensors(trained, fresh)
    restore_checkpoint(export(trained, tmp_path / "models"), tmp_path / "restored")
    after = weights(tmp_path / "restored")
    for name, weight in fresh.items():
        assert np.array_equal(weight, after[name]), name


def test_queries_of_other_head_sizes_are_off_by_one_bit_at_most(tmp_path: Path) -> None:
    trained = write_checkpoint(tmp_path / "trained", shape=TINY)
    assert TINY.hidden_size // TINY.num_attention_heads == 8
    restore_checkpoint(export(trained, tmp_path / "models"), tmp_path / "restored")
    before, after = weights(trained), weights(tmp_path / "restored")
    for name, weight in before.items():
        np.testing.assert_array_almost_equal_nulp(weight, after[name], nulp=1)


def test_the_same_graph_is_exported_from_a_restored_checkpoint(tmp_path: Path) -> None:
    trained = write_checkpoint(tmp_path / "trained", shape=HEADS_OF_A_POWER_OF_FOUR, labels=LABELS)
    first = export(trained, tmp_path / "models")
    restore_checkpoint(first, tmp_path / "restored")
    again = export(tmp_path / "restored", tmp_path / "again")
    assert (first / "model.onnx").read_bytes() == (again / "model.onnx").read_bytes()


def test_a_directory_that_differs_from_its_manifest_is_refused(tmp_path: Path) -> None:
    version = export(write_checkpoint(tmp_path / "trained"), tmp_path / "models")
    (version / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelDirectoryError, match=r"tokenizer\.json"):
        restore_checkpoint(version, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_rounded_weights_are_not_taken_for_trained_ones(tmp_path: Path) -> None:
    trained = write_checkpoint(tmp_path / "trained")
    request = ExportRequest(trained, "model", tmp_path / "models", precision=Precision.INT8)
    version = export_checkpoint(request, silent).directory
    with pytest.raises(RestoreError, match="int8"):
        restore_checkpoint(version, tmp_path / "restored")
