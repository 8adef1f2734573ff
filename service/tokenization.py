"""Tokenises requests without answering them: nothing enters the scheduler's queue."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from service.inference import is_inline
from service.registry import LoadedModel
from service.scheduling.errors import DeadlineExceededError
from service.tasks.tokenization import TokenizedInput

ResultT = TypeVar("ResultT")


class Tokenization:
    """Lives on the event loop. Short requests are tokenised there; of the long ones one input at a
    time, in a thread, so that requests for answers find a thread too.

    An input's tokens take fifty times the memory of its text, so at most one input is held as
    tokens: a long request is gone through twice, to be checked and counted, and to be written.
    """

    def __init__(self, preparation: ThreadPoolExecutor) -> None:
        self._preparation = preparation
        self._turn = asyncio.Lock()

    async def tokenize(
        self,
        model: LoadedModel,
        request: Any,
        deadline: float,
        write: Callable[[TokenizedInput], bytes],
    ) -> tuple[int, AsyncIterator[bytes]]:
        """The tokens that ``model`` would be run on for ``request`` (the task's own request type),
        and what ``write`` makes of each input, in order.

        Raises InputError, or DeadlineExceededError when the request was not counted by ``deadline``
        (monotonic seconds).
        """
        if is_inline(model.task, request, len(model.task.estimate_lengths(request))):
            inputs = list(model.task.tokenize(request))
            pieces = [write(each) for each in inputs]
            return sum(each.tokens for each in inputs), _each(pieces)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                tokens = sum([each async for each in self._in_turn(model, request, _tokens)])
        except TimeoutError as error:
            raise DeadlineExceededError(
                "The deadline passed before the texts were tokenised."
            ) from error
        return tokens, self._in_turn(model, request, write)

    async def _in_turn(
        self, model: LoadedModel, request: Any, function: Callable[[TokenizedInput], ResultT]
    ) -> AsyncIterator[ResultT]:
        loop = asyncio.get_running_loop()
        inputs = model.task.tokenize(request)
        for _ in request.inputs:
            async with self._turn:
                result = await loop.run_in_executor(self._preparation, _next, inputs, function)
            yield result


def _next(
    inputs: Iterator[TokenizedInput], function: Callable[[TokenizedInput], ResultT]
) -> ResultT:
    return function(next(inputs))


def _tokens(tokenized: TokenizedInput) -> int:
    return tokenized.tokens


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
