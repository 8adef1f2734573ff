"""Finds the likeliest pieces of a word, as SentencePiece and tokenizers do."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNKNOWN_PENALTY = 10.0
"""By this an unknown character scores less than the lowest piece."""


@dataclass(frozen=True, slots=True)
class Step:
    """The best way to a boundary: its score, where its last piece begins, and which that is.

    ``piece`` is None for a character that no piece begins with.
    """

    score: float
    start: int
    piece: str | None


class Lattice:
    """All ways to cut words into pieces that have scores (log probabilities)."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores
        self._sorted = sorted(scores)
        self._longest = max(map(len, scores))
        self._unknown = min(scores.values()) - UNKNOWN_PENALTY
        self._continuations: dict[str, set[str]] = {}

    def best(self, word: str) -> list[str | None]:
        """Return the likeliest pieces of the word, None for each unknown character."""
        steps = [Step(0.0, 0, None)]
        for end in range(1, len(word) + 1):
            steps.append(self.step(word, end, steps))
        pieces: list[str | None] = []
        end = len(word)
        while end:
            pieces.append(steps[end].piece)
            end = steps[end].start
        return pieces[::-1]

    def step(self, word: str, end: int, before: Sequence[Step]) -> Step:
        """Return the best way to the boundary at ``end``, from those to all boundaries before."""
        best: Step | None = None
        for start in range(max(0, end - self._longest), end):
            piece = word[start:end]
            if (score := self._scores.get(piece)) is not None:
                total = before[start].score + score
                if best is None or total > best.score:
                    best = Step(total, start, piece)
        if word[end - 1] not in self._scores:
            total = before[end - 1].score + self._unknown
            if best is None or total > best.score:
                best = Step(total, end - 1, None)
        assert best is not None
        return best

    def continuations(self, beginning: str) -> set[str]:
        """Return the characters that follow ``beginning`` in longer pieces."""
        if (known := self._continuations.get(beginning)) is not None:
            return known
        index = bisect_left(self._sorted, beginning)
        found = set[str]()
        while index < len(self._sorted) and self._sorted[index].startswith(beginning):
            found.add(self._sorted[index][len(beginning) : len(beginning) + 1])
            index += 1
        found.discard("")
        self._continuations[beginning] = found
        return found
