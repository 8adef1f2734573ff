"""What large runs needed of memory is given back when the work stops."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.scheduling.quiet import QUIET_SECONDS
from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.server import ServerProcess

MEBIBYTE = 1 << 20
TEXTS = ["The long film had an end that nobody in the house saw coming. " * 60] * 8
"""More tokens than a run may have: each is cut to a row of the longest that there is."""


@pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)
def test_memory_of_large_runs_is_given_back_after_a_second_of_quiet():
    sizes = ("--max-batch-tokens", "4096", "--max-queue-seconds", "600")
    with ServerProcess(DEFAULT_MODELS, *sizes) as server:

        def resident():
            return server.metric("process_resident_memory_bytes") / MEBIBYTE

        def ask(number):
            body = {"inputs": [f"{number} {index} {text}" for index, text in enumerate(TEXTS)]}
            assert server.client.post("/v1/sentiment", json=body).status_code == 200

        before = resident()
        with ThreadPoolExecutor(4) as callers:
            list(callers.map(ask, range(12)))
        grown = resident()
        assert grown > before + 30
        end = time.monotonic() + 20 * QUIET_SECONDS
        while resident() > before + (grown - before) / 2:
            assert time.monotonic() < end
            time.sleep(QUIET_SECONDS / 10)
