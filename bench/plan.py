"""How much is measured."""

from dataclasses import dataclass

from bench.checkpoints import BASE, Shape
from bench.lengths import MIXED, LengthMix


@dataclass(frozen=True, slots=True)
class Plan:
    """``rounds`` rounds of every measurement, over ``texts`` texts each.

    ``lone_texts`` of them are asked one at a time; ``starts`` is how often the service is started
    with the default models.
    """

    shape: Shape
    mix: LengthMix
    texts: int
    rounds: int
    connections: int
    lone_texts: int
    starts: int


FULL = Plan(shape=BASE, mix=MIXED, texts=256, rounds=5, connections=32, lone_texts=40, starts=5)
QUICK = Plan(
    shape=Shape(max_position_embeddings=512),
    mix=MIXED,
    texts=64,
    rounds=2,
    connections=32,
    lone_texts=8,
    starts=1,
)
"""Shows that everything runs; its figures mean nothing."""
