"""Behaviour of a model that sorts news into World, Sports, Business and Sci/Tech."""

import itertools
from collections.abc import Mapping

from training.behaviour.cases import Capability, Expectation, Kind, OneOf, Same, Suite
from training.behaviour.slips import slipped_pairs
from training.behaviour.templates import drawn, expand

WORLD, SPORTS, BUSINESS, SCIENCE = "World", "Sports", "Business", "Sci/Tech"
MINIMUM, INVARIANCE = Kind.MINIMUM_FUNCTIONALITY, Kind.INVARIANCE
OF_A_HEADLINE = 12
OF_AN_ARTICLE = 8

Slots = Mapping[str, tuple[str, ...]]
Templates = tuple[tuple[str, Slots], ...]

COUNTRIES = ("Peru", "Kenya", "Ukraine", "Thailand", "Hungary", "Sudan", "Colombia", "Nepal")
CAPITALS = ("Cairo", "Madrid", "Jakarta", "Athens", "Accra", "Ankara", "Manila", "Warsaw")
LEADERS = ("president", "prime minister", "foreign minister", "opposition leader")
CLUBS = ("Arsenal", "Juventus", "Valencia", "Porto", "Celtic", "Leeds", "Ajax", "Benfica")
CITIES = ("Boston", "Denver", "Chicago", "Toronto", "Phoenix", "Detroit", "Dallas", "Seattle")
PLAYERS = ("Moreno", "Lindqvist", "Okafor", "Petrova", "Tanaka", "Hughes", "Silva", "Novak")
ROUNDS = ("quarter-finals", "semi-finals", "final", "last sixteen")
FIRMS = ("the retailer", "the carmaker", "the airline", "the insurer", "the brewer", "the bank")
NAMED_FIRMS = ("Volkswagen", "Nestle", "Boeing", "Barclays", "Unilever", "Walmart")
PERCENT = ("3", "7", "12", "18", "25")
BODIES = ("Mars", "Saturn", "Venus", "the Moon", "Jupiter")
TECH_FIRMS = ("Google", "Microsoft", "Apple", "IBM", "Intel", "Sony")

HEADLINES: dict[str, Templates] = {
    WORLD: (
        ("{country} votes in first election since the coup", {"country": COUNTRIES}),
        ("Gunmen kill nine in attack on army post in {country}", {"country": COUNTRIES}),
        (
            "Thousands march in {capital} to demand that the {leader} resign",
            {"capital": CAPITALS, "leader": LEADERS},
        ),
        ("Ceasefire in {country} holds for a second day, UN envoy says", {"country": COUNTRIES}),
        ("Earthquake in {country} leaves hundreds homeless", {"country": COUNTRIES}),
        (
            "{country} expels two diplomats of {other} in spying row",
            {"country": COUNTRIES[:4], "other": COUNTRIES[4:]},
        ),
        ("Refugees flee fighting near {capital}", {"capital": CAPITALS}),
        ("Car bomb outside ministry in {capital} wounds dozens", {"capital": CAPITALS}),
    ),
    SPORTS: (
        (
            "{club} beat {other} on penalties to reach {round}",
            {"club": CLUBS[:4], "other": CLUBS[4:], "round": ROUNDS},
        ),
        ("{player} wins third title of the season in straight sets", {"player": PLAYERS}),
        ("{club} sack coach after sixth defeat in a row", {"club": CLUBS}),
        ("{city} quarterback out for season with knee injury", {"city": CITIES}),
        ("{player} sprints to gold in the 200 metres", {"player": PLAYERS}),
        ("Rookie pitcher throws shutout as {city} sweep series", {"city": CITIES}),
        ("{player} takes two-shot lead into last round of the Open", {"player": PLAYERS}),
        ("{player} scores hat-trick in {club} win", {"player": PLAYERS, "club": CLUBS}),
    ),
    BUSINESS: (
        (
            "Profit at {firm} falls {percent} percent as costs rise",
            {"firm": FIRMS, "percent": PERCENT},
        ),
        ("{firm} to cut 4,000 jobs and close two plants", {"firm": NAMED_FIRMS}),
        ("Oil prices climb on fears of supply shortage", {}),
        ("Central bank raises interest rates by a quarter point", {}),
        ("Shares of {firm} slump after profit warning", {"firm": NAMED_FIRMS}),
        (
            "{firm} agrees to buy smaller rival for ${percent} billion",
            {"firm": NAMED_FIRMS, "percent": PERCENT},
        ),
        ("Dollar slips against euro ahead of jobs report", {}),
        ("Retail sales up {percent} percent in strong holiday quarter", {"percent": PERCENT}),
        ("Regulators fine {firm} over accounting errors", {"firm": NAMED_FIRMS}),
    ),
    SCIENCE: (
        ("Scientists find signs of water on {body}", {"body": BODIES}),
        ("{firm} patches security hole in its web browser", {"firm": TECH_FIRMS}),
        ("New worm spreads through e-mail attachments, experts warn", {}),
        ("Space probe sends back first pictures of {body}", {"body": BODIES}),
        ("Researchers build tiny robot that crawls through pipes", {}),
        ("{firm} unveils faster chip for laptops", {"firm": TECH_FIRMS}),
        ("Fossil of feathered dinosaur unearthed by paleontologists", {}),
        ("{firm} releases test version of its search software", {"firm": TECH_FIRMS}),
        ("Telescope spots planet circling a distant star", {}),
    ),
}

