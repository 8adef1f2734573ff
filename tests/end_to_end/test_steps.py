"""Texts that join others between layers get the answers that they get alone, to the last digit."""

import asyncio

import httpx
import pytest

from bench.checkpoints import Shape
from tests.end_to_end.conftest import export
from tests.made_texts import distinct_texts
from tests.server import ServerProcess

WORDS = (150, 4, 30, 80, 6, 200, 12, 45, 100, 3, 20, 60)
STAGGERED_SECONDS = 0.004


STEPPED = Shape(
    hidden_size=384,
    intermediate_size=1536,
    num_attention_heads=6,
    num_hidden_layers=12,
    max_position_embeddings=256,
)
"""A row of 256 tokens takes several times as long as a step."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("stepped")
    export(home, "sentiment", labels=("negative", "positive"), shape=STEPPED)
    export(home, "qa", labels=None, shape=STEPPED)
    # On one thread: a lone text that has several cores may differ in the last bit.
    flags = ("--threads", "1", "--max-queue-seconds", "600", "--request-timeout", "60")
    with ServerProcess(home / "models", *flags) as process:
        yield process


async def one_after_the_other(server, path, bodies):
    """Each is sent before the one ahead of it can have been answered."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:

        async def ask(number, body):
            await asyncio.sleep(number * STAGGERED_SECONDS)
            answer = await client.post(path, json=body)
            assert answer.status_code == 200
            return answer.json()

        return await asyncio.gather(*(ask(number, body) for number, body in enumerate(bodies)))


@pytest.mark.parametrize("task", ["sentiment", "question-answering"])
def test_in_company_every_text_has_the_answer_that_it_has_alone(server, task):
    texts = [distinct_texts(1, words)[0] for words in WORDS]
    if task == "sentiment":
        bodies = [{"inputs": text} for text in texts]
    else:
        bodies = [{"inputs": {"question": "who wrote it", "context": text}} for text in texts]
    model = "sentiment" if task == "sentiment" else "qa"
    path = f"/v1/{task}"
    alone = [server.client.post(path, json=body).json() for body in bodies]
    sums = "albert_batch_sequences_sum", "albert_batch_sequences_count"
    rows, runs = (server.metric(name, model=model) for name in sums)
    tokens = server.metric("albert_real_tokens_total", model=model)
    for bodies_now, expected in ((bodies, alone), (bodies[::-1], alone[::-1])):
        assert asyncio.run(one_after_the_other(server, path, bodies_now)) == expected
    rows, runs = (
        server.metric(name, model=model) - before
        for name, before in zip(sums, (rows, runs), strict=True)
    )
    assert rows > 2 * len(WORDS), "none of them went in several steps"
    assert rows > runs, "none went together"
    assert server.metric("albert_real_tokens_total", model=model) > tokens
