"""Every metric of the service, on one screen. Names follow Prometheus' conventions: base units,
``_total`` for counters.
"""

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from service.inference import Timings
from service.registry import FailedModel, LoadedModel

# A second series for each counter, which hardly anything reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
)  # fmt: skip
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
CACHE_RESULTS = ("hit", "miss")
REFUSAL_REASONS = ("no_key", "malformed_authorization", "wrong_key", "rate_limited")
STAGES = Timings._fields

GIVE_WAY_SECONDS = 50e-6
"""After each metric that is written out: time for the event loop, which may wait for the
interpreter's lock, to wake and take it."""


class PoliteRegistry(CollectorRegistry):
    """Gives way to other threads after each metric. To write all of them takes milliseconds, of
    which the event loop would wait up to five for the interpreter's lock, several times over.
    """

    def __init__(self, give_way: Callable[[float], None] = time.sleep) -> None:
        super().__init__()
        self._give_way = give_way

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        for metric in super().collect():
            yield metric
            self._give_way(GIVE_WAY_SECONDS)


class BatchMetrics(NamedTuple):
    """What is counted of one model's batches."""

    sequences: Histogram
    seconds: Histogram
    real_tokens: Counter
    padded_tokens: Counter


class Metrics:
    """The registry and all that is in it. Methods may be called from any thread, but for
    ``request_started`` and ``request_ended``, which are the event loop's.
    """

    def __init__(self) -> None:
        registry = self._registry = PoliteRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "albert_requests",
            "Requests answered, by route, model and status.",
            ["route", "model", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "albert_request_duration_seconds",
            "From a request's header being read to its answer being handed over.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "albert_stage_duration_seconds",
            "Time in each stage of an answered request: tokenize, queue, inference, decode.",
            ["stage", "model"],
            buckets=SECONDS,
            registry=registry,
        )
        self._callers_refused = Counter(
            "albert_callers_refused",
            "Requests refused for who sent them, by reason and, over its rate, the key's name.",
            ["reason", "key"],
            registry=registry,
        )
        for reason in REFUSAL_REASONS:
            self._callers_refused.labels(reason, "")
        self._in_flight = 0
        Gauge(
            "albert_requests_in_flight", "Requests being handled now.", registry=registry
        ).set_function(lambda: self._in_flight)
        self._bulk_lines = Counter(
            "albert_bulk_lines",
            "Lines of bulk uploads whose answer was ready, by model and status.",
            ["model", "status"],
            registry=registry,
        )
        self._bulk_uploads = Gauge(
            "albert_bulk_uploads_in_flight", "Bulk uploads being answered now.", registry=registry
        )
        self._batch_sequences = Histogram(
            "albert_batch_sequences", "Rows in a batch.", ["model"], buckets=ROWS, registry=registry
        )
        self._batch_seconds = Histogram(
            "albert_batch_duration_seconds",
            "Run time of a batch.",
            ["model"],
            buckets=SECONDS,
            registry=registry,
        )
        self._real_tokens = Counter(
            "albert_real_tokens",
            "Tokens that were run, without padding.",
            ["model"],
            registry=registry,
        )
        self._padded_tokens = Counter(
            "albert_padded_tokens",
            "Tokens that were run, with the padding that an export that is not packed computes: "
            "waste is 1 - real / padded.",
            ["model"],
            registry=registry,
        )
        self._cache_rows = Counter(
            "albert_cache_rows",
            "Rows looked up in the cache, by result: hit or miss; 0 while it is off.",
            ["model", "result"],
            registry=registry,
        )
        self._shared_rows = Counter(
            "albert_shared_rows",
            "Rows answered by the run of an identical row that was waiting or running.",
            ["model"],
            registry=registry,
        )
        self._queue_sequences = Gauge(
            "albert_queue_sequences", "Rows that wait for a worker.", registry=registry
        )
        self._queue_seconds = Gauge(
            "albert_queue_predicted_seconds",
            "Predicted time until the workers have run all that waits or is being tokenised.",
            registry=registry,
        )
        self._model_info = Gauge(
            "albert_model_info",
            "1 for each model that is served, 0 for one that failed to load.",
            ["model", "version", "task", "precision"],
            registry=registry,
        )
        self._model_load_seconds = Gauge(
            "albert_model_load_seconds",
            "Time from opening a model's directory to its being ready.",
            ["model"],
            registry=registry,
        )

        # A metric's labels() costs as much as its update; the label values in use are few.
        self._request_count = cache(
            lambda route, model, status: self._requests.labels(route, model, str(status))
        )
        self._bulk_line_count = cache(
            lambda model, status: self._bulk_lines.labels(model, str(status))
        )
        self._request_duration = cache(self._request_seconds.labels)
        self._stages_of = cache(
            lambda model: [self._stage_seconds.labels(stage, model) for stage in STAGES]
        )
        self._batch_of = cache(self._batch_metrics)

    def _batch_metrics(self, model: str) -> "BatchMetrics":
        return BatchMetrics(
            self._batch_sequences.labels(model),
            self._batch_seconds.labels(model),
            self._real_tokens.labels(model),
            self._padded_tokens.labels(model),
        )

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All metrics and their media type: Prometheus' text format, OpenMetrics if asked for."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # of a version that is no number
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type

    def request_started(self) -> None:
        """A request is being handled."""
        self._in_flight += 1

    def request_ended(self, route: str, model: str, status: int, seconds: float) -> None:
        """A request was answered with ``status`` after ``seconds``."""
        self._in_flight -= 1
        self._request_count(route, model, status).inc()
        self._request_duration(route).observe(seconds)

    def request_turned_away(self, route: str, status: int) -> None:
        """A request was done with, with ``status``, before it was read."""
        self._request_count(route, "", int(status)).inc()

    def caller_refused(self, reason: str, key: str) -> None:
        """A caller may not ask; ``key`` is the name of its key, if that was right."""
        self._callers_refused.labels(reason, key).inc()

    def bulk_upload_started(self) -> None:
        """A bulk upload is being answered."""
        self._bulk_uploads.inc()

    def bulk_upload_ended(self) -> None:
        """A bulk upload was answered, or cut short."""
        self._bulk_uploads.dec()

    def bulk_line(self, model: str, status: int) -> None:
        """A line of a bulk upload has its answer."""
        self._bulk_line_count(model, status).inc()

    def stages(self, model: str, timings: Timings) -> None:
        """A request went through all stages."""
        for stage, seconds in zip(self._stages_of(model), timings, strict=True):
            stage.observe(seconds)

    def batch_ran(
        self, model: str, sequences: int, real_tokens: int, padded_tokens: int, seconds: float
    ) -> None:
        """A batch of ``sequences`` rows ran for ``seconds``."""
        batch = self._batch_of(model)
        batch.sequences.observe(sequences)
        batch.seconds.observe(seconds)
        batch.real_tokens.inc(real_tokens)
        batch.padded_tokens.inc(padded_tokens)

    def cache_asked(self, model: str, hits: int, misses: int) -> None:
        """Of the rows of a request, ``hits`` were in the cache and ``misses`` were not."""
        for result, rows in zip(CACHE_RESULTS, (hits, misses), strict=True):
            self._cache_rows.labels(model, result).inc(rows)

    def runs_shared(self, model: str, sequences: int) -> None:
        """``sequences`` rows will be answered by the run of an identical one."""
        self._shared_rows.labels(model).inc(sequences)

    def watch_queue(self, queue: Callable[[], tuple[int, float]]) -> None:
        """Ask ``queue`` for the rows that wait and their predicted seconds whenever metrics are
        read: what changes with every request is not written down each time.
        """
        self._queue_sequences.set_function(lambda: queue()[0])
        self._queue_seconds.set_function(lambda: queue()[1])

    def model_loaded(self, model: LoadedModel) -> None:
        """A model is served."""
        manifest = model.manifest
        self._model_info.labels(
            manifest.name, str(manifest.version), manifest.task, manifest.precision
        ).set(1)
        self._model_load_seconds.labels(manifest.name).set(model.load_seconds)
        for result in CACHE_RESULTS:
            self._cache_rows.labels(manifest.name, result)
        self._shared_rows.labels(manifest.name)

    def model_failed(self, model: FailedModel) -> None:
        """A model could not be loaded."""
        self._model_info.labels(
            model.name, str(model.version), str(model.task or "unknown"), "unknown"
        ).set(0)
