"""How the exporter says what it is doing."""

from typing import Protocol


class Progress(Protocol):
    """Is told which stage is running and, where it can be counted, how far it is."""

    def __call__(self, stage: str, done: int = 0, of: int = 0) -> None:
        """Show ``stage``, with ``done`` of ``of`` steps behind it unless ``of`` is 0."""
