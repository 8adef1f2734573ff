"""Has the C library ask for memory in huge pages, which only its start can be told.

A run streams through the weights and its own arrays, and a processor finds the pages of 4 KiB that
these take more slowly than those of 2 MiB. On two cores with ALBERT-base's shape, mixed lengths
over 32 connections, three runs of each kind in turn: 24.0, 26.8 and 27.4 texts/s without, 25.9,
27.4 and 27.7 with them.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "GLIBC_TUNABLES"
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Of glibc 2.35 and newer: large blocks are marked for huge pages, where the system has any. Others
ignore it (https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html)."""

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
"""Linux gives huge pages to all who have large blocks, to those who mark them, or to nobody
(https://docs.kernel.org/admin-guide/mm/transhuge.html)."""
ON_REQUEST = "[madvise]"


def restart_with_huge_pages() -> None:
    """Start this program anew, in this very process, with the C library told so; does not return
    then. Returns where that would change nothing, and where ``GLIBC_TUNABLES`` is set: whoever set
    it is obeyed.
    """
    if not asks_for_them(os.environ, SETTING):
        return
    environment = {**os.environ, VARIABLE: HUGE_PAGES}
    try:
        os.execve(sys.executable, sys.orig_argv, environment)
    except OSError:
        return  # it works without


def asks_for_them(environment: Mapping[str, str], setting: Path) -> bool:
    """Whether the system has huge pages for those who ask, and nobody has told the C library."""
    if VARIABLE in environment:
        return False
    try:
        return ON_REQUEST in setting.read_text(encoding="ascii")
    except OSError:
        return False
