"""Installs the peers, exports the model, and measures everything once."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bench.checkpoints import Shape
from bench.machine import describe_machine
from bench.peers.arrivals import Arrivals, take_arrivals
from bench.peers.catalogue import FP32, INT8, OURS, Peer, named, own_server, peer_server
from bench.peers.environments import OWN, make_environment, versions
from bench.peers.figures import Figures
from bench.peers.measure import Load, take_turns
from bench.peers.results import ArrivalRun, Comparison, Visit
from bench.peers.server import Server
from bench.peers.servers.conditions import Conditions
from bench.peers.stored import write_comparison
from bench.peers.subject import (
    export_precisions,
    labels_of,
    tokenizer_of,
    version_directory,
    write_texts_of,
)
from bench.peers.wrk import find_wrk, wrk_version
from bench.progress import Progress

WARM_UP_TEXTS = 32
SHARED_PACKAGES = ("onnxruntime", "tokenizers", "numpy")


def compare(
    environments: Path,
    peers: Sequence[Peer],
    int8_peers: Sequence[Peer],
    rounds: Sequence[Sequence[Load]],
    arrivals: Arrivals,
    batch_size: int,
    shape: Shape,
    output: Path | None,
) -> Comparison:
    """Every ``peers`` with fp32, ``int8_peers`` with int8 as well, beside this service. What was
    found so far is in ``output`` after each step. Raises BenchError.
    """
    find_wrk()
    with (
        Progress(Console(stderr=True)) as progress,
        TemporaryDirectory(prefix="albert-peers-") as directory,
    ):
        progress.step(f"environment of {OURS}")
        own_python = make_environment(environments, OWN)
        pythons, installed = {}, {"load": {"wrk": wrk_version()}}
        installed[OURS] = versions(own_python, SHARED_PACKAGES)
        for peer in peers:
            progress.step(f"environment of {peer.name}: minutes the first time")
            python = make_environment(environments, peer.environment)
            pythons[peer.environment] = python
            installed[peer.name] = versions(python, (peer.distribution, *SHARED_PACKAGES))
        progress.step("exporting the model")
        precisions = [FP32, INT8] if int8_peers else [FP32]
        models = export_precisions(shape, precisions, Path(directory))
        machine = describe_machine()
        servers: list[Server] = []
        for precision in precisions:
            servers.append(own_server(models[precision], precision, own_python))
            for peer in peers if precision == FP32 else int8_peers:
                conditions = Conditions(
                    model=str(version_directory(models[precision])),
                    labels=labels_of(models[precision]),
                    cores=machine.cores,
                    batch_size=batch_size,
                    port=0,
                )
                python = pythons[peer.environment]
                servers.append(peer_server(peer, python, conditions, precision))
        loads = list(chain.from_iterable(rounds))
        texts = write_texts_of(models[FP32], loads, precisions, WARM_UP_TEXTS)
        own = [server for server in servers if server.name in (OURS, named(OURS, INT8))]
        comparison = Comparison(machine, batch_size, 0.0, installed, [])
        visits = take_turns(servers, own, rounds, texts, progress)
        comparison = _kept(comparison, visits, output)
        if arrivals.seconds == 0:
            return comparison
        runs = take_arrivals(
            servers,
            Figures(comparison.visits).middle_speeds(arrivals.mix),
            arrivals,
            (tokenizer_of(models[FP32]), texts.warm_up),
            progress,
        )
        return _kept(comparison, runs, output)


def _kept(
    comparison: Comparison, found: Iterable[Visit | ArrivalRun], output: Path | None
) -> Comparison:
    """The comparison with all that is ``found``, written down after each, so that none is lost."""
    start, before = time.monotonic(), comparison.minutes
    for each in found:
        comparison = replace(comparison, minutes=before + (time.monotonic() - start) / 60)
        if isinstance(each, Visit):
            comparison = replace(comparison, visits=[*comparison.visits, each])
        else:
            comparison = replace(comparison, arrivals=[*comparison.arrivals, each])
        if output is not None:
            write_comparison(comparison, output)
    return comparison
