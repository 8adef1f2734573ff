"""``python -m bench.single_text MODEL``: what one short text costs on one core, without HTTP."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.checkpoints import SENTENCES
from bench.statistics import percentile
from model_directory.integrity import open_version
from model_directory.manifest import Task
from service.registry import LoadedModel, load_model
from service.tasks.classification import ClassificationInput, ClassificationRequest
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput

WORDS = " ".join(SENTENCES).split()
WARMING_RUNS = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of each run: from text to answer, of the graph within it, and of the processor, which
    other programs on the machine add little to.
    """

    whole: list[float]
    graph: list[float]
    processor: list[float]


def single_text(
    model: Annotated[Path, typer.Argument(help="A version directory, models/NAME/VERSION.")],
    tokens: Annotated[int, typer.Option(help="Length, special tokens included.", min=16)] = 32,
    repeats: Annotated[int, typer.Option(help="How often it is run.", min=1)] = 200,
) -> None:
    """Time a text through tokenising, graph and decoding, on one intra-op thread."""
    loaded = load_model(open_version(model), time.perf_counter())
    request, length = longest_request(loaded, tokens)
    taken = measure(loaded, request, repeats)
    for what, seconds in (
        ("text to answer", taken.whole),
        ("of it the graph", taken.graph),
        ("text to answer, processor time", taken.processor),
    ):
        typer.echo(
            f"{loaded.name}, {length} tokens, {what}: median {percentile(seconds, 0.5) * 1e3:.2f} "
            f"ms, p90 {percentile(seconds, 0.9) * 1e3:.2f} ms of {repeats} runs on one thread"
        )


def longest_request(model: LoadedModel, tokens: int) -> tuple[Any, int]:
    """A request of one text that has at most ``tokens`` tokens, as many as its words allow, and how
    many these are.
    """
    request_of = _REQUESTS.get(model.manifest.task, _text)
    fitting = None
    for count in range(1, len(WORDS) + 1):
        request = request_of(WORDS[:count])
        length = model.task.prepare(request).tokens
        if length > tokens:
            break
        fitting = request, length
    if fitting is None:
        raise typer.BadParameter(f"{tokens} tokens are too few for a text of this model")
    return fitting


def measure(model: LoadedModel, request: Any, repeats: int) -> Taken:
    """What each of ``repeats`` runs took, after some that are not counted."""
    taken = Taken([], [], [])
    for number in range(WARMING_RUNS + repeats):
        start, processor = time.perf_counter(), time.thread_time()
        prepared = model.task.prepare(request)
        before = time.perf_counter()
        logits = model.session.run(prepared.sequences)
        after = time.perf_counter()
        model.task.decode(prepared, logits)
        if number >= WARMING_RUNS:
            taken.whole.append(time.perf_counter() - start)
            taken.graph.append(after - before)
            taken.processor.append(time.thread_time() - processor)
    return taken


def _text(words: Sequence[str]) -> ClassificationRequest:
    return ClassificationRequest([ClassificationInput(" ".join(words))])


def _question(words: Sequence[str]) -> QuestionAnsweringRequest:
    return QuestionAnsweringRequest([QuestionInput("who lives there", (" ".join(words),))])


_REQUESTS: dict[Task, Callable[[Sequence[str]], Any]] = {Task.QUESTION_ANSWERING: _question}

if __name__ == "__main__":
    typer.run(single_text)
