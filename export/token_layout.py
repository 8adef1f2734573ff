"""How a batch's tokens lie in the values between the embeddings and the head.

``Packed`` keeps tokens alone, one behind the other, whatever rows they are of: products,
normalisations and activations never see padding. Attention needs the tokens of a row side by side,
and heads apart: there they are gathered into rows padded to the longest, where they would have to
be transposed otherwise, and gathered back. On a CPU a product takes time for each row of its left
side, so a batch of unlike lengths costs what its tokens cost, and hardly more (docs/export.md). The
idea is that of ByteDance's Effective Transformer, for GPUs
(https://github.com/bytedance/effective_transformer).

``Rectangle`` keeps every row padded to the longest. It is for GPUs, where what the packed form
needs to know of the mask would have to come back to the CPU.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from export.config import AlbertConfig
from export.graph_builder import Dimensions, GraphBuilder

NARROWED = 2
"""Tokens of each row that the last layer of a classifier computes: [CLS], which is all that the
pooler reads, and its neighbour. onnxruntime adds up the product of a single row in another order
when zeros follow, so that padding would show in the last bits of [CLS].
"""


class Asked(NamedTuple):
    """Names of what says which tokens a layer computes, where that is not all of them.

    ``tokens``: of the values in the layout's order, how many from the first on. ``positions``: of
    each row, how many. Both int64 [1].
    """

    tokens: str
    positions: str


class TokenLayout(ABC):
    """Writes what depends on how tokens lie. ``main`` is the graph around the layers."""

    def __init__(self, main: GraphBuilder, config: AlbertConfig) -> None:
        self._main = main
        self._config = config
        self._heads = config.num_attention_heads
        self.sequence = main.add("Shape", "input_ids", start=1, end=2)

    @property
    @abstractmethod
    def dimensions(self) -> Dimensions:
        """Of a value between two layers."""

    @abstractmethod
    def tokens(self, given: str) -> str:
        """Write the tokens of an input of the model, int64 [batch, sequence]."""

    @abstractmethod
    def positions(self, table: str) -> str:
        """Write each token's row of the position embeddings, or what adds up with them alike."""

    @abstractmethod
    def narrowed(self, body: GraphBuilder, is_last: str | None) -> Asked:
        """Write that NARROWED tokens of each row are asked for if ``is_last`` (bool), else all;
        None stands for true.
        """

    @abstractmethod
    def take(self, body: GraphBuilder, hidden: str, asked: Asked | None) -> str:
        """Write the values of the tokens that are asked for."""

    @abstractmethod
    def split(self, body: GraphBuilder, value: str, asked: Asked | None = None) -> str:
        """Write the values [batch, heads, positions, head], of tokens that ``take`` gave."""

    @abstractmethod
    def split_turned(self, body: GraphBuilder, value: str) -> str:
        """Write the values of all tokens, [batch, heads, head, positions]."""

    @abstractmethod
    def merge(self, body: GraphBuilder, context: str, asked: Asked | None) -> str:
        """Undo ``split``: write the tokens' values with the heads side by side."""

    @abstractmethod
    def first(self, hidden: str) -> str:
        """Write the first token of each row, [batch, hidden], of all or of narrowed tokens."""

    @abstractmethod
    def spread(self, value: str) -> str:
        """Write the values of all tokens, [batch, sequence, …]; at padded positions anything."""


class Rectangle(TokenLayout):
    """Values are [batch, sequence, …]."""

    @property
    def dimensions(self) -> Dimensions:
        """[batch, rows, hidden]: rows are all positions, or the narrowed ones."""
        return ["batch", "rows", self._config.hidden_size]

    def tokens(self, given: str) -> str:
        """Return the input as it is."""
        return given

    def positions(self, table: str) -> str:
        """Write the first rows of the table, which every row of the batch adds."""
        return self._main.add("Slice", table, self._main.integers(0), self.sequence)

    def narrowed(self, body: GraphBuilder, is_last: str | None) -> Asked:
        """Write how many positions of each row are asked for."""
        few = body.integers(NARROWED)
        asked = few if is_last is None else body.add("Where", is_last, few, self.sequence)
        return Asked(asked, asked)

    def take(self, body: GraphBuilder, hidden: str, asked: Asked | None) -> str:
        """Write the first positions of each row."""
        if asked is None:
            return hidden
        return body.add("Slice", hidden, body.integers(0), asked.tokens, body.integers(1))

    def split(self, body: GraphBuilder, value: str, asked: Asked | None = None) -> str:
        """Reshape and transpose."""
        return self._apart(body, value, [0, 2, 1, 3])

    def split_turned(self, body: GraphBuilder, value: str) -> str:
        """Reshape and transpose, the heads last."""
        return self._apart(body, value, [0, 2, 3, 1])

    def _apart(self, body: GraphBuilder, value: str, order: list[int]) -> str:
        shape = body.integers(0, 0, self._heads, self._config.head_size)
        return body.add("Transpose", body.add("Reshape", value, shape), perm=order)

    def merge(self, body: GraphBuilder, context: str, asked: Asked | None) -> str:
        """Transpose and reshape."""
        context = body.add("Transpose", context, perm=[0, 2, 1, 3])
        return body.add("Reshape", context, body.integers(0, 0, self._config.hidden_size))

    def first(self, hidden: str) -> str:
        """Write position 0 of each row."""
        return self._main.add("Gather", hidden, self._main.integer(0), axis=1)

    def spread(self, value: str) -> str:
        """Return the values: they lie so already."""
        return value


