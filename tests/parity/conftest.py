"""Prints what the comparisons measured; `docs/export.md` quotes it."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Difference:
    """Largest absolute difference of a logit from transformers': of the file, of the reference."""

    file: float
    reference: float


_MEASURED = pytest.StashKey[dict[str, Difference]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_MEASURED] = {}


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> dict[str, Difference]:
    return request.config.stash[_MEASURED]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    measured = config.stash[_MEASURED]
    if not measured:
        return
    terminalreporter.section("largest logit difference from transformers")
    terminalreporter.write_line(f"{'checkpoint':32} {'file, fp32':>12} {'reference, fp64':>16}")
    largest = Difference(
        max(difference.file for difference in measured.values()),
        max(difference.reference for difference in measured.values()),
    )
    for name, difference in {**measured, "largest": largest}.items():
        terminalreporter.write_line(
            f"{name:32} {difference.file:12.1e} {difference.reference:16.1e}"
        )
