"""ALBERT's rule for digits and commas, as the places where words must be cut.

ALBERT looks at each piece that SentencePiece gives: one that ends with a digit and a comma, such
as ``▁12,``, is taken apart; its head is encoded anew and the comma stands alone. So such a piece is
never an id that the model sees, but it has been in the lattice: where it was the likeliest, the
word was cut behind the comma. Without it the likeliest pieces are nearly always the same. Where
they are not, as in ``12,100`` (which would be ``1`` and ``2,100``), the cut must be made
beforehand. This module finds out where.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from export.sentencepiece_model import WORD_START
from export.unigram import Lattice, Step

_FOLLOWERS = 4  # further ones hardly ever decide: see "A comma behind a digit" in docs/export.md
_MAX_CONTEXTS = 50_000


def is_taken_apart(piece: str) -> bool:
    """Whether ALBERT's rule takes the piece apart."""
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def cutting_pattern(scores: Mapping[str, float]) -> str | None:
    """Return a regular expression for the head of a word that must be cut behind it.

    ``scores`` are those of all pieces that text can become. Words begin with WORD_START, and the
    pieces that the rule takes apart are to be left out of the lattice afterwards. None if no word
    must be cut. Pieces that the rule takes apart within words are only left out.
    """
    ruled = [piece for piece in scores if is_taken_apart(piece) and piece[0] == WORD_START]
    kept = {piece: score for piece, score in scores.items() if not is_taken_apart(piece)}
    if not ruled or not kept:
        return None
    search = _Search(Lattice(scores), Lattice(kept))
    heads = defaultdict[str, list[str]](list)
    for piece in ruled:
        context = search.context(piece)
        if context is not None:
            heads[context].append(re.escape(piece.removeprefix(WORD_START)))
    if not heads:
        return None
    words = "|".join(f"(?:{'|'.join(sorted(found))}){at}" for at, found in sorted(heads.items()))
    return rf"\A{WORD_START}(?:{words})"


@dataclass(frozen=True, slots=True)
class _Ways:
    """The best ways to each boundary of a text; ``cut[i]`` says whether that to ``i`` is cut."""

    lattice: Lattice
    steps: tuple[Step, ...]
    cut: tuple[bool, ...]

    @classmethod
    def up_to(cls, piece: str, lattice: Lattice) -> Self:
        """Return the ways through ``piece``; only those to its end are cut there."""
        steps: tuple[Step, ...] = (Step(0.0, 0, None),)
        for end in range(1, len(piece) + 1):
            steps = (*steps, lattice.step(piece, end, steps))
        return cls(lattice, steps, (False,) * len(piece) + (True,))

    def grown(self, text: str) -> "_Ways":
        """Return the ways for a text that is one character longer."""
        step = self.lattice.step(text, len(text), self.steps)
        return _Ways(self.lattice, (*self.steps, step), (*self.cut, self.cut[step.start]))

    def disagreeing(self, text: str) -> set[str]:
        """Return the characters with which ways can go on that disagree with the last one."""
        starts = (start for start in range(len(text)) if self.cut[start] is not self.cut[-1])
        return set[str]().union(*(self.lattice.continuations(text[start:]) for start in starts))


class _Search:
    """Finds what must follow a piece so that a word is cut with it, and not cut without it."""

    def __init__(self, whole: Lattice, kept: Lattice) -> None:
        self._whole = whole
        self._kept = kept
        self._budget = _MAX_CONTEXTS

    def context(self, piece: str) -> str | None:
        """Return a pattern of the followers with which a word must be cut behind ``piece``."""
        apart = [*self._whole.best(piece[:-1]), ","]
        if self._whole.best(piece) != [piece] or self._kept.best(piece) != apart:
            return None
        whole, kept = _Ways.up_to(piece, self._whole), _Ways.up_to(piece, self._kept)
        context = self._pattern(piece, whole, kept, _FOLLOWERS)
        return None if context is None else f"(?={context})"

    def _pattern(self, text: str, whole: _Ways, kept: _Ways, further: int) -> str | None:
        """Return what must follow ``text``; None where the word need not be cut."""
        competing, competing_kept = whole.disagreeing(text), kept.disagreeing(text)
        if (not competing and not whole.cut[-1]) or (not competing_kept and kept.cut[-1]):
            return None
        self._budget -= 1
        must_be_cut = whole.cut[-1] and not kept.cut[-1]
        if not competing:
            return ""
        if not further or self._budget < 0:
            return "" if must_be_cut else None
        followers = defaultdict[str, list[str]](list)
        for character in sorted(competing | competing_kept):
            longer = text + character
            rest = self._pattern(longer, whole.grown(longer), kept.grown(longer), further - 1)
            if rest is not None:
                followers[rest].append(character)
        patterns = [f"[{_escaped(found)}]{rest}" for rest, found in followers.items()]
        if must_be_cut:
            patterns.append(f"(?![{_escaped(sorted(competing | competing_kept))}])")
        return f"(?:{'|'.join(patterns)})" if patterns else None


def _escaped(characters: Iterable[str]) -> str:
    return "".join(map(re.escape, characters))
