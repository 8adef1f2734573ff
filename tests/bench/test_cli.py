import subprocess
import sys

from bench.repository import ROOT


def test_a_page_without_a_place_for_the_figures_is_refused_before_anything_is_measured(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n", encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-m", "bench", "--page", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"bench: {page} has no place for the figures")
