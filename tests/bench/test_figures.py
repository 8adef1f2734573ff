import pytest

from bench.figures import best_scheme, sections_of, shares_of_best
from bench.lengths import MIXED
from bench.plan import Load
from bench.process_memory import ProcessMemory
from bench.results import HttpRun, LatencyRound, Results, Start, Throughput, ThroughputRound

MEBIBYTE = 1024 * 1024


def throughput_round(http, **schemes):
    run = HttpRun(
        http, [0.1, 0.3], 2.0, load_cpu_seconds=0.04, service_cpu_seconds=3.6, service_switches=9
    )
    return ThroughputRound(run, schemes)


ROUNDS = [
    throughput_round(9.0, alone=8.0, sorted=10.0),
    throughput_round(4.5, alone=20.0, sorted=5.0),
    throughput_round(8.0, alone=8.0, sorted=10.0),
]
MEMORY = ProcessMemory(300 * MEBIBYTE, 250 * MEBIBYTE, 200 * MEBIBYTE)


def results(default_starts):
    return Results(
        [Throughput(Load(MIXED, 32, 0.9), ROUNDS, real_tokens=97, padded_tokens=100)],
        [LatencyRound([0.012, 0.050, 0.090], [0.010, 0.047, 0.070], [0.007, 0.040, 0.010])],
        Start(0.9, MEMORY),
        MEMORY,
        default_starts,
    )


def rows_of(default_starts=None):
    sections = sections_of(results(default_starts), cores=2)
    return {(section.title, row.figure): row for section in sections for row in section.rows}


def test_one_lucky_round_does_not_make_a_scheme_the_best():
    assert best_scheme(ROUNDS) == "sorted"


def test_the_share_is_formed_within_each_round():
    assert shares_of_best(ROUNDS) == pytest.approx([0.9, 0.9, 0.8])


def test_the_goal_is_met_by_the_median():
    row = rows_of()["Throughput, mixed lengths, 32 connections", "HTTP over the best"]
    assert (row.value, row.range, row.met) == ("0.900", "0.800 – 0.900", True)


def test_padding_and_processor_time_are_shares():
    rows = rows_of()
    title = "Throughput, mixed lengths, 32 connections"
    assert rows[title, "padding among the tokens run"].value == "3.0%"
    assert rows[title, "cores busy with the service"].value == "90.0%"
    assert rows[title, "cores busy with the load"].value == "1.00%"


def test_what_http_adds_is_the_median_of_what_it_adds_to_each_text():
    rows = rows_of()
    title = "Latency of a lone text"
    assert rows[title, "p50 HTTP, one connection"].value == "50.00 ms"
    assert rows[title, "HTTP minus in process, 1 thread, text by text"].value == "3.00 ms"
    assert rows[title, "HTTP minus in process, 2 threads, text by text"].value == "10.00 ms"


def test_without_default_models_their_rows_say_that_they_were_skipped():
    rows = rows_of()
    for title in ("Start to ready", "Memory of the service"):
        assert rows[title, "default models"].value == "skipped"


def test_a_slow_start_misses_its_goal():
    rows = rows_of([Start(seconds, MEMORY) for seconds in (1.9, 2.5, 2.1)])
    row = rows["Start to ready", "default models"]
    assert (row.value, row.met) == ("2.10 s", False)
    assert rows["Memory of the service", "default models: resident"].value == "300 MiB"
