"""The short table that an export or a check ends with."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.exporter import ExportReport
from model_directory.manifest import MODEL_NAME, Manifest

_MIB = 1 << 20


def print_report(report: ExportReport, console: Console) -> None:
    """Print where the model is, its size beside the checkpoint's, its parity, and the time."""
    rows = [("written", str(report.directory)), *_facts(report.manifest)]
    rows += [("graph", _size(report)), ("parity", _parity(report.manifest))]
    _print([*rows, ("time", f"{report.seconds:.1f} s")], console)


def print_check(manifest: Manifest, console: Console) -> None:
    """Print what a directory that passed its check holds."""
    verified = f"{manifest.name}, version {manifest.version}: every file, and one run"
    graph = next(record for record in manifest.files if record.path == MODEL_NAME)
    size = f"{graph.bytes / _MIB:.2f} MiB {manifest.precision}"
    rows = [("verified", verified), *_facts(manifest)]
    _print([*rows, ("graph", size), ("parity", _parity(manifest))], console)


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


def _parity(manifest: Manifest) -> str:
    parity = manifest.parity
    return (
        f"logits within {parity.max_logit_difference:.1e} of float64, limit {parity.limit:g} "
        f"({parity.sequences} sequences in {parity.batches} batches)"
    )


def _size(report: ExportReport) -> str:
    dtypes = ", ".join(report.checkpoint_dtypes)
    size = f"{report.model_bytes / _MIB:.2f} MiB fp32"
    if set(report.checkpoint_dtypes) != {"F32"}:
        as_fp32 = report.model_bytes / (4 * report.manifest.architecture.parameters)
        return (
            f"{size}, {as_fp32:.3f} of the weights as fp32; the checkpoint, in {dtypes}, "
            f"has {report.checkpoint_bytes / _MIB:.2f} MiB"
        )
    ratio = report.model_bytes / report.checkpoint_bytes
    return f"{size}, {ratio:.3f} of the checkpoint's {report.checkpoint_bytes / _MIB:.2f} MiB"
