"""Passages with gaps, each with questions that it answers and questions that it does not.

People, places and figures are invented and drawn anew for each use, so that a passage has to be
read: nothing in it is known from elsewhere.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from training.behaviour.templates import in_writing, number_of

WOMEN = (
    "Amara Okafor", "Helen Marsh", "Ingrid Solberg", "Carmen Delgado", "Ruth Abernathy",
    "Noor Rahman", "Keiko Tanabe", "Louise Fontaine", "Grace Mwangi", "Petra Lindqvist",
    "Sadie Brennan", "Maria Castellano",
)  # fmt: skip
MEN = (
    "Thomas Whitlock", "Daniel Osei", "Erik Nyberg", "Rafael Moreno", "George Pemberton",
    "Imran Siddiqui", "Hiroshi Kanda", "Olivier Lambert", "Peter Kamau", "Jonas Falk",
    "Patrick Doyle", "Luca Ferrante",
)  # fmt: skip
TOWNS = (
    "Brenmouth", "Ostwick", "Harlow Bay", "Castleford Green", "Lindale", "Marrow Hill",
    "Port Ellery", "Thornbury", "Westerby", "Kilburn Falls", "Ashgrove", "Dunmore",
)  # fmt: skip
CITIES = (
    "Lisbon", "Toronto", "Nairobi", "Manchester", "Seville", "Oslo", "Boston", "Melbourne",
    "Prague", "Cardiff", "Montreal", "Warsaw",
)  # fmt: skip
RIVERS = ("Aller", "Tamble", "Severn", "Orwell", "Leith", "Marne", "Dovey", "Kennet")
COMPANIES = (
    "Halden Works", "Brightwater", "Norvik Systems", "Pellam and Sons", "Orchard Mills",
    "Castor Instruments", "Quayside Foods", "Tervo",
)  # fmt: skip
SMALL = ("3", "four", "five", "6", "seven", "8", "nine", "11", "twelve", "14")
MIDDLING = ("23", "36", "42", "58", "64", "75", "87", "93", "110", "140", "165", "180")
LARGE = ("1,240", "2,600", "3,150", "4,800", "5,375", "7,020", "9,400", "12,500", "18,300")
DATES = (
    "3 March", "17 April", "9 May", "21 June", "30 July", "14 August", "2 September",
    "25 October", "11 November", "6 December",
)  # fmt: skip
HOURS = ("8 am", "9.30 am", "noon", "3 pm", "5.15 pm", "7 pm", "8.45 pm")
SUBJECTS = ("chemistry", "geology", "medicine", "mathematics", "botany", "law", "astronomy")
FIRST_YEARS, SPAN_OF_YEARS = range(1840, 1950), 60
"""All years of a text lie within one span, as those of a life do."""

NUMBER, DATE, PERSON, PLACE, THING, REASON = (
    "number",
    "date",
    "person",
    "place",
    "thing",
    "reason",
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question of a passage, the kind of its answer, and the texts that count as right."""

    kind: str
    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with gaps. ``years`` names those that are filled with years, in rising order;
    ``unanswered`` are questions on its subject that it does not answer.
    """

    name: str
    text: str
    gaps: Mapping[str, tuple[str, ...]]
    years: tuple[str, ...]
    queries: tuple[Query, ...]
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """One use of a passage: all its gaps filled, in its questions too."""

    name: str
    text: str
    queries: tuple[Query, ...]
    unanswered: tuple[str, ...]
    filling: Mapping[str, str] = field(compare=False)


def fill(passage: Passage, number: int) -> Filled:
    """The use of this number: gaps with the same list never get the same words."""
    filling = filling_of(passage.name, passage.gaps, passage.years, number)
    queries = tuple(
        Query(
            query.kind,
            in_writing(query.question.format(**filling)),
            tuple(answer.format(**filling) for answer in query.answers),
        )
        for query in passage.queries
    )
    unanswered = tuple(in_writing(each.format(**filling)) for each in passage.unanswered)
    text = in_writing(passage.text.format(**filling))
    return Filled(passage.name, text, queries, unanswered, filling)


def filling_of(
    name: str, gaps: Mapping[str, tuple[str, ...]], years: tuple[str, ...], number: int
) -> dict[str, str]:
    """Words for every gap, drawn from its list, and years in rising order."""
    draw = random.Random(number_of(f"{name} {number}"))
    filling: dict[str, str] = {}
    for words in dict.fromkeys(gaps.values()):
        alike = [gap for gap, its in gaps.items() if its == words]
        filling.update(zip(alike, draw.sample(words, len(alike)), strict=True))
    first = draw.choice(FIRST_YEARS)
    rising = sorted(draw.sample(range(first, first + SPAN_OF_YEARS), len(years)))
    filling.update(zip(years, map(str, rising), strict=True))
    return filling


BRIDGE = Passage(
    "bridge",
    "The {river} Bridge crosses the {river} at {town}. It was designed by the engineer {engineer}, "
    "and work on it began in {began}. The bridge was built of steel because the ground was too "
    "soft for stone. It is {metres} metres long and rests on {pillars} pillars. The mayor, "
    "{mayor}, opened it to traffic in {opened}. Since {closed} it has been open only to cyclists "
    "and pedestrians.",
    {"river": RIVERS, "town": TOWNS, "engineer": MEN, "mayor": WOMEN, "metres": MIDDLING,
     "pillars": SMALL},
    ("began", "opened", "closed"),
    (
        Query(NUMBER, "How long is the bridge?",
              ("{metres} metres", "{metres}", "{metres} metres long")),
        Query(NUMBER, "How many pillars does the bridge rest on?",
              ("{pillars}", "{pillars} pillars")),
        Query(DATE, "When did work on the bridge begin?", ("{began}", "in {began}")),
        Query(DATE, "In what year was the bridge opened to traffic?", ("{opened}", "in {opened}")),
        Query(PERSON, "Who designed the bridge?", ("{engineer}", "engineer {engineer}")),
        Query(PERSON, "Who opened the bridge to traffic?",
              ("{mayor}", "mayor {mayor}", "The mayor, {mayor}")),
        Query(PLACE, "In which town is the bridge?", ("{town}", "at {town}")),
        Query(REASON, "Why was the bridge built of steel?",
              ("the ground was too soft for stone", "because the ground was too soft for stone",
               "the ground was too soft", "because the ground was too soft")),
        Query(THING, "What is the bridge made of?", ("steel",)),
    ),
    ("How much did the bridge cost?", "Who painted the bridge?",
     "How many workers died while the bridge was built?"),
)  # fmt: skip
SCIENTIST = Passage(
    "scientist",
    "{woman} was born in {town}, where her father kept a bakery. She studied {subject} at the "
    "University of {city} and took her degree in {degree}. For {years_there} years she worked for "
    "{company}, most of that time with her colleague {colleague}. In {prize} she was given the "
    "Hallam Prize for her work on glass that does not break. She left the firm because it refused "
    "to publish her results. She wrote {books} books, and died in {died} in {last_city}.",
    {"woman": WOMEN, "town": TOWNS, "subject": SUBJECTS, "city": CITIES, "last_city": CITIES,
     "years_there": MIDDLING[:2] + SMALL[6:], "company": COMPANIES, "colleague": MEN,
     "books": SMALL[:6]},
    ("degree", "prize", "died"),
    (
        Query(NUMBER, "How many books did {woman} write?", ("{books}", "{books} books")),
        Query(NUMBER, "How long did she work for {company}?",
              ("{years_there} years", "{years_there}", "for {years_there} years")),
        Query(DATE, "When did she take her degree?", ("{degree}", "in {degree}")),
        Query(DATE, "When did {woman} die?", ("{died}", "in {died}")),
        Query(PERSON, "Who was her colleague at {company}?",
              ("{colleague}", "her colleague {colleague}", "colleague {colleague}")),
        Query(PLACE, "Where was {woman} born?", ("{town}", "in {town}")),
        Query(PLACE, "In which city did {woman} die?", ("{last_city}", "in {last_city}")),
        Query(THING, "What did {woman} study?", ("{subject}",)),
        Query(THING, "Which prize was she given?", ("the Hallam Prize", "Hallam")),
        Query(REASON, "Why did she leave the firm?",
              ("it refused to publish her results", "because it refused to publish her results")),
    ),
    ("What was the name of her mother?", "How many children did {woman} have?",
     "Which instrument did she play?"),
)  # fmt: skip
COMPANY = Passage(
    "company",
    "{company} makes garden tools and has its head office in {city}. It was founded in {founded} "
    "by {founder}, who began in a shed behind the station of {town}. Today it employs {staff} "
    "people, and its spades are sold in {countries} countries. Its chief executive is {chief}. In "
    "{moved} the firm moved to a new building because the rent had doubled. Its best known product "
    "is a folding rake, of which {rakes} were sold last year.",
    {"company": COMPANIES, "city": CITIES, "founder": MEN, "town": TOWNS, "staff": LARGE,
     "rakes": LARGE, "countries": MIDDLING[:6], "chief": WOMEN},
    ("founded", "moved"),
    (
        Query(NUMBER, "How many people does {company} employ?", ("{staff}", "{staff} people")),
        Query(NUMBER, "In how many countries are its spades sold?",
              ("{countries}", "{countries} countries")),
        Query(NUMBER, "How many rakes were sold last year?", ("{rakes}",)),
        Query(DATE, "When was {company} founded?", ("{founded}", "in {founded}")),
        Query(DATE, "When did the firm move to a new building?", ("{moved}", "in {moved}")),
        Query(PERSON, "Who founded {company}?", ("{founder}", "by {founder}")),
        Query(PERSON, "Who is the chief executive?", ("{chief}",)),
        Query(PLACE, "Where is the head office of {company}?", ("{city}", "in {city}")),
        Query(THING, "What does {company} make?", ("garden tools",)),
        Query(THING, "What is its best known product?", ("a folding rake",)),
        Query(REASON, "Why did the firm move to a new building?",
              ("the rent had doubled", "because the rent had doubled")),
    ),
    ("What is the share price of {company}?", "Which bank lent the money?",
     "How old is the chief executive?"),
)  # fmt: skip
VOYAGE = Passage(
    "voyage",
    "In {sailed} the schooner Petrel left {port} under Captain {captain} with a crew of {crew}. "
    "Her cargo was {cargo}, bound for {city}. After {days} days at sea a storm broke the main "
    "mast, and the ship had to put in at {refuge} for repairs. The cook, {cook}, stayed behind "
    "there because he had broken his leg. The wreck of the Petrel was found in {found} by divers "
    "who were looking for an anchor.",
    {"port": TOWNS, "refuge": TOWNS, "captain": MEN, "cook": MEN, "crew": SMALL[4:],
     "cargo": ("timber", "tea", "wool", "salt", "coffee", "copper"), "city": CITIES,
     "days": MIDDLING[:5]},
    ("sailed", "found"),
    (
        Query(NUMBER, "How many men were in the crew?", ("{crew}", "a crew of {crew}")),
        Query(NUMBER, "After how many days did the storm break the mast?",
              ("{days}", "{days} days", "{days} days at sea", "After {days} days")),
        Query(DATE, "When did the Petrel leave {port}?", ("{sailed}", "in {sailed}")),
        Query(DATE, "When was the wreck found?", ("{found}", "in {found}")),
        Query(PERSON, "Who was the captain of the Petrel?", ("{captain}", "Captain {captain}")),
        Query(PERSON, "What was the name of the cook?", ("{cook}",)),
        Query(PLACE, "Where did the ship put in for repairs?", ("{refuge}", "at {refuge}")),
        Query(PLACE, "Which city was the cargo bound for?", ("{city}",)),
        Query(THING, "What was the cargo?", ("{cargo}",)),
        Query(THING, "What were the divers looking for?", ("an anchor",)),
        Query(REASON, "Why did the cook stay behind?",
              ("he had broken his leg", "because he had broken his leg")),
    ),
    ("Who built the Petrel?", "How fast was the Petrel?",
     "What was the name of the captain's wife?"),
)  # fmt: skip
CONCERT = Passage(
    "concert",
    "The summer concert of {town} Music School takes place on {day} at {hour} in the old granary. "
    "The choir is conducted by {conductor}, and {soloist} plays the cello. Tickets cost {price} "
    "pounds and must be ordered by {deadline} at the latest. There are {seats} seats. If it rains, "
    "the interval is held in the library. Dogs are not allowed because the floor has just been "
    "polished.",
    {"town": TOWNS, "day": DATES[5:], "deadline": DATES[:4], "hour": HOURS, "conductor": WOMEN,
     "soloist": MEN, "price": SMALL[3:], "seats": MIDDLING},
    (),
    (
        Query(NUMBER, "How much does a ticket cost?",
              ("{price} pounds", "{price}")),
        Query(NUMBER, "How many seats are there?", ("{seats}", "{seats} seats")),
        Query(DATE, "On what day does the concert take place?", ("{day}", "on {day}")),
        Query(DATE, "By when must tickets be ordered?",
              ("{deadline}", "by {deadline}", "by {deadline} at the latest",
               "{deadline} at the latest")),
        Query(DATE, "At what time does the concert start?", ("{hour}", "at {hour}")),
        Query(PERSON, "Who conducts the choir?", ("{conductor}",)),
        Query(PERSON, "Who plays the cello?", ("{soloist}",)),
        Query(PLACE, "Where is the concert held?",
              ("the old granary", "in the old granary", "granary")),
        Query(PLACE, "Where is the interval held if it rains?",
              ("the library", "in the library")),
        Query(THING, "Which instrument does {soloist} play?", ("the cello",)),
        Query(REASON, "Why are dogs not allowed?",
              ("the floor has just been polished", "because the floor has just been polished")),
    ),
    ("What will the choir sing?", "Where can cars be parked?", "How long does the concert last?"),
)  # fmt: skip
MATCH = Passage(
    "match",
    "{home} Rovers beat {away} United by {goals} goals to one on Saturday. {scorer} scored twice "
    "in the first half, and {keeper} saved a penalty. The game began {late} minutes late because "
    "the lights had failed. It was watched by {crowd} people at Mill Lane. The referee, {referee}, "
    "showed one red card. The Rovers are now in second place, and their next game is on {day} "
    "against {third} Town.",
    {"home": TOWNS, "away": TOWNS, "third": TOWNS, "goals": ("three", "four", "five", "six"),
     "scorer": MEN, "keeper": MEN, "referee": WOMEN, "late": MIDDLING[:4], "crowd": LARGE,
     "day": DATES},
    (),
    (
        Query(NUMBER, "How many people watched the game?", ("{crowd}", "{crowd} people")),
        Query(NUMBER, "How many minutes late did the game begin?",
              ("{late}", "{late} minutes", "{late} minutes late")),
        Query(DATE, "When is the next game of the Rovers?", ("{day}", "on {day}")),
        Query(PERSON, "Who scored twice?", ("{scorer}",)),
        Query(PERSON, "Who saved a penalty?", ("{keeper}",)),
        Query(PERSON, "Who was the referee?", ("{referee}", "The referee, {referee}")),
        Query(PLACE, "Where was the game played?", ("Mill Lane", "at Mill Lane")),
        Query(THING, "Against which team do the Rovers play next?", ("{third} Town", "{third}")),
        Query(THING, "Which team lost the game?", ("{away} United", "{away}")),
        Query(REASON, "Why did the game begin late?",
              ("the lights had failed", "because the lights had failed")),
    ),
    ("What is the name of the coach?", "How much did a ticket cost?",
     "Who was given the red card?"),
)  # fmt: skip
LAMP = Passage(
    "lamp",
    "Thank you for buying the Tervo bicycle lamp. A full battery lasts {hours} hours, and charging "
    "it takes {minutes} minutes with the cable in the box. The lamp weighs {grams} grams and is "
    "screwed to the handlebar with the {tool} supplied. Do not look into the lamp because the "
    "light can damage the eyes. The warranty runs for {months} months from the date of purchase. "
    "Repairs are done only in our workshop in {city}.",
    {"hours": SMALL, "minutes": MIDDLING, "grams": MIDDLING, "months": ("18", "24", "30", "48"),
     "tool": ("key", "hex key", "clamp", "screwdriver"), "city": CITIES},
    (),
    (
        Query(NUMBER, "How long does a full battery last?",
              ("{hours} hours", "{hours}")),
        Query(NUMBER, "How many minutes does charging take?", ("{minutes}", "{minutes} minutes")),
        Query(NUMBER, "How much does the lamp weigh?", ("{grams} grams", "{grams}")),
        Query(NUMBER, "How long is the warranty?",
              ("{months} months", "{months}", "for {months} months")),
        Query(PLACE, "Where are repairs done?",
              ("our workshop in {city}", "in our workshop in {city}", "{city}", "in {city}",
               "only in our workshop in {city}", "our workshop", "in our workshop")),
        Query(THING, "What is the lamp screwed to?", ("the handlebar", "to the handlebar")),
        Query(REASON, "Why should one not look into the lamp?",
              ("the light can damage the eyes", "because the light can damage the eyes")),
    ),
    ("In which colours is the lamp made?", "How much does the lamp cost?",
     "Who designed the lamp?"),
)  # fmt: skip
BIRD = Passage(
    "bird",
    "The ringed wader is a bird of the marshes around {town}. It weighs about {grams} grams and "
    "feeds on {food}. In spring the female lays {eggs} eggs, from which the young hatch after "
    "{days} days. The nest is hidden in the reeds because foxes hunt along the shore. The species "
    "was first described by {naturalist} in {described}. In winter the birds fly to {country}, "
    "where they stay until March.",
    {"town": TOWNS, "grams": MIDDLING, "food": ("snails", "beetles", "small crabs", "worms"),
     "eggs": SMALL[:5], "days": MIDDLING[:3], "naturalist": WOMEN,
     "country": ("Morocco", "Portugal", "Senegal", "Egypt", "Tunisia")},
    ("described",),
    (
        Query(NUMBER, "How many eggs does the female lay?", ("{eggs}", "{eggs} eggs")),
        Query(NUMBER, "How heavy is the bird?",
              ("{grams} grams", "about {grams} grams", "{grams}")),
        Query(NUMBER, "After how many days do the young hatch?",
              ("{days}", "{days} days", "after {days} days")),
        Query(DATE, "When was the species first described?", ("{described}", "in {described}")),
        Query(DATE, "Until which month do the birds stay in {country}?", ("March", "until March")),
        Query(PERSON, "Who first described the species?", ("{naturalist}", "by {naturalist}")),
        Query(PLACE, "Where do the birds spend the winter?", ("{country}", "in {country}")),
        Query(PLACE, "Where is the nest hidden?", ("the reeds", "in the reeds")),
        Query(THING, "What does the bird feed on?", ("{food}",)),
        Query(REASON, "Why is the nest hidden?",
              ("foxes hunt along the shore", "because foxes hunt along the shore")),
    ),
    ("What colour are the eggs?", "How old does a ringed wader get?",
     "How many ringed waders are left?"),
)  # fmt: skip
FLAT = Passage(
    "flat",
    "This agreement is made between {landlord}, the landlord, and {tenant}, the tenant, for the "
    "flat at 12 Canal Street in {town}. The rent is {rent} pounds a month and is due on the first "
    "day of each month. A deposit of {deposit} pounds is kept by the landlord. The agreement "
    "begins on {begin} and can be ended with {months} months' notice. Candles are forbidden "
    "because the roof is thatched. The key to the cellar is held by the caretaker, {caretaker}.",
    {"landlord": WOMEN, "tenant": MEN, "caretaker": MEN, "town": TOWNS,
     "rent": ("640", "725", "810", "950"), "deposit": LARGE[:4], "begin": DATES,
     "months": ("two", "three", "four", "six")},
    (),
    (
        Query(NUMBER, "How much is the rent?",
              ("{rent} pounds a month", "{rent} pounds", "{rent}")),
        Query(NUMBER, "How large is the deposit?", ("{deposit} pounds", "{deposit}")),
        Query(DATE, "When does the agreement begin?", ("{begin}", "on {begin}")),
        Query(DATE, "When is the rent due?",
              ("on the first day of each month", "the first day of each month", "first day")),
        Query(PERSON, "Who is the landlord?", ("{landlord}",)),
        Query(PERSON, "Who is the tenant?", ("{tenant}",)),
        Query(PERSON, "Who holds the key to the cellar?",
              ("{caretaker}", "the caretaker, {caretaker}", "the caretaker")),
        Query(PLACE, "In which town is the flat?", ("{town}", "in {town}")),
        Query(REASON, "Why are candles forbidden?",
              ("the roof is thatched", "because the roof is thatched")),
    ),
    ("How many rooms does the flat have?", "On which floor is the flat?",
     "Who pays for the heating?"),
)  # fmt: skip
STORM = Passage(
    "storm",
    "A storm with gusts of {speed} kilometres an hour crossed the coast near {town} on {day}. "
    "{injured} people were hurt, most of them by falling branches, and {homes} homes were without "
    "power until the next morning. The minister for transport, {minister}, visited the harbour, "
    "where the ferry {ferry} had run aground. The airport of {city} was closed because snow "
    "covered the runway. The fire chief, {chief}, thanked the volunteers.",
    {"speed": MIDDLING[7:], "town": TOWNS, "day": DATES, "injured": MIDDLING[:6], "homes": LARGE,
     "minister": WOMEN, "chief": MEN, "city": CITIES,
     "ferry": ("Saint Brigid", "Northern Star", "Evelyn", "Silver Gull")},
    (),
    (
        Query(NUMBER, "How fast were the gusts?",
              ("{speed} kilometres an hour", "{speed} kilometres", "{speed}")),
        Query(NUMBER, "How many people were hurt?", ("{injured}", "{injured} people")),
        Query(NUMBER, "How many homes were without power?", ("{homes}", "{homes} homes")),
        Query(DATE, "On what day did the storm cross the coast?", ("{day}", "on {day}")),
        Query(PERSON, "Who visited the harbour?",
              ("{minister}", "The minister for transport, {minister}",
               "the minister for transport")),
        Query(PERSON, "Who is the fire chief?", ("{chief}",)),
        Query(PLACE, "Which city's airport was closed?", ("{city}",)),
        Query(THING, "What was the name of the ferry?", ("{ferry}",)),
        Query(REASON, "Why was the airport closed?",
              ("snow covered the runway", "because snow covered the runway")),
    ),
    ("How much will the repairs cost?", "What was the storm called?",
     "How many people were on the ferry?"),
)  # fmt: skip
CAKE = Passage(
    "cake",
    "For this cake, which {grandmother} used to bake on Sundays in {town}, you need {eggs} eggs, "
    "{flour} grams of flour and the juice of a lemon. Beat the eggs until they are pale, then add "
    "the flour. Bake the cake for {minutes} minutes at 170 degrees. Let it cool in the tin because "
    "it breaks while it is warm. It keeps for {days} days and is best with {topping}.",
    {"grandmother": WOMEN, "town": TOWNS, "eggs": ("three", "four", "five", "six"),
     "flour": MIDDLING[8:], "minutes": ("25", "35", "45", "50"), "days": ("2", "7", "10"),
     "topping": ("whipped cream", "stewed plums", "blackcurrant jam", "vanilla ice cream")},
    (),
    (
        Query(NUMBER, "How many eggs are needed?", ("{eggs}", "{eggs} eggs")),
        Query(NUMBER, "How much flour is needed?",
              ("{flour} grams", "{flour} grams of flour", "{flour}")),
        Query(NUMBER, "How long is the cake baked?",
              ("{minutes} minutes", "for {minutes} minutes", "{minutes}")),
        Query(NUMBER, "How long does the cake keep?",
              ("{days} days", "for {days} days", "{days}")),
        Query(PERSON, "Who used to bake the cake on Sundays?", ("{grandmother}",)),
        Query(THING, "What is the cake best with?", ("{topping}", "with {topping}")),
        Query(REASON, "Why should the cake cool in the tin?",
              ("it breaks while it is warm", "because it breaks while it is warm")),
    ),
    ("How much sugar is needed?", "How many people does the cake serve?",
     "What does the tin cost?"),
)  # fmt: skip
RAILWAY = Passage(
    "railway",
    "The line from {start} to {end} is {kilometres} kilometres long and was opened in {opened}. "
    "There are {stations} stations on it, the highest of them at {top}. The first train was driven "
    "by {driver}. Passenger service ended in {ended} because a landslide had buried the track. "
    "Since then volunteers led by {leader} have cleared the way as far as {cleared}. A museum in "
    "the old engine shed shows the locomotive {engine}.",
    {"start": TOWNS, "end": TOWNS, "top": TOWNS, "cleared": TOWNS, "kilometres": MIDDLING,
     "stations": SMALL, "driver": MEN, "leader": WOMEN,
     "engine": ("Hercules", "Bluebell", "Caledonia", "Wanderer")},
    ("opened", "ended"),
    (
        Query(NUMBER, "How long is the line?",
              ("{kilometres} kilometres", "{kilometres} kilometres long", "{kilometres}")),
        Query(NUMBER, "How many stations are there on the line?",
              ("{stations}", "{stations} stations")),
        Query(DATE, "When was the line opened?", ("{opened}", "in {opened}")),
        Query(DATE, "When did passenger service end?", ("{ended}", "in {ended}")),
        Query(PERSON, "Who drove the first train?", ("{driver}", "by {driver}")),
        Query(PERSON, "Who leads the volunteers?", ("{leader}",)),
        Query(PLACE, "Where is the highest station?", ("{top}", "at {top}")),
        Query(THING, "What is the name of the locomotive in the museum?", ("{engine}",)),
        Query(REASON, "Why did passenger service end?",
              ("a landslide had buried the track", "because a landslide had buried the track")),
    ),
    ("How much does the museum cost?", "Who owns the land beside the line?",
     "How many passengers used the line?"),
)  # fmt: skip
NOVEL = Passage(
    "novel",
    "{title} is a novel by {author}, published in {published} by {press}. Its hero is {hero}, a "
    "clockmaker in {town}, who one morning finds {found} on the doorstep. The book has {pages} "
    "pages. It was refused by {refused} publishers because the ending was thought too sad. A film "
    "of it was made in {filmed}, with {actor} in the main part.",
    {"title": ("The Salt Road", "Winter Apples", "A House of Clocks", "The Quiet Harbour"),
     "author": WOMEN, "hero": MEN, "actor": MEN, "press": COMPANIES[:4], "town": TOWNS,
     "found": ("a violin", "a letter", "a tortoise", "a sack of coins"),
     "pages": ("212", "288", "340", "416"), "refused": SMALL[1:]},
    ("published", "filmed"),
    (
        Query(NUMBER, "How many pages does the book have?", ("{pages}", "{pages} pages")),
        Query(NUMBER, "How many publishers refused the book?",
              ("{refused}", "{refused} publishers")),
        Query(DATE, "When was the novel published?", ("{published}", "in {published}")),
        Query(DATE, "When was the film made?", ("{filmed}", "in {filmed}")),
        Query(PERSON, "Who wrote {title}?", ("{author}", "by {author}")),
        Query(PERSON, "Who played the main part in the film?", ("{actor}",)),
        Query(PLACE, "In which town does {hero} live?", ("{town}", "in {town}")),
        Query(THING, "What does {hero} find on the doorstep?", ("{found}",)),
        Query(THING, "What is the job of {hero}?",
              ("a clockmaker", "clockmaker", "a clockmaker in {town}")),
        Query(REASON, "Why was the book refused?",
              ("the ending was thought too sad", "because the ending was thought too sad")),
    ),
    ("How many copies of the book were sold?", "Who translated the novel?",
     "Who wrote the music for the film?"),
)  # fmt: skip
TOWN = Passage(
    "town",
    "{town} is a market town on the {river} with {people} inhabitants. It was granted a charter in "
    "{charter} by {lord}. The tower of its church is {metres} metres high. The town is known for "
    "its {known}, which are made there to this day. Half of it burned down in {fire} because a "
    "baker had left his oven alone. Its present mayor is {mayor}, and the nearest large city is "
    "{city}.",
    {"town": TOWNS, "river": RIVERS, "people": LARGE, "lord": MEN, "metres": MIDDLING,
     "known": ("bells", "straw hats", "wooden toys", "blue tiles"), "mayor": WOMEN,
     "city": CITIES},
    ("charter", "fire"),
    (
        Query(NUMBER, "How many inhabitants does {town} have?",
              ("{people}", "{people} inhabitants")),
        Query(NUMBER, "How high is the tower of the church?",
              ("{metres} metres", "{metres} metres high", "{metres}")),
        Query(DATE, "When was the town granted a charter?", ("{charter}", "in {charter}")),
        Query(DATE, "In which year did half of the town burn down?", ("{fire}", "in {fire}")),
        Query(PERSON, "Who granted the town a charter?", ("{lord}", "by {lord}")),
        Query(PERSON, "Who is the mayor of {town}?", ("{mayor}",)),
        Query(PLACE, "On which river does {town} lie?", ("the {river}", "{river}")),
        Query(PLACE, "What is the nearest large city?", ("{city}",)),
        Query(THING, "What is {town} known for?", ("its {known}", "{known}", "for its {known}")),
        Query(REASON, "Why did half of the town burn down?",
              ("a baker had left his oven alone", "because a baker had left his oven alone")),
    ),
    ("How many schools are there in {town}?", "Who built the church?",
     "On which day is the market held?"),
)  # fmt: skip
PASSAGES = (BRIDGE, SCIENTIST, COMPANY, VOYAGE, CONCERT, MATCH, LAMP, BIRD, FLAT, STORM, CAKE,
            RAILWAY, NOVEL, TOWN)  # fmt: skip
