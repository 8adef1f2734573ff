"""Fetches a checkpoint from the Hugging Face hub: one commit of it, and only the files it needs.

It is the hub's own client that fetches, into its own cache, so that ``HF_ENDPOINT``, ``HF_HOME``,
``HF_TOKEN`` and ``HF_HUB_OFFLINE`` mean what they mean everywhere.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from export.checkpoint import (
    CONFIG,
    INDEX,
    MAX_CONFIG_BYTES,
    MAX_TOKENIZER_BYTES,
    SENTENCEPIECE,
    SINGLE_FILE,
    TOKENIZER,
    TOKENIZER_CONFIG,
    is_weight_file,
    shard_names,
)
from export.errors import ExportRefusedError
from export.progress import Progress
from export.weights import MAX_PARAMETERS

_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_COMMIT_PATTERN = r"[0-9a-f]{40}"
_MAX_WEIGHT_BYTES = 8 * MAX_PARAMETERS + (64 << 20)  # float64, and the headers
_DEFAULT_REVISION = "main"
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A checkpoint directory, and the commit of the model that it is."""

    directory: Path
    source: str


def is_model_id(text: str) -> bool:
    """Whether ``text`` is OWNER/NAME, as the hub names its models."""
    return re.fullmatch(_ID_PATTERN, text) is not None


def fetch_checkpoint(model_id: str, revision: str | None, progress: Progress) -> Fetched:
    """Fetch the commit that ``revision`` (a branch, tag or commit; None: main) stands for now.

    ExportRefusedError, in one sentence, if the client is not installed, the hub cannot be reached,
    has no such model, or the model has no safetensors.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # stages are shown by ``progress``
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise ExportRefusedError(
            f"{model_id} is no directory here, and to fetch it from the hub huggingface_hub must "
            "be installed: pip install huggingface_hub"
        ) from error
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    asked = revision or _DEFAULT_REVISION
    progress(f"fetching {model_id} from the hub")
    with _refusing(model_id, asked):
        info = huggingface_hub.HfApi().model_info(
            model_id, revision=asked, files_metadata=True, timeout=_TIMEOUT_SECONDS
        )
    commit = info.sha or ""
    if re.fullmatch(_COMMIT_PATTERN, commit) is None:
        raise ExportRefusedError(f"the hub names no commit for {model_id} at {asked}")
    sizes = {file.rfilename: _size(file.size, file.rfilename) for file in info.siblings or ()}

    def download(name: str, limit_bytes: int) -> Path:
        if name not in sizes:
            raise ExportRefusedError(f"there is no {name} in {model_id} at {commit}")
        if sizes[name] > limit_bytes:
            raise ExportRefusedError(f"{name} of {model_id} is larger than {limit_bytes} bytes")
        progress(f"fetching {name} of {model_id}")
        with _refusing(model_id, commit):
            return Path(huggingface_hub.hf_hub_download(model_id, name, revision=commit))

    directory = download(CONFIG, MAX_CONFIG_BYTES).parent
    for name in _tokenizer_files(sizes):
        download(name, MAX_TOKENIZER_BYTES)
    weight_files = _weight_files(sizes, model_id)
    if weight_files == [INDEX]:
        weight_files = shard_names(download(INDEX, MAX_CONFIG_BYTES).read_bytes())
    if sum(sizes.get(name, 0) for name in weight_files) > _MAX_WEIGHT_BYTES:
        raise ExportRefusedError(f"{model_id} has more weights than one ONNX file can hold")
    for name in weight_files:
        download(name, _MAX_WEIGHT_BYTES)
    return Fetched(directory, f"{model_id} at {commit}")


def _size(size_bytes: int | None, name: str) -> int:
    if size_bytes is None:
        raise ExportRefusedError(f"the hub does not say how large {name[:100]} is")
    return size_bytes


def _tokenizer_files(sizes: Mapping[str, int]) -> list[str]:
    """Return what the exporter reads of a tokenizer; a missing one is refused by its reader."""
    if TOKENIZER in sizes:
        return [TOKENIZER]
    return [name for name in (SENTENCEPIECE, TOKENIZER_CONFIG) if name in sizes]


def _weight_files(sizes: Mapping[str, int], model_id: str) -> list[str]:
    """Return the single file or the index of shards, whichever read_checkpoint will look for."""
    for name in (SINGLE_FILE, INDEX):
        if name in sizes:
            return [name]
    found = [name for name in sizes if is_weight_file(name)]
    if len(found) != 1:
        raise ExportRefusedError(
            f"{model_id} has no {SINGLE_FILE}: only safetensors are fetched, because a pickle can "
            "run code when it is opened"
        )
    return found


@contextmanager
def _refusing(model_id: str, revision: str) -> Iterator[None]:
    """Turn what the client raises into a sentence; a missing model and a private one look alike."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise ExportRefusedError(
            f"{model_id} is gated: accept its terms on the hub and log in with hf auth login"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ExportRefusedError(f"{model_id} has no revision {revision[:100]!r}") from error
    except errors.RepositoryNotFoundError as error:
        raise ExportRefusedError(
            f"{model_id} is neither a directory here nor a model of the hub that can be seen "
            "without, or with your, login"
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise ExportRefusedError(f"{model_id} cannot be fetched: HF_HUB_OFFLINE is set") from error
    except Exception as error:
        # The client lets its HTTP library's own errors through, and which library that is changes.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ExportRefusedError(f"cannot fetch {model_id} from the hub: {reason}") from error
