import io
import re
import shutil
import sys
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from statistics import mean

import pytest
from rich.console import Console

from bench.checkpoints import TINY
from bench.errors import BenchError
from bench.lengths import MIXED, NEWS, SHORT
from bench.peers.arrivals import SHARES, Arrivals, rates_for, take_arrivals
from bench.peers.catalogue import FP32, INT8, PEERS, own_server, peer_server
from bench.peers.environments import LOCKS
from bench.peers.measure import INT8_TEXTS, Load, answers, check_answers, take_turns
from bench.peers.process_tree import descendants, tree_cpu_seconds, tree_memory
from bench.peers.server import HOST, Server, ServerProcess, start_paused
from bench.peers.servers.conditions import Conditions
from bench.peers.subject import (
    export_precisions,
    labels_of,
    tokenizer_of,
    version_directory,
    write_texts_of,
)
from bench.progress import Progress

PLAIN = next(peer for peer in PEERS if peer.environment == "fastapi")
SHAPE = replace(TINY, max_position_embeddings=512)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_precisions(SHAPE, [FP32], tmp_path_factory.mktemp("peers"))[FP32]


@pytest.fixture(scope="module")
def conditions(models: Path) -> Conditions:
    """What the plain route runs under, which needs no packages but the service's own."""
    return Conditions(str(version_directory(models)), labels_of(models), 2, 8, 0)