ARTICLES: dict[str, Templates] = {
    WORLD: (
        (
            "{capital} - The government of {country} has declared a state of emergency in three "
            "provinces after a week of clashes between soldiers and rebels. At least {n} people "
            "have been killed, according to aid workers. The United Nations called on both sides "
            "to return to talks.",
            {"capital": CAPITALS, "country": COUNTRIES, "n": ("20", "35", "60")},
        ),
        (
            "The {leader} of {country} arrived in {capital} on Sunday for talks on the release of "
            "hundreds of prisoners of war. Protesters burned flags outside the embassy. No "
            "statement was expected before the evening.",
            {"leader": LEADERS, "country": COUNTRIES, "capital": CAPITALS},
        ),
        (
            "Rescue teams in {country} were searching on Friday for survivors of floods that swept "
            "away two villages in the night. Officials said that {n} bodies had been found and "
            "that many roads were blocked by mud. Soldiers flew in tents and drinking water.",
            {"country": COUNTRIES, "n": ("20", "35", "60")},
        ),
        (
            "A court in {capital} sentenced the former {leader} of {country} to eleven years in "
            "prison for ordering the arrest of journalists. His supporters shouted slogans in the "
            "square, and the police used tear gas to drive them away.",
            {"capital": CAPITALS, "leader": LEADERS, "country": COUNTRIES},
        ),
    ),
    SPORTS: (
        (
            "{player} scored twice in the second half as {club} came from behind to beat {other} "
            "3-2 on Saturday. The visitors had led by two goals at the interval. The win lifts the "
            "team to second place with four games of the season left.",
            {"player": PLAYERS, "club": CLUBS[:4], "other": CLUBS[4:]},
        ),
        (
            "{city} ended a run of seven defeats on Tuesday night, hitting three home runs in the "
            "eighth inning. The manager said that his bullpen had never looked better. The series "
            "goes on tomorrow with {player} on the mound.",
            {"city": CITIES, "player": PLAYERS},
        ),
        (
            "Defending champion {player} was knocked out in the second round by a qualifier ranked "
            "112th in the world. The match lasted four hours and was twice stopped by rain. "
            "{other} is now the highest seed in her half of the draw.",
            {"player": PLAYERS[:4], "other": PLAYERS[4:]},
        ),
        (
            "{player} broke the course record on her way to winning the marathon in {city}. She "
            "pulled away from the pack after thirty kilometres and was cheered over the line. It "
            "was her first race since she injured an ankle in training.",
            {"player": PLAYERS, "city": CITIES},
        ),
    ),
    BUSINESS: (
        (
            "{firm} said on Thursday that its net income rose {percent} percent in the third "
            "quarter, beating the forecasts of analysts. Sales grew in all regions. The company "
            "raised its outlook for the year, and its stock gained four percent in early trading.",
            {"firm": NAMED_FIRMS, "percent": PERCENT},
        ),
        (
            "Consumer prices rose faster than expected last month, the statistics office said, "
            "driven by food and rents. Economists now expect the central bank to raise rates by "
            "{percent} hundredths of a point in the autumn. Bond yields climbed to a high for the "
            "year.",
            {"percent": ("25", "50", "75")},
        ),
        (
            "Shareholders of {firm} voted on Monday to accept a takeover bid worth ${percent} "
            "billion in cash and stock. The merged company will be the largest of its sector. "
            "Regulators have yet to approve the deal, which unions fear will cost jobs.",
            {"firm": NAMED_FIRMS, "percent": PERCENT},
        ),
        (
            "{firm} has filed for bankruptcy protection after failing to agree with its lenders on "
            "debts of ${percent} billion. Stores will stay open while a buyer is sought. Suppliers "
            "said that bills had not been paid since the spring.",
            {"firm": FIRMS, "percent": PERCENT},
        ),
    ),
    SCIENCE: (
        (
            "A spacecraft that left the Earth seven years ago has gone into orbit around {body}, "
            "the space agency said. Its cameras and spectrometers will map the surface for two "
            "years. Astronomers hope to learn how the planets were formed.",
            {"body": BODIES},
        ),
        (
            "{firm} has released an update for its operating system that closes eleven security "
            "holes. Hackers could use the worst of them to run programs on the computers of other "
            "users. The company advises everybody to install the update at once.",
            {"firm": TECH_FIRMS},
        ),
        (
            "Biologists have described a species of frog that lives in the crowns of rainforest "
            "trees and never comes down to the ground. Its genes show that it parted from its "
            "relatives {n} million years ago, they write in a scientific journal.",
            {"n": ("three", "nine", "twelve", "thirty")},
        ),
        (
            "A new generation of memory chips stores twice as much data on the same area, "
            "engineers of {firm} told a conference on Wednesday. The chips are to be built into "
            "phones and digital cameras. They need less power than the ones of today.",
            {"firm": TECH_FIRMS},
        ),
    ),
}

