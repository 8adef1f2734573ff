"""Behaviour of a model that tells CLINC150's intents, or that a sentence is out of their scope."""

import itertools
from collections.abc import Iterable

from training.behaviour.cases import Capability, Expectation, Kind, OneOf, Same, Suite
from training.behaviour.intent_sentences import BRIEF, OUT_OF_SCOPE, SENTENCES
from training.behaviour.slips import slipped_pairs
from training.behaviour.templates import drawn, expand

OUT_OF_SCOPE_LABEL = "out_of_scope"
MINIMUM, INVARIANCE = Kind.MINIMUM_FUNCTIONALITY, Kind.INVARIANCE

NAMES = ("karen", "mohammed", "giulia", "mr tanaka", "my sister", "dr novak")
CITIES = ("boston", "nairobi", "lyon", "kansas city", "osaka", "tampa")
COUNTRIES = ("portugal", "vietnam", "morocco", "iceland", "chile", "jordan")
AMOUNTS = ("$20", "75 dollars", "$1,250", "three hundred dollars", "8 euros")
HOURS = ("5 am", "half past seven", "noon", "10:45", "nine tonight")
DAYS = ("monday", "the 3rd of may", "next friday", "tomorrow", "june 21")
FOODS = ("lentils", "salmon", "a bagel", "tofu", "blueberries", "an omelette")
DISHES = ("beef stew", "tacos", "ratatouille", "banana bread", "fried rice", "borscht")
WORDS = ("perseverance", "chihuahua", "entrepreneur", "onomatopoeia", "queue", "zephyr")
LANGUAGES = ("swedish", "arabic", "korean", "portuguese", "polish", "hindi")
SONGS = ("the beatles", "bohemian rhapsody", "a lullaby", "some reggae", "vivaldi", "hip hop")

FRAMES = (
    ("transfer", "please move {amount} out of checking into savings", {"amount": AMOUNTS}),
    ("alarm", "get me out of bed at {hour} {day}", {"hour": HOURS[:3], "day": DAYS[2:4]}),
    ("weather", "do i need an umbrella in {city} on {day}", {"city": CITIES, "day": DAYS}),
    ("book_flight", "i have to fly to {city} {day}, book me a seat", {"city": CITIES, "day": DAYS}),
    ("book_hotel", "i need somewhere to sleep in {city}, book me a hotel", {"city": CITIES}),
    ("translate", "what do people say for thank you in {language}", {"language": LANGUAGES}),
    ("spelling", "i never know how {word} is spelled", {"word": WORDS}),
    ("definition", "what on earth does {word} mean", {"word": WORDS}),
    ("calories", "will {food} give me many calories", {"food": FOODS}),
    ("nutrition_info", "tell me about the nutrients in {food}", {"food": FOODS}),
    ("recipe", "i would love to learn how one makes {dish}", {"dish": DISHES}),
    ("ingredients_list", "what must i buy so that i can make {dish}", {"dish": DISHES}),
    ("cook_time", "for how many minutes do i cook {dish}", {"dish": DISHES}),
    ("exchange_rate", "what are {amount} worth in yen", {"amount": AMOUNTS}),
    ("international_visa", "may i go to {country} without a visa", {"country": COUNTRIES}),
    ("vaccines", "should i get shots before i go to {country}", {"country": COUNTRIES}),
    ("travel_alert", "is {country} dangerous for travelers right now", {"country": COUNTRIES}),
    ("travel_suggestion", "name some sights that i must not miss in {city}", {"city": CITIES}),
    ("plug_type", "will my charger fit the sockets in {country}", {"country": COUNTRIES}),
    ("make_call", "get {name} on the phone for me", {"name": NAMES}),
    ("text", "send {name} a text that i am running late", {"name": NAMES}),
    ("schedule_meeting", "find a slot for a meeting with {name} {day}",
     {"name": NAMES, "day": DAYS}),
    ("reminder_update", "don't let me forget to write to {name} {day}",
     {"name": NAMES, "day": DAYS[2:4]}),
    ("share_location", "show {name} where i am on the map", {"name": NAMES}),
    ("play_music", "i feel like hearing {song}", {"song": SONGS}),
    ("restaurant_reservation", "book us a table for six at the bistro, {hour}",
     {"hour": HOURS[1:]}),
    ("timezone", "what time zone are people in {city} in", {"city": CITIES}),
    ("car_rental", "where could i rent a car in {city}", {"city": CITIES}),
    ("pto_request", "i'd like to have {day} off, please put it in", {"day": DAYS}),
    ("travel_notification", "let my bank know that i will be in {country}",
     {"country": COUNTRIES}),
)  # fmt: skip
"""An intent, a template of our own, and what fills it."""

