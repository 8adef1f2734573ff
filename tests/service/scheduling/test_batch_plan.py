"""The planner: nothing that does not wait, nothing over the limits, always the anchor, and of all
such batches the one that runs its tokens fastest.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.batch_plan import BatchLimits, plan_batch
from service.scheduling.cost import CostModel

waiting_lengths = st.dictionaries(st.integers(1, 512), st.integers(1, 40), min_size=1, max_size=60)
limits = st.builds(
    BatchLimits,
    tokens=st.integers(1, 4096),
    waste=st.floats(0, 0.5, allow_nan=False),
    packed=st.booleans(),
)
models = st.builds(
    lambda *coefficients: CostModel(coefficients),
    st.floats(0, 1e-2),
    st.floats(1e-6, 1e-2),
    st.floats(0, 1e-5),
)


def cost_of(model, *, packed=False):
    """What a batch costs where products are computed of real tokens alone, or of padding too."""
    return lambda rows, longest, real: model.predict(rows, longest, real if packed else None)


COST = cost_of(CostModel((9e-3, 1.5e-3, 4e-7)))
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
    plan = plan_batch(anchor, waiting, limits, cost_of(model, packed=limits.packed))
    real, padded = tokens(plan)
    assert plan[anchor] >= 1
    assert all(1 <= count <= waiting[length] for length, count in plan.items())
    assert sum(plan.values()) == 1 or (real if limits.packed else padded) <= limits.tokens
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
    plan = plan_batch(anchor, waiting, limits, cost)
    assert seconds_per_token(plan, cost) <= fastest * (1 + 1e-9)


@given(waiting_lengths, limits, models, st.randoms(use_true_random=False))
def test_no_anchor_is_better_off_alone(waiting, limits, model, random):
    anchor, cost = random.choice(sorted(waiting)), cost_of(model, packed=limits.packed)
    plan = plan_batch(anchor, waiting, limits, cost)
    assert seconds_per_token(plan, cost) <= seconds_per_token({anchor: 1}, cost) * (1 + 1e-9)


@given(few_lengths, st.integers(1, 120), st.randoms(use_true_random=False))
def test_where_padding_costs_nothing_no_row_is_left_for_which_there_is_room(
    waiting, budget, random
):
    anchor = random.choice(sorted(waiting))
    cost = cost_of(CostModel((1e-2, 1e-3, 0.0)), packed=True)
    plan = plan_batch(anchor, waiting, BatchLimits(budget, 0.99, packed=True), cost)
    real, _ = tokens(plan)
    left = [length for length, count in waiting.items() if count > plan.get(length, 0)]
    assert all(real + length > budget for length in left if length <= max(plan))


def test_rows_of_any_length_go_together_where_only_attention_is_padded():
    waiting = {10: 1, 15: 1, 20: 1, 30: 1, 40: 1, 50: 1}
    cost = cost_of(CostModel((13e-3, 7e-4, 2e-7)), packed=True)
    assert plan_batch(20, waiting, BatchLimits(256, 0.5, packed=True), cost) == waiting
    assert plan_batch(20, waiting, BatchLimits(256), COST) == {20: 1}


def test_short_rows_do_not_go_with_a_long_one_whose_attention_they_would_pad():
    cost = cost_of(CostModel((13e-3, 7e-4, 2e-7)), packed=True)
    limits = BatchLimits(512, 0.5, packed=True)
    assert plan_batch(400, {400: 1, 8: 9}, limits, cost) == {400: 1}
    assert plan_batch(8, {400: 1, 8: 9}, limits, cost) == {8: 9}


def test_a_row_over_the_budget_runs_alone():
    assert plan_batch(300, {300: 5}, BatchLimits(256), COST) == {300: 1}


def test_rows_of_one_length_fill_the_budget():
    assert plan_batch(32, {32: 100, 500: 3}, BatchLimits(256), COST) == {32: 8}


def test_the_nearest_lengths_come_first():
    waiting = {10: 9, 20: 1, 21: 2, 40: 9}
    assert plan_batch(20, waiting, BatchLimits(256), COST) == {20: 1, 21: 2}


@pytest.mark.parametrize(("overhead", "plan"), [(0.0, {20: 1}), (9e-3, {20: 1, 21: 2})])
def test_padding_is_worth_it_only_where_a_run_costs_something_in_itself(overhead, plan):
    cost = cost_of(CostModel((overhead, 1.5e-3, 0.0)))
    assert plan_batch(20, {20: 1, 21: 2}, BatchLimits(256), cost) == plan
