"""OpenTelemetry traces, when the ``trace`` extra is installed and asked for.

The exporter and the sampler are set by OpenTelemetry's own variables, which its SDK reads
(``OTEL_EXPORTER_OTLP_ENDPOINT`` and so on); a caller's W3C ``traceparent`` is continued.
"""

from collections.abc import Callable

from starlette.types import ASGIApp

SERVICE_NAME = "albert-serve"


class TracingUnavailableError(Exception):
    """Tracing was asked for and the extra is not installed."""


def trace(app: ASGIApp) -> tuple[ASGIApp, Callable[[], None]]:
    """``app`` with a span around each request, and the function that sends the last spans.

    Raises TracingUnavailableError.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.util.http import (
            OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS as SECRET_HEADERS,
        )
        from opentelemetry.util.http import get_custom_headers
    except ImportError as error:
        raise TracingUnavailableError(
            "tracing needs the trace extra: pip install 'albert-serve[trace]'"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    traced = OpenTelemetryMiddleware(
        app,
        tracer_provider=provider,
        excluded_urls="health,metrics",
        exclude_spans=["receive", "send"],
        # Whoever has spans hold all headers is not to have the callers' keys in them.
        http_capture_headers_sanitize_fields=["authorization", *get_custom_headers(SECRET_HEADERS)],
    )
    return traced, provider.shutdown
