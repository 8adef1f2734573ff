"""The texts that an int8 export is calibrated and judged on where the caller gives none.

Written for this project: reviews, news, talk, instructions and questions, with names, numbers and
accents, so that the activations they cause are as varied as those of texts that are served.
"""

from collections.abc import Sequence

from export.errors import ExportRefusedError
from export.parity import ParitySequence, text_sequence
from export.tokenizer import CheckedTokenizer

SENTENCES = (
    "The film was far better than I had expected, and the music was a joy.",
    "A dull, overlong story that nobody in the audience seemed to care about.",
    "Great.",
    "It broke after two days and the shop refused to take it back.",
    "Not bad at all for the price, though the manual is hard to follow.",
    "I have never laughed so much in a cinema!",
    "The acting is wooden, the plot is thin, and the ending can be seen from miles away.",
    "We waited an hour for a table, but the soup alone was worth it.",
    "Works as described; arrived early and well packed.",
    "If you loved the first part you will be disappointed by this one.",
    "Shares fell by 3.5% on Tuesday after the central bank raised its rates again.",
    "The striker scored twice before half-time, and the visitors never recovered.",
    "Scientists said the probe, launched in 1997, had sent its last pictures of Saturn.",
    "Voters in the northern provinces go to the polls on Sunday to choose a new parliament.",
    "Heavy rain closed three bridges and left about 12,000 homes without power overnight.",
    "The company will cut 400 jobs at its plant near Lyon, a spokeswoman said.",
    "A court in The Hague ruled on Friday that the contract was void.",
    "Oil traded at $71.20 a barrel, its lowest since March 2021.",
    "The minister denied that talks with the unions had failed.",
    "Researchers in Osaka have grown a battery that charges in under a minute.",
    "The river rises in the hills north of the town and runs 120 miles to the sea.",
    "Water boils at 100 °C at sea level, and at about 71 °C on the summit of Everest.",
    "The museum holds four thousand maps, the oldest of them drawn in 1502.",
    "Born in Cracow in 1867, she moved to Paris to study physics and mathematics.",
    "A verb agrees with its subject in person and number.",
    "The bridge was designed by Lena Vogt and opened to traffic in May 1931.",
    "Copper conducts heat better than iron, which is why good pans have copper in them.",
    "In the third act the two brothers meet again, and neither recognises the other.",
    "Penguins of this kind breed only on two islands, where some 30,000 pairs are left.",
    "The treaty was signed at Utrecht after eighteen months of negotiation.",
    "Please set an alarm for half past six tomorrow morning.",
    "How much money do I have left on my card?",
    "what's the weather like in Oslo next weekend",
    "I'd like to book a table for four at eight o'clock.",
    "Can you tell me where my parcel is? The number is 88-2041-7.",
    "turn the lights off in the kitchen and play something quiet",
    "My account has been blocked since yesterday and nobody answers the phone.",
    "Remind me to call Dr. Okafor when I get to the office.",
    "Add two litres of milk, a dozen eggs and flour to the shopping list.",
    "Why was I charged twice for the same ticket?",
    "Café, naïve, Zürich and Ångström are written with accents that ALBERT drops.",
    "It isn't that the plot's weak — it's that there's no plot at all!",
    "Email me at office@example.org, or see https://example.org/help?id=7#top.",
    "LOL that was soooo good!!! 10/10 would watch again :-)",
    "def area(radius): return 3.14159 * radius ** 2",
    "Section 4.2 (b): the tenant shall pay the rent on or before the first day of each month.",
    "To be, or not to be: that is the question.",
    "Take 200 g of sugar, 3 eggs and the juice of a lemon; stir until smooth, then chill.",
    'He said "no", then "perhaps", and finally — after a long silence — "yes".',
    "東京 is the capital of Japan; 北京 is the capital of China.",
    "The quick brown fox jumps over the lazy dog, again and again and again.",
    "Press and hold the button for five seconds until the green light blinks.",
    "Nothing in this world is certain, my grandmother used to say, but the tax collector.",
    "The patient was given 5 mg twice a day; the fever went down within 48 hours.",
    "Although the sun was out, a cold wind blew from the lake all afternoon.",
    "Ten minutes later the train had still not moved, and people began to get off.",
)

QUESTIONS = (
    "Where was the first bridge over the river built, and who paid for it?",
    "Who designed the bridge?",
    "When did it open?",
    "How many jobs will be cut?",
    "What did the minister deny?",
    "At what temperature does water boil on the summit?",
    "Why did people begin to get off?",
    "Which metal conducts heat better than iron?",
    "How many pairs are left?",
    "What does the museum hold?",
    "who was born in cracow",
    "What was signed at Utrecht?",
)

# How many sentences follow one another in a text, by turns: most texts are short, some are long.
_LENGTHS = (1, 1, 2, 1, 4, 1, 8, 2, 1, 16)
_SEQUENCES = 128


def built_in_sequences(
    tokenizer: CheckedTokenizer, pairs: bool, longest: int
) -> list[ParitySequence]:
    """Return 128 sequences of one to sixteen sentences, cut at ``longest`` tokens.

    With ``pairs`` each is a question and a passage.
    """
    sequences = []
    for number in range(_SEQUENCES):
        count = _LENGTHS[number % len(_LENGTHS)] + (3 if pairs else 0)
        start = number * 5
        text = " ".join(SENTENCES[(start + step) % len(SENTENCES)] for step in range(count))
        question = QUESTIONS[number % len(QUESTIONS)] if pairs else None
        sequences.append(text_sequence(tokenizer, text, question, longest))
    return sequences


def sequences_of(
    tokenizer: CheckedTokenizer, lines: Sequence[str], pairs: bool, longest: int
) -> list[ParitySequence]:
    """Return a sequence for each line, cut at ``longest`` tokens.

    A tab splits a line into two texts; for a model that answers questions, into question and
    context. ExportRefusedError if such a model is given a line without one.
    """
    sequences = []
    for number, line in enumerate(lines, 1):
        first, tab, second = line.partition("\t")
        if pairs and not (tab and first.strip() and second.strip()):
            raise ExportRefusedError(
                f"calibration text {number} is not a question, a tab and a context"
            )
        text, before = (second, first) if tab else (first, None)
        sequences.append(text_sequence(tokenizer, text, before, longest))
    return sequences
