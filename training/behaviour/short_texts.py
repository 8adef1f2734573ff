"""Texts of one or a few sentences with gaps, for questions that need one thing to be understood."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.behaviour.passages import (
    CITIES,
    COMPANIES,
    DATES,
    HOURS,
    LARGE,
    MEN,
    MIDDLING,
    TOWNS,
    WOMEN,
    filling_of,
)
from training.behaviour.templates import in_writing


@dataclass(frozen=True, slots=True)
class ShortText:
    """A text, questions that all have one answer (none: it is not in the text), and its forms.

    ``years`` names the gaps that are filled with years, in rising order.
    """

    text: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    gaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    years: tuple[str, ...] = ()

    def filled(self, number: int) -> "ShortText":
        """The use of this number, without gaps."""
        filling = filling_of(self.text, self.gaps, self.years, number)
        return ShortText(
            in_writing(self.text.format(**filling)),
            tuple(in_writing(question.format(**filling)) for question in self.questions),
            tuple(answer.format(**filling) for answer in self.answers),
        )


SEVERAL_CANDIDATES = (
    ShortText(
        "In {y1} the race was won by {a}, in {y2} by {b} and in {y3} by {c}.",
        ("Who won the race in {y2}?", "Who was the winner of {y2}?"),
        ("{b}",),
        {"a": MEN, "b": MEN, "c": MEN},
        ("y1", "y2", "y3"),
    ),
    ShortText(
        "In {y1} the race was won by {a}, in {y2} by {b} and in {y3} by {c}.",
        ("When did {c} win the race?",),
        ("{y3}", "in {y3}"),
        {"a": MEN, "b": MEN, "c": MEN},
        ("y1", "y2", "y3"),
    ),
    ShortText(
        "The kitchen measures {a} square feet, the hall {b} and the bedroom {c}.",
        ("How many square feet does the hall measure?", "How large is the hall?"),
        ("{b}",),
        {"a": MIDDLING, "b": MIDDLING, "c": MIDDLING},
    ),
    ShortText(
        "{a} lives in {x}, {b} in {y} and {c} in {z}.",
        ("Where does {b} live?", "In which city does {b} live?"),
        ("{y}", "in {y}"),
        {"a": WOMEN, "b": WOMEN, "c": WOMEN, "x": CITIES, "y": CITIES, "z": CITIES},
    ),
    ShortText(
        "The bus to {x} leaves at {a}, the bus to {y} at {b} and the bus to {z} at {c}.",
        ("When does the bus to {z} leave?", "At what time is the bus to {z}?"),
        ("{c}", "at {c}"),
        {"x": TOWNS, "y": TOWNS, "z": TOWNS, "a": HOURS, "b": HOURS, "c": HOURS},
    ),
    ShortText(
        "{p} was founded by {a}, while its rival {q} was founded by {b}.",
        ("Who founded {q}?", "Who was the founder of {q}?"),
        ("{b}", "by {b}"),
        {"p": COMPANIES, "q": COMPANIES, "a": MEN, "b": WOMEN},
    ),
    ShortText(
        "The workshop is held in {x} on {a}, in {y} on {b} and in {z} on {c}.",
        ("When is the workshop held in {y}?", "On what day is the workshop in {y}?"),
        ("{b}", "on {b}"),
        {"x": CITIES, "y": CITIES, "z": CITIES, "a": DATES, "b": DATES, "c": DATES},
    ),
    ShortText(
        "{a} ordered the fish, {b} the soup and {c} the omelette.",
        ("Who ordered the soup?",),
        ("{b}",),
        {"a": MEN, "b": WOMEN, "c": MEN},
    ),
    ShortText(
        "The red box weighs {a} kilograms, the blue one {b} and the yellow one {c}.",
        ("How much does the blue box weigh?",),
        ("{b}", "{b} kilograms"),
        {"a": MIDDLING, "b": MIDDLING, "c": MIDDLING},
    ),
)
DENIALS = (
    ShortText(
        "It was not {a} but {b} who discovered the cave.",
        ("Who discovered the cave?",),
        ("{b}",),
        {"a": MEN, "b": MEN},
    ),
    ShortText(
        "The library was not built in {y1}, as some guidebooks say, but in {y2}.",
        ("When was the library built?",),
        ("{y2}", "in {y2}"),
        {},
        ("y1", "y2"),
    ),
    ShortText(
        "{a} never lived in {x}; she spent her whole life in {y}.",
        ("Where did {a} spend her life?", "Where did {a} live?"),
        ("{y}", "in {y}"),
        {"a": WOMEN, "x": CITIES, "y": CITIES},
    ),
    ShortText(
        "The meeting is no longer on {a}. It has been moved to {b}.",
        ("When is the meeting?", "On what day is the meeting?"),
        ("{b}", "on {b}", "to {b}"),
        {"a": DATES, "b": DATES},
    ),
    ShortText(
        "The first report spoke of {a} injured, which was wrong: {b} people were hurt.",
        ("How many people were hurt?",),
        ("{b}", "{b} people"),
        {"a": MIDDLING, "b": MIDDLING},
    ),
    ShortText(
        "The prize did not go to {a}. It went to {b}.",
        ("Who won the prize?", "To whom did the prize go?"),
        ("{b}", "to {b}"),
        {"a": WOMEN, "b": MEN},
    ),
    ShortText(
        "{p} did not buy the factory, although it had tried to; the buyer was {q}.",
        ("Who bought the factory?",),
        ("{q}",),
        {"p": COMPANIES, "q": COMPANIES},
    ),
    ShortText(
        "This year the fair is not in {x} but in {y}.",
        ("Where is the fair this year?",),
        ("{y}", "in {y}"),
        {"x": TOWNS, "y": TOWNS},
    ),
)
ORDERS = (
    ShortText(
        "{a} was director until {y1}. After her came {b}, and since {y2} the director has been "
        "{c}.",
        ("Who followed {a} as director?", "Who was director after {a}?"),
        ("{b}",),
        {"a": WOMEN, "b": MEN, "c": WOMEN},
        ("y1", "y2"),
    ),
    ShortText(
        "{a} was director until {y1}. After her came {b}, and since {y2} the director has been "
        "{c}.",
        ("Who is the director now?",),
        ("{c}",),
        {"a": WOMEN, "b": MEN, "c": WOMEN},
        ("y1", "y2"),
    ),
    ShortText(
        "First the train stops at {x}, then at {y}, and last at {z}.",
        ("Where does the train stop last?", "What is the last stop of the train?"),
        ("{z}", "at {z}"),
        {"x": TOWNS, "y": TOWNS, "z": TOWNS},
    ),
    ShortText(
        "First the train stops at {x}, then at {y}, and last at {z}.",
        ("Where does the train stop first?", "What is the first stop of the train?"),
        ("{x}", "at {x}"),
        {"x": TOWNS, "y": TOWNS, "z": TOWNS},
    ),
    ShortText(
        "{a} arrived before {b}, and {c} came after everyone else.",
        ("Who arrived last?",),
        ("{c}",),
        {"a": MEN, "b": MEN, "c": MEN},
    ),
    ShortText(
        "A ticket used to cost {a} pounds; it now costs {b} pounds.",
        ("How much does a ticket cost now?",),
        ("{b}", "{b} pounds"),
        {"a": MIDDLING, "b": MIDDLING},
    ),
    ShortText(
        "Before {p} bought the mill in {y1}, it belonged to {q}.",
        ("Who owned the mill before {y1}?", "To whom did the mill belong before {y1}?"),
        ("{q}", "to {q}"),
        {"p": COMPANIES, "q": COMPANIES},
        ("y1",),
    ),
    ShortText(
        "{a} first worked in {x} and moved to {y} in {y1}.",
        ("Where did {a} work before {y1}?",),
        ("{x}", "in {x}"),
        {"a": WOMEN, "x": CITIES, "y": CITIES},
        ("y1",),
    ),
    ShortText(
        "The painting was sold for {a} pounds in {y1} and for {b} pounds in {y2}.",
        ("For how much was the painting sold in {y2}?",),
        ("{b}", "{b} pounds", "for {b} pounds"),
        {"a": LARGE, "b": LARGE},
        ("y1", "y2"),
    ),
    ShortText(
        "The play opened on {a} and closed on {b}.",
        ("When did the play close?",),
        ("{b}", "on {b}"),
        {"a": DATES[:5], "b": DATES[5:]},
    ),
)
NAMES_OF_MANY_SCRIPTS = (
    "Frédéric Gašpar",
    "Łukasz Żółkiewski",
    "Søren Ångström",
    "Zoë Núñez",
    "François Lefèvre-Müller",
    "Þórdís Jónsdóttir",
    "Nguyễn Thị Hương",
    "Владимир Орлов",
    "Ελένη Παππά",
    "山田花子",
)
PLACES_OF_MANY_SCRIPTS = (
    "Besançon",
    "Łódź",
    "Göteborg",
    "São João",
    "Plzeň",
    "Córdoba",
    "Đà Nẵng",
    "İzmir",
    "Αθήνα",
    "京都",
)
_FOREIGN = {"name": NAMES_OF_MANY_SCRIPTS, "place": PLACES_OF_MANY_SCRIPTS}
MANY_SCRIPTS = (
    ShortText(
        "The song was written by {name}, who grew up in {place} and now lives in Leeds.",
        ("Who wrote the song?", "By whom was the song written?"),
        ("{name}", "by {name}"),
        _FOREIGN,
    ),
    ShortText(
        "The song was written by {name}, who grew up in {place} and now lives in Leeds.",
        ("Where did {name} grow up?",),
        ("{place}", "in {place}"),
        _FOREIGN,
    ),
    ShortText(
        "Two years ago {name} opened a small restaurant in {place}.",
        ("Who opened a small restaurant?",),
        ("{name}",),
        _FOREIGN,
    ),
    ShortText(
        "The ceremony in {place} was led by the conductor {name}.",
        ("Who led the ceremony?",),
        ("{name}", "conductor {name}", "by the conductor {name}"),
        _FOREIGN,
    ),
    ShortText(
        "🎉 {name} has won the marathon of {place}! 🏃 It was the third time.",
        ("Who has won the marathon?",),
        ("{name}", "🎉 {name}"),
        _FOREIGN,
    ),
    ShortText(
        "The film was shot near {place} in the summer; the camera was in the hands of {name}.",
        ("Near which town was the film shot?", "Where was the film shot?"),
        ("{place}", "near {place}"),
        _FOREIGN,
    ),
)
ANOTHER_SUBJECT = (
    ShortText(
        "{a} lives in {x}, and {b} lives in {y}.",
        ("Where does {c} live?",),
        (),
        {"a": WOMEN, "b": WOMEN, "c": WOMEN, "x": CITIES, "y": CITIES},
    ),
    ShortText(
        "The bus to {x} leaves at {a}, and the bus to {y} leaves at {b}.",
        ("When does the bus to {z} leave?",),
        (),
        {"x": TOWNS, "y": TOWNS, "z": TOWNS, "a": HOURS, "b": HOURS},
    ),
    ShortText(
        "{a} won the race in {y1}, and {b} won it in {y2}.",
        ("Who won the race in {y3}?",),
        (),
        {"a": MEN, "b": MEN},
        ("y1", "y2", "y3"),
    ),
    ShortText(
        "{p} was founded by {a} and makes paper.",
        ("Who founded {q}?", "What does {q} make?"),
        (),
        {"p": COMPANIES, "q": COMPANIES, "a": MEN},
    ),
    ShortText(
        "The kitchen measures {a} square feet and the hall {b}.",
        ("How many square feet does the cellar measure?",),
        (),
        {"a": MIDDLING, "b": MIDDLING},
    ),
    ShortText(
        "The play opens on {a} and the festival on {b}.",
        ("When does the exhibition open?",),
        (),
        {"a": DATES, "b": DATES},
    ),
    ShortText(
        "{a} painted the door green; the roof is still to be done.",
        ("Who painted the roof?", "Who painted the fence?"),
        (),
        {"a": MEN},
    ),
)
NEEDLES = (
    ShortText(
        "The keeper of the lighthouse is called {a}.",
        ("What is the keeper of the lighthouse called?",),
        ("{a}",),
        {"a": MEN},
    ),
    ShortText(
        "The telescope on the roof was a gift of {a}.",
        ("Who gave the telescope on the roof?",),
        ("{a}",),
        {"a": WOMEN},
    ),
    ShortText(
        "The next evening of the chess club is on {a}.",
        ("When is the next evening of the chess club?",),
        ("{a}", "on {a}"),
        {"a": DATES},
    ),
    ShortText(
        "The red tractor was sold for {a} pounds.",
        ("For how much was the red tractor sold?",),
        ("{a}", "{a} pounds", "for {a} pounds"),
        {"a": LARGE},
    ),
    ShortText(
        "The spare key of the chapel lies under the {a}.",
        ("Where does the spare key of the chapel lie?",),
        ("under the {a}", "{a}"),
        {"a": ("flower pot", "stone bench", "water barrel", "wooden step")},
    ),
)
"""Sentences on subjects of their own, to be found in a text about other things."""
