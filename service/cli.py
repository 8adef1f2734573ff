"""``albert-serve``: the command, ready for a signal before anything slow is imported."""

import signal
import sys

from service.runtime.huge_pages import restart_with_huge_pages
from service.runtime.standard_streams import open_missing


def main() -> None:
    """Run ``service.start`` with the command line.

    The first process of a container ignores signals that it does not handle, so a SIGTERM during
    the imports would be lost and the container killed later.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    open_missing()
    restart_with_huge_pages()
    from service.start import start

    sys.exit(start(sys.argv[1:]))
