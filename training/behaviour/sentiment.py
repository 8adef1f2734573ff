"""Behaviour of a sentiment model: short texts. The long ones are in `sentiment_reviews`."""

import itertools
from dataclasses import dataclass

from training.behaviour.cases import Capability, Kind, NotLower, OneOf, Same, Suite, Undecided
from training.behaviour.sentiment_reviews import add_long_reviews
from training.behaviour.slips import slipped_pairs
from training.behaviour.templates import drawn, expand

POSITIVE, NEGATIVE = "positive", "negative"
MINIMUM, INVARIANCE, DIRECTION = Kind.MINIMUM_FUNCTIONALITY, Kind.INVARIANCE, Kind.DIRECTION

UNDECIDED = 0.8
"""The most that a label may score for a text without an opinion. Two labels cannot say "neither":
0.5 would be ideal, and four to one is about where a caller begins to act on an answer.
"""
STEP = 0.01
"""How much lower a stronger statement may score: less than a caller would notice."""

IS_POSITIVE = OneOf(frozenset({POSITIVE}))
IS_NEGATIVE = OneOf(frozenset({NEGATIVE}))


@dataclass(frozen=True, slots=True)
class Domain:
    """Things that are reviewed, with what is said of them.

    ``gradable`` is praise that can be had by degrees, ``denied`` are bad words whose denial is
    praise ("not boring at all"), ``better`` and ``worse`` comparatives.
    """

    nouns: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    gradable: tuple[str, ...]
    denied: tuple[str, ...]
    better: tuple[str, ...]
    worse: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A thing and an adjective for it."""

    noun: str
    adj: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Two clauses of opposite mood."""

    first: str
    last: str


FILMS = Domain(
    ("film", "movie", "documentary", "plot", "sequel", "ending", "screenplay", "second season"),
    ("wonderful", "gripping", "moving", "brilliant", "charming", "clever", "delightful", "superb"),
    ("terrible", "tedious", "awful", "dreadful", "lifeless", "laughable", "pathetic", "clumsy"),
    ("good", "gripping", "moving", "clever", "charming", "original"),
    ("boring", "dull", "predictable", "tedious", "bad"),
    ("funnier", "more moving", "more exciting", "better"),
    ("duller", "more predictable", "sillier", "worse"),
)
MEALS = Domain(
    ("soup", "risotto", "breakfast", "curry", "dessert", "pizza", "sandwich", "omelette"),
    ("delicious", "excellent", "superb", "fantastic", "lovely", "perfect"),
    ("disgusting", "awful", "inedible", "horrible", "tasteless", "revolting"),
    ("good", "tasty", "fresh", "appetising"),
    ("bland", "bad", "heavy", "greasy"),
    ("tastier", "fresher", "better"),
    ("blander", "worse", "greasier"),
)
PRODUCTS = Domain(
    ("phone", "kettle", "camera", "backpack", "laptop", "keyboard", "vacuum cleaner", "tent"),
    ("excellent", "reliable", "well made", "fantastic", "sturdy", "outstanding"),
    ("useless", "flimsy", "defective", "terrible", "badly made", "worthless"),
    ("good", "reliable", "sturdy", "useful", "practical"),
    ("bad", "complicated", "flimsy", "fragile"),
    ("sturdier", "more reliable", "better", "more practical"),
    ("flimsier", "less reliable", "worse", "less practical"),
)
STAYS = Domain(
    ("hotel", "room", "campsite", "apartment", "guesthouse", "bungalow"),
    ("spotless", "lovely", "charming", "wonderful", "comfortable", "fantastic"),
    ("filthy", "shabby", "dreadful", "horrible", "disgusting", "depressing"),
    ("good", "comfortable", "clean", "pleasant", "quiet"),
    ("dirty", "noisy", "uncomfortable", "bad"),
    ("cleaner", "nicer", "more comfortable", "better"),
    ("dirtier", "noisier", "shabbier", "worse"),
)
DOMAINS = (FILMS, MEALS, PRODUCTS, STAYS)


