"""Reviews of 200 to 400 words that tell this and that, and say only at the end what they think."""

import random
from dataclasses import dataclass

from training.behaviour.cases import Capability, Kind, OneOf, Suite
from training.behaviour.templates import number_of

REVIEWS_OF_EACH_SORT = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """What a reviewer tells of one kind of thing: without an opinion, for, against, and the end."""

    name: str
    told: tuple[str, ...]
    praised: tuple[str, ...]
    blamed: tuple[str, ...]
    loved: tuple[str, ...]
    hated: tuple[str, ...]


FILM = Subject(
    "film",
    (
        "The film begins in a harbour town in winter, where a customs officer finds a boat without "
        "a crew. Her name is Ines, and she has six weeks left before she retires. Her superior "
        "would like to close the case before the holidays.",
        "It was shot on the coast of Galicia over two summers, and about half of the people on the "
        "screen are not actors but live in the villages. The dialogue is in Spanish and Galician, "
        "with subtitles.",
        "From there the story moves between three years: the year of the boat, the year in which "
        "Ines came to the town, and a year in her childhood. A caption tells each time where we "
        "are.",
        "The part of the officer is played by a woman I knew only from television, where she used "
        "to read the news. The brother is played by the same man who was the priest in the "
        "director's first film.",
        "I saw it at a cinema near the station on a Wednesday afternoon. There were perhaps twenty "
        "people in the room, and a short about glaciers was shown first.",
        "In the second hour the brother returns from Argentina with a suitcase that he will not "
        "open. The two of them talk in the kitchen, then in the car, and then on the ferry, and "
        "the suitcase is always with them.",
        "The running time is two hours and twenty-five minutes, which includes a break of ten "
        "minutes. The picture has the old, almost square shape, and most of the scenes are lit by "
        "lamps that can be seen in the frame.",
        "There is music in four places only: a song on the radio, a brass band, a lullaby, and the "
        "credits. Everything else is wind, engines and the sea.",
    ),
    (
        "The photography is lovely and the first scene is a fine piece of work.",
        "I liked the brass band, and the children are well cast.",
        "The costumes are beautiful and the harbour looks splendid in the snow.",
    ),
    (
        "Some of the captions are hard to read and the middle could lose ten minutes.",
        "The trailer is misleading, and one of the subplots goes nowhere.",
        "The sound was too loud at the start and the seats were uncomfortable.",
    ),
    (
        "But when the suitcase was opened at last I had tears in my eyes. It is a wonderful film, "
        "the best I have seen this year.",
        "I walked home slowly and happy. I loved this film and will see it again with my mother.",
        "All in all I was deeply moved: a masterpiece that I recommend to everybody.",
    ),
    (
        "And yet I could not have cared less when the suitcase was opened at last. It is a dreary, "
        "empty film, the worst I have seen this year.",
        "I walked home cross and tired. I hated this film and would like my money back.",
        "All in all it bored me to death: a pretentious failure that I can recommend to nobody.",
    ),
)
HOTEL = Subject(
    "hotel",
    (
        "We booked four nights in May through the website of the hotel. The confirmation came by "
        "email within an hour, and the rest was to be paid on arrival.",
        "The house is on the north side of the old town, ten minutes on foot from the station. It "
        "was a school until the nineties, and the corridors still have the hooks for coats.",
        "Our room was on the second floor and looked out on a courtyard with two trees. It had a "
        "double bed, a desk, a wardrobe and a bathroom with a shower.",
        "Breakfast is served from seven to ten in the former gym. There is bread, cheese, fruit "
        "and eggs, and a machine for coffee and tea that one operates oneself.",
        "There is a tram every twelve minutes from the corner, and a day ticket can be bought at "
        "the front desk. Cars can be left in a garage under the square.",
        "On the second day we took the boat to the island, and on the third we visited the "
        "cathedral and the market hall. On the last day it rained, so we stayed in and read.",
        "The town was full because of a trade fair, and many of the other guests wore badges with "
        "the name of their company. Check-out is at eleven.",
        "Upstairs there is a reading room with a map of the town from 1905, and in the cellar a "
        "laundry with two machines that take coins.",
    ),
    (
        "The young man at the desk was friendly and the eggs were good.",
        "I liked the courtyard, and the tram stop is convenient.",
        "The reading room is a nice idea and the bread was fresh.",
    ),
    (
        "The lift was out of order on the first evening and the coffee was weak.",
        "The desk wobbled, and the website is confusing.",
        "The wardrobe was too small for us and the corridor was a little cold.",
    ),
    (
        "We were sad to leave. For us it was a perfect stay in every way, and we have already "
        "booked again for next year.",
        "What remains is a feeling of having been in very good hands. We loved it here and will be "
        "back.",
        "In short, we were delighted: a wonderful place that I recommend warmly.",
    ),
    (
        "We were glad to leave. There were bedbugs in the mattress, nobody apologised, and we will "
        "never stay here again.",
        "What remains is a feeling of having been cheated. We hated it here and will not be back.",
        "In short, we were disgusted: a horrible place that I would not wish on anyone.",
    ),
)
RESTAURANT = Subject(
    "restaurant",
    (
        "The restaurant is in the building where the post office used to be, and the counters are "
        "still there. It has about fifteen tables downstairs and a long one on the gallery.",
        "We were a party of five and came on a Friday at half past seven. The table had been "
        "booked by telephone a week before.",
        "There is a short menu that changes every two weeks, with three starters, four main "
        "courses and two desserts. One of the main courses is always without meat.",
        "My father had the lamb, my sister and I the gnocchi, and the others the fish of the day, "
        "which was pollock. With it we drank a white wine from the Loire and water.",
        "The kitchen can be seen through a window behind the counters. Five people work in it, and "
        "the dishes are passed through what was once the hatch for parcels.",
        "Between the courses we talked about the move of my parents, who are going to live near "
        "the lake from September. There was a birthday party on the gallery.",
        "Main courses are between sixteen and twenty-four pounds, and the wines start at "
        "twenty-two. They take cards. On Sundays and Mondays the house is closed.",
        "The waiter explained that the bread is baked next door and the cheese comes from a farm "
        "on the other side of the river. Afterwards there was coffee and a plate of biscuits.",
    ),
    (
        "The room is handsome and the waiter was polite.",
        "I liked the wine, and the biscuits were a nice touch.",
        "The bread was fresh and the view into the kitchen is fun.",
    ),
    (
        "The gallery was rather loud and the wine came late.",
        "The chairs are uncomfortable, and we had to ask twice for water.",
        "The lamp over our table flickered and the starters were small.",
    ),
    (
        "But the food! It was sensational, every plate of it, and we went home thrilled. I cannot "
        "recommend this place enough.",
        "My father, who is hard to please, called it the best meal of his life, and I agree with "
        "him.",
        "To sum up, an unforgettable evening and superb cooking. We will be back soon.",
    ),
    (
        "But the food! It was revolting, every plate of it, and two of us were sick all night. I "
        "cannot warn you enough of this place.",
        "My father, who is easy to please, called it the worst meal of his life, and I agree with "
        "him.",
        "To sum up, a ruined evening and terrible cooking. We will never be back.",
    ),
)
MACHINE = Subject(
    "sewing machine",
    (
        "I bought this sewing machine in March to replace one that had belonged to my grandmother. "
        "It came in a box of forty by thirty by thirty centimetres, wrapped in paper.",
        "In the box there are the machine, a pedal, a cable, five bobbins, three feet and a "
        "booklet in six languages. A cover made of grey cloth is sold separately.",
        "The machine has twenty-two stitches, which are chosen with a wheel at the front, and a "
        "lever for sewing backwards. A small drawer under the arm holds needles and the other "
        "feet.",
        "It weighs a little more than six kilograms and has a handle on the top. The cable is a "
        "metre and eighty long, and the pedal is connected with a plug of its own.",
        "So far I have made two pairs of curtains with it, a bag for the beach, a costume for the "
        "school play and a cover for a cushion. Most of this was cotton, the bag was canvas.",
        "The thread goes in from above, as usual, and the bobbin is put in from the front. A lamp "
        "beside the needle goes on with the main switch.",
        "The maker says that it needs oil twice a year, and a small bottle of it is part of the "
        "delivery. The warranty runs for two years from the date of purchase.",
        "I sew on two or three evenings a week at the kitchen table, so the machine is put away "
        "after each use, in the cupboard beside the fridge.",
    ),
    (
        "The lamp is nice and bright and the drawer is a clever idea.",
        "I liked the handle, and it arrived a day early.",
        "It looks elegant and the curtains came out well.",
    ),
    (
        "The booklet is poorly translated and the cable could be longer.",
        "The pedal slips on a smooth floor, and the cover should be part of the price.",
        "The wheel is a little stiff and the box was damaged.",
    ),
    (
        "After half a year I can only say that I adore it. It is a fantastic machine, worth every "
        "penny, and I would buy it again at once.",
        "Would I choose it again? Yes, without a moment of doubt: I have never been happier with a "
        "purchase.",
        "My verdict: excellent. It makes sewing a pleasure.",
    ),
    (
        "After half a year I can only say that I detest it. It is a dreadful machine, not worth a "
        "penny, and I regret that I bought it.",
        "Would I choose it again? No, not in a hundred years: I have never been angrier about a "
        "purchase.",
        "My verdict: useless. It makes sewing a misery.",
    ),
)
SUBJECTS = (FILM, HOTEL, RESTAURANT, MACHINE)


