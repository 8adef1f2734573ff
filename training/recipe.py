"""Reads a recipe: the sizes of the encoder, and the plans of pretraining and of every model."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.finetune import FinetuningPlan
    from training.pretrain import PretrainingPlan

CONFIGS = Path(__file__).parent / "configs"
DEFAULT_CONFIG = "cpu"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to make the default models.

    ``widths`` are `AlbertConfig`'s names of the encoder's sizes; ``models`` is in the order in
    which they are trained.
    """

    widths: dict[str, int]
    pretraining: "PretrainingPlan"
    models: dict[str, "FinetuningPlan"]


def load_recipe(config: str, threads: int) -> Recipe:
    """The recipe of a file in ``training/configs`` (``cpu``, ``gpu``), or of a path to such a file.

    Raises ``ValueError`` for a config that is not there or has unknown entries.
    """
    from training.finetune import FinetuningPlan
    from training.pretrain import PretrainingPlan

    path = Path(config) if config.endswith(".toml") else CONFIGS / f"{config}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in CONFIGS.glob("*.toml")))
        raise ValueError(f"no config {config!r}: give the path of a .toml file, or one of {known}")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return Recipe(
            entries["encoder"],
            PretrainingPlan(**entries["pretraining"], threads=threads),
            {
                name: FinetuningPlan(**plan, threads=threads)
                for name, plan in entries["models"].items()
            },
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
