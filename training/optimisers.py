"""The optimisers of all runs: Muon for the matrices inside the encoder, AdamW for everything else.

Muon orthogonalises the momentum of a matrix before it is added (Jordan et al. 2024). ALBERT has one
layer's matrices only, so that this costs next to nothing.
"""

from typing import Any

import torch
from torch import nn

ADAM_BETAS = (0.9, 0.98)
MUON_MOMENTUM = 0.95
INSIDE_ENCODER = ".albert_layers."


class Optimisers:
    """Muon and AdamW stepped as one, with one learning rate.

    Muon's update is scaled to the size that AdamW's usually has (``match_rms_adamw``, Liu et al.
    2025), so that both follow the same rate. Biases and normalisation are not decayed.
    """

    def __init__(self, model: nn.Module, learning_rate: float, weight_decay: float) -> None:
        matrices, tables, vectors = [], [], []
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and INSIDE_ENCODER in name:
                matrices.append(weight)
            else:
                (tables if weight.ndim > 1 else vectors).append(weight)
        self._all = (
            torch.optim.Muon(
                matrices,
                lr=learning_rate,
                weight_decay=weight_decay,
                momentum=MUON_MOMENTUM,
                adjust_lr_fn="match_rms_adamw",
            ),
            torch.optim.AdamW(
                [
                    {"params": tables, "weight_decay": weight_decay},
                    {"params": vectors, "weight_decay": 0.0},
                ],
                lr=learning_rate,
                betas=ADAM_BETAS,
                fused=True,
            ),
        )

    def step(self, learning_rate: float) -> None:
        """One step at this rate with the gradients that are there, which are then forgotten."""
        for optimiser in self._all:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate
            optimiser.step()
            optimiser.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        """What `load_state_dict` takes."""
        return [optimiser.state_dict() for optimiser in self._all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Takes up the moments of an earlier run over the same model."""
        for optimiser, state in zip(self._all, states, strict=True):
            optimiser.load_state_dict(state)