def add_long_reviews(suite: Suite) -> None:
    """Add reviews whose small praise or blame on the way is the opposite of their verdict."""
    capability = Capability(
        "verdict at the end of a long review",
        Kind.MINIMUM_FUNCTIONALITY,
        "200 to 400 words, of which the last ones decide",
    )
    for subject in SUBJECTS:
        for label, asides, verdicts in (
            ("positive", subject.blamed, subject.loved),
            ("negative", subject.praised, subject.hated),
        ):
            reviews = [
                (review(subject, asides, verdicts[number % len(verdicts)], number),)
                for number in range(REVIEWS_OF_EACH_SORT)
            ]
            template = f"{subject.name}, {label} in the end"
            suite.add(capability, template, reviews, OneOf(frozenset({label})))


def review(subject: Subject, asides: tuple[str, ...], verdict: str, number: int) -> str:
    """The review of this number: six to eight passages, one or two asides, the verdict."""
    draw = random.Random(number_of(f"{subject.name} {verdict} {number}"))
    count = 6 + number % 3
    kept = sorted(draw.sample(range(len(subject.told)), count))
    passages = [subject.told[place] for place in kept]
    for aside in draw.sample(asides, 1 + number % 2):
        passages.insert(draw.randint(1, len(passages)), aside)
    return " ".join([*passages, verdict])
