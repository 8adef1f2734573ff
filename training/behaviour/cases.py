"""What a behaviour suite is made of: capabilities, cases, and what an answer must fulfil."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """The kinds of test of CheckList (Ribeiro et al. 2020, section 2.2)."""

    MINIMUM_FUNCTIONALITY = "minimum functionality"
    INVARIANCE = "invariance"
    DIRECTION = "direction"


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that a model should be able to do; ``says`` is what it is asked for, in a line."""

    name: str
    kind: Kind
    says: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question over a context; ``may_be_impossible`` lets the model say that there is no
    answer.
    """

    question: str
    context: str
    may_be_impossible: bool = False


Input = str | Asked


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model made of one input: its first label, or its answer normalised as SQuAD's
    evaluation does, and the scores it gave (a question: only that of the answer).
    """

    answer: str
    scores: Mapping[str, float]

    @property
    def score(self) -> float:
        """Of the first answer, 0 to 1."""
        return self.scores[self.answer]


class Expectation(Protocol):
    """What must hold for the outcomes of a case's inputs, in order."""

    def holds(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether the case is passed."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """Each input is answered with one of these."""

    answers: frozenset[str]

    def holds(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether each answer is among ``answers``."""
        return all(outcome.answer in self.answers for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class Same:
    """All inputs get the answer of the first one, right or wrong."""

    def holds(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether the answers are all the same."""
        return len({outcome.answer for outcome in outcomes}) == 1


@dataclass(frozen=True, slots=True)
class NotLower:
    """The score of ``label`` never falls from one input to the next by more than ``tolerance``."""

    label: str
    tolerance: float

    def holds(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether no score is lower than the one before it, but for the tolerance."""
        scores = [outcome.scores[self.label] for outcome in outcomes]
        pairs = itertools.pairwise(scores)
        return all(later >= earlier - self.tolerance for earlier, later in pairs)


@dataclass(frozen=True, slots=True)
class Undecided:
    """No label's score is above ``limit``."""

    limit: float

    def holds(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether every score is at most the limit."""
        return all(outcome.score <= self.limit for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class Case:
    """Inputs, from a template of a capability, and what must hold for their outcomes."""

    capability: Capability
    template: str
    inputs: tuple[Input, ...]
    expectation: Expectation


@dataclass(slots=True)
class Suite:
    """The cases of one task, in the order in which they were added."""

    cases: list[Case] = field(default_factory=list)
    _known: set[tuple[Capability, tuple[Input, ...]]] = field(default_factory=set)

    def add(
        self,
        capability: Capability,
        template: str,
        inputs: Sequence[tuple[Input, ...]],
        expectation: Expectation,
    ) -> None:
        """Add a case for each of ``inputs``, all of one template and with one expectation.

        What the capability asks for already is not added twice.
        """
        for each in inputs:
            if (capability, each) not in self._known:
                self._known.add((capability, each))
                self.cases.append(Case(capability, template, each, expectation))
