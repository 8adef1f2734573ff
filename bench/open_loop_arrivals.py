"""When requests are sent: times that are set before the first answer is known."""

import random


def poisson(rate: float, seconds: float, seed: int = 0) -> list[float]:
    """Seconds after the start, ascending, of arrivals that know nothing of each other: ``rate`` a
    second on average, for ``seconds``.
    """
    source = random.Random(seed)
    arrivals: list[float] = []
    at = source.expovariate(rate)
    while at < seconds:
        arrivals.append(at)
        at += source.expovariate(rate)
    return arrivals


def regular(rate: float, seconds: float) -> list[float]:
    """Seconds after the start of ``rate`` arrivals a second, evenly spaced, for ``seconds``."""
    return [number / rate for number in range(int(rate * seconds))]