class Packed(TokenLayout):
    """Values are [tokens, …]: the first token of every row, then the second of every row, and so
    on, so that those that a narrowed layer computes stand in front. Of each row the first NARROWED
    positions count as tokens even if they are padding: no row has none.
    """

    def __init__(self, main: GraphBuilder, config: AlbertConfig) -> None:
        super().__init__(main, config)
        self._batch = main.add("Shape", "input_ids", start=0, end=1)
        self._write_places()
        self._write_gathered()
        self._narrow_count = main.add("Mul", self._batch, main.integer(NARROWED))
        self._narrow_positions = main.add("Min", self.sequence, main.integers(NARROWED))

    def _write_places(self) -> None:
        """Write where each token is: its row and its position, int64 [tokens], and its place among
        those of the inputs, read row by row.
        """
        main = self._main
        length = main.add("Squeeze", self.sequence)
        order = main.add("Range", main.integer(0), length, main.integer(1))
        kept = main.add(
            "Or",
            main.add("Cast", "attention_mask", to=TensorProto.BOOL),
            main.add("Less", order, main.integer(NARROWED)),
        )
        self._kept = main.add("Transpose", kept, perm=[1, 0])
        places = main.add("NonZero", self._kept)
        self._position = main.add("Gather", places, main.integer(0))
        self._row = main.add("Gather", places, main.integer(1))
        before = main.add("Mul", self._row, self.sequence)
        self._place = main.add("Add", before, self._position)
        self._count = main.add("Shape", self._row)

    def _write_gathered(self) -> None:
        """Write, int64, the number of the token at each position, [batch, sequence]; of which heads
        attention takes the values, [batch, heads, sequence]; and where each token's heads are among
        those of attention, [tokens, heads]. Padding has the number of a token, whichever.
        """
        main, heads = self._main, np.arange(self._heads, dtype=np.int64)
        flags = main.add("Cast", self._kept, to=TensorProto.INT64)
        numbers = main.add("CumSum", main.add("Reshape", flags, main.integers(-1)), main.integer(0))
        numbers = main.add("Sub", numbers, main.integer(1))
        numbers = main.add("Reshape", numbers, main.add("Shape", self._kept))
        self._numbers = main.add("Transpose", numbers, perm=[1, 0])
        first_head = main.add("Mul", self._numbers, main.integer(self._heads))
        first_head = main.add("Unsqueeze", first_head, main.integers(1))
        across = main.tensor("heads across", heads.reshape(1, -1, 1))
        self._taken = main.add("Add", first_head, across)
        rows = main.add("Mul", self._row, main.integer(self._heads))
        rows = main.add("Unsqueeze", rows, main.integers(1))
        self._row_heads = main.add("Add", rows, main.tensor("heads along", heads.reshape(1, -1)))
        self._column = main.add("Unsqueeze", self._position, main.integers(1))
        self._given_back = self._back(main, self._row_heads, self._column, self.sequence)

    @staticmethod
    def _back(body: GraphBuilder, row_heads: str, column: str, positions: str) -> str:
        """Write where attention's values of tokens are, int64 [tokens, heads], if rows have so many
        ``positions`` there.
        """
        return body.add("Add", body.add("Mul", row_heads, positions), column)

    @property
    def dimensions(self) -> Dimensions:
        """[tokens, hidden]."""
        return ["tokens", self._config.hidden_size]

    def tokens(self, given: str) -> str:
        """Gather what is no padding."""
        flat = self._main.add("Reshape", given, self._main.integers(-1))
        return self._main.add("Gather", flat, self._place)

    def positions(self, table: str) -> str:
        """Gather each token's row of the table."""
        return self._main.add("Gather", table, self._position)

    def narrowed(self, body: GraphBuilder, is_last: str | None) -> Asked:
        """Write how many tokens from the front, and positions of each row, are asked for."""
        if is_last is None:
            return Asked(self._narrow_count, self._narrow_positions)
        return Asked(
            body.add("Where", is_last, self._narrow_count, self._count),
            body.add("Where", is_last, self._narrow_positions, self.sequence),
        )

    def take(self, body: GraphBuilder, hidden: str, asked: Asked | None) -> str:
        """Write the tokens in front."""
        return hidden if asked is None else self._front(body, hidden, asked.tokens, axis=0)

    def split(self, body: GraphBuilder, value: str, asked: Asked | None = None) -> str:
        """Gather each row's tokens, head by head."""
        taken = self._taken
        if asked is not None:
            taken = self._front(body, taken, asked.positions, axis=2)
        return body.add("Gather", self._by_head(body, value), taken)

    def split_turned(self, body: GraphBuilder, value: str) -> str:
        """The same, turned. onnxruntime lets the product turn it."""
        return body.add("Transpose", self.split(body, value), perm=[0, 1, 3, 2])

    def merge(self, body: GraphBuilder, context: str, asked: Asked | None) -> str:
        """Gather each token's heads."""
        back = self._given_back
        if asked is not None:
            row_heads = self._front(body, self._row_heads, asked.tokens, axis=0)
            column = self._front(body, self._column, asked.tokens, axis=0)
            back = self._back(body, row_heads, column, asked.positions)
        merged = body.add("Gather", self._by_head(body, context), back)
        return body.add("Reshape", merged, body.integers(-1, self._config.hidden_size))

    def first(self, hidden: str) -> str:
        """Write the first tokens of all: there is one of each row."""
        return self._front(self._main, hidden, self._batch, axis=0)

    def spread(self, value: str) -> str:
        """Gather a value for every position."""
        return self._main.add("Gather", value, self._numbers)

    @staticmethod
    def _front(body: GraphBuilder, value: str, count: str, axis: int) -> str:
        return body.add("Slice", value, body.integers(0), count, body.integers(axis))

    def _by_head(self, body: GraphBuilder, value: str) -> str:
        return body.add("Reshape", value, body.integers(-1, self._config.head_size))
