from dataclasses import replace

import pytest

from bench.errors import BenchError
from bench.machine import describe_machine
from bench.peers.arrival_figures import arrival_goals
from bench.peers.catalogue import INT8, OURS, named
from bench.peers.cli import rounds_of
from bench.peers.figures import CONNECTIONS, Figures, goals, tables
from bench.peers.measure import Load
from bench.peers.page import BEGIN, END, write_tables
from bench.peers.results import ArrivalRun, Comparison, LoadRun, Visit
from bench.peers.stored import read_comparison, write_comparison
from bench.process_memory import ProcessMemory
from bench.repository import ROOT

PLAIN, MOSEC = "plain FastAPI", "mosec"
MEBIBYTE = 1024 * 1024


def run(speed, *, mix="mixed", connections=CONNECTIONS, latencies=(1.0,), refusals=None):
    texts = 100
    return LoadRun(mix, connections, texts, texts / speed, 1.0, list(latencies), refusals or {}, 0)


def visit(server, number, *runs, resident=100, idle=0.0):
    memory = ProcessMemory(resident * MEBIBYTE, resident * MEBIBYTE, resident * MEBIBYTE)
    return Visit(server, number, 1.0, idle, memory, list(runs))


def comparison(*visits):
    versions = {MOSEC: {"mosec": "1.2.3"}}
    return Comparison(describe_machine(), 8, 12.0, versions, list(visits))


THREE_ROUNDS = [
    visit(OURS, 0, run(30, latencies=[1.0, 2.0])),
    visit(PLAIN, 0, run(24, latencies=[1.0, 4.0])),
    visit(MOSEC, 0, run(10, latencies=[1.0, 3.0]), resident=300, idle=0.2),
    visit(OURS, 1, run(15)),
    visit(PLAIN, 1, run(10)),
    visit(MOSEC, 1, run(11), resident=300, idle=0.2),
    visit(OURS, 2, run(30)),
    visit(PLAIN, 2, run(20)),
    visit(MOSEC, 2, run(10), resident=300, idle=0.2),
]


def reached(visits):
    return {goal.goal: goal for goal in goals(Figures(visits))}


def test_the_goal_is_judged_against_the_best_peer_within_each_round():
    goal = reached(THREE_ROUNDS)["mixed: more texts/s than the best peer"]
    assert goal.met
    assert goal.reached == "1.50 (1.25 – 1.50; plain FastAPI)"


def test_each_server_is_told_as_a_share_of_this_service_within_the_rounds():
    table, *_ = tables(comparison(*THREE_ROUNDS))
    assert "| plain FastAPI | 20.0 | 10.0 – 24.0 | 0.67 | 1.00 |" in table


def test_a_round_that_only_one_of_two_servers_did_is_in_no_ratio():
    figures = Figures([visit(OURS, 1, run(30)), visit(PLAIN, 0, run(1)), visit(PLAIN, 1, run(15))])
    assert figures.shares(OURS, PLAIN, "mixed") == [2.0]
    assert figures.shares(OURS, MOSEC, "mixed") == []


def test_p99_is_judged_against_the_lowest_of_the_peers():
    fast = [visit(OURS, 0, run(30, latencies=[2.0])), visit(MOSEC, 0, run(5, latencies=[2.5]))]
    goal = reached(fast)["mixed: p99 over the lowest of the peers' ≤ 0.7"]
    assert (goal.met, goal.reached) == (False, "0.80 (mosec)")


def test_under_the_same_arrivals_turns_are_taken_together_and_short_texts_told_apart():
    runs = [
        ArrivalRun(OURS, "mixed", 0.5, 10.0, [0.2, 0.4], [20, 300]),
        ArrivalRun(OURS, "mixed", 0.5, 10.0, [0.2, 0.4], [64, 65]),
        ArrivalRun(PLAIN, "mixed", 0.5, 10.0, [0.5, 0.8], [20, 300]),
        ArrivalRun(MOSEC, "mixed", 0.5, 10.0, [0.3, 2.0], [20, 300], failed=3),
        ArrivalRun(OURS, "mixed", 0.7, 14.0, [0.5], [20]),
        ArrivalRun(PLAIN, "mixed", 0.7, 14.0, [0.6], [20]),
    ]
    found = replace(comparison(visit(OURS, 0, run(30))), arrivals=runs)
    *_, notes = parts = tables(found)
    (table,) = (part for part in parts if part.startswith("### Mixed lengths, the same arrivals"))
    rows = {row.split("|")[1].strip(): row for row in table.splitlines() if row.startswith("|")}
    assert rows[OURS] == "| albert-serve | 0.30 | 0.40 | 0.20 | 0.50 | 0.50 | 0.50 |"
    assert rows[MOSEC].endswith("| – | – | – |")
    assert "mosec, mixed, arrivals of 10.0 texts/s: 3 not answered with 200" in notes
    at_half, at_more = arrival_goals(runs)
    assert (at_half.met, at_half.reached) == (True, "0.50 (plain FastAPI)")
    assert (at_more.met, at_more.reached) == (False, "0.83 (plain FastAPI)")


