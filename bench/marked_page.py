"""A Markdown page of which a program writes the part between two markers."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError


def split_page(page: Path, begin: str, end: str) -> tuple[str, str]:
    """What stands before and after the markers of ``page``. Raises BenchError without markers."""
    try:
        before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise BenchError(f"{page} cannot be read: {error.strerror}") from error
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise BenchError(f"{page} has no place for the figures: {begin} … {end}")
    return before, after


def write_between(page: Path, begin: str, end: str, parts: Sequence[str]) -> None:
    """Replace what stands between the markers. Raises BenchError without markers."""
    before, after = split_page(page, begin, end)
    page.write_text("\n\n".join([before + begin, *parts, end + after]), encoding="utf-8")
