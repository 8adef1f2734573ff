"""Asks the pipeline of transformers 5.2.0, and writes its answers into the golden files.

    python -m tests.pipeline                     # questions over this project's own texts
    python -m tests.pipeline --data DIRECTORY    # questions over data sets in DIRECTORY/*.jsonl.xz

Needs ``requirements/pipeline.txt`` and torch; ``make golden`` installs both.
"""

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers

from tests.pipeline.data_sets import data_sets
from tests.pipeline.golden import DATA_SETS, OWN_TEXTS, Asked, Golden, Span, write
from tests.pipeline.own_texts import own_texts
from training.onnx_encoder import restore_checkpoint

RELEASE = "5.2.0"
MODEL = Path(__file__).parents[2] / "models" / "question-answering" / "1"


def open_pipeline(directory: Path) -> Any:
    """The pipeline over the default model.

    It feeds a model only the inputs that its tokenizer names, so this one names all three.
    """
    if transformers.__version__ != RELEASE:
        raise SystemExit(f"this needs transformers {RELEASE}, not {transformers.__version__}")
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


def answers(pipeline: Any, asked: Asked) -> list[Span]:
    """What it answers, without what is no candidate.

    Asked for more answers than there are spans, the pipeline fills up with pairs that it masked
    away: spans that end before they begin, or at [CLS]. Their score is exactly 0.
    """
    found = pipeline(question=asked.question, context=asked.context, **asked.parameters)
    spans = []
    for one in found if isinstance(found, list) else [found]:
        if one["answer"] != asked.context[one["start"] : one["end"]]:
            raise ValueError(f"an answer is not at its offsets: {asked}")
        if one["score"] > 0:
            spans.append(Span(one["start"], one["end"], one["score"]))
    return spans


def golden(pipeline: Any, questions: Iterable[Asked]) -> list[Golden]:
    """The cases that the pipeline answers; the others are printed.

    Truncation refuses, or dies of, questions that leave less room than the windows share.
    """
    cases: list[Golden] = []
    for asked in questions:
        try:
            cases.append(Golden(asked, answers(pipeline, asked)))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the tokenizer is no Exception
            if isinstance(error, ValueError) and "offsets" in str(error):
                raise
            print(f"no answer to {asked.question!r} with {asked.parameters}: {error}")
        if len(cases) % 100 == 0:
            print(f"{len(cases)} answered", flush=True)
    return cases


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.pipeline", description=__doc__)
    parser.add_argument("--data", type=Path, help="a directory of data sets, instead of own texts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        pipeline = open_pipeline(Path(directory))
    if arguments.data is None:
        write(OWN_TEXTS, golden(pipeline, own_texts()), with_texts=True)
    else:
        write(DATA_SETS, golden(pipeline, data_sets(arguments.data)), with_texts=False)


if __name__ == "__main__":
    main()
