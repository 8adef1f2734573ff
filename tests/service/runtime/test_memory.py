"""That memory which is free is given back."""

import os
from pathlib import Path

import pytest

from service.runtime.memory import trim

PAGES = 20_000
"""In blocks too small for a mapping of their own."""


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)
def test_holes_between_what_is_used_are_given_back():
    blocks = [bytes(3000) for _ in range(PAGES)]
    kept = blocks[::200]
    full = resident()
    del blocks
    trim()
    assert full - resident() > PAGES * 3000 / 2
    assert len(kept) == PAGES / 200
