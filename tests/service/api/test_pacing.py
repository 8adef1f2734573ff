"""How many requests begin at once, and in what order."""

import pytest

from service.api.pacing import AT_ONCE, CROWD, Pacing


class Arrivals:
    """Requests by number, and which of them have been handed over."""

    def __init__(self):
        self.pacing = Pacing()
        self.handed_over = []
        self.gone = set()

    def come(self, *numbers):
        for number in numbers:
            self.pacing.let_in(lambda number=number: self._hand_over(number))

    def _hand_over(self, number):
        self.handed_over.append(number)
        return number not in self.gone


@pytest.fixture
def arrivals():
    return Arrivals()


def test_a_few_begin_at_once_and_the_next_in_the_order_in_which_they_came(arrivals):
    arrivals.come(*range(AT_ONCE + 2))
    assert arrivals.handed_over == [*range(AT_ONCE)]
    assert arrivals.pacing.unbegun == AT_ONCE + 2
    arrivals.pacing.begun()
    assert arrivals.handed_over == [*range(AT_ONCE + 1)]
    assert arrivals.pacing.unbegun == AT_ONCE + 1


def test_who_has_left_meanwhile_takes_nobodys_place(arrivals):
    arrivals.gone = {0, AT_ONCE + 1}
    arrivals.come(*range(AT_ONCE + 3))
    assert arrivals.handed_over == [*range(AT_ONCE + 1)]
    arrivals.pacing.begun()
    assert arrivals.handed_over == [*range(AT_ONCE + 3)]
    assert arrivals.pacing.unbegun == AT_ONCE


def test_of_a_crowd_one_begins_after_the_other_and_all_do(arrivals):
    everyone = [*range(AT_ONCE + CROWD + 5)]
    arrivals.come(*everyone)
    assert arrivals.handed_over == everyone[:AT_ONCE]
    most = 0
    while arrivals.pacing.unbegun:
        before = len(arrivals.handed_over)
        for _ in range(len(arrivals.handed_over) - (len(everyone) - arrivals.pacing.unbegun)):
            arrivals.pacing.begun()
        if len(everyone) - len(arrivals.handed_over) > CROWD:
            most = max(most, len(arrivals.handed_over) - before)
    assert arrivals.handed_over == everyone
    assert most <= 1