def test_int8_is_judged_against_fp32_and_against_the_same_file():
    visits = [
        *THREE_ROUNDS,
        visit(named(OURS, INT8), 0, run(60)),
        visit(named(PLAIN, INT8), 0, run(50)),
    ]
    found = reached(visits)
    assert found["mixed: int8 over the best peer's fp32 ≥ 2.4"].reached.startswith("2.50")
    same = found["mixed: int8 over the best peer's with the same file ≥ 1.1"]
    assert (same.met, same.reached) == (True, "1.20 (1.20 – 1.20; plain FastAPI, int8)")


def test_memory_and_idling_are_judged_against_the_least_of_the_peers():
    visits = [visit(OURS, 0, run(30), resident=200, idle=0.01), visit(MOSEC, 0, run(10), idle=0.0)]
    found = reached(visits)
    assert not found["resident memory below all"].met
    assert not found["idle processor time at most that of all"].met


def test_refused_answers_are_no_throughput_and_are_told():
    refused = run(10, refusals={"429": 50})
    assert refused.texts_per_second == pytest.approx(5)
    told = tables(comparison(visit(OURS, 0, refused)))[-1]
    assert "albert-serve, mixed, 32 connections, round 1: answers other than 200: 50 x 429" in told


def test_a_server_that_fails_has_no_figures_but_its_reason():
    failed = Visit(MOSEC, 0, failure="its scores are 3e-1\nfrom this service's")
    parts = tables(comparison(visit(OURS, 0, run(30)), failed))
    assert "- mosec: its scores are 3e-1 from this service's" in parts[-1]
    assert "| mosec | – | – | – | – | – | – |" in parts[0]


def test_a_run_that_was_given_up_is_told():
    given_up = replace(visit(OURS, 0, run(30)), unfinished=["mixed, 1 connections: no answer"])
    assert "- albert-serve, mixed, 1 connections: no answer" in tables(comparison(given_up))[-1]


def test_other_numbers_of_connections_have_a_table_of_their_own():
    parts = tables(comparison(visit(OURS, 0, run(30), run(25, connections=1, latencies=[0.04]))))
    (table,) = (part for part in parts if part.startswith("### Mixed lengths, by"))
    assert "| server | 1: texts/s | p50, s | p99, s | 32: texts/s |" in table
    assert "| albert-serve | 25.0 | 0.040 | 0.040 | 30.0 |" in table


def test_every_mix_is_run_in_every_round_and_other_connections_in_the_first():
    first, *others = rounds_of(["short", "mixed"], 3, ["mixed"], [1, CONNECTIONS, 128], 100)
    every = [Load("short", CONNECTIONS, 100), Load("mixed", CONNECTIONS, 100)]
    assert first == [*every, Load("mixed", 1, 100), Load("mixed", 128, 256)]
    assert others == [every, every]


def test_what_was_measured_can_be_read_again(tmp_path):
    file = tmp_path / "raw.json"
    told = comparison(*THREE_ROUNDS, Visit(MOSEC, 3, failure="it ended"))
    write_comparison(told, file)
    assert read_comparison(file) == told
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(BenchError, match="holds no comparison"):
        read_comparison(file)


def test_only_what_stands_between_the_markers_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")
    machine = replace(describe_machine(), processor="a machine")
    for _ in range(2):
        write_tables(page, machine, "about", ["### one table"])
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n\n{BEGIN}\n\nabout\n\nOn: a machine, ")
    assert text.endswith(f"### one table\n\n{END}\n\nafter\n")
    assert "old" not in text


def test_the_page_of_the_project_has_a_place_for_the_tables():
    text = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    assert 0 < text.index(BEGIN) < text.index(END)
