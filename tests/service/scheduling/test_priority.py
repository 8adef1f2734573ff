"""How long what bulk had too much counts against it."""

import pytest

from service.scheduling.priority import BULK_SHARE, MOST_OWED_RUNS, BulkShare, Priority

INTERACTIVE, BULK = Priority


@pytest.mark.parametrize("seconds", [0.001, 0.1])
def test_what_bulk_had_too_much_is_used_up_in_as_many_runs_of_a_fast_model_as_of_a_slow(seconds):
    share = BulkShare()
    for _ in range(10 * MOST_OWED_RUNS):
        share.took(BULK, seconds, bulk_is_here=True)
    runs = 0
    while not share.is_owed:
        share.took(INTERACTIVE, seconds, bulk_is_here=True)
        runs += 1
    assert runs == pytest.approx(MOST_OWED_RUNS / BULK_SHARE, abs=1)
