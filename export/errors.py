"""Why an export is refused."""

_MOST_CHARACTERS = 900


class ExportRefusedError(Exception):
    """The checkpoint, an option or the output directory does not allow the export.

    The message is one sentence that says what is wrong and, where it helps, what would be right.
    What it quotes may come from a hostile file, so it is kept short, and is free of whatever a
    terminal would not print.
    """

    def __init__(self, sentence: str) -> None:
        printable = "".join(map(_printable, sentence[: _MOST_CHARACTERS + 1]))
        if len(printable) > _MOST_CHARACTERS:
            printable = f"{printable[: _MOST_CHARACTERS - 1]}…"
        super().__init__(printable)


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
