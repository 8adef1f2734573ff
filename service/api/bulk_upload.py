"""One line of a bulk upload to one line of its answer."""

from dataclasses import dataclass

import orjson
import structlog

from model_directory.panic import is_panic
from service.api.lines import Line
from service.api.problems import ProblemError, content_of, problem_of
from service.api.translation import InputLimits, parse, refusal
from service.inference import Inference
from service.registry import LoadedModel
from service.scheduling.errors import ClosedError
from service.tasks.errors import InputError
from service.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class BulkUpload:
    """What all lines of an upload share. ``timeout_seconds`` is each line's own, from when the
    queue has taken it.
    """

    model: LoadedModel
    inference: Inference
    metrics: Metrics
    request_id: str
    timeout_seconds: float
    line_bytes: int
    inputs: InputLimits

    async def answer(self, line: Line) -> bytes:
        """The answer, or the error with the line's number, as JSON with a line feed.

        Raises ClosedError when the service ends before the line was answered.
        """
        status = 200
        try:
            body = await self._result(line)
        except ClosedError:
            raise
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            status, body = self._status_and_body_of(error, line)
        self.metrics.bulk_line(self.model.name, status)
        return body + b"\n"

    def _status_and_body_of(self, error: BaseException, line: Line) -> tuple[int, bytes]:
        """What ``error`` is answered with, in a frame of its own for the reason that
        ``ObservationMiddleware`` has.
        """
        with structlog.contextvars.bound_contextvars(request_id=self.request_id, line=line.number):
            problem = problem_of(error)
        body = orjson.dumps({**content_of(problem, self.request_id), "line": line.number})
        return problem.status, body

    async def _result(self, line: Line) -> bytes:
        if line.content is None:
            raise ProblemError(
                413,
                "line_too_large",
                f"The line is larger than the {self.line_bytes} bytes that are allowed.",
            )
        if not line.content.strip():
            raise ProblemError(400, "not_json", "The line is empty.")
        parsed = parse(self.model.manifest.task, line.content, self.inputs)
        try:
            outcome = await self.inference.answer_when_there_is_room(
                self.model,
                parsed.request,
                self.timeout_seconds,
                lambda result: orjson.dumps(parsed.render(result)),
            )
        except InputError as error:
            raise refusal(error, parsed) from error
        self.metrics.stages(self.model.name, outcome.timings)
        return outcome.result
