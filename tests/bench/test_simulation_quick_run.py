import subprocess
import sys

import pytest

from bench.repository import ROOT
from bench.simulation_load import read_arrivals
from bench.simulation_profile import Profile


def simulate(*arguments):
    finished = subprocess.run(
        [sys.executable, "-m", "bench.simulate", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout, finished.stderr


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    directory = tmp_path_factory.mktemp("simulate")
    profile, arrivals = directory / "profile.json", directory / "arrivals.jsonl"
    status, output, errors = simulate(
        "compare", "--quick", "--profile", profile, "--arrivals", arrivals
    )
    assert status == 0, errors
    return profile, arrivals, output


def rows_of(output):
    lines = [line for line in output.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_quick_comparison_measures_and_simulates_every_load(compared):
    profile, arrivals, output = compared
    rows = rows_of(output)
    assert {row[0] for row in rows} == {"4 connections", "8 connections", "open loop"}
    assert len(rows) == 3 * 4
    assert all(float(value) > 0 for row in rows for value in row[2:4])
    assert 0 < Profile.read(profile).http_seconds < 1
    assert all(8 <= shape.length <= 384 for shape in Profile.read(profile).narrow.shapes)
    assert len(read_arrivals(arrivals)) > 3


def test_what_was_recorded_can_be_replayed_under_other_limits(compared):
    profile, arrivals, _ = compared
    status, output, errors = simulate("replay", profile, arrivals, "--batch-tokens", 64)
    assert status == 0, errors
    ((load, speed, *_, refused),) = rows_of(output)
    assert (load, refused) == ("arrivals.jsonl", "0")
    assert float(speed) > 0


def test_a_closed_loop_is_simulated_for_each_number_of_connections(compared):
    status, output, errors = simulate(
        "closed", compared[0], "-c", 2, "-c", 16, "--texts", 64, "--mix", "short"
    )
    assert status == 0, errors
    rows = rows_of(output)
    assert [row[0] for row in rows] == ["2 connections", "16 connections"]
    assert float(rows[1][2]) > float(rows[0][2])  # the more wait, the longer they wait


def test_a_fleet_is_simulated_for_each_choice(compared):
    status, output, errors = simulate(
        "fleet", compared[0], "-r", 3, "--rate", 20, "--seconds", 3, "--warm-up", 1
    )
    assert status == 0, errors
    assert [row[2] for row in rows_of(output)] == ["random", "two", "least"]


def test_the_help_is_written_for_a_terminal():
    status, output, _ = simulate("--help")
    assert status == 0
    assert "without the machine" in output
    assert "``" not in output


def test_a_missing_profile_is_one_sentence(tmp_path):
    status, _, errors = simulate("closed", tmp_path / "none.json", "-c", 1)
    assert status == 1
    assert errors.startswith("bench: ")
    assert "is not a profile" in errors


def test_bulk_is_simulated_beside_interactive_callers(compared):
    status, output, errors = simulate("bulk", compared[0], "--load", 0.3, "--seconds", 2)
    assert status == 0, errors
    ((load, *figures, share),) = rows_of(output)
    assert load == "30%"
    assert all(float(figure) > 0 for figure in figures)
    assert 0 < float(share.rstrip("%")) < 100
