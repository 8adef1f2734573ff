"""Parameters drawn at random, every one of them, so that each meets each."""

import random
from typing import Any

SHARE_OF_DEFAULTS = 0.3
SHARE_OF_EACH = 0.45
CHOICES: dict[str, tuple[Any, ...]] = {
    "top_k": (1, 2, 3, 5, 10, 20),
    "doc_stride": (0, 1, 16, 32, 64, 128),
    "max_answer_len": (1, 2, 5, 15, 30, 100, 400),
    "max_seq_len": (96, 128, 200, 256, 384, 512),
    "max_question_len": (8, 64),
    "handle_impossible_answer": (True, False),
    "align_to_words": (True, False),
}
DEFAULT_MAX_SEQ_LEN = 384


def drawn(source: random.Random) -> dict[str, Any]:
    """Some of the parameters, or none."""
    if source.random() < SHARE_OF_DEFAULTS:
        return {}
    parameters = {
        name: source.choice(values)
        for name, values in CHOICES.items()
        if source.random() < SHARE_OF_EACH
    }
    # A question of usual length must leave more room than the windows share.
    if parameters.get("doc_stride", 0) > parameters.get("max_seq_len", DEFAULT_MAX_SEQ_LEN) // 2:
        del parameters["doc_stride"]
    return parameters
