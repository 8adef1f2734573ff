"""A session that runs a few layers at a time, for rows that are at different ones."""

from collections.abc import Sequence as Rows

import numpy as np
from numpy.typing import NDArray

from model_directory.steps import CARRIED, ENDS, LAYERS, LEFT, Steps, declarations
from service.runtime.halfway import LEAST_TOKENS, Halfway, Layout, Row, Together, joined
from service.runtime.sequence import Batch, Sequence
from service.runtime.session import Feeds, Logits, Session, StopSignal

_NO_IDS: NDArray[np.int64] = np.zeros((1, 0), np.int64)


class StepwiseSession(Session):
    """A loaded graph whose layers share their weights, so that rows may begin, and end, while
    others are under way: what a row's layers give is the same to the bit beside whatever rows, and
    in whatever steps.
    """

    def __init__(self, model: bytes, steps: Steps, *, pad_token_id: int) -> None:
        super().__init__(model, pad_token_id=pad_token_id, packs=True, declared=declarations(steps))
        self.layers = steps.layers
        self._narrows = steps.classifies

    def advance(
        self, rows: Rows[Row], layers: int, *, wide: bool = False, stop: StopSignal | None = None
    ) -> list[Logits | Halfway]:
        """Run so many ``layers`` more of each row, which has at least as many before it. Logits of
        those that have no more then; the others as far as they have come.

        Rows that are yet to begin are embedded first, in a run of their own if there are others.
        StoppedError if it ended early by ``stop``.
        """
        fresh = [row for row in rows if isinstance(row, Sequence)]
        passed = max(row.layers if isinstance(row, Halfway) else 0 for row in rows)
        if not 0 < layers <= self.layers - passed:
            raise ValueError(f"a row that has passed {passed} layers has not {layers} before it")
        if len(fresh) < len(rows):
            embedded = iter(self._begin(fresh, 0, wide=wide, stop=stop) if fresh else ())
            begun = [row if isinstance(row, Halfway) else next(embedded) for row in rows]
            return self._go_on(begun, layers, wide=wide, stop=stop)
        if layers == self.layers:
            return list(self.run(fresh, wide=wide, stop=stop))
        return list(self._begin(fresh, layers, wide=wide, stop=stop))

    def _begin(
        self, rows: Rows[Sequence], layers: int, *, wide: bool, stop: StopSignal | None
    ) -> list[Halfway]:
        """Embed the rows and run some layers, not all."""
        layout = Layout(rows, [False] * len(rows))
        feeds = self._feeds(Batch.of(rows, self._pad_token_id, shortest=LEAST_TOKENS))
        feeds |= self._stepping(layers, layout)
        (left,) = self._run([LEFT.name], feeds, wide=wide, stop=stop)
        together = Together(left, layout, len(rows))
        return [Halfway(row, layers, together, index) for index, row in enumerate(rows)]

    def _go_on(
        self, rows: Rows[Halfway], layers: int, *, wide: bool, stop: StopSignal | None
    ) -> list[Logits | Halfway]:
        """Run some layers more."""
        ends = [row.layers + layers == self.layers for row in rows]
        layout = Layout(
            [row.sequence for row in rows], ends if self._narrows else [False] * len(rows)
        )
        feeds: Feeds = dict.fromkeys(self._input_names, _NO_IDS)
        feeds |= {"attention_mask": layout.attention_mask, CARRIED.name: joined(rows, layout)}
        feeds |= self._stepping(layers, layout)
        names = [*(self._outputs if any(ends) else ()), *((LEFT.name,) if not all(ends) else ())]
        outputs = self._run(names, feeds, wide=wide, stop=stop)
        together = Together(outputs[-1], layout, len(rows))
        return [
            self._logits(outputs, index, row.sequence.length)
            if ends[index]
            else Halfway(row.sequence, row.layers + layers, together, index)
            for index, row in enumerate(rows)
        ]

    def _stepping(self, layers: int, layout: Layout) -> Feeds:
        feeds: Feeds = {LAYERS.name: np.array(layers)}
        if self._narrows:
            feeds[ENDS.name] = layout.ends
        return feeds
