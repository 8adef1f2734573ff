"""How much is measured."""

from dataclasses import dataclass

from bench.checkpoints import BASE, Shape
from bench.lengths import MIXED, NEWS, SHORT, LengthMix


@dataclass(frozen=True, slots=True)
class Load:
    """Texts of a mix over so many connections, and the share of the best in process that the
    service should reach with them.
    """

    mix: LengthMix
    connections: int
    goal: float


@dataclass(frozen=True, slots=True)
class Plan:
    """``rounds`` rounds of every measurement, over ``texts`` texts each.

    ``lone_texts`` texts of the first load's mix are asked one at a time; ``starts`` is how often
    the service is started with the default models.
    """

    shape: Shape
    loads: tuple[Load, ...]
    texts: int
    rounds: int
    lone_texts: int
    starts: int


FULL = Plan(
    shape=BASE,
    loads=(
        Load(MIXED, 32, 0.95),
        Load(MIXED, 128, 0.95),
        Load(NEWS, 32, 0.93),
        Load(SHORT, 32, 0.93),
    ),
    texts=256,
    rounds=5,
    lone_texts=40,
    starts=5,
)
QUICK = Plan(
    shape=Shape(max_position_embeddings=512),
    loads=(Load(MIXED, 32, 0.95), Load(SHORT, 8, 0.93)),
    texts=64,
    rounds=2,
    lone_texts=8,
    starts=1,
)
"""Shows that everything runs; its figures mean nothing."""
