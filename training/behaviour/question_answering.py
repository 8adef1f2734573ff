"""Behaviour of a question-answering model: questions over `passages` and `short_texts`."""

from collections.abc import Sequence

from training.behaviour.cases import Asked, Capability, Expectation, Kind, OneOf, Same, Suite
from training.behaviour.passages import PASSAGES, Filled, fill
from training.behaviour.short_texts import (
    ANOTHER_SUBJECT,
    DENIALS,
    MANY_SCRIPTS,
    NEEDLES,
    ORDERS,
    SEVERAL_CANDIDATES,
    ShortText,
)
from training.behaviour.slips import slipped_pairs
from training.behaviour.templates import drawn, in_writing
from training.metrics import normalised_answer

MINIMUM, INVARIANCE = Kind.MINIMUM_FUNCTIONALITY, Kind.INVARIANCE
USES_OF_A_PASSAGE = 4
USES_OF_A_SHORT_TEXT = 8
USES_OF_A_NEEDLE = 5
PASSAGES_AROUND_A_NEEDLE = 8
"""Some 600 words, which is more than one window of the service's 384 tokens."""

IS_MISSING = OneOf(frozenset({""}))

REPHRASED = {
    "bridge": (
        ("Who designed the bridge?", "By whom was the bridge designed?"),
        ("How long is the bridge?", "What is the length of the bridge?"),
    ),
    "scientist": (
        ("What did {woman} study?", "Which subject did {woman} study?"),
        ("Where was {woman} born?", "What is the birthplace of {woman}?"),
    ),
    "company": (
        ("Who founded {company}?", "{company} was founded by whom?"),
        ("How many people does {company} employ?", "How many people work for {company}?"),
    ),
    "voyage": (
        ("Who was the captain of the Petrel?", "Under which captain did the Petrel sail?"),
        ("When was the wreck found?", "In what year did divers find the wreck?"),
    ),
    "concert": (
        ("How much does a ticket cost?", "What is the price of a ticket?"),
        ("Who conducts the choir?", "What is the name of the conductor of the choir?"),
    ),
    "match": (
        ("Who was the referee?", "What was the name of the referee?"),
        ("Who scored twice?", "Which player scored two goals?"),
    ),
    "lamp": (
        ("How much does the lamp weigh?", "What is the weight of the lamp?"),
        ("How long is the warranty?", "For how long is the lamp under warranty?"),
    ),
    "bird": (
        ("What does the bird feed on?", "What does the bird eat?"),
        ("Who first described the species?", "By whom was the species first described?"),
    ),
    "flat": (
        ("How much is the rent?", "What does the flat cost a month?"),
        ("Who is the tenant?", "What is the name of the tenant?"),
    ),
    "storm": (
        ("How many people were hurt?", "How many people were injured?"),
        ("Which city's airport was closed?", "In which city was the airport closed?"),
    ),
    "cake": (
        ("How many eggs are needed?", "How many eggs does one need?"),
        ("How long is the cake baked?", "For how long does the cake bake?"),
    ),
    "railway": (
        ("When was the line opened?", "In which year did the line open?"),
        ("Who drove the first train?", "What was the name of the first train's driver?"),
    ),
    "novel": (
        ("Who wrote {title}?", "Who is the author of {title}?"),
        ("How many pages does the book have?", "How many pages long is the book?"),
    ),
    "town": (
        ("How many inhabitants does {town} have?", "How many people live in {town}?"),
        ("Who is the mayor of {town}?", "What is the name of the mayor of {town}?"),
    ),
}
"""By the name of a passage, pairs of questions that ask for the same thing."""


def question_answering_suite() -> Suite:
    """Every case."""
    suite = Suite()
    uses = [fill(passage, number) for passage in PASSAGES for number in range(USES_OF_A_PASSAGE)]
    _kinds_of_answers(suite, uses)
    for capability, texts in (
        (
            Capability("several candidates", MINIMUM, "names and figures like it"),
            SEVERAL_CANDIDATES,
        ),
        (Capability("denials", MINIMUM, "not this one but that one"), DENIALS),
        (Capability("order in time", MINIMUM, "first, last, before, after, now"), ORDERS),
        (Capability("names of many scripts", MINIMUM, "accents, other alphabets"), MANY_SCRIPTS),
    ):
        _short_texts(suite, capability, texts)
    _long_texts(suite, uses)
    _missing(suite, uses)
    _rephrased(suite, uses)
    _surface(suite, uses)
    return suite


