"""Speaks the routes of the Hugging Face hub that fetching a model takes, on a local port."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """One model at one commit, which its branch ``main`` and its tag ``v1`` stand for."""

    def __init__(self, model_id: str, directory: Path) -> None:
        self.model_id = model_id
        self.files = {path.name: path.read_bytes() for path in directory.iterdir()}
        self.claimed_sizes: dict[str, int | None] = {}
        self.commit = COMMIT
        self.gated = False
        self.requests: list[str] = []
        self.url = ""

    def fetched(self) -> set[str]:
        """Names of the files whose content was asked for."""
        return {line.rpartition("/")[2] for line in self.requests if line.startswith("GET /owner")}

    def siblings(self) -> list[dict[str, Any]]:
        return [
            {"rfilename": name, "size": self.claimed_sizes.get(name, len(content))}
            for name, content in self.files.items()
        ]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Answer for the hub until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, *, with_body: bool) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            path = self.path.partition("?")[0]
            about = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path)
            file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
            found = about or file
            if found is None or found[1] != hub.model_id:
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)
            elif hub.gated:
                self._send(403, b"{}", {"X-Error-Code": "GatedRepo"}, with_body)
            elif found[2] not in ("main", "v1", hub.commit):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, with_body)
            elif about:
                content = {"id": hub.model_id, "sha": hub.commit, "siblings": hub.siblings()}
                self._send(200, json.dumps(content).encode(), {}, with_body)
            elif file and file[3] in hub.files:
                content = hub.files[file[3]]
                etag = f'"{hashlib.sha1(content).hexdigest()}"'
                headers = {"ETag": etag, "X-Repo-Commit": hub.commit}
                self._send(200, content, headers, with_body)
            else:
                self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, with_body)

        def _send(
            self, status: int, content: bytes, headers: dict[str, str], with_body: bool
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()
