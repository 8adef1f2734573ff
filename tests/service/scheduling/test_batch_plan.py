"""The planner: nothing that does not wait, nothing over the limits, always the anchor."""

from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.batch_plan import BatchLimits, plan_batch

waiting_lengths = st.dictionaries(st.integers(1, 512), st.integers(1, 40), min_size=1, max_size=60)
limits = st.builds(
    BatchLimits, padded_tokens=st.integers(1, 4096), waste=st.floats(0, 0.5, allow_nan=False)
)


@given(waiting_lengths, limits, st.randoms(use_true_random=False))
def test_a_plan_keeps_its_limits_and_takes_only_what_waits(waiting, limits, random):
    anchor = random.choice(sorted(waiting))
    plan = plan_batch(anchor, waiting, limits)
    rows = sum(plan.values())
    padded = rows * max(plan)
    real = sum(length * count for length, count in plan.items())
    assert plan[anchor] >= 1
    assert all(1 <= count <= waiting[length] for length, count in plan.items())
    assert rows == 1 or padded <= limits.padded_tokens
    assert padded - real <= limits.waste * padded + 1e-9


@given(waiting_lengths, limits, st.randoms(use_true_random=False))
def test_a_plan_stops_only_where_the_nearest_row_on_either_side_would_break_a_limit(
    waiting, limits, random
):
    anchor = random.choice(sorted(waiting))
    plan = plan_batch(anchor, waiting, limits)
    rows, real, longest = sum(plan.values()), sum(k * v for k, v in plan.items()), max(plan)
    left = [length for length, count in waiting.items() if count > plan.get(length, 0)]
    below = max((length for length in left if length <= anchor), default=None)
    above = min((length for length in left if length >= anchor), default=None)
    for length in (below, above):
        if length is not None:
            padded = (rows + 1) * max(longest, length)
            waste = padded - real - length
            assert padded > limits.padded_tokens or waste > limits.waste * padded


def test_a_row_over_the_budget_runs_alone():
    assert plan_batch(300, {300: 5}, BatchLimits(256)) == {300: 1}


def test_rows_of_one_length_fill_the_budget():
    assert plan_batch(32, {32: 100, 500: 3}, BatchLimits(256)) == {32: 8}


def test_the_nearest_lengths_come_first():
    assert plan_batch(20, {10: 9, 20: 1, 21: 2, 40: 9}, BatchLimits(256)) == {20: 1, 21: 2}
