"""Opens a user's files: plain or compressed, and UTF-8 whatever else they hold."""

import gzip
import lzma
import zlib
from pathlib import Path

from training.own_data.bad_rows import DataError

SPREADSHEETS = frozenset({".xls", ".xlsx", ".ods", ".numbers"})
NUL = "it holds a NUL byte"
NOT_UTF8 = "it is not UTF-8"
COMPRESSED = frozenset({".gz", ".xz"})
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def kind_of(path: Path) -> str:
    """The ending that says the format: ``.csv`` of ``tickets.CSV`` and of ``tickets.csv.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    if kind in SPREADSHEETS:
        raise DataError(
            f"{path} is a spreadsheet: save its sheet as CSV (in Excel, as 'CSV UTF-8') first"
        )
    return kind


def read_text(path: Path) -> str:
    """The whole file, without a byte order mark; line ends are as they are in it.

    A byte that is not UTF-8 becomes a lone surrogate (Python's ``surrogateescape``), so that only
    the row that holds it is bad: see `flaw_of`. DataError if the file cannot be read, or is UTF-16.
    """
    try:
        content = _content(path)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path} cannot be read: {reason}") from error
    if encoding := _BYTE_ORDER_MARKS.get(content[:2]):
        raise DataError(f"{path} is {encoding}, not UTF-8: save it as UTF-8 (in Excel 'CSV UTF-8')")
    return content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    match path.suffix.lower():
        case ".gz":
            return gzip.decompress(content)
        case ".xz":
            return lzma.decompress(content)
    return content


def flaw_of(text: str) -> tuple[str, str] | None:
    """Why a text of `read_text` cannot be used: the reason and a detail; None where it can."""
    if "\0" in text:
        return NUL, ""
    if text.isascii():
        return None
    for place, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            byte = ord(character) - 0xDC00
            what = f"byte 0x{byte:02X}" if 0x80 <= byte <= 0xFF else "half a surrogate pair"
            return NOT_UTF8, f"{what} after {text[max(0, place - 20) : place]!r}"
    return None
