"""MLServer: adaptive batching before as many parallel workers as there are cores.

Its batching takes requests of the Open Inference Protocol only: the text is a BYTES tensor.
"""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peers.servers.classifier import Classifier
from bench.peers.servers.conditions import Conditions


class Inference(MLModel):
    """Each worker process has one session on one thread."""

    async def load(self) -> bool:
        """Load what a worker needs."""
        self._classifier = Classifier(Conditions.read())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Labels, BYTES [texts, labels], and scores, FP64 [texts, labels], best first."""
        answers = self._classifier.classify(StringCodec.decode_input(payload.inputs[0]))
        labels = np.array([[each["label"] for each in answer] for answer in answers])
        scores = np.array([[each["score"] for each in answer] for answer in answers])
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                NumpyCodec.encode_output("labels", labels),
                NumpyCodec.encode_output("scores", scores),
            ],
        )
