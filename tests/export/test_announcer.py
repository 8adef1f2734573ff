import io

import pytest
from rich.console import Console

from export.announcer import Announcer


def shown(*, terminal: bool) -> str:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=80)
    with Announcer(console) as progress:
        progress("reading [the] checkpoint")
        for done in range(3):
            progress("comparing", done, 3)
    return written.getvalue()


def test_each_stage_is_one_plain_line_where_nobody_watches() -> None:
    assert shown(terminal=False) == "reading [the] checkpoint\ncomparing\n"


def test_a_terminal_shows_how_far_a_stage_is() -> None:
    assert "comparing: 2 of 3" in shown(terminal=True)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_console_that_cannot_be_written_ends_nothing(terminal: bool) -> None:
    with open("/dev/full", "w") as full:
        console = Console(file=full, force_terminal=terminal, width=80)
        with Announcer(console) as progress:
            for stage in ("one", "two"):
                progress(stage)
