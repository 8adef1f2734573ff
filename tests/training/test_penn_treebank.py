import pytest

from training.penn_treebank import as_written


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("it 's bad , is n't it ?", "it's bad, isn't it?"),
        ("you ca n't stop", "you can't stop"),
        ("a film -lrb- of sorts -rrb- .", "a film (of sorts)."),
        ("plain words", "plain words"),
    ],
)
def test_spaces_are_set_as_people_set_them(stored: str, written: str) -> None:
    assert as_written(stored) == written