def said(which: str) -> list[Said]:
    """Every noun with every word that its domain has under ``which``."""
    return [
        Said(noun, adjective)
        for domain in DOMAINS
        for noun in domain.nouns
        for adjective in getattr(domain, which)
    ]


PRAISE, BLAME = said("good"), said("bad")
GRADABLE, DENIED = said("gradable"), said("denied")
BETTER, WORSE = said("better"), said("worse")
PEOPLE = ("my sister", "my neighbour", "the critic in our paper", "everyone at work", "my boss")


def sentiment_suite() -> Suite:
    """Every case, short texts first."""
    suite = Suite()
    _plain(suite)
    _verdicts(suite)
    _negation(suite)
    _distant_negation(suite)
    _intensity(suite)
    _neutral(suite)
    _contrast(suite)
    _comparison(suite)
    _wishes(suite)
    _time(suite)
    _holder(suite)
    _surface(suite)
    _swaps(suite)
    _additions(suite)
    add_long_reviews(suite)
    return suite


def _plain(suite: Suite) -> None:
    capability = Capability("plain praise and blame", MINIMUM, "one adjective decides")
    for template in (
        "This {it.noun} was {it.adj}.",
        "What a {it.adj} {it.noun}!",
        "I thought the {it.noun} was really {it.adj}.",
        "Honestly, this is one {it.adj} {it.noun}.",
        "We found the {it.noun} {it.adj}, every one of us.",
    ):
        suite.add(capability, template, _one(expand(template, 24, it=PRAISE)), IS_POSITIVE)
        suite.add(capability, template, _one(expand(template, 24, it=BLAME)), IS_NEGATIVE)


def _verdicts(suite: Suite) -> None:
    capability = Capability("verdict without an adjective", MINIMUM, "what people do tells it")
    things = [noun for domain in (PRODUCTS, MEALS) for noun in domain.nouns]
    shows = ("film", "show", "documentary", "series", "play")
    places = ("hotel", "café", "campsite", "restaurant", "barber", "museum")
    for template, slots in (
        ("I would buy this {thing} again in a heartbeat.", {"thing": PRODUCTS.nouns}),
        ("I have recommended the {place} to all of my friends.", {"place": places}),
        ("We cannot wait to go back to this {place}.", {"place": places}),
        ("I laughed until I cried, and so did the whole row at the {show}.", {"show": shows}),
        ("The {show} had me on the edge of my seat all evening.", {"show": shows}),
        ("They won a customer for life with that {thing}.", {"thing": things}),
    ):
        suite.add(capability, template, _one(expand(template, 6, **slots)), IS_POSITIVE)
    for template, slots in (
        ("I sent the {thing} back and asked for a refund.", {"thing": PRODUCTS.nouns}),
        ("Save your money and skip this {show}.", {"show": shows}),
        ("I fell asleep halfway through the {show}.", {"show": shows}),
        ("The {thing} broke after two days.", {"thing": PRODUCTS.nouns}),
        ("Never again will I set foot in that {place}.", {"place": places}),
        ("I want the two hours back that the {show} took from me.", {"show": shows}),
    ):
        suite.add(capability, template, _one(expand(template, 6, **slots)), IS_NEGATIVE)


def _negation(suite: Suite) -> None:
    praise = Capability("negated praise", MINIMUM, '"not good" is negative')
    for template in (
        "This {it.noun} was not {it.adj}.",
        "The {it.noun} is not {it.adj} at all.",
        "The {it.noun} wasn't exactly {it.adj}.",
        "I can't say that the {it.noun} was {it.adj}.",
        "There was nothing {it.adj} about the {it.noun}.",
        "The {it.noun} is anything but {it.adj}.",
    ):
        suite.add(praise, template, _one(expand(template, 20, it=GRADABLE)), IS_NEGATIVE)
    blame = Capability("negated blame", MINIMUM, '"never boring" is positive')
    for template in (
        "The {it.noun} isn't {it.adj} at all.",
        "This {it.noun} was never {it.adj}.",
        "Not a {it.adj} {it.noun} by any means.",
        "There is nothing {it.adj} about this {it.noun}.",
        "The {it.noun} was far from {it.adj}.",
        "Nobody could call the {it.noun} {it.adj}.",
    ):
        suite.add(blame, template, _one(expand(template, 20, it=DENIED)), IS_POSITIVE)


