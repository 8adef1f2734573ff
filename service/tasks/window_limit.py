"""Bounds how many windows the texts of one request are cut into."""

from dataclasses import dataclass

from service.tasks.errors import InputError

MOST_WINDOWS = 10_000
"""In one request, where nothing else is set. Each is a row that waits: of 384 tokens, 4.3 kB with
all that the queue keeps of it. The densest text in a body of 2 MiB, a token in every byte, has some
8,400 windows by default, and English has 2,100.
"""


@dataclass(slots=True)
class WindowLimit:
    """Counts the windows of a request against the ``most`` that it may have, before any of them is
    made: with a step of one token, a text of a megabyte would take gigabytes.
    """

    most: int
    count: int = 0

    def add(self, windows: int, *, index: int, field: str, advice: str) -> None:
        """Count those of the text that input ``index`` has as ``field``. Raises InputError, with
        ``advice`` on what makes fewer, when there are too many by now.
        """
        self.count += windows
        if self.count > self.most:
            raise InputError(
                f"Up to here the request has {self.count} windows and at most {self.most} are "
                f"allowed: {advice}.",
                index=index,
                field=field,
            )
