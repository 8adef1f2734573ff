"""The short table that an export or a check ends with."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.card import measured_facts
from export.exporter import ExportReport
from export.quantisation.layers import LayerError
from export.quantisation.search import Attempt
from model_directory.manifest import MODEL_NAME, Manifest, Precision

_MIB = 1 << 20


def print_report(report: ExportReport, console: Console) -> None:
    """Print where the model is, its size beside the checkpoint's, its parity, and the time."""
    rows = [("written", str(report.directory)), *_facts(report.manifest)]
    rows += [("graph", _size(report)), *measured_facts(report.manifest)]
    _print([*rows, ("time", f"{report.seconds:.1f} s")], console)
    if len(report.attempts) > 1:
        _print_attempts(report.attempts, console)
    if report.layer_errors:
        _print_layers(report.layer_errors, console)


def print_check(manifest: Manifest, console: Console) -> None:
    """Print what a directory that passed its check holds."""
    verified = f"{manifest.name}, version {manifest.version}: every file, and one run"
    graph = next(record for record in manifest.files if record.path == MODEL_NAME)
    size = f"{graph.bytes / _MIB:.2f} MiB {manifest.precision}"
    rows = [("verified", verified), *_facts(manifest), ("graph", size)]
    _print([*rows, *measured_facts(manifest)], console)


def _print_attempts(attempts: Sequence[Attempt], console: Console) -> None:
    """Print what was tried before a plan passed; the last is the one that was taken."""
    table = Table("tried", "agreement", "drift, mean", "drift, most", "in int8", box=None)
    for attempt in attempts:
        seen = attempt.agreement
        figures = f"{seen.agreement:.1%}", f"{seen.mean_drift:.4f}", f"{seen.max_drift:.3f}"
        table.add_row(str(attempt.plan), *figures, f"{attempt.int8_share:.0%}")
    console.print("\nwhat was tried, until one agreed")
    console.print(table)


def _print_layers(errors: Sequence[LayerError], console: Console) -> None:
    """Print each layer's error: of all that it hands on, and what rounding adds at each site."""
    table = Table("layer", "output", *map(str, errors[0].rounding), box=None)
    for error in errors:
        cells = (f"{share:.2%}" for share in error.rounding.values())
        table.add_row(str(error.layer + 1), f"{error.output:.2%}", *cells)
    console.print("\nerror by layer: of its output beside fp32's, and of static codes at each site")
    console.print(table)


def _print(rows: list[tuple[str, str]], console: Console) -> None:
    """Print a table that wraps on a terminal, and one line for each row elsewhere."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for fact, value in rows:
        table.add_row(fact, escape(value))
        if not console.is_terminal:
            console.print(f"{fact}: {value}", markup=False, highlight=False, soft_wrap=True)
    if console.is_terminal:
        console.print(table)


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    facts = [("task", str(manifest.task))]
    if manifest.labels:
        shown = ", ".join(manifest.labels[:8])
        more = f" and {len(manifest.labels) - 8} more" if len(manifest.labels) > 8 else ""
        facts.append(("labels", f"{shown}{more} ({manifest.problem_type})"))
    return facts


def _size(report: ExportReport) -> str:
    dtypes = ", ".join(report.checkpoint_dtypes)
    size = f"{report.model_bytes / _MIB:.2f} MiB {report.manifest.precision}"
    if report.manifest.precision is not Precision.FP32:
        ratio = report.model_bytes / report.fp32_bytes
        return f"{size}, {ratio:.3f} of the {report.fp32_bytes / _MIB:.2f} MiB in fp32"
    if set(report.checkpoint_dtypes) != {"F32"}:
        as_fp32 = report.model_bytes / (4 * report.manifest.architecture.parameters)
        return (
            f"{size}, {as_fp32:.3f} of the weights as fp32; the checkpoint, in {dtypes}, "
            f"has {report.checkpoint_bytes / _MIB:.2f} MiB"
        )
    ratio = report.model_bytes / report.checkpoint_bytes
    return f"{size}, {ratio:.3f} of the checkpoint's {report.checkpoint_bytes / _MIB:.2f} MiB"