WRAPPERS = (
    ("hey could you please {}", "hey could you please"),
    ("{} thanks", "thanks behind"),
    ("um so {}", "hesitation"),
    ("excuse me, {}", "excuse me"),
    ("i was wondering, {}", "i was wondering"),
)

NEIGHBOURS = (
    ("balance", "how much is in my account"),
    ("bill_balance", "how much is on my internet bill"),
    ("min_payment", "how little may i pay on my card this month"),
    ("credit_limit", "up to what amount can i use my card"),
    ("credit_limit_change", "please let me spend more with my card, raise the limit"),
    ("credit_score", "how good is my credit"),
    ("improve_credit_score", "how do i make my credit better"),
    ("apr", "what apr does my card have"),
    ("interest_rate", "what rate of interest do my savings earn"),
    ("report_lost_card", "my card is gone, i must have dropped it"),
    ("damaged_card", "my card is bent and won't swipe"),
    ("card_declined", "the waiter says that my card does not go through"),
    ("report_fraud", "there are purchases on my card that i did not make"),
    ("replacement_card_duration", "how soon does a replacement for my lost card come"),
    ("new_card", "i want to apply for a credit card"),
    ("application_status", "did i get the credit card that i applied for"),
    ("account_blocked", "my account is blocked, why"),
    ("freeze_account", "block my account now"),
    ("pay_bill", "pay the phone bill"),
    ("bill_due", "when must the phone bill be paid"),
    ("shopping_list", "which things are on the shopping list"),
    ("shopping_list_update", "put tea on the shopping list"),
    ("todo_list", "what's on my to do list"),
    ("todo_list_update", "put ironing on my to do list"),
    ("calendar", "what's on my calendar for sunday"),
    ("calendar_update", "put the picnic on my calendar for sunday"),
    ("reminder", "what are my reminders"),
    ("reminder_update", "remind me of the picnic"),
    ("meeting_schedule", "when is my meeting"),
    ("schedule_meeting", "set up a meeting"),
    ("pto_balance", "how many days of vacation have i left"),
    ("pto_used", "how many days of vacation have i used"),
    ("pto_request", "i want to take vacation from the 1st to the 8th"),
    ("pto_request_status", "was my vacation approved"),
    ("oil_change_how", "how is oil changed in a car"),
    ("oil_change_when", "when do i need to change the oil next"),
    ("tire_change", "how is a tire changed"),
    ("tire_pressure", "what pressure do my tires have"),
    ("gas", "how full is the tank"),
    ("gas_type", "which gas do i fill into the tank"),
    ("mpg", "how much gas does my car use"),
    ("last_maintenance", "when did my car last have maintenance"),
    ("schedule_maintenance", "book maintenance for my car"),
    ("restaurant_suggestion", "where could we eat out tonight"),
    ("meal_suggestion", "what could i make for dinner"),
    ("restaurant_reviews", "do people like the food at chili's"),
    ("restaurant_reservation", "book us a table at chili's"),
    ("confirm_reservation", "do we have a table at chili's"),
    ("cancel_reservation", "we don't need the table at chili's any more, cancel it"),
    ("accept_reservations", "can tables be reserved at chili's"),
    ("how_busy", "is chili's busy on sundays"),
    ("recipe", "how is guacamole made"),
    ("ingredients_list", "what is guacamole made of"),
    ("ingredient_substitution", "what can replace lime in guacamole"),
    ("food_last", "how long is guacamole good for"),
    ("calories", "how many calories has guacamole"),
    ("change_user_name", "call me sam"),
    ("user_name", "what am i called"),
    ("change_ai_name", "i'd rather call you sam"),
    ("what_is_your_name", "what is your name"),
    ("who_made_you", "who was it that made you"),
    ("who_do_you_work_for", "for whom do you work"),
    ("change_language", "speak danish with me"),
    ("translate", "how do i say speak in danish"),
    ("change_accent", "use another accent"),
    ("change_speed", "speak a bit faster"),
    ("change_volume", "speak louder"),
    ("whisper_mode", "speak in a whisper"),
    ("play_music", "play a song"),
    ("next_song", "play another song after this one"),
    ("what_song", "which song are they playing"),
    ("update_playlist", "put this song on my playlist"),
    ("rewards_balance", "how many reward points do i have"),
    ("redeem_rewards", "how do i spend my reward points"),
    ("transactions", "which purchase did i make last"),
    ("spending_history", "how much of my money went on shoes"),
    ("transfer", "send money to my savings account"),
    ("time", "what's the time in madrid"),
    ("timezone", "what's the time zone of madrid"),
    ("timer", "set a timer for a minute"),
    ("distance", "how far away is the zoo"),
    ("directions", "how do i get to the zoo"),
    ("traffic", "is there much traffic on the way to the zoo"),
    ("uber", "call an uber to the zoo"),
    ("current_location", "where am i"),
    ("share_location", "tell joe where i am"),
    ("order", "order a kettle"),
    ("order_status", "where is the kettle i ordered"),
    ("order_checks", "order checkbooks"),
    ("flight_status", "is my flight late"),
    ("book_flight", "book a flight"),
    ("insurance", "what does my insurance pay for"),
    ("insurance_change", "i want another insurance"),
    ("income", "how much am i paid"),
    ("payday", "when is my pay coming"),
    ("direct_deposit", "get my pay deposited directly"),
    ("taxes", "how much are my taxes"),
    ("w2", "i need my w2"),
)  # fmt: skip
"""An intent, and a sentence that shares its words with one of another intent."""


