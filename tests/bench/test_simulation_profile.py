import pytest

from bench.errors import BenchError
from bench.simulation_profile import Profile, RunTimes, Shape

SHAPES = [
    Shape(rows, length, rows * length, 2e-3 + rows * length * (4e-5 + 3e-8 * length), 5)
    for rows in (1, 4, 16)
    for length in (8, 32, 128)
]


def test_the_fit_predicts_shapes_that_were_not_measured():
    times = RunTimes(SHAPES)
    assert times.error < 0.001
    assert times.model.predict(2, 200) == pytest.approx(2e-3 + 400 * 4.6e-5, rel=0.01)


def test_the_error_is_that_of_what_does_not_fit():
    odd = Shape(1, 64, 64, 1.0, 1)
    assert RunTimes([*SHAPES, odd]).error > 0.05


def test_runs_take_what_was_measured_of_as_many_tokens():
    times = RunTimes(
        [
            *(Shape(1, n, n, 0.01 + 0.001 * n, 1) for n in (8, 16, 64, 128, 256)),
            Shape(1, 32, 32, 0.046, 1),  # slower than its neighbours
        ]
    )
    assert times.model.predict(1, 32, 32) < 0.045
    for shape in times.shapes:
        assert times.seconds(*shape[:3]) == pytest.approx(shape.seconds)
    slower = times.seconds(1, 32, 32) / times.model.predict(1, 32, 32)
    assert times.seconds(4, 8, 32) == pytest.approx(slower * times.model.predict(4, 8, 32))
    assert times.seconds(1, 384, 384) == pytest.approx(0.394, rel=0.05)


def test_without_rows_run_alone_runs_take_what_is_predicted():
    times = RunTimes([Shape(2, n, 2 * n, 0.01 + 0.002 * n, 1) for n in (8, 16, 64)])
    assert times.seconds(2, 32, 64) == times.model.predict(2, 32, 64)


@pytest.mark.parametrize("wide", [None, RunTimes(SHAPES[:3])])
def test_a_profile_is_read_as_it_was_written(tmp_path, wide):
    profile = Profile(2, RunTimes(SHAPES), wide, 0.0007)
    profile.write(tmp_path / "profile.json")
    assert Profile.read(tmp_path / "profile.json") == profile


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"workers": 1, "wide": null, "narrow": 1}'])
def test_what_is_not_a_profile_is_refused(tmp_path, content):
    file = tmp_path / "profile.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BenchError, match="is not a profile"):
        Profile.read(file)


def test_a_profile_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BenchError, match="is not a profile"):
        Profile.read(tmp_path / "missing")
