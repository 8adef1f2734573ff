from bench.fairness import bulk_share
from bench.open_loop import Answers
from bench.open_loop_job import Answer, OpenJob, Request
from tests.bench.steadiness import run, table, tiny_models

JOB = OpenJob("127.0.0.1", 1, 10.0, [Request("interactive", "/"), Request("bulk", "/")])


def answer(request: int, tokens: int, *, at: float = 5.0, status: int = 200) -> Answer:
    return Answer(request, 0, at, at, 0.5, status, None, tokens)


def test_bulks_share_is_of_the_tokens_answered_after_the_beginning():
    given = [answer(0, 30), answer(1, 10), answer(1, 500, at=0.1), answer(1, 500, status=429)]
    assert bulk_share(Answers(JOB, given), 10.0) == 0.25


def test_bulk_has_no_share_of_nothing():
    assert bulk_share(Answers(JOB, []), 10.0) == 0.0


def test_a_short_comparison_on_a_real_service_fills_the_table(tmp_path):
    shown = table(run("fairness", tiny_models(tmp_path), "--seconds", "1"))
    assert shown["p99 beside bulk over p99 alone"][1][-1] in "✓✗"
    shares = [cells[1] for figure, cells in shown.items() if figure.startswith("bulk's share")]
    assert len(shares) == 2
    assert all(float(share.split("%")[0]) > 0 for share in shares)
    assert "admitted" in shown["the request of 256 long texts"][0]
