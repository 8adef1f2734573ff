"""The short table that an export or a check ends with."""

from rich.console import Console
from rich.table import Table

from export.exporter import ExportReport
from model_directory.manifest import MODEL_NAME, Manifest

_MIB = 1 << 20


def print_report(report: ExportReport, console: Console) -> None:
    """Print where the model is, its size beside the checkpoint's, its parity, and the time."""
    table = _table()
    table.add_row("written", str(report.directory))
    _add_facts(table, report.manifest)
    table.add_row("graph", _size(report))
    _add_parity(table, report.manifest)
    table.add_row("time", f"{report.seconds:.1f} s")
    console.print(table)


def print_check(manifest: Manifest, console: Console) -> None:
    """Print what a directory that passed its check holds."""
    table = _table()
    table.add_row(
        "verified", f"{manifest.name}, version {manifest.version}: every file, and one run"
    )
    _add_facts(table, manifest)
    graph = next(record for record in manifest.files if record.path == MODEL_NAME)
    table.add_row("graph", f"{graph.bytes / _MIB:.1f} MiB, {manifest.precision}")
    _add_parity(table, manifest)
    console.print(table)


def _table() -> Table:
    return Table(show_header=False, box=None, pad_edge=False)


def _add_facts(table: Table, manifest: Manifest) -> None:
    table.add_row("task", str(manifest.task))
    if manifest.labels:
        shown = ", ".join(manifest.labels[:8])
        more = f" and {len(manifest.labels) - 8} more" if len(manifest.labels) > 8 else ""
        table.add_row("labels", f"{shown}{more} ({manifest.problem_type})")


def _add_parity(table: Table, manifest: Manifest) -> None:
    parity = manifest.parity
    table.add_row(
        "parity",
        f"logits within {parity.max_logit_difference:.1e} of float64, limit {parity.limit:g} "
        f"({parity.sequences} sequences in {parity.batches} batches)",
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
