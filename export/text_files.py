"""Reads the small files that options name: sample texts, figures, a card."""

from pathlib import Path

from export.errors import ExportRefusedError

MAX_BYTES = 8 << 20


def read_bounded(path: Path) -> bytes:
    """Return the content of a file of at most MAX_BYTES; ExportRefusedError if there is none."""
    try:
        if not path.is_file():
            raise ExportRefusedError(f"{path} is not a file")
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ExportRefusedError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ExportRefusedError(f"{path} is larger than {MAX_BYTES} bytes")
    return content


def read_text(path: Path) -> str:
    """Return the content of a UTF-8 file, without a byte order mark."""
    try:
        return read_bounded(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExportRefusedError(f"{path} is not UTF-8 text") from error


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file that are not empty; ExportRefusedError if all are."""
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise ExportRefusedError(f"{path} holds no text")
    return lines