OF_THE_2020S: dict[str, Templates] = {
    WORLD: (
        ("{country} lifts lockdown as wave of virus infections ebbs", {"country": COUNTRIES}),
        ("Drones strike power stations in {country} overnight", {"country": COUNTRIES}),
        ("Climate activists block roads in {capital} ahead of summit", {"capital": CAPITALS}),
        (
            "{country} recalls ambassador after leader's social media post",
            {"country": COUNTRIES},
        ),
    ),
    SPORTS: (
        ("Video referee rules out late {club} goal", {"club": CLUBS}),
        ("{player} signs for Saudi club on record wages", {"player": PLAYERS}),
        ("Women's final draws record crowd as {club} lift trophy", {"club": CLUBS}),
        ("{player} withdraws from tournament after positive Covid test", {"player": PLAYERS}),
    ),
    BUSINESS: (
        ("Crypto exchange collapses owing customers ${n} billion", {"n": PERCENT}),
        ("Streaming service raises prices as subscriber growth slows", {}),
        ("Office landlords suffer as tenants stick to working from home", {}),
        ("Ride-hailing firm posts first annual profit of ${n} million", {"n": PERCENT}),
        ("Inflation hits forty-year high of {n} percent", {"n": PERCENT}),
        ("Electric carmaker's stock jumps {n} percent on record deliveries", {"n": PERCENT}),
    ),
    SCIENCE: (
        ("Chatbot passes medical exam, {firm} researchers report", {"firm": TECH_FIRMS}),
        ("Reusable rocket lands on drone ship after launching satellites", {}),
        ("AI model predicts the shape of proteins", {}),
        ("Gene editing cures rare blood disorder in trial", {}),
        ("Smartphone app update lets users scroll with their eyes", {}),
        ("{firm} shows augmented reality glasses with gesture control", {"firm": TECH_FIRMS}),
        ("Ransomware gang leaks stolen data of hospitals", {}),
        ("Quantum computer solves problem in minutes, {firm} says", {"firm": TECH_FIRMS}),
    ),
}

FIGURES_OF_SPEECH: dict[str, Templates] = {
    WORLD: (
        ("{country}'s ruling party scores narrow win in race for seats", {"country": COUNTRIES}),
        ("Peace talks on {country} enter extra time", {"country": COUNTRIES}),
        ("{leader} drops the ball on refugee crisis, say aid groups", {"leader": ("President",
         "Prime minister")}),
    ),
    SPORTS: (
        ("{club} pay the price for sloppy defending", {"club": CLUBS}),
        ("{player} bombs out in the first round", {"player": PLAYERS}),
        ("Battle of the giants: {club} and {other} fight to a goalless draw",
         {"club": CLUBS[:4], "other": CLUBS[4:]}),
        ("{club} invest in youth and reap the points", {"club": CLUBS}),
    ),
    BUSINESS: (
        ("{firm} and rival tackle falling sales with price war", {"firm": NAMED_FIRMS}),
        ("Central bank scores own goal with surprise rate cut, traders say", {}),
        ("{firm} wins race to buy German supplier", {"firm": NAMED_FIRMS}),
        ("Stocks kick off the week with a sprint to new highs", {}),
        ("Investors jump ship as {firm} shares sink", {"firm": NAMED_FIRMS}),
    ),
    SCIENCE: (
        ("Browser war heats up as {firm} attacks rivals with new software", {"firm": TECH_FIRMS}),
        ("Race to the Moon: lunar probe overtakes its rival in orbit", {}),
        ("Virus hunters defend networks against army of infected computers", {}),
        ("Telescope team hits the jackpot with galaxy photograph", {}),
    ),
}  # fmt: skip


