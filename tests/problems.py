"""What every error that the service answers must be."""

from typing import Any

import httpx

MEMBERS = {"type", "title", "status", "detail", "instance", "error", "error_type", "errors"}
INTERNAL = (
    *(
        "Traceback",
        "pydantic",
        "site-packages",
        "tagged-union",
        "<text>",
        "<object>",
        "onnx",
        "<contexts>",
    ),
    *("ClassificationBody", "Parameters", "TextPair", "QuestionContext", "QuestionAnsweringBody"),
)
"""What a caller must not see."""


def check_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body, which is RFC 9457's with the members of ours, and shows nothing internal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == MEMBERS
    assert body["status"] == status
    assert body["title"] == answer.reason_phrase
    assert body["error"] == body["detail"] != ""
    assert body["type"] == f"urn:albert-serve:problem:{body['error_type']}"
    assert body["instance"] == answer.headers["X-Request-Id"] != ""
    for word in INTERNAL:
        assert word not in answer.text
    return body


def answer_of(received: bytes) -> httpx.Response:
    """The one answer that was ``received`` over a socket."""
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("ascii").split("\r\n")
    version, status, phrase = status_line.split(" ", 2)
    assert version == "HTTP/1.1"
    headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines])
    assert int(headers["Content-Length"]) == len(body)
    return httpx.Response(
        int(status),
        headers=headers,
        content=body,
        extensions={"reason_phrase": phrase.encode("ascii")},
    )