def intents_suite() -> Suite:
    """Every case."""
    suite = Suite()
    _own_words(suite)
    _frames(suite)
    _neighbours(suite)
    _brief(suite)
    _out_of_scope(suite)
    _wrapped(suite)
    _surface(suite)
    return suite


def _is(intent: str) -> Expectation:
    return OneOf(frozenset({intent}))


def _ones(texts: Iterable[str]) -> list[tuple[str]]:
    return [(text,) for text in texts]


def _own_words(suite: Suite) -> None:
    capability = Capability("every intent in other words", MINIMUM, "three sentences for each")
    for intent, sentences in SENTENCES.items():
        suite.add(capability, intent, _ones(sentences), _is(intent))


def _frames(suite: Suite) -> None:
    told = Capability("names, amounts, days", MINIMUM, "whatever they are, the intent is clear")
    kept = Capability("other names, amounts, days", INVARIANCE, "they change nothing")
    for intent, template, slots in FRAMES:
        texts = [text.lower() for text in expand(template, 5, **slots)]
        suite.add(told, template, _ones(texts), _is(intent))
        suite.add(kept, template, list(itertools.pairwise(texts)), Same())


def _neighbours(suite: Suite) -> None:
    capability = Capability("intents with the same words", MINIMUM, "lost, broken or refused card")
    for intent, sentence in NEIGHBOURS:
        suite.add(capability, intent, [(sentence,)], _is(intent))


def _brief(suite: Suite) -> None:
    capability = Capability("one to four words", MINIMUM, "as to a machine")
    for intent, sentences in BRIEF.items():
        suite.add(capability, intent, _ones(sentences), _is(intent))


def _out_of_scope(suite: Suite) -> None:
    capability = Capability("out of scope", MINIMUM, "what no intent is for")
    politely = Capability("out of scope, asked politely", MINIMUM, "courtesy is no intent")
    for subject, sentences in OUT_OF_SCOPE.items():
        suite.add(capability, subject, _ones(sentences), _is(OUT_OF_SCOPE_LABEL))
        polite = [f"hey could you please tell me, {sentence}" for sentence in sentences]
        suite.add(politely, subject, _ones(polite), _is(OUT_OF_SCOPE_LABEL))


def _sample() -> list[str]:
    """One sentence of every second intent that is longer than courtesy itself."""
    longer = [sentences[0] for sentences in SENTENCES.values() if len(sentences[0].split()) > 3]
    return longer[::2]


def _wrapped(suite: Suite) -> None:
    capability = Capability("courtesy and hesitation", INVARIANCE, "words around change nothing")
    for wrapper, template in WRAPPERS:
        pairs = [(text, wrapper.format(text)) for text in drawn(_sample(), 40)]
        suite.add(capability, template, pairs, Same())


def _surface(suite: Suite) -> None:
    typos = Capability("typos", INVARIANCE, "one or two letters wrong change nothing")
    dress = Capability("dress", INVARIANCE, "capitals and punctuation change nothing")
    texts = _sample()
    for slips in (1, 2):
        template = f"{slips} slip{'s' if slips > 1 else ''}"
        suite.add(typos, template, slipped_pairs(texts, slips), Same())
    for template, changed in (
        ("CAPITALS", lambda text: text.upper()),
        ("a question mark", lambda text: text + "?"),
        ("as a sentence", lambda text: text[0].upper() + text[1:] + "."),
    ):
        suite.add(dress, template, [(text, changed(text)) for text in drawn(texts, 30)], Same())
