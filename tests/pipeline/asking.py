"""Has the pipeline of transformers 5.2.0 answer many questions, on every core, resumably."""

import functools
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.pipeline.golden import Asked, Golden, Span
from training.onnx_encoder import restore_checkpoint

RELEASE = "5.2.0"
MODEL = Path(__file__).parents[2] / "models" / "question-answering" / "1"
SAID_EVERY = 100


def check_release() -> None:
    """SystemExit if this is another release of transformers."""
    if transformers.__version__ != RELEASE:
        raise SystemExit(f"this needs transformers {RELEASE}, not {transformers.__version__}")


@functools.cache
def open_pipeline() -> Any:
    """The pipeline over the default model, one for each process, on one thread.

    It feeds a model only the inputs that its tokenizer names, so this one names all three.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        restore_checkpoint(MODEL, directory)
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(directory / "tokenizer.json"),
            model_max_length=512,
            model_input_names=["input_ids", "token_type_ids", "attention_mask"],
            cls_token="[CLS]",
            sep_token="[SEP]",
            pad_token="<pad>",
            unk_token="<unk>",
            mask_token="[MASK]",
        )
        model = transformers.AlbertForQuestionAnswering.from_pretrained(directory).eval()
    return transformers.pipeline("question-answering", model=model, tokenizer=tokenizer)


def answers(asked: Asked) -> list[Span]:
    """What the pipeline answers, without what is no candidate.

    Asked for more answers than there are spans, it fills up with pairs that it masked away: spans
    that end before they begin, or at [CLS]. Their score is exactly 0.
    """
    found = open_pipeline()(question=asked.question, context=asked.context, **asked.parameters)
    spans = []
    for one in found if isinstance(found, list) else [found]:
        assert one["answer"] == asked.context[one["start"] : one["end"]], asked
        if one["score"] > 0:
            spans.append(Span(one["start"], one["end"], one["score"]))
    return spans


def attempt(asked: Asked) -> dict[str, Any]:
    """The answers, or why there are none: truncation refuses, or dies of, questions that leave less
    room than the windows share.
    """
    try:
        return {"digest": asked.digest(), "answers": answers(asked)}
    except (AssertionError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the tokenizer is no Exception
        return {"digest": asked.digest(), "error": f"{type(error).__name__}: {error}"}


class Asking:
    """Keeps each answer in a file at once, and asks nothing again that is in it."""

    def __init__(self, unfinished: Path) -> None:
        self._unfinished = unfinished

    def golden(self, questions: Iterable[Asked]) -> list[Golden]:
        """The cases that the pipeline answers; the others are printed."""
        questions = list(questions)
        answered = self._known()
        new = [one for one in questions if one.digest() not in answered]
        self._unfinished.parent.mkdir(exist_ok=True)
        # Spawned, not forked: torch's threads do not survive a fork.
        workers = multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0)))
        with workers, self._unfinished.open("a", encoding="utf-8") as file:
            for line in workers.imap_unordered(attempt, new):
                answered[line["digest"]] = line
                file.write(json.dumps(line) + "\n")
                file.flush()
                if len(answered) % SAID_EVERY == 0:
                    print(f"{len(answered)} asked", flush=True)
        cases = []
        for asked in questions:
            line = answered[asked.digest()]
            if "error" in line:
                print(f"no answer to {asked.question!r} with {asked.parameters}: {line['error']}")
            else:
                cases.append(Golden(asked, [Span(*span) for span in line["answers"]]))
        return cases

    def forget(self) -> None:
        """Remove the file, once what was answered is written elsewhere."""
        self._unfinished.unlink()

    def _known(self) -> dict[str, dict[str, Any]]:
        """What the file has; a line that was cut off in writing is cut away."""
        if not self._unfinished.exists():
            return {}
        whole = self._unfinished.read_text(encoding="utf-8").rpartition("\n")[0]
        self._unfinished.write_text(whole + "\n" if whole else "", encoding="utf-8")
        lines = map(json.loads, whole.splitlines())
        return {line["digest"]: line for line in lines}
