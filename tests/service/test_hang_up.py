"""Whoever hangs up is noticed at once, without a look giving the interpreter's lock away."""

import socket
import struct
import sys
import threading
import time

import pytest

from service.hang_up import HangUp

LOOKS = 100_000


@pytest.fixture
def ends():
    with socket.create_server(("127.0.0.1", 0)) as server:
        caller = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    yield ours, caller
    ours.close()
    caller.close()


def close(caller):
    caller.close()


def close_one_way(caller):
    caller.shutdown(socket.SHUT_WR)


def reset(caller):
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    caller.close()


@pytest.mark.parametrize("leave", [close, close_one_way, reset])
def test_whoever_has_left_is_noticed_even_behind_what_was_not_read(ends, leave):
    ours, caller = ends
    hang_up = HangUp.of(ours.fileno())
    assert not hang_up.has_happened()
    caller.sendall(b"a request")
    assert not hang_up.has_happened()
    leave(caller)
    while not hang_up.has_happened():  # within the time that the kernel takes
        time.sleep(0.001)
    assert hang_up.has_happened()


def test_a_look_does_not_let_other_threads_run(ends):
    hang_up = HangUp.of(ends[0].fileno())
    ran, ending = [], threading.Event()

    def run():
        while not ending.is_set():
            ran.append(None)
            time.sleep(0)  # lets the test go on, which nothing forces it to

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)
    other = threading.Thread(target=run)
    try:
        other.start()
        while not ran:
            time.sleep(0.001)
        before = len(ran)
        for _ in range(LOOKS):
            hang_up.has_happened()
        assert len(ran) == before
    finally:
        ending.set()
        other.join()
        sys.setswitchinterval(interval)
