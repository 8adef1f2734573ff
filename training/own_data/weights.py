"""Loads a checkpoint's weights into a transformers class with whatever head the task needs."""

from typing import Any

import torch
import transformers

from training.encoder import SERVED_ACTIVATION, TRAINED_ACTIVATION
from training.own_data.bad_rows import DataError
from training.own_data.base_checkpoint import BaseCheckpoint


def load_pretrained(model_class: Any, base: BaseCheckpoint, **config: Any) -> Any:
    """The model in float32; weights of another head are passed over, missing ones are new.

    DataError if the weights are not those that the checkpoint's config describes.
    """
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, report = model_class.from_pretrained(
            base.directory,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            local_files_only=True,
            **config,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(f"the weights in {base.directory} cannot be loaded: {reason}") from error
    wrong = [*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])]
    lost = sorted(name for name in wrong if name.startswith("albert.") and "pooler" not in name)
    if lost:
        raise DataError(
            f"the weights in {base.directory} are not those of its config.json: {lost[0]} "
            "is missing or of another shape"
        )
    return model


def trained_activation(base: BaseCheckpoint) -> str:
    """The name under which PyTorch computes the checkpoint's activation fastest."""
    name = base.config.hidden_act
    return TRAINED_ACTIVATION if name == SERVED_ACTIVATION else name
