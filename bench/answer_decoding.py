"""``python -m bench.answer_decoding MODEL``: what it costs to find the answers in the logits of a
long document, without the runs of the model.
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.checkpoints import SENTENCES
from bench.statistics import percentile
from model_directory.integrity import open_version
from service.registry import LoadedModel, load_model
from service.runtime.session import Logits
from service.tasks.question_answering import QuestionAnsweringRequest, QuestionInput

CHARACTERS_AT_A_TIME = 500


def answer_decoding(
    model: Annotated[Path, typer.Argument(help="A version directory of a question answerer.")],
    windows: Annotated[int, typer.Option(help="Windows of the document.", min=1)] = 100,
    repeats: Annotated[int, typer.Option(help="How often it is decoded.", min=1)] = 20,
) -> None:
    """Time decoding with the default parameters, and with those that make it longest."""
    loaded = load_model(open_version(model), time.perf_counter())
    context = document(loaded, windows)
    for given in ({}, {"top_k": 20}, {"max_answer_len": 384}):
        taken = measure(loaded, request(context, **given), repeats)
        typer.echo(
            f"{windows} windows, {given or 'default parameters'}: median "
            f"{percentile(taken, 0.5) * 1e3:.1f} ms, p90 {percentile(taken, 0.9) * 1e3:.1f} ms of "
            f"processor time in {repeats} runs on one thread"
        )


def request(context: str, **given: int) -> QuestionAnsweringRequest:
    """A question about ``context``."""
    return QuestionAnsweringRequest([QuestionInput("who lives there", (context,))], **given)


def document(model: LoadedModel, windows: int) -> str:
    """A context that is cut into exactly as many windows."""
    text = " ".join(SENTENCES)
    context = ""
    while len(model.task.prepare(request(context or text)).sequences) < windows:
        context += text[:CHARACTERS_AT_A_TIME] + " "
    return context or text


def measure(model: LoadedModel, asked: QuestionAnsweringRequest, repeats: int) -> list[float]:
    """Seconds of processor time of each decoding.

    The logits are random: without a clear answer more different spans are told apart than in any
    real document. Each is decoded from tokens of its own, since the words of those are kept.
    """
    source = np.random.default_rng(0)
    taken = []
    for _ in range(repeats):
        prepared = model.task.prepare(asked)
        logits: list[Logits] = [
            tuple(source.normal(0, 3, (2, row.length)).astype(np.float32))
            for row in prepared.sequences
        ]
        start = time.thread_time()
        model.task.decode(prepared, logits)
        taken.append(time.thread_time() - start)
    return taken


if __name__ == "__main__":
    typer.run(answer_decoding)
