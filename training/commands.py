"""The command line of the recipe: one command for each stage, and one for all."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from model_directory.manifest import Task
from training.recipe import DEFAULT_CONFIG, Recipe, load_recipe

# Two threads that spin while they wait stop each other when another program needs a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

application = typer.Typer(add_completion=False, help="Makes the default models.")

DataOption = Annotated[Path, typer.Option(help="Directory of the data sets.", exists=True)]
WorkOption = Annotated[Path, typer.Option(help="Where checkpoints, logs and caches go.")]
ThreadsOption = Annotated[int, typer.Option(help="Processor threads.", min=1)]


ConfigOption = Annotated[
    str, typer.Option(help="A recipe in training/configs, or the path of a .toml file.")
]


class ModelName(StrEnum):
    """The default models."""

    QUESTION_ANSWERING = "question-answering"
    INTENTS = "intents"
    TOPICS = "topics"
    SENTIMENT = "sentiment"


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
    config: ConfigOption = DEFAULT_CONFIG,
    threads: ThreadsOption = 2,
) -> None:
    """Pretrain the encoder, or go on where a run was stopped."""
    from training.pretrain import pretrain

    recipe = _recipe(config, threads)
    pretrain(work, recipe.pretraining, recipe.widths)


@application.command("model")
def model_command(
    name: Annotated[ModelName, typer.Option(help="Which default model.")],
    data: DataOption,
    work: WorkOption,
    config: ConfigOption = DEFAULT_CONFIG,
    encoder: Annotated[Path | None, typer.Option(help="Default: WORK/encoder.")] = None,
    threads: ThreadsOption = 2,
) -> None:
    """Fine-tune the encoder for a default model; the best checkpoint is WORK/final/NAME."""
    from training.finetune import finetune
    from training.intents import intents_task
    from training.question_answering import question_answering_task
    from training.sentiment import sentiment_task
    from training.topics import topics_task

    makers = {
        ModelName.SENTIMENT: sentiment_task,
        ModelName.TOPICS: topics_task,
        ModelName.INTENTS: intents_task,
        ModelName.QUESTION_ANSWERING: question_answering_task,
    }
    start = encoder or work / "encoder"
    plan = _recipe(config, threads).models[name]
    finetune(makers[name](data, start), plan, start, work)


@application.command("finetune")
def finetune_command(
    task: Annotated[Task, typer.Option(help="What the model will be asked.")],
    encoder: Annotated[
        Path,
        typer.Option(help="Hugging Face ALBERT directory, or models/NAME of this repository."),
    ],
    data: Annotated[list[Path], typer.Option(help="CSV, TSV, JSONL or SQuAD file; repeatable.")],
    output: Annotated[
        Path | None, typer.Option(help="The new checkpoint. Default: finetuned/NAME-OF-DATA.")
    ] = None,
    validation: Annotated[
        list[Path] | None, typer.Option(help="Default: a tenth of the data is kept aside.")
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="Default: text.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Default: label.")] = None,
    label_separator: Annotated[
        str | None, typer.Option(help="Splits the label column into several labels, as '|'.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Default: 3, of small data up to 20.", min=1)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak. Default: by the encoder's size.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens of a training row. Default: 512, 384 of contexts.")
    ] = None,
    threads: ThreadsOption = 2,
    seed: Annotated[int, typer.Option(help="Of the order of rows and the new head.")] = 0,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Go on without rows that cannot be used.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output; forget an unfinished run.")
    ] = False,
) -> None:
    """Fine-tune an ALBERT on your own files; ends with a directory that albert-export takes.

    A run that was stopped goes on when the same command is given again.
    """
    from training.own_data.bad_rows import DataError
    from training.own_data.labelled_rows import Columns
    from training.own_data.run import Request, dataset_name, finetune_own
    from training.own_data.summary import summary

    request = Request(
        task=task,
        encoder=encoder,
        data=tuple(data),
        output=output or Path("finetuned") / data[0].name.partition(".")[0],
        validation=tuple(validation or ()),
        columns=Columns(text_column, label_column, label_separator or None),
        epochs=epochs,
        learning_rate=learning_rate,
        max_length=max_length,
        threads=threads,
        seed=seed,
        skip_bad_rows=skip_bad_rows,
        overwrite=overwrite,
    )
    try:
        outcome = finetune_own(request)
    except DataError as error:
        typer.echo(f"finetune: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(summary(task, request.output, dataset_name(request), outcome.data, outcome.measured))


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
    name: Annotated[ModelName, typer.Option(help="Which default model.")],
    data: DataOption,
    work: WorkOption,
    models: Annotated[Path, typer.Option(help="The models directory.")] = Path("models"),
) -> None:
    """Export WORK/final/NAME, measure what was written, and write it with figures and card."""
    from training.publish import publish

    publish(name, data, work, models)


@application.command("all")
def all_command(
    data: DataOption,
    work: WorkOption,
    models: Annotated[Path, typer.Option(help="The models directory.")] = Path("models"),
    config: ConfigOption = DEFAULT_CONFIG,
    threads: ThreadsOption = 2,
) -> None:
    """Everything, in order; what is already there is kept, and a stopped stage goes on."""
    tokenizer_command(data, work)
    pack_command(data, work)
    pretrain_command(work, config, threads)
    for name in ModelName:
        model_command(name, data, work, config, threads=threads)
        export_command(name, data, work, models)


def _recipe(config: str, threads: int) -> Recipe:
    try:
        return load_recipe(config, threads)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--config") from error
