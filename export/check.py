"""Checks a model directory: compares it with its manifest, and runs it once."""

from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from export.errors import ExportRefusedError
from export.parity import BUILT_IN_TEXTS, open_session
from model_directory.errors import ModelDirectoryError
from model_directory.graph_names import INPUTS, outputs_of
from model_directory.integrity import VerifiedVersion, open_version
from model_directory.manifest import Manifest
from model_directory.panic import is_panic


def check_version(directory: Path) -> Manifest:
    """Verify ``models/NAME/VERSION`` and run its graph on one text; returns its manifest.

    ExportRefusedError says in one sentence what is wrong.
    """
    try:
        version = open_version(directory)
    except ModelDirectoryError as error:
        raise ExportRefusedError(str(error)) from error
    manifest = version.manifest
    label = f"{manifest.name}/{manifest.version}"
    try:
        session = open_session(version.model)
        names = tuple(output.name for output in session.get_outputs())
        inputs = {given.name for given in session.get_inputs()}
        if names != outputs_of(manifest.task) or inputs != set(INPUTS):
            raise ExportRefusedError(
                f"{label}: the graph has other inputs or outputs than its task"
            )
        outputs = _run_once(version, session)
    except ExportRefusedError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        line = " ".join(str(error).split())[:200]
        raise ExportRefusedError(f"{label}: it does not run: {line}") from error
    if not all(np.isfinite(output).all() for output in outputs):
        raise ExportRefusedError(f"{label}: its logits are not finite")
    if manifest.labels and outputs[0].shape != (1, len(manifest.labels)):
        raise ExportRefusedError(f"{label}: it does not give one logit for each label")
    return manifest


def _run_once(
    version: VerifiedVersion, session: onnxruntime.InferenceSession
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    facts = version.manifest.tokenizer
    tokenizer = Tokenizer.from_buffer(version.tokenizer)
    ids = tokenizer.encode(BUILT_IN_TEXTS[0], add_special_tokens=False).ids
    room = version.manifest.max_tokens - 2
    row = np.array([[facts.cls_token_id, *ids[:room], facts.sep_token_id]], np.int64)
    feeds = {
        "input_ids": row,
        "attention_mask": np.ones_like(row),
        "token_type_ids": np.zeros_like(row),
    }
    return list(session.run(None, feeds))
