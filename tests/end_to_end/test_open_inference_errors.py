"""What cannot be answered is said in a sentence that Triton's client shows, and nothing is
bypassed: deadlines, the bound of the queue, the bound of the body, callers that leave.
"""

import asyncio
import json
import socket
import time

import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from tests.end_to_end.test_errors import check_problem
from tests.end_to_end.test_open_inference import ids_of, texts_of
from tests.server import ServerProcess

ROW = 256
"""Tokens in a row of the slow model."""


@pytest.fixture(scope="module")
def triton(tiny):
    with InferenceServerClient(f"127.0.0.1:{tiny.port}") as client:
        yield client


@pytest.fixture(scope="module")
def slow(slow_models):
    flags = ("--threads", "1", "--max-queue-seconds", "0.5", "--request-timeout", "20")
    with ServerProcess(slow_models, *flags) as server:
        server.client.post("/v2/models/sentiment_tensors/infer", json=rows_of(8))
        yield server


def rows_of(count):
    """The body of a request of ``count`` rows that no other one has."""
    ids = np.random.default_rng().integers(5, 20, (count, ROW))
    return {
        "inputs": [
            {
                "name": "input_ids",
                "shape": [count, ROW],
                "datatype": "INT64",
                "data": ids.ravel().tolist(),
            }
        ]
    }


@pytest.mark.parametrize(
    ("model", "tensors", "options", "status", "words"),
    [
        ("other", [("text", ["good"])], {}, "404", "There is no model 'other'; loaded are: one"),
        ("topics", [("text", ["good"])], {"model_version": "7"}, "404", "no version '7'"),
        ("topics", [("txt", ["good"])], {}, "422", "the model's are: text, text_pair"),
        ("topics", [("text_pair", ["good"])], {}, "422", "The input text is missing"),
        ("topics", [("text", [b"\xff"])], {}, "422", "text[0]: The text is not UTF-8."),
        ("topics", [("text", ["a", "b" * 200_001])], {}, "422", "text[1]: The text has 200001"),
        ("topics", [("text", ["a"] * 257)], {}, "422", "may be [1 to 256, 1 to 1]"),
        ("topics", [("text", ["good"])], {"timeout": 1}, "504", "deadline"),
        ("topics", [("text", ["a"])], {"parameters": {"topk": 1}}, "422", "parameters.topk: There"),
        (
            "qa",
            [("question", ["who", " "]), ("context", ["a", "a"])],
            {},
            "422",
            "question[1]: The",
        ),
        ("qa", [("question", ["who"]), ("context", ["a", "a"])], {}, "422", "context.shape: The"),
        ("topics_tensors", [("input_ids", [[2, 99_999]])], {}, "422", "input_ids[0]: Token 1 of"),
        ("topics_tensors", [("input_ids", [[2] * 65])], {}, "422", "may be [1 to 256, 1 to 64]"),
        (
            "topics_tensors",
            [("input_ids", [[2, 3]]), ("attention_mask", [[0, 1]])],
            {},
            "422",
            "attention_mask[0]: The mask of a row must be ones",
        ),
    ],
)
def test_the_client_shows_our_sentence(triton, model, tensors, options, status, words):
    inputs = [
        ids_of(name, rows) if isinstance(rows[0], list) else texts_of(name, rows)
        for name, rows in tensors
    ]
    with pytest.raises(InferenceServerException) as refused:
        triton.infer(model, inputs, **options)
    assert refused.value.status() == status
    assert words in refused.value.message()


def test_a_wrong_datatype_is_named(triton):
    tensor = InferInput("input_ids", [1, 2], "INT32")
    tensor.set_data_from_numpy(np.array([[2, 3]], dtype=np.int32))
    with pytest.raises(InferenceServerException, match="datatype is INT32 and must be INT64"):
        triton.infer("topics_tensors", [tensor])