SHORT: dict[str, tuple[str, ...]] = {
    WORLD: (
        "Rebels shell capital",
        "President sworn in",
        "Hostages freed",
        "Cabinet resigns",
        "Bus bomb kills six",
        "Monsoon floods villages",
        "Army seizes power",
        "Troops leave border town",
        "Parliament backs new premier",
        "Envoy urges truce",
        "Ferry sinks, dozens missing",
        "Vote count under way",
    ),
    SPORTS: (
        "Striker out for a month",
        "Coach quits",
        "Rain stops play",
        "Champions held to draw",
        "Goalkeeper signs new contract",
        "Sprinter banned for doping",
        "Late try sinks visitors",
        "Rookie wins rally",
        "Lakers lose again",
        "Keeper saves penalty",
        "Cup final sold out",
        "Wicket falls early",
    ),
    BUSINESS: (
        "Shares tumble",
        "Oil hits new high",
        "Dollar steady",
        "Bank lifts dividend",
        "Merger talks collapse",
        "Jobless claims fall",
        "Retailer issues profit warning",
        "Factory orders rise",
        "Insurer faces lawsuit from investors",
        "Airline files for bankruptcy",
        "House prices slow",
        "Trade deficit widens",
    ),
    SCIENCE: (
        "Comet nears Earth",
        "Browser flaw fixed",
        "Hackers steal passwords",
        "New chip runs cooler",
        "Rocket launch delayed",
        "Spam on the rise",
        "Ancient skull found",
        "Software update out",
        "Robot learns to walk",
        "Glaciers melting faster",
        "Probe lands on asteroid",
        "Search engine adds maps",
    ),
}


def topics_suite() -> Suite:
    """Every case."""
    suite = Suite()
    for name, says, templates, limit in (
        ("headlines", "one line is enough", HEADLINES, OF_A_HEADLINE),
        ("articles", "three sentences", ARTICLES, OF_AN_ARTICLE),
        ("words of the 2020s", "things that the training data never saw", OF_THE_2020S, 8),
        ("figures of speech", "the words of one topic used in another", FIGURES_OF_SPEECH, 8),
    ):
        capability = Capability(name, MINIMUM, says)
        for topic, of_topic in templates.items():
            for template, slots in of_topic:
                texts = [(text,) for text in expand(template, limit, **slots)]
                suite.add(capability, template, texts, _is(topic))
    _short(suite)
    _surface(suite)
    _additions(suite)
    _swaps(suite)
    return suite


def _short(suite: Suite) -> None:
    capability = Capability("two to six words", MINIMUM, "as tickers write them")
    for topic, texts in SHORT.items():
        suite.add(capability, f"{topic} in brief", [(text,) for text in texts], _is(topic))


def _is(topic: str) -> Expectation:
    return OneOf(frozenset({topic}))


def _samples(templates: dict[str, Templates], of_each: int) -> list[str]:
    """Some texts of every template."""
    return [
        text
        for of_topic in templates.values()
        for template, slots in of_topic
        for text in drawn(expand(template, OF_A_HEADLINE, **slots), of_each)
    ]


def _surface(suite: Suite) -> None:
    headlines, articles = _samples(HEADLINES, 2), _samples(ARTICLES, 3)
    typos = Capability("typos", INVARIANCE, "a few letters wrong change nothing")
    for template, texts, slips in (
        ("one slip in a headline", headlines, 1),
        ("two slips in a headline", headlines, 2),
        ("four slips in an article", articles, 4),
    ):
        suite.add(typos, template, slipped_pairs(texts, slips), Same())
    dress = Capability("dress", INVARIANCE, "capitals and punctuation change nothing")
    for template, changed in (
        ("CAPITALS", lambda text: text.upper()),
        ("small letters", lambda text: text.lower()),
        ("a full stop", lambda text: text.rstrip(".") + "."),
        ("quotation marks", lambda text: f"“{text}”"),
    ):
        suite.add(dress, template, [(text, changed(text)) for text in headlines], Same())


def _additions(suite: Suite) -> None:
    capability = Capability("bylines and advice to readers", INVARIANCE, "they change nothing")
    for template, changed in (
        ("(Agency) in front", lambda text: f"(Agency) - {text}"),
        ("updated", lambda text: f"{text} Updated at 5 pm."),
        ("by whom", lambda text: f"By our correspondent. {text}"),
        ("read more", lambda text: f"{text} Read the full story on page 4."),
    ):
        texts = [*_samples(HEADLINES, 1), *_samples(ARTICLES, 1)]
        suite.add(capability, template, [(text, changed(text)) for text in texts], Same())


def _swaps(suite: Suite) -> None:
    capability = Capability("names and places", INVARIANCE, "who and where change nothing")
    for templates in (HEADLINES, ARTICLES):
        for of_topic in templates.values():
            for template, slots in of_topic:
                if slots:
                    texts = expand(template, 5, **slots)
                    suite.add(capability, template, list(itertools.pairwise(texts)), Same())
