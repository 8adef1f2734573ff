"""Metrics are valid in both formats and count what they say."""

import pytest
from prometheus_client import Gauge, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service.telemetry.metrics import Metrics, PoliteRegistry

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def metrics():
    metrics = Metrics()
    metrics.request_started()
    metrics.request_ended("/v1/sentiment", "sentiment", 200, 0.02)
    metrics.batch_ran("sentiment", 3, 58, 60, 0.01)
    metrics.watch_queue(lambda: (7, 0.25))
    return metrics


@pytest.mark.parametrize(("accept", "parse"), [("", parse_text), (OPENMETRICS, parse_openmetrics)])
def test_both_formats_parse_and_hold_the_same_values(metrics, accept, parse):
    body, content_type = metrics.expose(accept)
    assert content_type.startswith(accept or "text/plain")
    samples = {
        sample.name: sample.value
        for family in parse(body.decode())
        for sample in family.samples
        if sample.name.startswith("albert_") and "bucket" not in sample.name
    }
    assert samples["albert_requests_total"] == 1
    assert samples["albert_requests_in_flight"] == 0
    assert samples["albert_request_duration_seconds_sum"] == pytest.approx(0.02)
    assert samples["albert_batch_sequences_sum"] == 3
    assert samples["albert_real_tokens_total"] == 58
    assert samples["albert_padded_tokens_total"] == 60
    assert samples["albert_queue_sequences"] == 7
    assert samples["albert_queue_predicted_seconds"] == 0.25


@pytest.mark.parametrize("version", ["abc", "1.x", "1..0", "1.0.0-", "\u00b2", "1" * 5000])
@pytest.mark.parametrize("media_type", ["application/openmetrics-text", "text/plain"])
def test_a_version_that_is_none_has_the_usual_format(metrics, media_type, version):
    body, content_type = metrics.expose(f"{media_type};version={version}")
    assert content_type.startswith("text/plain")
    assert b"albert_requests_total" in body


def test_others_have_their_turn_after_each_metric():
    happened = []
    registry = PoliteRegistry(give_way=lambda _: happened.append("others"))
    for name in ("a", "b", "c"):
        gauge = Gauge(name, "A metric.", registry=registry)
        gauge.set_function(lambda name=name: happened.append(name) or 1.0)
    assert generate_latest(registry).count(b"1.0") == 3
    assert happened == ["a", "others", "b", "others", "c", "others"]
