from pathlib import Path

import pytest

from training.own_data.bad_rows import DataError
from training.own_data.unfinished import digest_of, open_run

IDENTITY = {"epochs": 3, "data": "abc", "columns": {"text": None}}


def test_the_same_run_goes_on(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert not open_run(work, IDENTITY, start_again=False)
    (work / "state").write_text("half way")
    assert open_run(work, IDENTITY, start_again=False)
    assert (work / "state").exists()


def test_another_run_is_not_mixed_with_it(tmp_path: Path) -> None:
    work = tmp_path / "work"
    open_run(work, IDENTITY, start_again=False)
    (work / "state").write_text("half way")
    other = IDENTITY | {"epochs": 4, "data": "abd"}
    with pytest.raises(DataError, match="begun with another data, epochs"):
        open_run(work, other, start_again=False)
    assert (work / "state").exists()
    assert not open_run(work, other, start_again=True)
    assert not (work / "state").exists()
    assert open_run(work, other, start_again=False)


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "letter.txt").write_text("Dear")
    with pytest.raises(DataError, match="is not of an unfinished run"):
        open_run(work, IDENTITY, start_again=True)
    assert (work / "letter.txt").read_text() == "Dear"


def test_a_digest_is_of_contents_in_their_order(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    a.write_text("one")
    b.write_text("two")
    c.write_text("one")
    assert digest_of([a, b]) == digest_of([c, b])
    assert len({digest_of(paths) for paths in ([a, b], [b, a], [a], [])}) == 4
