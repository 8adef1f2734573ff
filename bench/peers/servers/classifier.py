"""The work itself: text to tokens, one run of the graph, softmax, labels with scores."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from bench.peers.servers.conditions import Conditions


class Score(TypedDict):
    """One label of one text."""

    label: str
    score: float


class Classifier:
    """An ONNX session with ``intra_op_threads`` and its tokenizer; ``classify`` may be called by
    several threads at once.
    """

    def __init__(self, conditions: Conditions, intra_op_threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = intra_op_threads
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            str(conditions.directory / "model.onnx"), options, ["CPUExecutionProvider"]
        )
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(conditions.directory / "tokenizer.json"))
        self._tokenizer.enable_padding(pad_id=0, pad_token="<pad>")
        self._labels = conditions.labels

    def classify(self, texts: Sequence[str]) -> list[list[Score]]:
        """Every label of each text, best first; ``texts`` are one run, padded to the longest."""
        encodings = self._tokenizer.encode_batch(list(texts))
        arrays = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        feeds = {name: np.array(arrays[name], dtype=np.int64) for name in self._inputs}
        (logits,) = self._session.run(None, feeds)
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares = exponentials / exponentials.sum(axis=-1, keepdims=True)
        return [self._ranked(row) for row in shares.tolist()]

    def _ranked(self, shares: Sequence[float]) -> list[Score]:
        pairs = sorted(zip(shares, self._labels, strict=True), reverse=True)
        return [{"label": label, "score": share} for share, label in pairs]
