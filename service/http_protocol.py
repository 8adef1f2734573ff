"""uvicorn's HTTP/1.1 protocol, with a bound on the header's size and on the time in which a request
must arrive.

uvicorn bounds neither: a header of any size is collected, and a request that never ends is waited
for.
"""

import asyncio
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
BODY_GRACE_SECONDS = 1.0
"""The application answers 408 for a late body first; the connection is cut this much later if that
did not end it.
"""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    receive_seconds = 10.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_header = True
        self._header_bytes = 0
        self._receive_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: an open connection owes us a request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a header that is not complete yet."""
        if self._in_header:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_header and self._header_bytes > MAX_HEADER_BYTES:
            self._refuse(
                431,
                "Request Header Fields Too Large",
                f"The request header is larger than {MAX_HEADER_BYTES} bytes.",
            )

    def on_message_begin(self) -> None:
        """Start the clock for this request."""
        self._in_header = True
        self._start_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The header is whole."""
        self._in_header = False
        self._header_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_header = True
        self._stop_timer()
        super().on_message_complete()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._receive_timer = self.loop.call_later(self.receive_seconds, self._header_is_late)

    def _stop_timer(self) -> None:
        if self._receive_timer is not None:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _header_is_late(self) -> None:
        if not self._in_header:
            self._receive_timer = self.loop.call_later(BODY_GRACE_SECONDS, self._body_is_late)
        elif self._header_bytes == 0:
            self.transport.close()
        else:
            self._refuse(
                408,
                "Request Timeout",
                f"The request did not arrive whole within {self.receive_seconds:g} s.",
            )

    def _body_is_late(self) -> None:
        self.transport.close()

    def _refuse(self, status: int, title: str, detail: str) -> None:
        """Answer in place of the application, which never sees this request, and close."""
        if self.transport.is_closing():
            return
        kind = title.lower().replace(" ", "_")
        body = orjson.dumps(
            {
                "type": f"urn:albert-serve:problem:{kind}",
                "title": title,
                "status": status,
                "detail": detail,
                "instance": "",
                "error": detail,
                "error_type": kind,
                "errors": [],
            }
        )
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
