"""Writes the model card: facts and figures first, then what its author says."""

from collections.abc import Sequence
from itertools import groupby

from export.quantisation.agreement import describe
from model_directory.manifest import (
    MANIFEST_NAME,
    Architecture,
    Manifest,
    Quantisation,
    Speed,
    Task,
)

MOST_LABELS, FIRST_LABELS = 20, 8
"""Labels that a card has all of, and how many it has of more."""

_PURPOSES = {
    Task.SENTIMENT: "It scores the polarity of a text.",
    Task.CLASSIFICATION: "It scores labels for a text, or for a pair of texts.",
    Task.QUESTION_ANSWERING: "It marks the span of a context that answers a question.",
}


def write_card(manifest: Manifest, body: str | None) -> str:
    """Return README.md in Markdown; below the tables ``body`` (Markdown) or a sober default."""
    parts = [
        f"# {manifest.name}, version {manifest.version}",
        _table(("fact", "value"), _facts(manifest)),
        _evaluation(manifest),
        body.strip() if body is not None else _default_body(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(manifest: Manifest) -> list[tuple[str, ...]]:
    architecture = manifest.architecture
    facts = [("task", str(manifest.task))]
    if manifest.problem_type is not None:
        facts.append(("labels", _labels(manifest.labels)))
        facts.append(("problem type", str(manifest.problem_type)))
    return [
        *facts,
        (
            "architecture",
            f"ALBERT, {_layers(architecture)}, hidden {architecture.hidden_size}, "
            f"{architecture.num_attention_heads} heads",
        ),
        ("weights", f"{architecture.parameters:,}, {manifest.precision}"),
        ("longest input", f"{manifest.max_tokens} tokens"),
        ("vocabulary", f"{manifest.tokenizer.vocab_size:,} pieces"),
        ("source", manifest.source),
        ("licence", manifest.licence),
        *measured_facts(manifest),
        ("exported", f"{manifest.created:%Y-%m-%d} by albert-export {manifest.exporter_version}"),
    ]


def _labels(labels: Sequence[str]) -> str:
    if len(labels) <= MOST_LABELS:
        return ", ".join(labels)
    more = len(labels) - FIRST_LABELS
    return f"{', '.join(labels[:FIRST_LABELS])} and {more} more, in {MANIFEST_NAME}"


def _layers(architecture: Architecture) -> str:
    layers, sets = architecture.num_hidden_layers, architecture.num_hidden_groups
    if layers == 1:
        return "1 layer"
    if layers == sets:
        return f"{layers} layers, each with weights of its own"
    return f"{layers} layers that share {'one set' if sets == 1 else f'{sets} sets'} of weights"


def measured_facts(manifest: Manifest) -> list[tuple[str, str]]:
    """Return what the exporter's checks measured: for the card, and for the report."""
    parity, agreement = manifest.parity, manifest.agreement
    held = "" if agreement is None else "fp32 "
    facts = [
        (
            "parity",
            f"{held}logits within {parity.max_logit_difference:.1e} of the float64 reference, "
            f"limit {parity.limit:g} ({parity.sequences} sequences in {parity.batches} batches)",
        )
    ]
    if agreement is not None:
        facts.append(("beside fp32", describe(agreement)))
    if manifest.quantisation is not None:
        facts += _rounding(manifest.quantisation)
    return facts + [("speed", _speed(speed)) for speed in manifest.speed]


def _rounding(quantisation: Quantisation) -> list[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for site, rounding in quantisation.rounding.items():
        groups.setdefault(rounding, []).append(site)
    said = "; ".join(f"{rounding}: {', '.join(sites)}" for rounding, sites in groups.items())
    if len(groups) == 1:
        said = f"all {said.partition(':')[0]}"
    texts = f"{quantisation.calibration_texts} of {quantisation.calibration}"
    return [("rounding", said), ("calibrated on", texts)]


def _speed(speed: Speed) -> str:
    said = f"{speed.batch} x {speed.tokens} tokens in {speed.milliseconds:.3g} ms"
    if speed.fp32_milliseconds is not None:
        ratio = speed.fp32_milliseconds / speed.milliseconds
        said += f", {ratio:.2f} times as fast as fp32 ({speed.fp32_milliseconds:.3g} ms)"
    return f"{said}, one thread of {speed.processor}"


def _evaluation(manifest: Manifest) -> str:
    """A table for each source, so that a long source is said once and not in every row."""
    if not manifest.evaluation:
        return "No accuracy was measured on this file."
    parts = ["Measured on this file:"]
    for source, figures in groupby(manifest.evaluation, lambda figure: figure.source):
        rows = [
            (figure.dataset, figure.metric, f"{figure.value:g}", f"{figure.examples:,}")
            for figure in figures
        ]
        parts.append(_table(("data set", "metric", "value", "examples"), rows))
        if source:
            parts.append(f"Source: {_cell(source)}")
    return "\n\n".join(parts)


def _default_body(manifest: Manifest) -> str:
    return (
        f"{_PURPOSES[manifest.task]} What it was trained on is known only to its author; "
        "measure it on texts of your own before you rely on it."
    )


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
