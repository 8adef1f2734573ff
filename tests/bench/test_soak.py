import json

from bench.open_loop import Answers
from bench.open_loop_job import Answer, OpenJob, Request
from bench.soak import LONGEST, MOST_TEXTS, SHORTEST, baseline, lines_of, soaking_requests
from tests.bench.steadiness import run, table, tiny_models

NOTHING = Answers(OpenJob("127.0.0.1", 1, 1.0, []), [])


def test_the_soak_has_every_number_of_texts_and_all_lengths():
    inputs = [json.loads(request.body)["inputs"] for request in soaking_requests("/m")]
    counts = {len(texts) for texts in inputs}
    assert {1, 2, 3, 4, MOST_TEXTS} <= counts
    assert max(counts) == MOST_TEXTS
    lengths = {len(text.split()) + 2 for texts in inputs for text in texts}
    assert len(lengths) > 0.9 * (LONGEST - SHORTEST)
    assert min(lengths) >= SHORTEST
    assert max(lengths) <= LONGEST


def test_texts_of_one_request_are_alike_in_length():
    for request in soaking_requests("/m", count=50):
        counted = [len(text.split()) + 2 for text in json.loads(request.body)["inputs"]]
        assert min(counted) >= 0.89 * max(counted) - 1


def test_five_minutes_of_an_hour_are_what_is_compared_with():
    readings = [(10.0 * number, float(number)) for number in range(361)]
    assert baseline(readings, 3600.0) == (300.0, 30.0)


def test_growth_after_the_baseline_is_judged():
    def verdict(last: float) -> str:
        readings = [(1.0, 50.0), (5.0, 100.0), (60.0, last)]
        shown = lines_of(10.0, readings, NOTHING, 60.0, None)
        return next(str(line.cells[0]) for line in shown if "over" in line.figure)

    assert verdict(110.0) == "1.100 ✓"
    assert verdict(111.0) == "1.110 ✗"


def test_other_statuses_are_named():
    given = [
        Answer(0, number, 5.0, 5.0, 1.0, status, None, 0)
        for number, status in enumerate((200, 504, 0, 504))
    ]
    job = OpenJob("127.0.0.1", 1, 10.0, [Request("soak", "/")])
    shown = lines_of(10.0, [(1.0, 50.0)], Answers(job, given), 10.0, None)
    cell = next(line.cells[0] for line in shown if "another status" in line.figure)
    assert str(cell) == "3 (0, 504) ✗"


def test_a_short_soak_of_a_real_service_fills_the_table(tmp_path):
    options = ("--seconds", "2", "--sample-seconds", "0.2", "--arena-runs", "16")
    shown = table(run("soak", tiny_models(tmp_path), *options))
    count, tokens = shown["requests answered, tokens"][1].split(", ")
    assert int(tokens) > int(count) > 0
    assert float(shown["after all 16 runs"][1].split()[0]) > 0