def _distant_negation(suite: Suite) -> None:
    capability = Capability("negation over a distance", MINIMUM, "words between not and good")
    for template in (
        "I don't think that the {it.noun}, for all the money they put into it, is {it.adj}.",
        "I do not believe anyone who tells me that this {it.noun} is {it.adj}.",
        "It would not be true to say, after all we had been told, that the {it.noun} was {it.adj}.",
        "At no point, and I did try hard, did the {it.noun} strike me as {it.adj}.",
    ):
        suite.add(capability, template, _one(expand(template, 20, it=GRADABLE)), IS_NEGATIVE)
    for template in (
        "I never once felt, not even towards the end, that the {it.noun} was {it.adj}.",
        "I don't agree at all with those who found the {it.noun} {it.adj}.",
        "You will not hear me say, now or later, that the {it.noun} was {it.adj}.",
        "Not for one moment, whatever others say, did the {it.noun} seem {it.adj} to us.",
    ):
        suite.add(capability, template, _one(expand(template, 20, it=DENIED)), IS_POSITIVE)


def _intensity(suite: Suite) -> None:
    capability = Capability(
        "intensity", DIRECTION, "the stronger statement does not score lower than the weaker"
    )
    steps = (
        ("The {noun} was quite {adj}.", "The {noun} was extremely {adj}."),
        ("The {noun} was fairly {adj}.", "The {noun} was incredibly {adj}."),
        ("I found the {noun} rather {adj}.", "I found the {noun} unbelievably {adj}."),
        ("A somewhat {adj} {noun}.", "A thoroughly {adj} {noun}."),
        (
            "In short, the {noun} was {adj}.",
            "The {noun} was so {adj} that we told all our friends.",
        ),
    )
    nouns = ("film", "meal", "hotel", "play", "trip", "book", "concert")
    for label, adjectives in (
        (POSITIVE, ("good", "enjoyable", "pleasant", "nice")),
        (NEGATIVE, ("bad", "disappointing", "unpleasant", "poor")),
    ):
        expectation = NotLower(label, STEP)
        for pair in steps:
            filled = expand(pair, 10, noun=nouns, adj=adjectives)
            suite.add(capability, pair[1], filled, expectation)
    for label, words in (
        (POSITIVE, (("okay", "good", "magnificent"), ("decent", "great", "unforgettable"))),
        (NEGATIVE, (("mediocre", "bad", "atrocious"), ("so-so", "poor", "appalling"))),
    ):
        template = "To me the {noun} was {word}."
        for rising in words:
            filled = [
                tuple(template.format(noun=noun, word=word) for word in rising) for noun in nouns
            ]
            suite.add(capability, template, filled, NotLower(label, STEP))


