"""What the user reads at the end: figures, a table of the labels, and the commands to run next."""

import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from model_directory.manifest import Task, is_model_name
from training.own_data.measure import Measured
from training.own_data.question_data import QuestionData
from training.own_data.scores import LabelScore
from training.own_data.text_data import TextData

MOST_LABELS = 40
"""Labels of a table that are all shown; of more, those that are told worst."""
POLARITIES = frozenset({"negative", "neutral", "positive"})
_WIDEST_LABEL = 60


def summary(
    task: Task, output: Path, dataset: str, data: TextData | QuestionData, measured: Measured
) -> str:
    """All of it, in lines."""
    figures = ", ".join(f"{metric} {value:.3f}" for metric, value in measured.figures.items())
    what = "questions" if isinstance(data, QuestionData) else "texts"
    lines = [f"{dataset}, {measured.examples:,} {what}, as served: {figures}"]
    if isinstance(data, TextData) and not data.multi_label:
        label, share = _most_frequent(measured.labels)
        lines.append(f"(always to say {label!r} has an accuracy of {share:.3f})")
    if measured.labels:
        lines += ["", *label_table(measured.labels)]
    lines += ["", f"{output} is a checkpoint that albert-export takes. Next:", ""]
    lines += [f"    {command}" for command in next_commands(task, output, data)]
    return "\n".join(lines)


def label_table(labels: Sequence[LabelScore]) -> list[str]:
    """A line a label; where there are many, the worst of those that occur."""
    shown = list(labels)
    title = "label"
    if len(labels) > MOST_LABELS:
        present = [label for label in labels if label.support]
        shown = sorted(present, key=lambda label: (label.f1, label.label))[:MOST_LABELS]
        title = f"the {len(shown)} worst of {len(labels)} labels"
    width = min(_WIDEST_LABEL, max(len(title), *(len(label.label) for label in shown)))
    return [
        f"{title:{width}}  precision  recall     F1   rows",
        *(
            f"{label.label[:width]:{width}}  {label.precision:9.3f}  {label.recall:6.3f}  "
            f"{label.f1:5.3f}  {label.support:5,}"
            for label in shown
        ),
    ]


def next_commands(task: Task, output: Path, data: TextData | QuestionData) -> list[str]:
    """Lines for a shell: export, serve, ask."""
    name = model_name(output)
    export = [_program("albert-export"), str(output), "--name", name, "--output", "models"]
    export += ["--evaluation", str(output / "evaluation.json")]
    if task is Task.SENTIMENT and not POLARITIES.issuperset(getattr(data, "labels", ())):
        export += ["--task", "sentiment"]
    if isinstance(data, QuestionData):
        asked = next((one for one in data.validation if one.answers), data.validation[0])
        inputs: object = {"question": asked.question, "context": asked.context}
    else:
        inputs = min((one.text for one in data.validation), key=len)
    body = json.dumps({"inputs": inputs}, ensure_ascii=False)
    url = f"http://127.0.0.1:8000/v1/models/{name}"
    return [
        shlex.join(export),
        shlex.join([_program("albert-serve")]),
        shlex.join(["curl", "-w", r"\n", url, "-H", "Content-Type: application/json", "-d", body]),
    ]


def model_name(output: Path) -> str:
    """A name for the model: the directory's, in letters that a URL takes."""
    name = re.sub(r"[^a-z0-9._-]+", "-", output.name.lower()).strip("-._")[:64].strip("-._")
    return name if is_model_name(name) else "my-model"


def _program(name: str) -> str:
    """The program beside the running Python, by a short path, if it is there."""
    program = Path(sys.executable).parent / name
    if not program.is_file():
        return name
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)


def _most_frequent(labels: Sequence[LabelScore]) -> tuple[str, float]:
    most = max(labels, key=lambda label: label.support)
    return most.label, most.support / sum(label.support for label in labels)
