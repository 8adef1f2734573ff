"""Why the bench gives up."""


class BenchError(Exception):
    """A measurement that cannot be made, or that would not be a fair one: one sentence."""
