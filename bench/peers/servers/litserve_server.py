"""LitServe: dynamic batching in as many workers as there are cores."""

from typing import Any

import litserve

from bench.peers.servers.classifier import Classifier
from bench.peers.servers.conditions import BATCH_WAIT_SECONDS, Conditions

TIMEOUT_SECONDS = 120


class Inference(litserve.LitAPI):
    """Each worker process has one session on one thread."""

    def setup(self, device: str) -> None:
        """Load what a worker needs."""
        self.classifier = Classifier(Conditions.read())

    def decode_request(self, request: dict[str, Any], **_: Any) -> str:
        """The text of a body."""
        return str(request["inputs"])

    def batch(self, inputs: list[str]) -> list[str]:
        """Texts stay a list: the classifier pads them."""
        return list(inputs)

    def predict(self, x: list[str], **_: Any) -> list[Any]:
        """The answers to a batch of texts."""
        return self.classifier.classify(x)

    def unbatch(self, output: list[Any]) -> list[Any]:
        """One answer for each text."""
        return output

    def encode_response(self, output: Any, **_: Any) -> Any:
        """The answer is JSON as it is."""
        return output


def main() -> None:
    """Serve until SIGTERM."""
    conditions = Conditions.read()
    api = Inference(max_batch_size=conditions.batch_size, batch_timeout=BATCH_WAIT_SECONDS)
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=conditions.cores, timeout=TIMEOUT_SECONDS
    )
    server.run(
        host="127.0.0.1",
        port=conditions.port,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )


if __name__ == "__main__":
    main()
