"""Where training runs: on a GPU when there is one, on the processor otherwise, in bfloat16."""

import torch
from torch import nn


def training_device() -> torch.device:
    """The first CUDA device, or the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device


def autocast(model: nn.Module) -> torch.autocast:
    """Matrix products in bfloat16, on the model's device; weights and optimisers stay float32."""
    return torch.autocast(device_of(model).type, dtype=torch.bfloat16)