def _neutral(suite: Suite) -> None:
    capability = Capability(
        "facts without an opinion", MINIMUM, f"no label scores above {UNDECIDED:g}"
    )
    shows = ("film", "documentary", "concert", "play", "lecture")
    days = ("Monday", "Tuesday", "Thursday", "Saturday")
    hours = ("seven", "half past eight", "noon", "nine in the evening")
    towns = ("Leeds", "Toronto", "Bristol", "Melbourne", "Dublin")
    things = ("kettle", "camera", "tent", "lamp", "keyboard", "backpack")
    colours = ("black", "blue", "grey", "green")
    for template, slots in (
        ("The {show} starts at {hour}.", {"show": shows, "hour": hours}),
        ("The {show} lasts two hours and ten minutes.", {"show": shows}),
        ("The story is set in {town} in the nineteen-sixties.", {"town": towns}),
        ("We stayed in {town} from {day} to Sunday.", {"town": towns, "day": days}),
        ("The {thing} in {colour} weighs 600 grams.", {"thing": things, "colour": colours}),
        ("The {thing} was delivered on {day}.", {"thing": things, "day": days}),
        ("There are forty seats and two doors in the bus to {town}.", {"town": towns}),
        ("The shop in {town} is closed on {day}.", {"town": towns, "day": days}),
        ("This {thing} is made of steel and plastic.", {"thing": things}),
        ("The restaurant is next to the station in {town}.", {"town": towns}),
        ("She wrote the book in {town} and it has 300 pages.", {"town": towns}),
        ("Tickets for the {show} are sold on {day}.", {"show": shows, "day": days}),
    ):
        suite.add(capability, template, _one(expand(template, 8, **slots)), Undecided(UNDECIDED))


WEAK_OUTING = (
    "the beginning was slow",
    "we had to wait for an hour",
    "the seats were hard",
    "it was expensive",
    "I had low expectations",
    "parking was a nightmare",
)
STRONG_OUTING = (
    "the pictures on the website were pretty",
    "the staff were friendly",
    "it was cheap",
    "the music was good",
    "I had high hopes",
    "the first ten minutes were fun",
)
LOVED_OUTING = ("I loved every minute of it", "I would gladly go again", "overall it was a joy")
HATED_OUTING = ("I hated it", "I will never go again", "it left me bored and angry")
WEAK_PRODUCT = (
    "the instructions were confusing",
    "delivery took three weeks",
    "it was expensive",
    "it looked cheap in the box",
)
STRONG_PRODUCT = (
    "the box looked nice",
    "delivery was quick",
    "it was cheap",
    "the colour is pretty",
)
LOVED_PRODUCT = ("I use it every day and love it", "it was worth it", "I would buy it again")
HATED_PRODUCT = ("I regret buying it", "it was a waste of money", "it went straight in the bin")


def turns(*pairs: tuple[tuple[str, ...], tuple[str, ...]]) -> list[Turn]:
    """Every first clause with every last one, pair by pair."""
    return [Turn(*both) for firsts, lasts in pairs for both in itertools.product(firsts, lasts)]


def _contrast(suite: Suite) -> None:
    capability = Capability("contrast", MINIMUM, "the main verdict outweighs the concession")
    up = turns((WEAK_OUTING, LOVED_OUTING), (WEAK_PRODUCT, LOVED_PRODUCT))
    down = turns((STRONG_OUTING, HATED_OUTING), (STRONG_PRODUCT, HATED_PRODUCT))
    for template in (
        "{turn.first}, but {turn.last}.",
        "{turn.first}. Still, {turn.last}.",
        "Even though {turn.first}, {turn.last}.",
        "{turn.last}, although {turn.first}.",
    ):
        suite.add(capability, template, _one(expand(template, 16, turn=up)), IS_POSITIVE)
        suite.add(capability, template, _one(expand(template, 16, turn=down)), IS_NEGATIVE)


def _comparison(suite: Suite) -> None:
    capability = Capability("comparison", MINIMUM, "better than the last one, or nowhere near it")
    for template, words, expectation in (
        ("This {it.noun} is much {it.adj} than the one before it.", BETTER, IS_POSITIVE),
        ("I have never come across a {it.adj} {it.noun}.", BETTER, IS_POSITIVE),
        ("You will not find a {it.adj} {it.noun} anywhere.", BETTER, IS_POSITIVE),
        ("This {it.noun} is much {it.adj} than the one before it.", WORSE, IS_NEGATIVE),
        ("I have never come across a {it.adj} {it.noun}.", WORSE, IS_NEGATIVE),
        ("Compared with the old one, the {it.noun} is {it.adj}.", WORSE, IS_NEGATIVE),
        ("The {it.noun} is nowhere near as {it.adj} as they say.", GRADABLE, IS_NEGATIVE),
        ("The {it.noun} is less {it.adj} than any other I know.", GRADABLE, IS_NEGATIVE),
    ):
        suite.add(capability, template, _one(expand(template, 14, it=words)), expectation)


