"""What a line is answered when the fault is not the caller's."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from model_directory.manifest import Task
from service.api.bulk_upload import BulkUpload
from service.api.lines import Line
from service.api.translation import InputLimits
from service.inference import ModelRunError, Outcome, Timings
from service.scheduling.errors import ClosedError, DeadlineExceededError
from service.telemetry.metrics import Metrics

LINE = Line(7, b'{"inputs": "good"}')


class PanicException(BaseException):
    """As PyO3 raises it."""


class Inference:
    """Raises, or answers nothing."""

    def __init__(self, error=None):
        self.error = error

    async def answer_when_there_is_room(self, model, request, timeout_seconds, write):
        assert timeout_seconds == 2.5
        if self.error is not None:
            raise self.error
        return Outcome(b"[]", 7, Timings(0.0, 0.0, 0.0, 0.0))


def answer(error=None):
    """The line's answer, and the metrics of lines."""
    model = SimpleNamespace(name="films", manifest=SimpleNamespace(task=Task.SENTIMENT))
    metrics = Metrics()
    upload = BulkUpload(model, Inference(error), metrics, "night 7", 2.5, 1000, InputLimits(4, 100))
    line = asyncio.run(upload.answer(LINE))
    counted = metrics.expose("")[0].decode()
    return line, [each for each in counted.splitlines() if each.startswith("albert_bulk_lines")]


def test_an_answer_is_a_line():
    assert answer() == (b"[]\n", ['albert_bulk_lines_total{model="films",status="200"} 1.0'])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelRunError("secret"), 500),
        (RuntimeError("secret"), 500),
        (PanicException("secret"), 500),
        (DeadlineExceededError("too late"), 504),
    ],
)
def test_a_fault_is_an_error_with_the_lines_number(error, status):
    line, counted = answer(error)
    body = json.loads(line)
    assert (body["status"], body["line"], body["instance"]) == (status, 7, "night 7")
    assert "secret" not in line.decode()
    assert counted == [f'albert_bulk_lines_total{{model="films",status="{status}"}} 1.0']


def test_when_the_service_ends_a_line_has_no_answer():
    with pytest.raises(ClosedError):
        answer(ClosedError("ending"))
