import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from export.errors import ExportRefusedError
from export.exporter import ExportRequest, export_checkpoint
from export.hub import fetch_checkpoint, is_model_id
from model_directory.manifest import MANIFEST_NAME
from tests.export.conftest import silent
from tests.export.hub_server import COMMIT, Hub, serving

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[Hub]:
    with serving(Hub("owner/polarity", checkpoint)) as served:
        yield served


def export(
    endpoint: str, home: Path, *arguments: str, model_id: str = "owner/polarity"
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, with a hub and a cache of its own."""
    command = [sys.executable, "-m", "export", model_id, "--name", "p", "--output"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home / "hf")}
    return subprocess.run(
        [*command, str(home / "models"), *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str], home: Path) -> str:
    """What the command was refused with; nothing is left where models are."""
    assert done.returncode == 1, done.stderr
    assert not (home / "models").exists()
    line = done.stderr.splitlines()[-1]
    assert line.startswith("albert-export: ")
    return line


def test_a_model_of_the_hub_is_exported_from_one_commit(hub: Hub, tmp_path: Path) -> None:
    hub.files["pytorch_model.bin"] = b"never asked for"
    done = export(hub.url, tmp_path, "--revision", "v1")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "models" / "p" / "1" / MANIFEST_NAME).read_text())
    assert manifest["source"] == f"owner/polarity at {COMMIT}"
    assert hub.fetched() == {"config.json", "tokenizer.json", "model.safetensors"}
    assert all(COMMIT in line for line in hub.requests if "/resolve/" in line)
    assert "fetching model.safetensors of owner/polarity" in done.stderr


def test_a_source_that_is_given_does_not_hide_the_commit(hub: Hub, tmp_path: Path) -> None:
    done = export(hub.url, tmp_path, "--source", "our own")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "models" / "p" / "1" / MANIFEST_NAME).read_text())
    assert manifest["source"] == f"our own (owner/polarity at {COMMIT})"


def only_pickled(hub: Hub) -> None:
    hub.files["pytorch_model.bin"] = hub.files.pop("model.safetensors")


def with_an_absurd_file(hub: Hub) -> None:
    hub.claimed_sizes["model.safetensors"] = 1 << 40


def with_a_file_of_unknown_size(hub: Hub) -> None:
    hub.claimed_sizes["model.safetensors"] = None


def without_config(hub: Hub) -> None:
    del hub.files["config.json"]


def gated(hub: Hub) -> None:
    hub.gated = True


def without_a_commit(hub: Hub) -> None:
    hub.commit = "main"


def with_shards_elsewhere(hub: Hub) -> None:
    del hub.files["model.safetensors"]
    index = {"weight_map": {"a": "../../etc/passwd"}}
    hub.files["model.safetensors.index.json"] = json.dumps(index).encode()


def with_a_name_that_drives_a_terminal(hub: Hub) -> None:
    hub.files["\x1b]0;owned\x07.safetensors"] = hub.files.pop("model.safetensors")


def with_a_shard_that_is_not_there(hub: Hub) -> None:
    del hub.files["model.safetensors"]
    index = {"weight_map": {"a": "one.safetensors"}}
    hub.files["model.safetensors.index.json"] = json.dumps(index).encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (only_pickled, "owner/polarity has no model.safetensors: only safetensors are fetched"),
        (with_an_absurd_file, "has more weights than one ONNX file can hold"),
        (with_a_file_of_unknown_size, "does not say how large model.safetensors is"),
        (without_config, f"there is no config.json in owner/polarity at {COMMIT}"),
        (gated, "owner/polarity is gated"),
        (without_a_commit, "names no commit"),
        (with_shards_elsewhere, "names '../../etc/passwd', not a safetensors file beside it"),
        (with_a_name_that_drives_a_terminal, "owner/polarity has no model.safetensors"),
        (with_a_shard_that_is_not_there, "there is no one.safetensors in owner/polarity"),
    ],
)
def test_a_model_that_cannot_be_fetched_is_refused(
    change: Callable[[Hub], None], reason: str, hub: Hub, tmp_path: Path
) -> None:
    change(hub)
    assert reason in refusal(export(hub.url, tmp_path), tmp_path)
    assert not any("pytorch_model.bin" in line for line in hub.requests)


def test_what_the_hub_does_not_have_is_refused(hub: Hub, tmp_path: Path) -> None:
    done = export(hub.url, tmp_path, model_id="owner/other")
    assert "neither a directory here nor a model of the hub" in refusal(done, tmp_path)
    done = export(hub.url, tmp_path, "--revision", "v2")
    assert "owner/polarity has no revision 'v2'" in refusal(done, tmp_path)


def test_a_hub_that_cannot_be_reached_is_said_so(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = export(f"http://127.0.0.1:{unused.getsockname()[1]}", tmp_path)
    assert "cannot fetch owner/polarity from the hub" in refusal(done, tmp_path)


def test_without_the_hubs_client_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ExportRefusedError, match="huggingface_hub must be installed: pip install"):
        fetch_checkpoint("owner/polarity", None, silent)


def test_a_directory_comes_before_the_hub(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(checkpoint, tmp_path / "owner" / "polarity")
    report = export_checkpoint(ExportRequest("owner/polarity", "p", tmp_path / "models"), silent)
    assert report.manifest.source == "polarity"


def test_a_directory_has_no_revisions(checkpoint: Path, tmp_path: Path) -> None:
    request = ExportRequest(checkpoint, "p", tmp_path / "models", revision="main")
    with pytest.raises(ExportRefusedError, match="is not a model of the hub"):
        export_checkpoint(request, silent)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("albert/albert-base-v2", True),
        ("a/b", True),
        ("albert-base-v2", False),
        ("./a/b", False),
        ("../b", False),
        ("/a/b", False),
        ("a/b/c", False),
        ("a/..", False),
        ("a/b\n", False),
    ],
)
def test_a_model_id_is_owner_and_name(text: str, is_one: bool) -> None:
    assert is_model_id(text) is is_one