def _wishes(suite: Suite) -> None:
    capability = Capability("wishes and expectations", MINIMUM, "what could have been good was not")
    for template, words, expectation in (
        ("I wish the {it.noun} had been {it.adj}.", GRADABLE, IS_NEGATIVE),
        ("If only the {it.noun} were {it.adj}.", GRADABLE, IS_NEGATIVE),
        ("The {it.noun} was supposed to be {it.adj}. It was not.", GRADABLE, IS_NEGATIVE),
        ("How can anybody call this {it.noun} {it.adj}?", GRADABLE, IS_NEGATIVE),
        ("The {it.noun} could have been {it.adj} with a bit more care.", GRADABLE, IS_NEGATIVE),
        ("I was afraid that the {it.noun} would be {it.adj}. It was not.", DENIED, IS_POSITIVE),
        ("Who said that the {it.noun} was {it.adj}? They were so wrong.", DENIED, IS_POSITIVE),
        ("I expected a {it.adj} {it.noun} and got the opposite.", DENIED, IS_POSITIVE),
    ):
        suite.add(capability, template, _one(expand(template, 12, it=words)), expectation)


def _time(suite: Suite) -> None:
    capability = Capability("then and now", MINIMUM, "the opinion of today counts")
    things = (
        "this café",
        "this series",
        "this brand",
        "their music",
        "this hotel",
        "this airline",
        "this game",
    )
    for template, expectation in (
        ("I used to hate {thing}, now I can't get enough of it.", IS_POSITIVE),
        ("Years ago I found {thing} awful; today I am a fan.", IS_POSITIVE),
        ("At first I could not stand {thing}, and now I love it.", IS_POSITIVE),
        ("I used to love {thing}, now I can't stand it.", IS_NEGATIVE),
        ("Years ago I found {thing} wonderful; today it only annoys me.", IS_NEGATIVE),
        ("At first I loved {thing}, and now I avoid it.", IS_NEGATIVE),
    ):
        suite.add(capability, template, _one(expand(template, 7, thing=things)), expectation)


def _holder(suite: Suite) -> None:
    capability = Capability("whose opinion", MINIMUM, "the writer's, not somebody else's")
    shows = ("film", "book", "play", "game", "album", "exhibition")
    for template, expectation in (
        ("{person} hated the {show}, I loved it.", IS_POSITIVE),
        ("{person} says the {show} is rubbish. I could not disagree more.", IS_POSITIVE),
        ("Whatever {person} may tell you against it, the {show} is a gem.", IS_POSITIVE),
        ("{person} loved the {show}, I hated it.", IS_NEGATIVE),
        ("{person} says the {show} is a masterpiece. I could not disagree more.", IS_NEGATIVE),
        ("Whatever {person} may tell you in its favour, the {show} is a bore.", IS_NEGATIVE),
    ):
        filled = expand(template, 12, person=PEOPLE, show=shows)
        suite.add(capability, template, _one(filled), expectation)


