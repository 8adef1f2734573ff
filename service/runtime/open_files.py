"""How many files, and so connections, the process may have open."""

import resource
from contextlib import suppress

MOST_OPEN_FILES = 16_384
"""A connection takes 7 to 10 kB, one whose header is almost too large 75 (8,000 and 2,000 of them,
a one-off script)."""


def allow_many() -> None:
    """Have as many as the system gives to who asks, up to ``MOST_OPEN_FILES``.

    It gives 1,024 at first for the sake of programs that use ``select``, which cannot have more,
    and leaves it to all others to ask (systemd.exec(5), LimitNOFILE).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
