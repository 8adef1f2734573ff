"""Collects the nodes and constants of an ONNX graph under short, unique names."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper
from onnx import helper as onnx_helper

Dimensions = Sequence[int | str]


FLOAT32 = np.dtype(np.float32)
FLOAT16 = np.dtype(np.float16)


class Constants:
    """The constants of a model; equal ones are stored once, under the name of the first.

    Of different ones under the same name, the later get a number behind it. ``float_type`` is that
    of its weights, and of what is computed from them.
    """

    def __init__(self, float_type: np.dtype[Any] = FLOAT32) -> None:
        self.float_type = float_type
        self.tensors: list[TensorProto] = []
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._taken: set[str] = set()

    def name_of(self, name: str, value: NDArray[Any]) -> str:
        """Store ``value`` unless an equal one is there, and return what it is called."""
        content = np.ascontiguousarray(value)
        key = (value.dtype.str, value.shape, hashlib.sha256(content.tobytes()).digest())
        if key not in self._names:
            unique = name if name not in self._taken else f"{name} ({len(self.tensors)})"
            self._taken.add(unique)
            self._names[key] = unique
            self.tensors.append(numpy_helper.from_array(content.reshape(value.shape), unique))
        return self._names[key]


class GraphBuilder:
    """One graph, or the body of a loop in one: nodes are added in the order they run.

    ``prefix`` begins the names of its values, so that a body never hides a value of the graph
    around it.
    """

    def __init__(self, name: str, constants: Constants, prefix: str = "") -> None:
        self._name = name
        self._prefix = prefix
        self._constants = constants
        self._nodes: list[NodeProto] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output, and return that output's name."""
        output = output or f"{self._prefix}{len(self._nodes)}"
        self._nodes.append(onnx_helper.make_node(operator, inputs, [output], **attributes))
        return output

    def add_result(self, operator: str, *inputs: str, name: str, **attributes: Any) -> None:
        """Add a node whose output, as float32, is the model's output ``name``."""
        if self._constants.float_type == FLOAT32:
            self.add(operator, *inputs, output=name, **attributes)
        else:
            computed = self.add(operator, *inputs, **attributes)
            self.add("Cast", computed, output=name, to=TensorProto.FLOAT)

    def floats(self, name: str, values: NDArray[Any]) -> str:
        """Store weights as the model's floats, and return what they are called."""
        return self._constants.name_of(name, values.astype(self._constants.float_type))

    def tensor(self, name: str, values: NDArray[Any]) -> str:
        """Store a constant of the array's own type, and return what it is called."""
        return self._constants.name_of(name, values)

    def scalar(self, value: float) -> str:
        """Store a number as one of the model's floats, and return what it is called."""
        stored = np.array(value, self._constants.float_type)
        return self._constants.name_of(f"float {value:g}", stored)

    def integer(self, value: int) -> str:
        """Store an int64 number, and return what it is called."""
        return self._constants.name_of(f"int {value}", np.array(value, np.int64))

    def integers(self, *values: int) -> str:
        """Store an int64 [n] vector, and return what it is called."""
        name = f"ints {' '.join(map(str, values))}"
        return self._constants.name_of(name, np.array(values, np.int64))

    def graph(
        self, inputs: Mapping[str, Dimensions], outputs: Mapping[str, Dimensions]
    ) -> GraphProto:
        """Close the main graph: int64 inputs, float32 outputs, and every constant of the model."""
        return onnx_helper.make_graph(
            self._nodes,
            self._name,
            [_described(name, TensorProto.INT64, shape) for name, shape in inputs.items()],
            [_described(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self._constants.tensors,
        )

    def body(self, name: str) -> "LoopBody":
        """Begin the body of a loop of this graph."""
        return LoopBody(name, self._constants)

    def loop(
        self, body: "LoopBody", trips: int, initial: str, final: str, shape: Dimensions
    ) -> str:
        """Run ``body`` ``trips`` times, from ``initial`` on; returns the last state's name.

        ``final`` is the value of the body that is its next state. States are floats of
        ``shape``, where a dimension with a name may change from one iteration to the next.
        """
        return self.add("Loop", self.integer(trips), "", initial, body=body.close(final, shape))


class LoopBody(GraphBuilder):
    """The body of a loop with one state that runs a fixed number of times."""

    def __init__(self, name: str, constants: Constants) -> None:
        super().__init__(name, constants, prefix=f"{name}.")
        self.iteration = f"{name}.iteration"
        self.state = f"{name}.state"

    def close(self, final: str, shape: Dimensions) -> GraphProto:
        """Make the body's graph, with the value ``final`` as its next state."""
        condition = f"{self._name}.condition"
        float_type = onnx_helper.np_dtype_to_tensor_dtype(self._constants.float_type)
        goes_on = self.add("Identity", condition, output=f"{self._name}.goes_on")
        return onnx_helper.make_graph(
            self._nodes,
            self._name,
            [
                _described(self.iteration, TensorProto.INT64, []),
                _described(condition, TensorProto.BOOL, []),
                _described(self.state, float_type, shape),
            ],
            [
                _described(goes_on, TensorProto.BOOL, []),
                _described(final, float_type, shape),
            ],
        )


def _described(name: str, kind: int, shape: Dimensions) -> ValueInfoProto:
    return onnx_helper.make_tensor_value_info(name, kind, list(shape))
