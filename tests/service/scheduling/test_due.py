"""The orders in which tickets of one line come, with some of them gone, and some of those back."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.cost import CostModel
from service.scheduling.due import DueQueue
from service.scheduling.priority import Priority
from service.scheduling.ticket import Ticket
from service.scheduling.waiting import WaitingLine
from tests.service.scheduling.conftest import Idle, sequence

LINE = WaitingLine("a", Priority.INTERACTIVE, Idle(), CostModel())

moments = st.integers(0, 9)
either_order = pytest.mark.parametrize("as_they_came", [False, True])


def ticket_of(came, due, number):
    return Ticket(sequence(8), b"", LINE, came, due, cost_seconds=1.0, number=number)


def key(ticket, as_they_came):
    return ticket.came if as_they_came else ticket.due


def ordered(tickets, as_they_came):
    """Those that wait."""
    waiting = [ticket for ticket in tickets if ticket.waiting]
    return sorted(waiting, key=lambda ticket: (key(ticket, as_they_came), ticket.number))


def found(queue, as_they_came):
    return [turn.ticket for turn in queue.in_order(as_they_came=as_they_came)]


def first(queue, as_they_came):
    turn = queue.first(as_they_came=as_they_came)
    return turn.ticket if turn else None


@either_order
@given(
    added=st.lists(
        st.tuples(moments, moments, st.integers(0, 999), st.booleans()),
        max_size=60,
        unique_by=lambda each: each[2],
    ),
    count=st.integers(0, 60),
)
def test_those_that_wait_come_in_order_and_those_of_one_moment_by_number(
    as_they_came, added, count
):
    queue = DueQueue()
    tickets = []
    for came, due, number, waiting in added:
        ticket = ticket_of(came, due, number)
        queue.add(ticket)
        ticket.waiting = waiting
        tickets.append(ticket)
    expected = ordered(tickets, as_they_came)
    turns = list(islice(queue.in_order(as_they_came=as_they_came), count))
    assert [turn.ticket for turn in turns] == expected[:count]
    assert [turn.key for turn in turns] == [key(each, as_they_came) for each in expected[:count]]
    assert first(queue, as_they_came) == (expected[0] if expected else None)
    queue.sweep()
    assert len(queue) == len(expected)
    assert found(queue, as_they_came) == expected
    assert found(queue, not as_they_came) == ordered(tickets, not as_they_came)


@given(
    st.lists(st.tuples(moments, moments), min_size=1, max_size=10),
    st.lists(
        st.tuples(st.sampled_from(["leave", "wait", "look", "sweep"]), moments, st.booleans()),
        max_size=60,
    ),
)
def test_those_that_leave_and_wait_again_are_there_once_and_in_their_old_places(added, steps):
    queue = DueQueue()
    tickets = [ticket_of(came, due, number) for number, (came, due) in enumerate(added)]
    for ticket in tickets:
        queue.add(ticket)
    for step, index, as_they_came in steps:
        ticket = tickets[index % len(tickets)]
        if step == "leave":
            ticket.waiting = False
        elif step == "wait":
            ticket.waiting = True
            queue.add(ticket)
        elif step == "look":
            expected = ordered(tickets, as_they_came)
            assert first(queue, as_they_came) == (expected[0] if expected else None)
        else:
            queue.sweep()
            assert len(queue) == sum(ticket.waiting for ticket in tickets)
        assert found(queue, True) == ordered(tickets, True)
        assert found(queue, False) == ordered(tickets, False)
        assert len(queue) <= len(tickets)


@either_order
@pytest.mark.parametrize(
    "forget", [lambda queue, order: None, first, lambda queue, _: queue.sweep()]
)
def test_one_that_waits_again_has_its_old_place_whether_it_was_forgotten_or_not(
    as_they_came, forget
):
    queue = DueQueue()
    tickets = [ticket_of(moment, moment, number) for number, moment in enumerate([1, 1, 2])]
    for ticket in tickets:
        queue.add(ticket)
    tickets[0].waiting = False
    forget(queue, as_they_came)
    assert found(queue, as_they_came) == tickets[1:]
    tickets[0].waiting = True
    queue.add(tickets[0])
    assert found(queue, as_they_came) == tickets
    assert len(queue) == 3


def test_the_two_orders_are_independent():
    queue = DueQueue()
    long, short = ticket_of(came=1, due=9, number=0), ticket_of(came=2, due=3, number=1)
    queue.add(long)
    queue.add(short)
    assert found(queue, True) == [long, short]
    assert found(queue, False) == [short, long]
    short.waiting = False
    assert first(queue, False) is long
    short.waiting = True
    queue.add(short)
    assert found(queue, True) == [long, short]
    assert found(queue, False) == [short, long]


def test_sweeping_forgets_those_that_wait_no_longer_and_nobody_else():
    queue = DueQueue()
    tickets = [ticket_of(moment, -moment, moment) for moment in range(10)]
    for ticket in tickets:
        queue.add(ticket)
        ticket.waiting = ticket.number % 3 == 0
    assert len(queue) == 10
    queue.sweep()
    assert len(queue) == 4
    assert found(queue, True) == tickets[::3]
    assert found(queue, False) == tickets[::-3]
    for ticket in tickets:
        ticket.waiting = False
    queue.sweep()
    assert len(queue) == 0
    assert first(queue, True) is first(queue, False) is None