def states() -> dict[int, str]:
    """Of every process of the machine, as proc(5) calls them."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            text = stat.read_text()
            found[int(stat.parent.name)] = text[text.rindex(")") + 2]
    return found


def running() -> list[int]:
    """Every process of the machine but those that have ended and are not yet taken notice of."""
    return [process_id for process_id, state in states().items() if state not in "ZX"]


def plain(conditions: Conditions) -> Server:
    return peer_server(PLAIN, Path(sys.executable), conditions, FP32)


def test_the_mixes_have_the_means_that_their_names_stand_for():
    assert mean(SHORT.sample(192)) == pytest.approx(26, abs=0.5)
    assert mean(NEWS.sample(192)) == pytest.approx(48, abs=0.5)


def test_every_peer_has_a_lock_file_with_its_own_package_and_hashes():
    for peer in PEERS:
        lock = (LOCKS / f"{peer.environment}.txt").read_text(encoding="utf-8")
        assert re.search(rf"^{peer.distribution}(\[[^]]+\])?==", lock, re.MULTILINE)
        assert "\nonnxruntime==" in lock
        assert "--hash=sha256:" in lock
        assert "://" not in lock


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_peer_and_the_service_take_turns_under_the_same_load(models, conditions):
    servers = [own_server(models, FP32), plain(conditions)]
    rounds = [[Load("mixed", 4, 40), Load("short", 8, 32)], [Load("mixed", 4, 40)]]
    texts = write_texts_of(models, list(chain.from_iterable(rounds)), [FP32], 16)
    progress = Progress(Console(file=io.StringIO()))
    visits = list(take_turns(servers, servers[:1], rounds, texts, progress))
    assert [visit.failure for visit in visits] == [""] * 4
    assert [visit.server for visit in visits] == [
        "albert-serve",
        "plain FastAPI",
        "plain FastAPI",
        "albert-serve",
    ]
    for visit in visits:
        assert [(run.mix, run.connections, run.texts) for run in visit.runs] == [
            (load.mix, load.connections, load.texts) for load in rounds[visit.round]
        ]
        assert visit.memory.resident_bytes > 20_000_000
        for run in visit.runs:
            assert len(run.latencies) == run.texts
            assert not run.refusals
            assert run.texts_per_second > 0
            assert run.cpu_seconds >= 0


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_every_server_gets_the_same_arrivals(models, conditions):
    servers = [own_server(models, FP32), plain(conditions)]
    speeds = {servers[0].name: 60.0, servers[1].name: 40.0}
    texts = write_texts_of(models, [], [FP32], 16)
    progress = Progress(Console(file=io.StringIO()))
    arrivals = Arrivals(MIXED.name, seconds=1.0, turns=2)
    given = tokenizer_of(models), texts.warm_up
    runs = list(take_arrivals(servers, speeds, arrivals, given, progress))
    ours, peer = (server.name for server in servers)
    turn = [ours, peer, peer, ours, ours, peer]  # each rate begins with another one
    assert [run.server for run in runs] == turn + turn[::-1]
    assert [run.share for run in runs] == [share for share in SHARES for _ in servers] * 2
    for first, second in zip(runs[::2], runs[1::2], strict=True):
        assert first.rate == second.rate
        assert sorted(first.tokens) == sorted(second.tokens)
    for run in runs:
        assert run.rate == pytest.approx(run.share * 40.0)
        assert len(run.latencies) == len(run.tokens) > 0
        assert not run.failed
        assert not run.failure


def test_a_server_is_not_asked_for_more_than_it_can_do(models, conditions):
    ours, peer = own_server(models, FP32), plain(conditions)
    slow = replace(peer, name="slow")
    speeds = {ours.name: 90.0, peer.name: 100.0, slow.name: 60.0}
    servers = [ours, peer, slow]
    assert rates_for(peer, servers, speeds) == {0.5: 50, 0.7: 70, 0.9: 90}
    assert rates_for(ours, servers, speeds) == {0.5: 50, 0.7: 70}
    assert rates_for(slow, servers, speeds) == {0.5: 50}
    assert rates_for(replace(peer, name="failed"), servers, speeds) == {}
    assert rates_for(ours, [ours], speeds) == {}


def test_a_server_that_fails_under_arrivals_is_told_and_the_next_one_is_asked(models, conditions):
    broken = plain(replace(conditions, model="no such directory"))
    speeds = {broken.name: 40.0, "other": 40.0}
    arrivals = Arrivals(MIXED.name, seconds=1.0, turns=1)
    given = tokenizer_of(models), ["a text"] * 2
    progress = Progress(Console(file=io.StringIO()))
    servers = [broken, replace(broken, name="other")]
    runs = list(take_arrivals(servers, speeds, arrivals, given, progress))
    assert [run.server for run in runs] == [broken.name, "other"]
    assert all("did not become ready" in run.failure for run in runs)


def test_an_int8_run_has_as_many_times_as_many_texts_as_it_is_fast(models):
    load = Load("mixed", 4, 40)
    texts = write_texts_of(models, [load], [FP32, INT8], 16)
    assert {len(each) for each in texts.measured.values()} == {40, 40 * INT8_TEXTS}
    assert len(texts.measured["mixed", load.texts_with(INT8)]) == 40 * INT8_TEXTS


def test_a_peer_that_answers_wrong_is_not_measured(models, conditions):
    swapped = replace(conditions, labels=conditions.labels[::-1])
    texts = write_texts_of(models, [], [FP32], 16)
    progress = Progress(Console(file=io.StringIO()))
    own = own_server(models, FP32)
    (visit, *later) = take_turns([plain(swapped)], [own], [[], []], texts, progress)
    assert "its scores are" in visit.failure
    assert not later


def test_scores_that_are_no_numbers_are_not_the_right_ones():
    with pytest.raises(BenchError, match="not the same work"):
        check_answers([{"a": float("nan")}], [{"a": 0.5}])
    with pytest.raises(BenchError, match="answers with"):
        check_answers([{"b": 0.5}], [{"a": 0.5}])


def test_a_server_is_counted_with_its_children_and_leaves_none_behind(conditions):
    code = (
        "import subprocess, sys; children = [subprocess.Popen([sys.executable, '-c', "
        "'import time; x = bytearray(50_000_000); time.sleep(600)'])]; "
        "import runpy; sys.argv = sys.argv[1:]; runpy.run_module('uvicorn', run_name='__main__')"
    )
    server = plain(conditions)

    def command(port: int, directory: Path) -> list[str]:
        python, _, _, *arguments = server.command(port, directory)
        return [python, "-c", code, "uvicorn", *arguments]

    with ServerProcess(replace(server, command=command)) as process:
        found = descendants(process.process_id)
        assert len(found) >= 2
        alone = tree_memory(found[-1])
        assert process.memory().resident_bytes > alone.resident_bytes > 0
        assert process.cpu_seconds() >= tree_cpu_seconds(found[-1])
        given = answers(process, ["the film was good", "a bad book"])
        assert all(sum(scores.values()) == pytest.approx(1) for scores in given)
    assert not any(each in found for each in running())


def test_a_server_that_is_paused_computes_nothing_and_can_be_ended(conditions):
    with ExitStack() as until:
        process, ready = start_paused(until, plain(conditions), lambda process: process.port)
        assert ready == process.port
        found = descendants(process.process_id)
        assert [states()[each] for each in found] == ["T"] * len(found)
        before = process.cpu_seconds()
        with closing(HTTPConnection(HOST, process.port, timeout=0.5)) as connection:
            connection.request("GET", "/")
            with pytest.raises(TimeoutError):
                connection.getresponse()
        assert process.cpu_seconds() == before
        with process.awake():
            assert sum(process.ask("the film was good").values()) == pytest.approx(1)
        assert states()[process.process_id] == "T"
    assert not any(each in found for each in running())


def test_a_server_that_cannot_be_prepared_has_ended(conditions):
    found = []

    def prepare(process: ServerProcess) -> None:
        found.extend(descendants(process.process_id))
        raise BenchError("not as expected")

    with ExitStack() as until:
        with pytest.raises(BenchError, match="not as expected"):
            start_paused(until, plain(conditions), prepare)
        assert found
        assert not any(each in found for each in running())


def test_a_server_that_does_not_start_is_told_with_its_log(conditions):
    broken = replace(conditions, model="no such directory")
    with pytest.raises(BenchError, match=r"(?s)did not become ready.*no such directory"):
        ServerProcess(plain(broken)).__enter__()


def test_the_answers_of_each_peer_are_read_in_its_own_form():
    by_name = {peer.environment: peer for peer in PEERS}
    scores = {"A": 0.75, "B": 0.25}
    listed = [{"label": "A", "score": 0.75}, {"label": "B", "score": 0.25}]
    for name in ("fastapi", "mosec", "litserve"):
        assert by_name[name].scores(listed) == scores
    assert by_name["bentoml"].scores([listed]) == scores
    assert by_name["infinity"].scores({"data": [listed]}) == scores
    outputs = [{"name": "labels", "data": ["A", "B"]}, {"name": "scores", "data": [0.75, 0.25]}]
    assert by_name["mlserver"].scores({"outputs": outputs}) == scores
