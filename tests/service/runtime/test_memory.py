"""That memory which is free is given back."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.runtime.lookup_tables import lookup_tables
from service.runtime.memory import FIRST_REGION_BYTES, trim

ROOT = Path(__file__).parents[3]
PAGES = 20_000
"""In blocks too small for a mapping of their own."""


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)
def test_holes_between_what_is_used_are_given_back():
    blocks = [bytes(3000) for _ in range(PAGES)]
    kept = blocks[::200]
    full = resident()
    del blocks
    trim()
    assert full - resident() > PAGES * 3000 / 2
    assert len(kept) == PAGES / 200


def test_trimming_leaves_nothing_to_the_garbage_collector():
    trim()
    gc.collect()
    trim()
    assert gc.collect() == 0


LARGE_RUNS = """
from pathlib import Path

import numpy as np

from model_directory.integrity import open_version
from service.runtime.memory import share_arena
from service.runtime.sequence import Sequence
from service.runtime.session import Session
from tests.service.runtime.test_memory import resident

share_arena()
version = open_version(Path("models/sentiment/1"))
sessions = [Session(version.model, pad_token_id=0) for _ in range(2)]
row = Sequence(np.full(512, 5), np.zeros(512, dtype=np.int64))
assert not sessions[0].give_back()
sessions[0].run([Sequence(row.input_ids[:8], row.token_type_ids[:8])])
before = resident()
logits = [session.run([row] * 16)[0][0] for session in sessions]
after = resident()
assert all(session.give_back() for session in sessions)
assert not sessions[0].give_back()
print(after - before, resident() - before)
assert (logits[0] == logits[1]).all()
"""


@pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)
def test_what_large_runs_made_the_arena_grow_by_is_given_back():
    command = [sys.executable, "-c", LARGE_RUNS]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    grown, kept = map(int, finished.stdout.split())
    assert grown > 8 * 2**20
    assert kept < FIRST_REGION_BYTES + 4 * 2**20


USUAL_RUNS = """
import random
from pathlib import Path

import numpy as np

from model_directory.integrity import open_version
from service.runtime.memory import share_arena, trim
from service.runtime.sequence import Sequence
from service.runtime.session import Session
from tests.service.runtime.test_memory import resident

share_arena()
version = open_version(Path("models/sentiment/1"))
session = Session(version.model, pad_token_id=0)

def run(rows, length):
    session.run([Sequence(np.full(length, 5), np.zeros(length, dtype=np.int64))] * rows)

run(1, 8)
trim()
before = resident()
shapes = random.Random(1)
for _ in range(4):
    for _ in range(30):
        length = shapes.randint(4, 256)
        run(max(1, 256 // length), length)
    full = resident()
    session.give_back()
    trim()
    print(full - before, resident() - before)
"""


@pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)
def test_after_load_upon_load_less_than_a_mebibyte_is_kept():
    command = [sys.executable, "-c", USUAL_RUNS]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for line in finished.stdout.splitlines():
        grown, kept = map(int, line.split())
        assert grown > 3 * 2**20
        assert kept < 2**20


SECOND_SESSION = """
from pathlib import Path

from model_directory.integrity import open_version
from service.runtime.memory import share_arena, trim
from service.runtime.session import Session
from tests.service.runtime.test_memory import resident

share_arena()
version = open_version(Path("models/sentiment/1"))
session = Session(version.model, pad_token_id=0)
trim()
before = resident()
session.widen(version.model, 2)
trim()
print(resident() - before)
"""


@pytest.mark.skipif(
    "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="only glibc keeps what is free"
)
def test_a_second_session_of_a_model_holds_its_word_embeddings_no_second_time():
    command = [sys.executable, "-c", SECOND_SESSION]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (embeddings,) = lookup_tables((ROOT / "models/sentiment/1/model.onnx").read_bytes()).values()
    held = (ROOT / "models/sentiment/1/model.onnx").stat().st_size
    print(finished.stdout, held, embeddings.nbytes)
    assert int(finished.stdout) < held - embeddings.nbytes / 2
