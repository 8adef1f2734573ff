"""Refuses a graph that is not the one its manifest describes, before a request finds out."""

from collections.abc import Iterable

import numpy as np

from model_directory.errors import ModelDirectoryError
from model_directory.graph_names import POSITION_EMBEDDINGS, outputs_of
from model_directory.integrity import VerifiedVersion
from model_directory.manifest import MANIFEST_NAME, Manifest
from service.runtime.lookup_tables import rows_of
from service.runtime.sequence import Sequence
from service.runtime.session import Logits, Session


def check_graph(version: VerifiedVersion, session: Session) -> None:
    """Compare outputs, labels, special tokens and longest input with the manifest, by running four
    tokens. Only a graph that does not tell how many positions it has runs its longest input.

    ModelDirectoryError says in one sentence what does not agree.
    """
    try:
        _check(version, session)
    except ModelDirectoryError as error:
        manifest = version.manifest
        raise ModelDirectoryError(f"{manifest.name}/{manifest.version}: {error}") from error


def _check(version: VerifiedVersion, session: Session) -> None:
    manifest, facts = version.manifest, version.manifest.tokenizer
    expected = outputs_of(manifest.task)
    if session.output_names != expected:
        raise ModelDirectoryError(
            f"the graph gives {_listed(session.output_names)}, "
            f"and a {manifest.task} model gives {_listed(expected)}"
        )
    specials = [facts.cls_token_id, facts.pad_token_id, facts.unk_token_id, facts.sep_token_id]
    row = [token for token in specials if token is not None]
    logits = _run(session, row, f"the special tokens in {MANIFEST_NAME}")
    if manifest.labels and logits[0].shape != (len(manifest.labels),):
        raise ModelDirectoryError(
            f"the number of logits is {logits[0].size}, and that of labels in {MANIFEST_NAME} is "
            f"{len(manifest.labels)}"
        )
    _check_longest(manifest, rows_of(version.model, POSITION_EMBEDDINGS), session)


def _check_longest(manifest: Manifest, positions: int | None, session: Session) -> None:
    if positions is None:
        row = [manifest.tokenizer.sep_token_id] * manifest.max_tokens
        _run(session, row, f"{manifest.max_tokens} tokens, the max_tokens in {MANIFEST_NAME}")
    elif positions < manifest.max_tokens:
        raise ModelDirectoryError(
            f"the graph has {positions} positions, and max_tokens in {MANIFEST_NAME} is "
            f"{manifest.max_tokens}"
        )


def _run(session: Session, token_ids: list[int], what: str) -> Logits:
    row = np.array(token_ids, dtype=np.int64)
    try:
        [logits] = session.run([Sequence(row, np.zeros_like(row))])
    except Exception as error:  # onnxruntime's are of types of its own
        line = " ".join(str(error).split())[:200]
        raise ModelDirectoryError(f"the graph does not run {what}: {line}") from error
    return logits


def _listed(names: Iterable[str]) -> str:
    return " and ".join(repr(name) for name in names)