def test_a_request_to_a_model_that_is_not_there_is_a_sentence_on_every_route(triton):
    for ask in (triton.get_model_metadata, triton.get_model_config):
        with pytest.raises(InferenceServerException, match="There is no model 'other'"):
            ask("other")
        with pytest.raises(InferenceServerException, match="no version '2'"):
            ask("topics", "2")
    with pytest.raises(InferenceServerException, match="There is no such route"):
        triton.load_model("topics")


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Inference-Header-Content-Length": "7000"}, b"{}", 400),
        ({"Inference-Header-Content-Length": "x"}, b"{}", 400),
        ({"Inference-Header-Content-Length": "1"}, b"{}", 400),
        ({}, b"{} and bytes", 400),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Encoding": "gzip"}, b"{}", 415),
        ({}, b"a" * 3_000_000, 413),
        ({"X-Priority": "urgent"}, b"{}", 422),
        ({}, b"{}", 422),
    ],
)
def test_a_body_that_cannot_be_read_has_the_status_of_v1(tiny, headers, content, status):
    path = "/v2/models/topics/infer"
    check_problem(tiny.client.post(path, content=content, headers=headers), status)
    pieces = (content[start : start + 65_536] for start in range(0, len(content), 65_536))
    check_problem(tiny.client.post(path, content=pieces, headers=headers), status)
    assert tiny.client.get("/v2/health/live").status_code == 200


def test_other_methods_and_bodies_of_the_index(tiny):
    assert "POST" in check_problem(tiny.client.get("/v2/models/topics/infer"), 405)["error"]
    check_problem(tiny.client.get("/v2/models/topics/stats"), 404)
    check_problem(tiny.client.post("/v2/repository/index", content=b"{"), 400)
    check_problem(tiny.client.post("/v2/repository/index", json={"ready": 1}), 422)
    check_problem(tiny.client.post("/v2/repository/index", json={"all": True}), 422)
    check_problem(tiny.client.post("/v2/repository/index", content=b" " * 70_000), 413)


def test_a_full_queue_refuses_tensors_with_the_time_to_wait(slow):
    async def post_all():
        async with httpx.AsyncClient(base_url=slow.url, timeout=60) as client:
            path = "/v2/models/sentiment_tensors/infer"
            return await asyncio.gather(*(client.post(path, json=rows_of(8)) for _ in range(40)))

    answers = asyncio.run(post_all())
    assert {answer.status_code for answer in answers} == {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            assert "try again in" in answer.json()["error"]
        else:
            [logits] = answer.json()["outputs"]
            assert logits["shape"] == [8, 2]
    route = "/v2/models/{model}/infer"
    refused = sum(answer.status_code == 429 for answer in answers)
    assert slow.metric("albert_requests_total", route=route, status="429") >= refused


def test_a_deadline_that_cannot_be_met_costs_no_run(slow):
    before = slow.metric("albert_real_tokens_total")
    body = rows_of(128) | {"parameters": {"timeout": 50_000}}
    answer = slow.client.post("/v2/models/sentiment_tensors/infer", json=body)
    assert answer.status_code == 504
    assert slow.metric("albert_real_tokens_total") == before


def test_a_caller_that_hangs_up_leaves_the_queue(slow):
    before = slow.metric("albert_real_tokens_total", model="sentiment")
    content = json.dumps(rows_of(200) | {"parameters": {"timeout": 600_000_000}}).encode()
    head = "POST /v2/models/sentiment_tensors/infer HTTP/1.1\r\nHost: a\r\n"
    with socket.create_connection(("127.0.0.1", slow.port)) as connection:
        length = f"Content-Length: {len(content)}\r\n\r\n"
        connection.sendall((head + length).encode() + content)
        end = time.monotonic() + 10
        while slow.metric("albert_queue_sequences") == 0:
            assert time.monotonic() < end
    end = time.monotonic() + 10
    while slow.metric("albert_queue_sequences") > 0:
        assert time.monotonic() < end
    spent = slow.metric("albert_real_tokens_total", model="sentiment") - before
    assert spent < 150 * ROW


def test_a_priority_of_two_is_bulk(slow):
    """Bulk has a queue of its own: where it is full, interactive requests are still let in."""

    async def both():
        async with httpx.AsyncClient(base_url=slow.url, timeout=60) as client:
            path = "/v2/models/sentiment_tensors/infer"
            bulk = [
                asyncio.ensure_future(
                    client.post(path, json=rows_of(8) | {"parameters": {"priority": 2}})
                )
                for _ in range(30)
            ]
            while not any(request.done() for request in bulk):
                await asyncio.sleep(0.01)
            interactive = await client.post(path, json=rows_of(1))
            return interactive, await asyncio.gather(*bulk)

    interactive, bulk = asyncio.run(both())
    assert {answer.status_code for answer in bulk} == {200, 429}
    assert interactive.status_code == 200
