"""What the checks ask of a running service; nothing but the standard library."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

TEXTS = ("a film that stays with you for days", "markets fell after the bank raised its rates")
QUESTION = {
    "question": "who wrote the first program",
    "context": "Ada Lovelace wrote the first program for the machine in 1843.",
}


def ask(
    url: str, body: object = None, timeout: float = 120, media_type: str = "application/json"
) -> tuple[int, Any]:
    """Status and parsed body of a GET, or of a POST of ``body`` as JSON, which is also one line of
    NDJSON.
    """
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": media_type})
    try:
        with urlopen(request, timeout=timeout) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def wait_for(what: str, holds: Callable[[], object], seconds: float = 90) -> None:
    """Return once ``holds`` returns something true; an OSError counts as not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
            seen = ""
        except OSError as error:
            seen = f": {error}"
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}{seen}")
        time.sleep(0.1)


def wait_until_ready(url: str) -> None:
    """Return once the service at ``url`` is ready."""
    wait_for(f"{url} to be ready", lambda: ask(f"{url}/health/ready")[0] == 200)


def models(url: str) -> list[dict[str, Any]]:
    """The models of the service, as ``GET /v1/models`` describes them."""
    listed: list[dict[str, Any]] = ask(f"{url}/v1/models")[1]["models"]
    return listed


def ask_model(url: str, model: dict[str, Any]) -> str:
    """Ask a model something, check that the answer is one, and return it in words."""
    answering = model["task"] == "question-answering"
    body = {"inputs": QUESTION if answering else TEXTS}
    status, answer = ask(f"{url}/v1/models/{model['name']}", body)
    assert status == 200, f"{model['name']} answered {status}: {answer}"
    if answering:
        span = QUESTION["context"][answer["start"] : answer["end"]]
        assert span == answer["answer"], f"{model['name']} answered {answer}"
        return f"{model['name']}: {span!r}"
    assert len(answer) == len(TEXTS), f"{model['name']} answered {answer}"
    for labels in answer:
        assert {label["label"] for label in labels} == set(model["labels"]), answer
    return f"{model['name']}: {answer[0][0]['label']}"


def metric(url: str, name: str) -> float:
    """The value of a metric without labels."""
    with urlopen(f"{url}/metrics", timeout=10) as response:
        for line in response.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    raise AssertionError(f"there is no metric {name}")


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    """The result of a PromQL expression, by Prometheus' HTTP API."""
    status, answer = ask(f"{prometheus}/api/v1/query?query={quote(expression)}")
    assert status == 200, f"{expression}: {answer}"
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result
