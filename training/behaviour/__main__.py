"""``python -m training.behaviour MODEL``: the suite's table for an exported model."""

from pathlib import Path
from typing import Annotated

import typer

from training.behaviour.cases import Asked, Input
from training.behaviour.score import Result, score, tallies
from training.behaviour.suites import suite_of
from training.in_process import open_model


def _behaviour(
    model: Annotated[Path, typer.Argument(help="An exported directory, models/NAME/VERSION.")],
    failures: Annotated[int, typer.Option(help="Show so many of each capability.", min=0)] = 0,
) -> None:
    """Put a model's behaviour suite to it, and say how much it passes."""
    loaded = open_model(model)
    cases = suite_of(loaded.manifest).cases
    results = score(loaded, cases)
    for tally in tallies(results):
        capability = tally.capability
        typer.echo(
            f"{tally.share:6.1%} {tally.passed:5}/{tally.total:<5} {capability.name} "
            f"({capability.kind}: {capability.says})"
        )
        failed = [one for one in results if one.case.capability == capability and not one.passed]
        for result in failed[:failures]:
            typer.echo(f"{'':14}{_shown(result)}")
    passed = sum(result.passed for result in results)
    templates = len({(case.capability, case.template) for case in cases})
    typer.echo(f"{passed / len(results):6.1%} {passed:5}/{len(results)} of {templates} templates")


def _shown(result: Result) -> str:
    pairs = zip(result.case.inputs, result.outcomes, strict=True)
    return " | ".join(
        f"{_text(each)} -> {outcome.answer!r} {outcome.score:.3f}" for each, outcome in pairs
    )


def _text(each: Input) -> str:
    return f"{each.question} [{each.context}]" if isinstance(each, Asked) else each


if __name__ == "__main__":
    typer.run(_behaviour)
