"""The orders in which tickets of one line come, with some of them gone."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.cost import CostModel
from service.scheduling.due import DELAY_TIMES, DueQueue
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine
from tests.service.scheduling.conftest import Idle, sequence

LINE = WaitingLine("a", Priority.INTERACTIVE, Idle(), CostModel())


def put_off(ticket):
    return ticket.due + DELAY_TIMES * ticket.cost_seconds


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=60),
    st.booleans(),
    st.integers(0, 60),
)
def test_those_that_wait_come_in_order_and_those_of_one_moment_as_they_were_added(
    added, put_off_long, count
):
    queue = DueQueue()
    tickets = []
    for number, (due, cost, waiting) in enumerate(added):
        row = sequence(8)
        ticket = Ticket(row, row.fingerprint(), LINE, due=due, cost_seconds=cost)
        queue.add(ticket, number)
        ticket.waiting = waiting
        tickets.append(ticket)
    when = put_off if put_off_long else (lambda ticket: ticket.due)
    expected = sorted((ticket for ticket in tickets if ticket.waiting), key=when)
    turns = list(islice(queue.in_order(put_off_long=put_off_long), count))
    assert [turn.ticket for turn in turns] == expected[:count]
    assert [turn.due for turn in turns] == [when(ticket) for ticket in expected[:count]]
    first = queue.first(put_off_long=put_off_long)
    assert (first.ticket if first else None) == (expected[0] if expected else None)
    queue.sweep()
    assert len(queue) == len(expected)
    assert [turn.ticket for turn in queue.in_order(put_off_long=put_off_long)] == expected
