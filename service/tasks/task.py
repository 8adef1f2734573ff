"""What every task does: estimate, prepare, decode."""

from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from service.runtime.sequence import Sequence
from service.runtime.session import Logits
from service.tasks.tokenization import TokenizedInput
from service.tasks.windows import count_windows

RequestT = TypeVar("RequestT", contravariant=True)
PlanT = TypeVar("PlanT")
ResultT = TypeVar("ResultT", covariant=True)

CHARACTERS_PER_TOKEN = 4
"""English text through ALBERT's vocabulary has 4 to 5 characters a token; only used to estimate
before tokenising.
"""


@dataclass(frozen=True, slots=True)
class Prepared(Generic[PlanT]):
    """The rows to run for one request, and what the task needs to read their logits."""

    sequences: list[Sequence]
    plan: PlanT

    @property
    def tokens(self) -> int:
        """Real tokens of all rows."""
        return sum(sequence.length for sequence in self.sequences)


class Task(Protocol[RequestT, PlanT, ResultT]):
    """Turns requests into rows, and the rows' logits into results. Its methods are pure and may run
    in any thread.
    """

    def characters(self, request: RequestT) -> int:
        """Code points in all texts of the request, as the tokenizer reads them."""

    def estimate_lengths(self, request: RequestT) -> list[int]:
        """About how long the rows of the request will be, in tokens, without tokenising it."""

    def prepare(self, request: RequestT) -> Prepared[PlanT]:
        """Tokenise. Raises InputError."""

    def is_decoded_quickly(self, request: RequestT) -> bool:
        """Whether to decode a few rows of the request takes a millisecond or two."""

    def decode(self, prepared: Prepared[PlanT], logits: Rows[Logits]) -> ResultT:
        """The result, given the logits of ``prepared.sequences`` in order."""


class TextTask(Task[RequestT, PlanT, ResultT], Protocol):
    """A task whose requests are texts."""

    def tokenize(self, request: RequestT) -> Iterator[TokenizedInput]:
        """Each input's tokens and windows, one input after the other. Raises InputError where
        ``prepare`` does.
        """


def estimate_tokens(text: str) -> int:
    """About how many tokens ``text`` has."""
    return len(text) // CHARACTERS_PER_TOKEN + 1


def estimate_rows(
    tokens: int, capacity: int, overlap: int, beside: int, most_windows: int
) -> list[int]:
    """The lengths of the rows for a text of ``tokens`` tokens, cut into windows of ``capacity``
    that share ``overlap``, with ``beside`` other tokens in each. Those of ``most_windows`` at most:
    a request for more is refused when it is prepared, however many there are.
    """
    count = min(count_windows(tokens, capacity, overlap), most_windows)
    last = min(capacity, tokens - (count - 1) * (capacity - overlap))
    return [capacity + beside] * (count - 1) + [last + beside]
