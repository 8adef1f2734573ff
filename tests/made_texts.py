"""Texts that are all different: identical ones would be answered by one run."""

import itertools
import random
from collections.abc import Sequence

WORDS = ["the", "film", "was", "good", "and", "the", "music", "was", "better"]
_NEXT = itertools.count()


def distinct_texts(count: int, words: int, among: Sequence[str] = WORDS) -> list[str]:
    """``count`` texts of as many ``words``, none of which was ever given before in this process."""
    return [" ".join(random.Random(next(_NEXT)).choices(among, k=words)) for _ in range(count)]
