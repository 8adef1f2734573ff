"""Makes training sentences out of labelled ones: negated, turned round by a "but", with a slip.

Averages over reviews hide that a small model reads words and not sentences; these sentences are
where the words alone mislead.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable

from training.datasets import LabelledText
from training.penn_treebank import as_written

NEGATIVE, POSITIVE = range(2)
GRADED = re.compile(r"\b(?:very|extremely|quite) ([a-z]{3,})\b")
OFTEN_GRADED = 8
NOT_ADJECTIVES = frozenset({"well", "much", "very", "few", "little", "often", "rarely", "pretty"})
SUBJECTS = (
    "it", "this", "that", "the film", "the movie", "the book", "the food",
    "the service", "the place", "the story", "my order", "the screen", "the hotel", "the staff",
)  # fmt: skip
NEGATIONS = (
    "{subject} was not {word}",
    "{subject} is not {word}",
    "{subject} isn't {word}",
    "{subject} wasn't very {word}",
    "{subject} was never {word}",
    "{subject} was hardly {word}",
    "{subject} was anything but {word}",
    "{subject} is not at all {word}",
    "{subject} did not seem {word} to me",
    "i did not find {subject} {word}",
    "i don't think {subject} was {word}",
    "nobody would call {subject} {word}",
    "not {word}",
    "not very {word}",
    "not {word} at all",
)
ASSERTIONS = (
    "{subject} was {word}",
    "{subject} is very {word}",
    "{subject} was so {word}",
    "{subject} is really {word}",
    "{subject} seemed {word} to me",
    "i found {subject} {word}",
    "i think {subject} was {word}",
    "{word}",
    "very {word}",
)
TURNS = (", but ", ". but ", ". however, ", ". still, ", ". in the end, ", ". overall, ", ", yet ")


def polar_words(phrases: list[LabelledText], reviews: Iterable[str]) -> list[LabelledText]:
    """Words that SST-2 labels by themselves and that reviewers often put after "very"."""
    graded: Counter[str] = Counter()
    for review in reviews:
        graded.update(GRADED.findall(review.lower()))
    single = {row.text.strip().lower(): row for row in phrases if " " not in row.text.strip()}
    return [
        row
        for word, row in sorted(single.items())
        if graded[word] >= OFTEN_GRADED and word not in NOT_ADJECTIVES and not word.endswith("ly")
    ]


def negated(words: list[LabelledText], draw: random.Random) -> LabelledText:
    """A short sentence with one of the words; two in three say that it is not so."""
    row, subject = draw.choice(words), draw.choice(SUBJECTS)
    word = row.text.strip()
    if draw.random() < 2 / 3:
        pattern, label = draw.choice(NEGATIONS), POSITIVE + NEGATIVE - row.label
    else:
        pattern, label = draw.choice(ASSERTIONS), row.label
    return LabelledText(pattern.format(subject=subject, word=word), label)


def turned(rows: list[LabelledText], draw: random.Random, count: int) -> list[LabelledText]:
    """One to four sentences of one label, a turn, and a sentence of the other, which decides."""
    texts = {
        label: [as_written(row.text).rstrip(" .!") for row in rows if row.label == label]
        for label in (NEGATIVE, POSITIVE)
    }
    made = []
    for _ in range(count):
        label = draw.choice((NEGATIVE, POSITIVE))
        before = draw.choices(texts[POSITIVE + NEGATIVE - label], k=draw.choice((1, 1, 2, 4)))
        verdict = draw.choice(texts[label])
        made.append(LabelledText(f"{'. '.join(before)}{draw.choice(TURNS)}{verdict}.", label))
    return made


def slipped(text: str, draw: random.Random) -> str:
    """The text with one letter of a longer word left out, doubled, or changed places with the next.

    A text without a word of five letters comes back as it is.
    """
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    place = draw.choice(long)
    word, at = words[place], draw.randrange(1, len(words[place]) - 1)
    words[place] = draw.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )
    return " ".join(words)
