import pytest

from bench.errors import BenchError
from bench.figures import Row, Section
from bench.machine import describe_machine
from bench.page import BEGIN, END, write_figures
from bench.repository import ROOT

SECTIONS = [Section("Speed", [Row("HTTP over the best", "0.9", "0.8 – 1.0", "≥ 0.85", True)])]


def test_only_what_stands_between_the_markers_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    for _ in range(2):
        write_figures(page, describe_machine(), SECTIONS, "about")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n\n{BEGIN}\n\nabout\n\n")
    assert text.endswith(f"\n\n{END}\n\nafter\n")
    assert "old" not in text
    assert text.count("| HTTP over the best | 0.9 | 0.8 – 1.0 | ≥ 0.85 ✓ |") == 1


def test_a_page_without_markers_is_left_as_it_is(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n", encoding="utf-8")
    with pytest.raises(BenchError, match="no place"):
        write_figures(page, describe_machine(), SECTIONS, "about")
    assert page.read_text(encoding="utf-8") == "# Title\n"


def test_the_page_of_the_project_has_a_place_for_the_figures():
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert 0 < text.index(BEGIN) < text.index(END)
