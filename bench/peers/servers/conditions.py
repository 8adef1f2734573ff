"""What every peer's server is told, through its environment: model, threads, batch size, port."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

VARIABLE = "BENCH_PEER"
"""One JSON object, because some peers start their workers anew and pass on nothing else."""

BATCH_WAIT_SECONDS = 0.01
"""How long a peer may wait for a batch to fill: mosec's own default, given to all that ask."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """``model`` holds ``model.onnx`` and ``tokenizer.json``; ``cores`` may be busy at once;
    ``batch_size`` texts may be in one run of a server that batches.
    """

    model: str
    labels: list[str]
    cores: int
    batch_size: int
    port: int

    @classmethod
    def read(cls) -> Self:
        """Those of this process."""
        return cls(**json.loads(os.environ[VARIABLE]))

    def as_environment(self) -> dict[str, str]:
        """What ``read`` reads in the process that gets it."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def directory(self) -> Path:
        """Of the model."""
        return Path(self.model)