def _is(answers: Sequence[str]) -> Expectation:
    """One of these texts, compared as SQuAD's evaluation does."""
    return OneOf(frozenset(normalised_answer(answer) for answer in answers))


def _kinds_of_answers(suite: Suite, uses: list[Filled]) -> None:
    for kind, says in (
        ("number", "how many, how much, how long"),
        ("date", "a year, a day or an hour"),
        ("person", "a name"),
        ("place", "a town, a building, a river"),
        ("thing", "what something is, or is called"),
        ("reason", "the clause that says why"),
    ):
        capability = Capability(f"answer is a {kind}", MINIMUM, says)
        for use in uses:
            for query in use.queries:
                if query.kind == kind:
                    asked = Asked(query.question, use.text)
                    suite.add(capability, f"{use.name}, {kind}", [(asked,)], _is(query.answers))


def _short_texts(suite: Suite, capability: Capability, texts: Sequence[ShortText]) -> None:
    for text in texts:
        for number in range(USES_OF_A_SHORT_TEXT):
            use = text.filled(number)
            asked = [(Asked(question, use.text),) for question in use.questions]
            suite.add(capability, text.text, asked, _is(use.answers))


def _long_texts(suite: Suite, uses: list[Filled]) -> None:
    for name, place in (("start", 0.0), ("middle", 0.5), ("end", 1.0)):
        capability = Capability(
            f"{name} of a long text", MINIMUM, "some 600 words on other subjects around the answer"
        )
        for needle in NEEDLES:
            for number in range(USES_OF_A_NEEDLE):
                use = needle.filled(number)
                others = uses[number % USES_OF_A_PASSAGE :: USES_OF_A_PASSAGE]
                around = drawn([each.text for each in others], PASSAGES_AROUND_A_NEEDLE)
                around.insert(round(place * len(around)), use.text)
                asked = Asked(use.questions[0], " ".join(around))
                suite.add(capability, f"{needle.text} {name}", [(asked,)], _is(use.answers))


def _missing(suite: Suite, uses: list[Filled]) -> None:
    missing = Capability("no answer, same subject", MINIMUM, "the text does not say")
    for use in uses:
        asked = [(Asked(question, use.text, True),) for question in use.unanswered]
        suite.add(missing, f"{use.name}, not said", asked, IS_MISSING)
    about = Capability("no answer, another name", MINIMUM, "the text says it of someone else")
    for text in ANOTHER_SUBJECT:
        for number in range(USES_OF_A_SHORT_TEXT):
            short = text.filled(number)
            asked = [(Asked(question, short.text, True),) for question in short.questions]
            suite.add(about, text.text, asked, IS_MISSING)
    there = Capability("an answer, though there might be none", MINIMUM, "it is not withheld")
    for use in uses:
        for query in drawn(use.queries, 3):
            asked = Asked(query.question, use.text, True)
            suite.add(there, f"{use.name}, said", [(asked,)], _is(query.answers))


def _rephrased(suite: Suite, uses: list[Filled]) -> None:
    capability = Capability("question in other words", INVARIANCE, "the same answer to both")
    for use in uses:
        for pair in REPHRASED[use.name]:
            questions = [in_writing(question.format(**use.filling)) for question in pair]
            asked = tuple(Asked(question, use.text) for question in questions)
            suite.add(capability, pair[1], [asked], Same())


def _surface(suite: Suite, uses: list[Filled]) -> None:
    typos = Capability("typos in the question", INVARIANCE, "one letter wrong changes nothing")
    dress = Capability(
        "dress of the question", INVARIANCE, "capitals, no question mark, politeness"
    )
    around = Capability("irrelevant sentences", INVARIANCE, "more text around changes nothing")
    for use in uses:
        first, second, third = drawn(use.queries, 3)
        for query in (first, second):
            for pair in slipped_pairs([query.question], 1):
                asked = tuple(Asked(each, use.text) for each in pair)
                suite.add(typos, "one slip", [asked], Same())
        for template, changed in (
            ("CAPITALS", second.question.upper()),
            ("no question mark", second.question.lower().rstrip("?")),
            ("please", f"Please tell me: {second.question}"),
        ):
            pair = (second.question, changed)
            suite.add(dress, template, [tuple(Asked(each, use.text) for each in pair)], Same())
        for template, text in (
            ("a sentence before", f"Please read the following text with care. {use.text}"),
            ("a sentence after", f"{use.text} You will find more on the notice board."),
        ):
            pair = (Asked(third.question, use.text), Asked(third.question, text))
            suite.add(around, template, [pair], Same())
