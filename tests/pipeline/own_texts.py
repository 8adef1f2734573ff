"""Questions over this project's own texts: the behaviour suite's, unusual characters, long ones."""

import random

from tests.pipeline.golden import Asked
from tests.pipeline.parameters import drawn
from tests.pipeline.unicode_texts import unicode_texts
from training.behaviour.question_answering import question_answering_suite

LONG = 90
MOST_PASSAGES = 14
VERY_LONG_PASSAGES = (40, 80)


def own_texts() -> list[Asked]:
    """Every question, with parameters drawn anew for each."""
    source = random.Random("own texts")
    suite = dict.fromkeys(
        (one.question, one.context)
        for case in question_answering_suite().cases
        for one in case.inputs
    )
    pairs = list(suite)
    passages = list(dict.fromkeys(context for _, context in pairs))
    counts = [source.randint(4, MOST_PASSAGES) for _ in range(LONG)]
    for count in (*counts, *VERY_LONG_PASSAGES):
        question, context = source.choice(pairs)
        around = source.sample(passages, count)
        around.insert(source.randrange(count + 1), context)
        pairs.append((question, source.choice((" ", "\n", "\r\n")).join(around)))
    pairs += unicode_texts()
    return [Asked(question, context, drawn(source)) for question, context in pairs]
