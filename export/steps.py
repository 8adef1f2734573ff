"""Writes what it takes to run a few layers at a time (``model_directory.steps``).

All of it are constants that make a run of all layers, and onnxruntime does away with them, unless
somebody declares them as inputs.
"""

import numpy as np

from export.config import AlbertConfig
from export.graph_builder import FLOAT32, GraphBuilder, LoopBody
from model_directory.steps import CARRIED, ENDS, LAYERS, LEFT


class Steps:
    """Names of what is given and taken. Of one loop: its layers share their weights, so that it
    makes no difference which of them a row is at.
    """

    left = LEFT.name

    def __init__(self, main: GraphBuilder, config: AlbertConfig) -> None:
        self._main = main
        none = np.zeros((0, config.hidden_size), FLOAT32)
        self._carried = main.default(CARRIED.name, none)
        self.layers = main.default(LAYERS.name, np.array(config.num_hidden_layers, np.int64))
        self.ends: str | None = None
        """Bool [rows] or [1], of a classifier."""
        if not config.is_question_answering:
            self.ends = main.default(ENDS.name, np.array([True]))
            self._last_iteration = main.add("Sub", self.layers, main.integer(1))

    def fresh(self, tokens: str) -> str:
        """Write how many of the ``tokens`` (int64 [1]) are yet to be embedded: all or none."""
        carried = self._main.add("Shape", self._carried, start=0, end=1)
        return self._main.add("Sub", tokens, carried)

    def joined(self, embedded: str) -> str:
        """Write the tokens that go into the layers, [tokens, hidden]."""
        return self._main.add("Concat", self._carried, embedded, axis=0)

    def is_last(self, body: LoopBody) -> str:
        """Write, in a classifier's loop, whether an iteration is the last that is run."""
        return body.add("Equal", body.iteration, self._last_iteration)
