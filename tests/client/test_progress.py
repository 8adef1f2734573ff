"""A bar on a terminal, lines elsewhere."""

import io

from rich.console import Console

from client.progress import LINE_SECONDS, FileProgress


def test_elsewhere_a_line_comes_now_and_then():
    file, now = io.StringIO(), [100.0]
    with FileProgress(Console(file=file), 1000, clock=lambda: now[0]) as progress:
        for records in range(1, 51):
            now[0] += LINE_SECONDS / 20
            progress.answered(40 + records, 10 * records)
    assert file.getvalue().splitlines() == [
        "60 answered, 2/s, 20% of the file",
        "80 answered, 2/s, 40% of the file",
    ]


def test_of_a_stream_nobody_knows_the_share():
    file, now = io.StringIO(), [0.0]
    with FileProgress(Console(file=file), None, clock=lambda: now[0]) as progress:
        progress.answered(1, 0)
        now[0] = LINE_SECONDS
        progress.answered(1234, 0)
    assert file.getvalue() == "1,234 answered, 123/s\n"


def test_on_a_terminal_there_is_a_bar_that_goes_away():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    with FileProgress(console, 1000) as progress:
        progress.answered(500, 500)
        progress._progress.refresh()
    assert "50 %" in file.getvalue()
    assert "500 answered" in file.getvalue()
