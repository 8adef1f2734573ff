"""Dashboard and alert rules: every metric and label that they name is one of the service's."""

import itertools
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import Metrics
from tests.container import dashboard

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
TARGET_LABELS = {"job", "instance"}
IGNORED_KEYS = "/deploy/prometheus/*.key"


def series() -> dict[str, set[str]]:
    """Label names of each series that the service or the scrape can give."""
    metrics = Metrics()
    labels = {
        metric._name: set(metric._labelnames)
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
    }
    found = {"up": TARGET_LABELS}
    for family in text_string_to_metric_families(metrics.expose("")[0].decode()):
        for suffix in SUFFIXES[family.type]:
            bucket = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = labels.get(family.name, set()) | TARGET_LABELS | bucket
    return found


def rule_expressions() -> dict[str, list[str]]:
    groups = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: [rule["expr"]] for group in groups for rule in group["rules"]}


EXPRESSIONS = [
    pytest.param(expression, id=f"{name} {number}")
    for name, expressions in (dashboard.expressions() | rule_expressions()).items()
    for number, expression in enumerate(expressions)
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_metrics_and_labels_exist(expression):
    known = series()
    bare = re.sub(r'"[^"]*"', '""', expression)
    named = set(re.findall(r"\b(?:albert_|process_|python_)\w+|\bup\b", bare))
    assert named
    assert named <= known.keys()
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"\"", bare)
    grouped = [
        label for labels in re.findall(r"\bby \(([^)]*)\)", bare) for label in labels.split(",")
    ]
    assert {*matched, *map(str.strip, grouped)} <= set().union(*(known[name] for name in named))


def test_every_metric_of_the_service_has_a_panel():
    expressions = itertools.chain.from_iterable(dashboard.expressions().values())
    shown = set(re.findall(r"\w+", " ".join(expressions)))
    for family in text_string_to_metric_families(Metrics().expose("")[0].decode()):
        if family.name.startswith("albert_"):
            assert {family.name + suffix for suffix in SUFFIXES[family.type]} & shown, family.name


def test_a_bulk_upload_that_takes_an_hour_is_in_no_quantile_of_request_durations():
    of_requests = [
        selector
        for expression in (each.values[0] for each in EXPRESSIONS)
        for selector in re.findall(r"albert_request_duration_seconds_bucket\{([^}]*)\}", expression)
    ]
    assert len(of_requests) == 4  # three of the panel, one of the alert
    for selector in of_requests:
        matchers = dict(re.findall(r'route(=~|!~)"([^"]*)"', selector))
        routes = ("/v1/sentiment", "/v1/bulk/sentiment", "/v1/bulk/models/{model}")
        shown = [
            route
            for route in routes
            if re.fullmatch(matchers["=~"], route) and not re.fullmatch(matchers["!~"], route)
        ]
        assert shown == ["/v1/sentiment"]


def test_panels_do_not_overlap():
    taken = set()
    for panel in dashboard.panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_dashboard_finds_its_data_source_and_is_found():
    provisioning = DEPLOY / "grafana/provisioning"
    sources = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())
    (source,) = sources["datasources"]
    assert source["type"] == "prometheus"
    for panel in dashboard.panels():
        assert panel["datasource"] == {"type": source["type"], "uid": "${datasource}"}
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert re.fullmatch(r"http://(\w+):9090", source["url"])[1] in compose["services"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/albert-serve.yml").read_text())[
        "providers"
    ]
    mounts = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    path = provider["options"]["path"]
    assert mounts["./deploy/grafana/dashboards"] == path
    home = compose["services"]["grafana"]["environment"][
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    ]
    assert home == f"{path}/{dashboard.DASHBOARD.name}"


def test_prometheus_scrapes_the_service_under_the_job_that_the_rules_name():
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    (target,) = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert compose["services"][host]["ports"][0].endswith(f":{port}")
    rules = " ".join(expression for rule in rule_expressions().values() for expression in rule)
    assert set(re.findall(r'job="([^"]*)"', rules)) == {job["job_name"]}
    assert [DEPLOY / "prometheus" / name for name in config["rule_files"]] == [
        DEPLOY / "prometheus/rules.yml"
    ]


def test_the_key_that_prometheus_gives_is_one_line_away():
    text = (DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text.replace("# authorization:", "authorization:"))["scrape_configs"]
    key = DEPLOY / "prometheus" / job["authorization"]["credentials_file"]
    assert fnmatch(f"/{key.relative_to(ROOT)}", IGNORED_KEYS)
    assert IGNORED_KEYS in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
