"""Undoes the Penn Treebank's tokenisation, which SST-2 and the Yelp sentences are stored in."""

import re

_RULES = (
    (re.compile(r" (n't|'s|'re|'ve|'ll|'d|'m)\b"), r"\1"),
    (re.compile(r"\bca n't\b"), "can't"),
    (re.compile(r"-lrb- ?"), "("),
    (re.compile(r" ?-rrb-"), ")"),
    (re.compile(r"`` ?"), '"'),
    (re.compile(r" ?''"), '"'),
    (re.compile(r" ([.,;:!?)%])"), r"\1"),
    (re.compile(r"([($#]) "), r"\1"),
    (re.compile(r" -- "), " – "),
)


def as_written(text: str) -> str:
    """``it 's bad , is n't it ?`` becomes ``it's bad, isn't it?``: spaces as people set them."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())
