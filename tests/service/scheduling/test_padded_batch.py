"""The planner for graphs that pad: nothing that does not wait, nothing over the limits, always the
anchor, and of all such batches the one that runs its tokens fastest.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.batch_limits import BatchLimits
from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.padded_batch import plan_padded_batch

waiting_lengths = st.dictionaries(st.integers(1, 512), st.integers(1, 40), min_size=1, max_size=60)
limits = st.builds(
    BatchLimits,
    tokens=st.integers(1, 4096),
    waste=st.floats(0, 0.5, allow_nan=False),
)
models = st.builds(
    lambda *coefficients: CostModel(Coefficients(*coefficients)),
    st.floats(0, 1e-2),
    st.floats(1e-6, 1e-2),
    st.floats(0, 1e-5),
)


def cost_of(model):
    """What a batch costs where products are computed of padding too."""
    return lambda rows, longest, real: model.predict(rows, longest)


COST = cost_of(CostModel(Coefficients(9e-3, 1.5e-3, 4e-7)))
"""ALBERT-base on one core, as `bench/simulate.py` fitted it."""


def tokens(plan):
    """Real and padded."""
    return sum(length * count for length, count in plan.items()), sum(plan.values()) * max(plan)


def seconds_per_token(plan, cost):
    real, _ = tokens(plan)
    return cost(sum(plan.values()), max(plan), real) / real


@given(waiting_lengths, limits, models, st.randoms(use_true_random=False))
def test_a_plan_keeps_its_limits_and_takes_only_what_waits(waiting, limits, model, random):
    anchor = random.choice(sorted(waiting))
    plan = plan_padded_batch(anchor, waiting, limits, cost_of(model))
    real, padded = tokens(plan)
    assert plan[anchor] >= 1
    assert all(1 <= count <= waiting[length] for length, count in plan.items())
    assert sum(plan.values()) == 1 or padded <= limits.tokens
    assert padded - real <= limits.waste * padded + 1e-9


few_lengths = st.dictionaries(st.integers(1, 30), st.integers(1, 3), min_size=1, max_size=5)
small_limits = st.builds(
    BatchLimits, tokens=st.integers(1, 120), waste=st.sampled_from([0, 0.05, 0.1, 0.3])
)


@given(few_lengths, small_limits, models, st.randoms(use_true_random=False))
def test_no_other_batch_around_the_anchor_runs_its_tokens_faster(waiting, limits, model, random):
    anchor, cost = random.choice(sorted(waiting)), cost_of(model)
    lengths = sorted(waiting)
    fastest = seconds_per_token({anchor: 1}, cost)
    for counts in itertools.product(*(range(waiting[length] + 1) for length in lengths)):
        batch = {length: count for length, count in zip(lengths, counts, strict=True) if count}
        if anchor not in batch:
            continue
        real, padded = tokens(batch)
        if padded <= limits.tokens and padded - real <= limits.waste * padded - 1e-9:
            fastest = min(fastest, seconds_per_token(batch, cost))
    plan = plan_padded_batch(anchor, waiting, limits, cost)
    assert seconds_per_token(plan, cost) <= fastest * (1 + 1e-9)


@given(waiting_lengths, limits, models, st.randoms(use_true_random=False))
def test_no_anchor_is_better_off_alone(waiting, limits, model, random):
    anchor, cost = random.choice(sorted(waiting)), cost_of(model)
    plan = plan_padded_batch(anchor, waiting, limits, cost)
    assert seconds_per_token(plan, cost) <= seconds_per_token({anchor: 1}, cost) * (1 + 1e-9)


def test_a_row_over_the_budget_runs_alone():
    assert plan_padded_batch(300, {300: 5}, BatchLimits(256), COST) == {300: 1}


def test_rows_of_one_length_fill_the_budget():
    assert plan_padded_batch(32, {32: 100, 500: 3}, BatchLimits(256), COST) == {32: 8}


def test_the_nearest_lengths_come_first():
    waiting = {10: 9, 20: 1, 21: 2, 40: 9}
    assert plan_padded_batch(20, waiting, BatchLimits(256), COST) == {20: 1, 21: 2}


@pytest.mark.parametrize(("overhead", "plan"), [(0.0, {20: 1}), (9e-3, {20: 1, 21: 2})])
def test_padding_is_worth_it_only_where_a_run_costs_something_in_itself(overhead, plan):
    cost = cost_of(CostModel(Coefficients(overhead, 1.5e-3, 0.0)))
    assert plan_padded_batch(20, {20: 1, 21: 2}, BatchLimits(256), cost) == plan
