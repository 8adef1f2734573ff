"""BentoML: adaptive batching in each of as many workers as there are cores."""

from typing import Any

import bentoml

from bench.peers.servers.classifier import Classifier
from bench.peers.servers.conditions import Conditions

TIMEOUT_SECONDS = 120
conditions = Conditions.read()


@bentoml.service(workers=conditions.cores, traffic={"timeout": TIMEOUT_SECONDS})
class Inference:
    """Each worker process has one session on one thread."""

    def __init__(self) -> None:
        self._classifier = Classifier(conditions)

    @bentoml.api(
        batchable=True,
        max_batch_size=conditions.batch_size,
        max_latency_ms=TIMEOUT_SECONDS * 1000,
    )
    def classify(self, inputs: list[str]) -> list[list[dict[str, Any]]]:
        """The answers to a batch of texts."""
        return [[dict(score) for score in scores] for scores in self._classifier.classify(inputs)]
