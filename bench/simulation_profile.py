"""What a simulation knows of a model and a machine: how long runs take, and what HTTP costs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.errors import BenchError
from service.scheduling.cost import CostModel


class Shape(NamedTuple):
    """``runs`` runs of ``rows`` rows took ``seconds`` each on average. The longest row has
    ``length`` tokens; products were computed of ``tokens``.
    """

    rows: int
    length: int
    tokens: int
    seconds: float
    runs: int


@dataclass(frozen=True)
class RunTimes:
    """Measured runs, and the service's own cost model fitted to them."""

    shapes: Sequence[Shape]

    @cached_property
    def model(self) -> CostModel:
        """Predicts the seconds of a run of any shape."""
        model = CostModel()
        for shape in self.shapes:
            model.observe(shape.rows, shape.length, shape.seconds, shape.tokens)
        model.calibrated()
        return model

    def seconds(self, rows: int, length: int, tokens: int) -> float:
        """Of a run of any shape: what the model predicts, put right by what it is off by for a
        single row of so many ``tokens``. Products of few tokens do not take time in proportion,
        however many rows these are of.
        """
        lengths, ratios = self._single
        predicted = self.model.predict(rows, length, tokens)
        return predicted * float(np.interp(tokens, lengths, ratios))

    @cached_property
    def _single(self) -> tuple[list[int], list[float]]:
        """The tokens of the rows that were run alone, and their measured over their predicted
        seconds; 1 for all where none were.
        """
        single = sorted(shape for shape in self.shapes if shape.rows == 1)
        found = [(one.tokens, one.seconds / self.model.predict(*one[:3])) for one in single]
        lengths, ratios = zip(*(found or [(1, 1.0)]), strict=True)
        return list(lengths), list(ratios)

    @property
    def error(self) -> float:
        """Root of the mean squared relative error over the shapes."""
        errors = [
            self.model.predict(shape.rows, shape.length, shape.tokens) / shape.seconds - 1
            for shape in self.shapes
        ]
        return float(np.sqrt(np.mean(np.square(errors))))


@dataclass(frozen=True)
class Profile:
    """``narrow`` runs take one core while the other workers run too; ``wide`` ones take all cores,
    None where the service does not widen its sessions.

    ``http_seconds`` is the time of the event loop for one request, tokenising included. ``packs``:
    the model computes nothing but attention at padded positions.
    """

    workers: int
    narrow: RunTimes
    wide: RunTimes | None
    http_seconds: float
    packs: bool = False

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> "Profile":
        """What ``write`` wrote. Raises BenchError."""
        try:
            fields = json.loads(file.read_text(encoding="utf-8"))
            wide = fields["wide"]
            return cls(
                workers=fields["workers"],
                narrow=_run_times(fields["narrow"]),
                wide=None if wide is None else _run_times(wide),
                http_seconds=fields["http_seconds"],
                packs=fields.get("packs", False),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BenchError(f"{file} is not a profile: {error!r}") from error


def _run_times(fields: dict[str, list[list[float]]]) -> RunTimes:
    return RunTimes(
        [
            Shape(int(rows), int(length), int(tokens), seconds, int(runs))
            for rows, length, tokens, seconds, runs in fields["shapes"]
        ]
    )
