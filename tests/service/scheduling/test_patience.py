"""When tickets are due, and for how long they can make way until then."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.cost import Coefficients, CostModel
from service.scheduling.patience import (
    LATER_RUNS,
    LEAST_PATIENCE_SECONDS,
    MOST_LATER_RUNS,
    SHORT_RUNS,
    due_after,
    patience_of,
)
from service.scheduling.priority import Priority
from service.scheduling.ticket import SHORT_TOKENS, Ticket
from service.scheduling.waiting import WaitingLine
from tests.service.scheduling.conftest import Idle, sequence

LAYERS = 4
NOW = 1000.0

COST = CostModel(Coefficients(1e-2, 1e-3, 1e-6))

short_lengths = st.integers(1, SHORT_TOKENS)
long_lengths = st.integers(SHORT_TOKENS + 1, 512)
models = st.builds(
    lambda *coefficients: CostModel(Coefficients(*coefficients)),
    st.floats(0, 2e-2),
    st.floats(1e-6, 1e-2),
    st.floats(0, 1e-5),
)
whole_seconds = st.integers(1, 100)


def due_alone_after(length, model=COST):
    return due_after(model.predict(1, length), model)


def ticket_of(time_left, cost_seconds, layers_left=LAYERS, length=8, came=NOW):
    line = WaitingLine("a", Priority.INTERACTIVE, Idle(layers=LAYERS), COST)
    ticket = Ticket(sequence(length), b"", line, came, NOW + time_left, cost_seconds)
    ticket.layers_left = layers_left
    return ticket


@pytest.mark.parametrize("length", [1, 20, SHORT_TOKENS])
def test_a_short_sequence_is_due_after_a_few_of_its_own_runs(length):
    assert due_alone_after(length) == SHORT_RUNS * COST.predict(1, length)


def test_a_long_sequence_is_due_later_by_what_it_takes_beyond_a_short_one():
    short, long = COST.predict(1, SHORT_TOKENS), COST.predict(1, SHORT_TOKENS + 1)
    expected = SHORT_RUNS * short + (1 + LATER_RUNS) * (long - short)
    assert due_alone_after(SHORT_TOKENS + 1) == pytest.approx(expected)


def test_a_very_long_sequence_is_due_after_its_run_and_many_of_a_short_one():
    delay = due_alone_after(512) - COST.predict(1, 512)
    most = (SHORT_RUNS - 1 + MOST_LATER_RUNS) * COST.predict(1, SHORT_TOKENS)
    assert delay == pytest.approx(most)


@given(short_lengths, long_lengths, models)
def test_a_short_sequence_is_due_before_a_long_one_that_came_with_it(short, long, model):
    assert due_alone_after(short, model) < due_alone_after(long, model)


@given(short_lengths | long_lengths, models)
def test_who_has_just_come_can_be_in_time_alone(length, model):
    cost_seconds = model.predict(1, length)
    ticket = ticket_of(due_alone_after(length, model), cost_seconds, length=length)
    assert cost_seconds < patience_of(ticket, NOW) < inf


@given(st.integers(-50, 150), whole_seconds, st.integers(1, LAYERS))
def test_patience_is_any_for_whoever_cannot_be_in_time_alone(time_left, cost_seconds, layers_left):
    ticket = ticket_of(time_left, cost_seconds, layers_left)
    assert (patience_of(ticket, NOW) == inf) == (ticket.seconds_left > time_left)


@given(st.integers(0, 50), whole_seconds, st.integers(1, LAYERS))
def test_at_the_end_of_the_patience_a_ticket_is_answered_when_it_is_due(
    spare, cost_seconds, layers_left
):
    ticket = ticket_of(cost_seconds + spare, cost_seconds, layers_left)
    run_seconds = patience_of(ticket, NOW) * layers_left / LAYERS
    assert NOW + run_seconds == pytest.approx(ticket.due, abs=1e-9)


@given(st.integers(0, 50), whole_seconds)
def test_with_half_of_its_layers_behind_it_a_ticket_has_twice_the_patience(spare, cost_seconds):
    whole, half = (
        ticket_of(cost_seconds + spare, cost_seconds, layers) for layers in (LAYERS, LAYERS // 2)
    )
    assert patience_of(half, NOW) == 2 * patience_of(whole, NOW) < inf


def test_patience_runs_out_with_time():
    ticket = ticket_of(time_left=8, cost_seconds=4)
    assert [patience_of(ticket, NOW + passed) for passed in (0, 3, 4, 5)] == [8, 5, 4, inf]


def test_of_a_fast_model_nobody_minds_what_nobody_notices():
    assert patience_of(ticket_of(0.004, 0.002), NOW) == LEAST_PATIENCE_SECONDS
    assert patience_of(ticket_of(0.001, 0.002), NOW) == inf
