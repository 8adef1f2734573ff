"""The planner for graphs that pack: in order of turns, nothing over the limits, the first row
always, and no batch that runs its tokens noticeably slower than that row alone or than what comes
in order.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.packed_batch import NEARLY, PADDED_SHARE, plan_packed_batch

waiting_lengths = st.lists(st.integers(1, 512) | st.integers(1, 40), min_size=1, max_size=80)
budgets = st.integers(1, 1024)
models = st.builds(
    lambda *coefficients: CostModel(Coefficients(*coefficients)),
    st.floats(0, 2e-2),
    st.floats(1e-6, 1e-2),
    st.floats(0, 1e-5),
    st.floats(0, 1e-3),
)

BASE = CostModel(Coefficients(13e-3, 7e-4, 2e-7, 1.5e-5)).predict
"""ALBERT-base on one core of an AMD EPYC, by a one-off script."""


def seconds_per_token(lengths, cost):
    return cost(len(lengths), max(lengths), sum(lengths)) / sum(lengths)


def fits(taken, length, budget):
    """Whether a row of ``length`` may go with those that were ``taken`` before it."""
    real = sum(taken) + length
    padded = (len(taken) + 1) * max(*taken, length)
    return real <= budget and padded * (1 - PADDED_SHARE) <= real


def is_dearer(taken, length, cost):
    """Whether a row of ``length``, no longer than all before it, makes a token cost more."""
    more = seconds_per_token([*taken, length], cost)
    return length <= max(taken) and more > seconds_per_token(taken, cost) * (1 - 1e-9)


@given(waiting_lengths, budgets, models)
def test_a_batch_keeps_its_limits_and_has_the_first_row(lengths, budget, model):
    places = plan_packed_batch(lengths, budget, model.predict)
    assert places[0] == 0
    assert places == sorted(set(places))
    taken = [lengths[place] for place in places]
    assert len(taken) == 1 or sum(taken) <= budget
    assert len(taken) * max(taken) - sum(taken) <= PADDED_SHARE * len(taken) * max(taken) + 1e-9


@given(waiting_lengths, budgets, models)
def test_no_row_that_fits_and_pays_is_passed_over_for_one_behind_it(lengths, budget, model):
    places = plan_packed_batch(lengths, budget, model.predict)
    longest = max(lengths[place] for place in places)
    if len(places) == 1:
        return  # nobody was taken in another's place
    for place, length in enumerate(lengths):
        if place not in places and length <= longest:
            before = [lengths[other] for other in places if other < place]
            assert not fits(before, length, budget) or is_dearer(before, length, model.predict)


@given(waiting_lengths, budgets, models)
def test_nothing_in_order_runs_its_tokens_noticeably_faster(lengths, budget, model):
    taken = [lengths[place] for place in plan_packed_batch(lengths, budget, model.predict)]
    seconds = seconds_per_token(taken, model.predict) / (1 + NEARLY) * (1 - 1e-9)
    assert seconds <= seconds_per_token(lengths[:1], model.predict)
    in_order = lengths[:1]
    for length in lengths[1:]:
        if fits(in_order, length, budget):
            in_order.append(length)
    assert seconds <= seconds_per_token(in_order, model.predict)


def test_rows_of_any_length_go_together_in_order():
    lengths = [20, 50, 10, 40, 15, 30, 35, 20, 25, 60]
    assert plan_packed_batch(lengths, 256, BASE) == [0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_a_row_for_which_there_is_no_room_is_passed_over_for_shorter_ones():
    assert plan_packed_batch([60, 60, 60, 100, 70], 256, BASE) == [0, 1, 2, 4]


@pytest.mark.parametrize("first", [400, 8])
def test_short_rows_do_not_go_with_a_long_one_whose_attention_they_would_pad(first):
    lengths = [first, 400 if first == 8 else 8, *[8] * 8]
    alike = [place for place, length in enumerate(lengths) if length == first]
    assert plan_packed_batch(lengths, 512, BASE) == alike


def test_padding_is_worth_it_only_as_long_as_it_costs_less_than_a_run():
    lengths = [60, 120, 60, 60, 60]
    for per_padding, places in ((0.0, [0, 1, 2]), (2e-4, [0, 2, 3, 4])):
        cost = CostModel(Coefficients(13e-3, 7e-4, 0.0, per_padding)).predict
        assert plan_packed_batch(lengths, 256, cost) == places


def test_a_row_that_another_pads_goes_along_only_where_it_makes_no_token_dearer():
    lengths = [100, 10, 90, 50]
    for per_padding, places in ((1e-5, [0, 1, 2, 3]), (5e-5, [0, 2, 3])):
        cost = CostModel(Coefficients(13e-3, 7e-4, 0.0, per_padding)).predict
        assert plan_packed_batch(lengths, 256, cost) == places


def test_of_batches_that_are_about_as_fast_the_one_with_the_longest_row_is_taken():
    lengths = [40, 60, 40, 40]
    for per_padding, places in ((2e-6, [0, 1, 2]), (6e-5, [0, 2, 3])):
        cost = CostModel(Coefficients(1e-3, 7e-4, 0.0, per_padding)).predict
        assert plan_packed_batch(lengths, 140, cost) == places


def test_a_row_over_the_budget_goes_alone():
    assert plan_packed_batch([300, 300, 8], 256, BASE) == [0]
