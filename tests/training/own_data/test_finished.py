import json
import re
from pathlib import Path

import pytest

from training.own_data.bad_rows import DataError
from training.own_data.finished import check_free, copy_checkpoint, new_directory


def checkpoint(directory: Path, **config: object) -> Path:
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "model.safetensors").write_bytes(b"weights")
    return directory


def test_a_directory_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "a" / "output"
    with new_directory(output) as directory:
        (directory / "config.json").write_text("{}")
        assert not output.exists()
    assert [path.name for path in output.iterdir()] == ["config.json"]
    assert [path.name for path in output.parent.iterdir()] == ["output"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    output = checkpoint(tmp_path / "output", first=1)

    def write_half() -> None:
        with new_directory(output) as directory:
            (directory / "config.json").write_text("{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert json.loads((output / "config.json").read_text()) == {"first": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_a_finished_directory_is_replaced_as_a_whole(tmp_path: Path) -> None:
    output = checkpoint(tmp_path / "output", first=1)
    with new_directory(output) as directory:
        (directory / "config.json").write_text("{}")
    assert [path.name for path in output.iterdir()] == ["config.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_a_finished_checkpoint_is_replaced_only_when_told(tmp_path: Path) -> None:
    output = checkpoint(tmp_path / "output")
    with pytest.raises(DataError, match="give --overwrite to replace it"):
        check_free(output, overwrite=False)
    check_free(output, overwrite=True)


def test_what_is_no_checkpoint_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("Dear")
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("letters", "file", "link"):
        with pytest.raises(DataError, match=re.escape(name) + ".* holds no checkpoint"):
            check_free(tmp_path / name, overwrite=True)
    (tmp_path / "empty").mkdir()
    check_free(tmp_path / "empty", overwrite=False)
    check_free(tmp_path / "nothing", overwrite=False)


def test_a_copy_names_the_activation_that_the_encoder_had(tmp_path: Path) -> None:
    trained = checkpoint(tmp_path / "trained", hidden_act="gelu_new", vocab_size=3)
    (tmp_path / "copy").mkdir()
    copy_checkpoint(trained, tmp_path / "copy", "relu")
    copied = json.loads((tmp_path / "copy" / "config.json").read_text())
    assert copied == {"hidden_act": "relu", "vocab_size": 3}
    assert (tmp_path / "copy" / "model.safetensors").read_bytes() == b"weights"
