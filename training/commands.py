"""The command line of the recipe: one command for each stage, and one for all."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

# Two threads that spin while they wait stop each other when another program needs a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

application = typer.Typer(add_completion=False, help="Makes the default models.")

DataOption = Annotated[Path, typer.Option(help="Directory of the data sets.", exists=True)]
WorkOption = Annotated[Path, typer.Option(help="Where checkpoints, logs and caches go.")]
ThreadsOption = Annotated[int, typer.Option(help="Processor threads.", min=1)]


class TaskName(StrEnum):
    """The default models."""

    SENTIMENT = "sentiment"
    TOPICS = "topics"
    QUESTION_ANSWERING = "question-answering"


PRETRAINING_MINUTES = 18.5
PRETRAINING_RATE = 7e-4
FINETUNING = {
    TaskName.QUESTION_ANSWERING: (54.0, 6e-4, 4_096),
    TaskName.SENTIMENT: (5.0, 5e-4, 2_048),
    TaskName.TOPICS: (3.0, 5e-4, 2_048),
}
"""Minutes, peak learning rate and padded tokens of a batch, for each task."""


@application.command("tokenizer")
def tokenizer_command(data: DataOption, work: WorkOption) -> None:
    """Learn the vocabulary."""
    from training.prepare import make_tokenizer

    make_tokenizer(data, work)


@application.command("pack")
def pack_command(data: DataOption, work: WorkOption) -> None:
    """Pack the corpus, count neighbours, make cloze questions."""
    from training.prepare import make_corpus

    make_corpus(data, work)


@application.command("pretrain")
def pretrain_command(
    work: WorkOption,
    minutes: Annotated[float, typer.Option(help="Wall clock.", min=0.1)] = PRETRAINING_MINUTES,
    threads: ThreadsOption = 2,
) -> None:
    """Pretrain the encoder, or go on where a run was stopped."""
    from training.pretrain import PretrainingPlan, pretrain

    pretrain(work, PretrainingPlan(minutes, PRETRAINING_RATE, threads=threads))


@application.command("model")
def model_command(
    name: Annotated[TaskName, typer.Option(help="Which default model.")],
    data: DataOption,
    work: WorkOption,
    encoder: Annotated[Path | None, typer.Option(help="Default: WORK/encoder.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Wall clock.", min=0.1)] = None,
    threads: ThreadsOption = 2,
) -> None:
    """Fine-tune the encoder for a default model; the best checkpoint is WORK/final/NAME."""
    from training.finetune import FinetuningPlan, finetune
    from training.question_answering import question_answering_task
    from training.text_labels import sentiment_task, topics_task

    makers = {
        TaskName.SENTIMENT: sentiment_task,
        TaskName.TOPICS: topics_task,
        TaskName.QUESTION_ANSWERING: question_answering_task,
    }
    usual_minutes, rate, padded_tokens = FINETUNING[name]
    start = encoder or work / "encoder"
    plan = FinetuningPlan(minutes or usual_minutes, rate, padded_tokens, threads=threads)
    finetune(makers[name](data, start), plan, start, work)


@application.command("evaluate")
def evaluate_command(
    model: Annotated[Path, typer.Argument(help="An exported directory, models/NAME/VERSION.")],
    data: DataOption,
    output: Annotated[Path, typer.Option(help="JSON file for albert-export --evaluation.")],
) -> None:
    """Measure an exported model as it is served."""
    from training.evaluate import evaluate, write_figures

    result = evaluate(model, data)
    for figure in result["figures"]:
        typer.echo(
            f"{figure['dataset']}: {figure['metric']} {figure['value']} "
            f"({figure['examples']} examples)"
        )
    write_figures(result, output)


@application.command("export")
def export_command(
    task: Annotated[TaskName, typer.Option(help="Which default model.")],
    data: DataOption,
    work: WorkOption,
    models: Annotated[Path, typer.Option(help="The models directory.")] = Path("models"),
) -> None:
    """Export WORK/final/TASK, measure what was written, and write it with figures and card."""
    from training.publish import publish

    publish(task, data, work, models)


@application.command("all")
def all_command(
    data: DataOption,
    work: WorkOption,
    models: Annotated[Path, typer.Option(help="The models directory.")] = Path("models"),
    threads: ThreadsOption = 2,
) -> None:
    """Everything, in order; what is already there is kept, and a stopped stage goes on."""
    tokenizer_command(data, work)
    pack_command(data, work)
    pretrain_command(work, threads=threads)
    for name in FINETUNING:
        model_command(name, data, work, threads=threads)
        export_command(name, data, work, models)
