"""A caller of the bulk routes that sends and reads whenever the test says so."""

import contextlib
import http.client
import json
import socket
from types import TracebackType
from typing import Any, Self

from tests.server import ServerProcess

NDJSON = "application/x-ndjson"


class Upload:
    """One upload in chunks, over a connection of its own."""

    def __init__(
        self,
        server: ServerProcess,
        path: str,
        *,
        receive_buffer_bytes: int | None = None,
        **headers: str,
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        if receive_buffer_bytes is not None:
            self._connection.sock = socket.socket()
            self._connection.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes
            )
            self._connection.sock.settimeout(60)
            self._connection.sock.connect(("127.0.0.1", server.port))
        self._connection.putrequest("POST", path)
        for name, value in {"Content-Type": NDJSON, **headers}.items():
            self._connection.putheader(name.replace("_", "-"), value)
        self._connection.putheader("Transfer-Encoding", "chunked")
        self._connection.endheaders()
        self._response: http.client.HTTPResponse | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a thread that still sends ends."""
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def send(self, *lines: Any) -> None:
        """Send lines: bytes as they are, anything else as JSON."""
        content = b"".join(
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
            for line in lines
        )
        self.send_part(content)

    def send_part(self, content: bytes) -> None:
        """Send ``content``, which need not end a line."""
        self._connection.send(b"%x\r\n%b\r\n" % (len(content), content))

    def send_without_waiting(self, content: bytes) -> int:
        """Send as much of ``content``, the rest of the upload, as is taken within half a second;
        the number of bytes.
        """
        sock = self._connection.sock
        sock.sendall(b"%x\r\n" % len(content))
        sock.settimeout(0.5)
        taken = 0
        try:
            while taken < len(content):
                taken += sock.send(memoryview(content)[taken:])
        except TimeoutError:
            pass
        finally:
            sock.settimeout(60)
        return taken

    def send_on(self, content: bytes) -> None:
        """Send what was not taken, and finish."""
        self._connection.send(content)
        self._connection.send(b"\r\n0\r\n\r\n")

    def send_raw(self, content: bytes) -> bytes:
        """Send bytes behind the upload; the beginning of the answer to them."""
        sock = self._connection.sock
        sock.sendall(content)
        return sock.recv(1000)

    def finish(self) -> None:
        """The upload is whole."""
        self._connection.send(b"0\r\n\r\n")

    @property
    def response(self) -> http.client.HTTPResponse:
        """The answer, once its header is there."""
        if self._response is None:
            self._response = self._connection.getresponse()
        return self._response

    def read(self, count: int = 1) -> list[Any]:
        """The next lines of the answer."""
        return [json.loads(self.response.readline()) for _ in range(count)]

    def rest(self) -> list[Any]:
        """All lines that are left. Raises IncompleteRead when the answer is cut."""
        return [json.loads(line) for line in self.response.read().splitlines()]
