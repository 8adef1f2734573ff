"""Which threads run what."""

from enum import StrEnum


class Crew(StrEnum):
    """A kind of worker thread: those that the operating system treats alike."""

    ALONE = "alone"
    """For interactive work while there is no bulk."""
    BESIDE = "beside"
    """For bulk, and for interactive work beside it."""
    FIRST = "first"
    """For what goes before all others."""
