import io
from pathlib import Path

from training.own_data.bad_rows import SHOWN_IN_FULL, BadRows


def test_few_bad_rows_are_all_shown() -> None:
    bad, out = BadRows(), io.StringIO()
    bad.add("a.csv:2", "the text is empty")
    bad.add("a.csv:4", "it is not JSON", "Expecting value")
    bad.report(out)
    assert (
        out.getvalue() == "a.csv:2: the text is empty\na.csv:4: it is not JSON: Expecting value\n"
    )


def test_of_many_bad_rows_the_first_are_shown_and_all_are_counted_and_written(
    tmp_path: Path,
) -> None:
    bad, out = BadRows(), io.StringIO()
    for line in range(2, 102):
        bad.add(f"a.csv:{line}", "the text is empty" if line % 4 else "the label is empty")
    bad.report(out)
    lines = out.getvalue().splitlines()
    assert lines[:SHOWN_IN_FULL] == [str(row) for row in bad.rows[:SHOWN_IN_FULL]]
    assert lines[SHOWN_IN_FULL:] == [
        "… 100 bad rows in all:",
        "      75 the text is empty",
        "      25 the label is empty",
    ]
    bad.write(tmp_path / "bad.txt")
    assert (tmp_path / "bad.txt").read_text().splitlines() == [str(row) for row in bad.rows]
