import dataclasses
import io

from rich.console import Console

from export.exporter import ExportReport
from export.report import print_report


def printed(report: ExportReport, *, terminal: bool) -> str:
    written = io.StringIO()
    print_report(report, Console(file=written, force_terminal=terminal, width=100))
    return written.getvalue()


def test_a_terminal_shows_a_table(exported: ExportReport) -> None:
    shown = printed(exported, terminal=True)
    assert "written: " not in shown
    assert "polarity/1" in shown.replace("\n", "")


def test_many_labels_are_counted_rather_than_listed(exported: ExportReport) -> None:
    labels = tuple(f"intent {number}" for number in range(150))
    manifest = exported.manifest.model_copy(update={"labels": labels})
    shown = printed(dataclasses.replace(exported, manifest=manifest), terminal=False)
    assert "intent 7 and 142 more" in shown
    assert "intent 8" not in shown


def test_a_checkpoint_in_half_precision_is_compared_with_its_size_in_fp32(
    exported: ExportReport,
) -> None:
    half = dataclasses.replace(
        exported, checkpoint_dtypes=("F16",), checkpoint_bytes=exported.checkpoint_bytes // 2
    )
    shown = printed(half, terminal=False)
    assert "of the weights as fp32; the checkpoint, in F16, has 0.03 MiB" in shown
