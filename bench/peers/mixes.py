"""The three mixes of text lengths that servers are compared on."""

from bench.lengths import MIXED, LengthMix

SHORT = LengthMix("short", median=23.3, sigma=0.47, shortest=6, longest=75)
"""Like the sentences of SST-2, whose lengths spread as much: mean 26 tokens."""

NEWS = LengthMix("news", median=45.4, sigma=0.34, shortest=12, longest=160)
"""Like the headlines with their first sentence in AG News: mean 48 tokens."""

MIXES = {mix.name: mix for mix in (SHORT, NEWS, MIXED)}
