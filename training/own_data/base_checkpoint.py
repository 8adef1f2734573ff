"""What fine-tuning starts from: a Hugging Face ALBERT directory, or a model directory of ours."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.checkpoint import CONFIG, TOKENIZER, TOKENIZER_CONFIG, read_tokenizer
from export.config import CLASSIFICATION, QUESTION_ANSWERING, AlbertConfig, parse_config
from export.errors import ExportRefusedError
from export.tokenizer import CheckedTokenizer, check_tokenizer
from model_directory.catalogue import list_versions
from model_directory.errors import ModelDirectoryError
from model_directory.manifest import MANIFEST_NAME, TokenizerFacts
from training.onnx_encoder import RestoreError, restore_checkpoint
from training.own_data.bad_rows import DataError

SPAN_HEAD = "qa_outputs.pt"
"""The head that our own pretraining leaves beside its encoder."""
_NOT_OF_THE_ENCODER = ("id2label", "label2id", "num_labels", "problem_type")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True, slots=True)
class BaseCheckpoint:
    """A checkpoint that can be fine-tuned and then exported.

    ``directory`` holds config and weights as transformers loads them; ``tokenizer_directory``
    ``tokenizer.json`` and ``tokenizer_config.json``. ``labels`` are those of its own head, if it
    classifies.
    """

    directory: Path
    tokenizer_directory: Path
    tokenizer: CheckedTokenizer
    config: AlbertConfig
    labels: tuple[str, ...] | None

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence that it has positions for."""
        return self.config.max_position_embeddings


def open_base(source: Path, work: Path, *, answers_questions: bool) -> BaseCheckpoint:
    """The checkpoint in ``source``; what has to be written for it goes below ``work``.

    ``source`` is a Hugging Face directory, or ``models/NAME`` or ``models/NAME/VERSION`` of this
    project. DataError says what is missing, or why the result could not be exported.
    """
    directory = _restored(source, work / "base") or source
    if not (directory / CONFIG).is_file():
        raise DataError(
            f"--encoder {source}: there is neither a {CONFIG}, as in a Hugging Face directory, nor "
            f"a {MANIFEST_NAME}, as in a model directory such as models/topics/1"
        )
    try:
        content = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
        config = _encoder_config(content, QUESTION_ANSWERING if answers_questions else None)
        tokenizer = check_tokenizer(read_tokenizer(directory), config)
    except (DataError, ExportRefusedError, ValueError, OSError) as error:
        raise DataError(f"--encoder {source}: {error}") from error
    if not any(path for pattern in _WEIGHTS for path in directory.glob(pattern)):
        raise DataError(f"--encoder {source}: there is no model.safetensors")
    beside = work / "tokenizer"
    beside.mkdir(parents=True, exist_ok=True)
    (beside / TOKENIZER).write_bytes(tokenizer.content)
    (beside / TOKENIZER_CONFIG).write_text(
        _tokenizer_config(tokenizer, config.max_position_embeddings), encoding="utf-8"
    )
    return BaseCheckpoint(directory, beside, tokenizer, config, _labels_of(content))


def _restored(source: Path, into: Path) -> Path | None:
    """A checkpoint made of an exported model directory; None if the source is no such directory."""
    version = source
    if versions := list_versions(source.parent, source.name):
        version = source / str(versions[-1])
    if not (version / MANIFEST_NAME).is_file():
        return None
    shutil.rmtree(into, ignore_errors=True)
    try:
        restore_checkpoint(version, into)
    except (ModelDirectoryError, RestoreError) as error:
        raise DataError(f"--encoder {source}: {error}") from error
    return into


def _encoder_config(content: Any, architecture: str | None) -> AlbertConfig:
    """The config as the exporter will read it, with the new head's architecture."""
    if not isinstance(content, dict):
        raise DataError("config.json is not a JSON object")
    of_encoder = {key: value for key, value in content.items() if key not in _NOT_OF_THE_ENCODER}
    of_encoder["architectures"] = [architecture or CLASSIFICATION]
    return parse_config(json.dumps(of_encoder).encode())


def _tokenizer_config(tokenizer: CheckedTokenizer, longest: int) -> str:
    """Makes transformers use ``tokenizer.json`` as it is, which is what was trained with."""
    content = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": tokenizer.facts.lower_case,
        "model_max_length": longest,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        **_special_tokens(tokenizer.facts, tokenizer.tokenizer.id_to_token),
    }
    return json.dumps(content, indent=2) + "\n"


def _special_tokens(facts: TokenizerFacts, token_of: Any) -> Mapping[str, str]:
    ids = {
        "pad_token": facts.pad_token_id,
        "unk_token": facts.unk_token_id,
        "cls_token": facts.cls_token_id,
        "sep_token": facts.sep_token_id,
    }
    tokens = {name: token_of(number) for name, number in ids.items() if number is not None}
    return {name: token for name, token in tokens.items() if token is not None}


def _labels_of(content: dict[str, Any]) -> tuple[str, ...] | None:
    """The labels of the checkpoint's own classifier, in the order of its logits."""
    names = content.get("id2label")
    if content.get("architectures") != [CLASSIFICATION] or not isinstance(names, dict):
        return None
    return tuple(str(names[key]) for key in sorted(names, key=int))
