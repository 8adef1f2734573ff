"""mosec: dynamic batching before as many worker processes as there are cores."""

import sys
from typing import Any

from mosec import Server, Worker

from bench.peers.servers.classifier import Classifier
from bench.peers.servers.conditions import BATCH_WAIT_SECONDS, Conditions

TIMEOUT_SECONDS = 120


class Inference(Worker):
    """One process with one session on one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._classifier = Classifier(Conditions.read())

    def forward(self, data: list[dict[str, Any]]) -> list[Any]:
        """The answers to a batch of bodies."""
        return self._classifier.classify([each["inputs"] for each in data])


def main() -> None:
    """Serve until SIGTERM."""
    conditions = Conditions.read()
    sys.argv[1:] = ["--address", "127.0.0.1", "--port", str(conditions.port)]
    sys.argv += ["--timeout", str(TIMEOUT_SECONDS * 1000), "--log-level", "warning"]
    server = Server()
    server.append_worker(
        Inference,
        num=conditions.cores,
        max_batch_size=conditions.batch_size,
        max_wait_time=round(BATCH_WAIT_SECONDS * 1000),
        timeout=TIMEOUT_SECONDS,
    )
    server.run()


if __name__ == "__main__":
    main()
