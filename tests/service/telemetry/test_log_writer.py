"""Lines are written in order, and nobody waits for who reads them."""

import fcntl
import os
import time

import pytest

from service.telemetry.log_writer import MOST_CHARACTERS, LogWriter


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


def read_until(descriptor, end, seconds=10.0):
    content, limit = b"", time.monotonic() + seconds
    while not content.endswith(end) and time.monotonic() < limit:
        content += os.read(descriptor, 1 << 20)
    return content


def test_lines_are_written_in_their_order_and_all_of_them_at_the_end(pipe):
    reader, descriptor = pipe
    writer = LogWriter(descriptor, on_lost=pytest.fail)
    lines = [f"{number} é\udcff\n" for number in range(200)]
    for line in lines:
        writer.write(line)
    writer.close()
    assert os.read(reader, 1 << 20).decode() == "".join(lines).replace("\udcff", "\\udcff")


def test_a_pipe_that_nobody_reads_holds_nobody_up_and_what_it_lost_is_counted(pipe):
    reader, descriptor = pipe
    lost = []

    def on_lost(lines):
        lost.append(lines)
        writer.write("last\n")

    writer = LogWriter(descriptor, on_lost)
    line = "x" * 1000 + "\n"
    start = time.monotonic()
    for _ in range(5000):
        writer.write(line)
    writer.close(0.1)
    assert time.monotonic() - start < 2
    content = read_until(reader, b"last\n")
    kept = content.count(line.encode())
    assert kept + sum(lost) == 5000
    assert MOST_CHARACTERS / len(line) - 1 <= kept < 2 * MOST_CHARACTERS / len(line)


def test_who_has_left_is_no_error():
    reader, descriptor = os.pipe()
    os.close(reader)
    writer = LogWriter(descriptor, on_lost=pytest.fail)
    writer.write("a\n")
    writer.close()
    assert not writer._thread.is_alive()
    os.close(descriptor)
