"""The server that listens, on a real socket."""

import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest
import uvicorn

from service.lifecycle import Lifecycle
from service.server import DrainingServer

CALLERS, TURNS = 48, 12


class Counting(asyncio.Protocol):
    """Counts the connections that are accepted."""

    accepted = 0

    def __init__(self, config, server_state, app_state, _loop=None):
        self.state = server_state

    def connection_made(self, transport):
        Counting.accepted += 1
        self.transport = transport
        self.state.connections.add(self)

    def connection_lost(self, error):
        self.state.connections.discard(self)

    def shutdown(self):
        self.transport.close()


@pytest.fixture
def server():
    Counting.accepted = 0
    config = uvicorn.Config(
        None, port=0, http=Counting, loop="uvloop", lifespan="off", log_config=None
    )
    listening = threading.Event()

    def on_listening(port):
        server.port = port
        server.start = asyncio.get_running_loop().create_future()
        listening.set()
        return server.start

    server = DrainingServer(config, Lifecycle(), 1.0, on_listening, lambda: None)
    server.thread = threading.Thread(target=server.run)
    server.thread.start()
    assert listening.wait(30)
    yield server
    stop(server)
    server.thread.join(30)
    assert not server.thread.is_alive()


def stop(server):
    server.should_exit = True
    with suppress(RuntimeError):  # its event loop is closed when it has stopped already
        server._loop.call_soon_threadsafe(server._stopping.set)


def test_callers_who_come_together_are_accepted_in_a_few_turns_of_the_event_loop(server):
    stands, may_go_on, accepted = threading.Event(), threading.Event(), threading.Event()
    turns = []

    def stand():
        stands.set()
        may_go_on.wait(30)
        turn()

    def turn():
        turns.append(Counting.accepted)
        if Counting.accepted < CALLERS:
            server._loop.call_soon(turn)
        else:
            accepted.set()

    server._loop.call_soon_threadsafe(stand)
    assert stands.wait(30)
    callers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(CALLERS)]
    may_go_on.set()
    assert accepted.wait(30)
    for caller in callers:
        caller.close()
    assert len(turns) <= TURNS


def test_the_port_is_closed_however_often_it_was_listened_on(server):
    def ask_until_refused():
        for _ in range(300):
            socket.create_connection(("127.0.0.1", server.port)).close()
            time.sleep(0.1)

    stop(server)
    with pytest.raises(ConnectionRefusedError):
        ask_until_refused()


class Panic(BaseException):
    """No Exception."""


def test_it_goes_on_when_the_start_is_over(server):
    server._loop.call_soon_threadsafe(server.start.set_result, None)
    server.thread.join(0.5)
    assert server.thread.is_alive()
    assert not server.start_failed


def test_it_ends_when_the_start_failed(server):
    server._loop.call_soon_threadsafe(server.start.set_exception, Panic())
    server.thread.join(30)
    assert not server.thread.is_alive()
    assert server.start_failed