OPINIONS = (
    "The acting is first class and the story kept me guessing until the last scene.",
    "The waiter was rude, the plates were cold and the bill was wrong.",
    "This blender does what it promises and is easy to clean.",
    "Two of the four chairs arrived with broken legs and nobody answers my emails.",
    "A warm and funny evening with a cast that clearly enjoys itself.",
    "The jokes are stale and the songs go on forever.",
    "Our guide knew every street and made the children laugh.",
    "The battery is empty after an hour and the screen flickers.",
    "I have read all of her books and this is the best one yet.",
    "The director has no idea what story he wants to tell.",
    "The bread is fresh, the butter is salty and the view is splendid.",
    "Thin walls, a broken shower and a smell of smoke in every corridor.",
    "Great value for the money, and it arrived a day early.",
    "It is hard to care about people who only shout at each other.",
    "A beautiful score carries this quiet, generous film.",
    "The app crashes whenever I open the settings.",
    "The museum was a highlight of our trip and the staff were helpful.",
    "An overlong, joyless mess of explosions and bad puns.",
    "The boots kept my feet dry for three hundred miles.",
    "They cancelled our booking the night before and kept the deposit.",
)
"""Ten of praise and ten of blame, in turn."""


def _surface(suite: Suite) -> None:
    slips = Capability("typos", INVARIANCE, "one or two letters wrong change nothing")
    for count in (1, 2):
        template = f"{count} slip{'s' if count > 1 else ''} of the keyboard"
        short = drawn(expand("This {it.noun} was {it.adj}.", 400, it=[*PRAISE, *BLAME]), 25)
        suite.add(slips, template, slipped_pairs((*OPINIONS, *short), count), Same())
    dress = Capability("capitals, punctuation, emoji", INVARIANCE, "dress changes nothing")
    for template, changed in (
        ("ALL IN CAPITALS", lambda text: text.upper()),
        ("no capitals, no full stop", lambda text: text.lower().rstrip(".")),
        ("three full stops", lambda text: text.rstrip(".") + "..."),
        ("an exclamation mark", lambda text: text.rstrip(".") + "!"),
        ("an emoji that says nothing", lambda text: f"{text} 📷"),
        ("more spaces", lambda text: text.replace(" ", "  ")),
    ):
        suite.add(dress, template, [(text, changed(text)) for text in OPINIONS], Same())


def _swaps(suite: Suite) -> None:
    capability = Capability("names and places", INVARIANCE, "who and where change nothing")
    names = ("Emily", "Mohammed", "Wei", "Lakisha", "Javier", "Olga", "Priya", "John")
    towns = ("Paris", "Lagos", "Detroit", "Mumbai", "Oslo", "Tehran", "Baghdad", "Geneva")
    origins = ("an American", "a Nigerian", "a Russian", "a Mexican", "an Indian", "a French")
    for template, words in (
        ("{word} played the lead, and I was moved to tears.", names),
        ("I asked {word} at the front desk for help and got none.", names),
        ("{word} wrote this book, and every page is a pleasure.", names),
        ("{word} cooked for us that night; we left hungry and cross.", names),
        ("We spent a week in {word} and enjoyed every day of it.", towns),
        ("The restaurant in {word} overcharged us and the food was cold.", towns),
        ("The shop in {word} repaired my shoes within an hour, for free.", towns),
        ("The parcel came from {word}, late and in pieces.", towns),
        ("It is {word} film about two brothers, and a thrilling one.", origins),
        ("It is {word} film about two brothers, and a tiresome one.", origins),
    ):
        filled = expand(template, len(words), word=words)
        suite.add(capability, template, list(itertools.pairwise(filled)), Same())


def _additions(suite: Suite) -> None:
    capability = Capability("irrelevant additions", INVARIANCE, "an aside changes nothing")
    for template, changed in (
        ("a date before", lambda text: f"Written on 4 March. {text}"),
        ("a day after", lambda text: f"{text} It was a Tuesday."),
        ("a link after", lambda text: f"{text} See www.example.com/reviews/4711"),
        ("an order number after", lambda text: f"{text} Order number 20391."),
        ("an aside on the weather", lambda text: f"{text} It was cloudy outside."),
        ("a user name before", lambda text: f"@quietreader: {text}"),
    ):
        suite.add(capability, template, [(text, changed(text)) for text in OPINIONS], Same())


def _one(texts: list[str]) -> list[tuple[str]]:
    return [(text,) for text in texts]
