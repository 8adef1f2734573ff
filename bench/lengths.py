"""Mixes of text lengths, in tokens, special tokens included."""

import math
import random
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class LengthMix:
    """A lognormal mix: ``median`` tokens, ``sigma`` of the logarithm, cut to ``shortest`` and
    ``longest`` tokens.
    """

    name: str
    median: float
    sigma: float
    shortest: int
    longest: int

    def sample(self, count: int, seed: int = 0) -> list[int]:
        """``count`` lengths in a random order.

        They are the distribution's quantiles at the middle of ``count`` equal shares, not draws
        from it, so that a small sample has the long texts that its size asks for, no more and no
        fewer.
        """
        normal = NormalDist(math.log(self.median), self.sigma)
        lengths = [round(math.exp(normal.inv_cdf((index + 0.5) / count))) for index in range(count)]
        lengths = [min(max(length, self.shortest), self.longest) for length in lengths]
        random.Random(seed).shuffle(lengths)
        return lengths


SHORT = LengthMix("short", median=23.3, sigma=0.47, shortest=6, longest=75)
"""Single sentences, as in SST-2: mean 26 tokens."""

NEWS = LengthMix("news", median=45.4, sigma=0.34, shortest=12, longest=160)
"""Headline and first sentence, as in AG News: mean 48 tokens."""

MIXED = LengthMix("mixed", median=40, sigma=0.9, shortest=6, longest=384)
"""Reviews, questions and paragraphs together: mean 59 tokens."""

MIXES = {mix.name: mix for mix in (SHORT, NEWS, MIXED)}

SHORT_TOKENS = 64
"""Up to which the latency goals call a text short."""
