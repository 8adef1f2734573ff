"""What a text is answered does not depend on its company: alone, in any batch, at any load."""

import asyncio
import random
from typing import NamedTuple

import httpx
import pytest

from bench.checkpoints import SENTENCES, Shape, write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from model_directory.manifest import Precision
from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.server import ServerProcess

EXPORTS = {
    "fp32": {},
    "int8": {"precision": Precision.INT8},
}
"""Options of the export request with which random checkpoints are exported; each such directory is
held to the same limit as the default models.
"""

LIMIT = 1e-6
TEXTS = 1_000
CONTEXTS = 60
CONNECTIONS = 32
INPUTS_PER_REQUEST = (1, 1, 1, 1, 2, 3, 8, 24)

RANDOM = Shape(
    hidden_size=64, intermediate_size=128, num_hidden_layers=4, max_position_embeddings=128
)
HEADS = {
    "topics": {"labels": ("World", "Sports", "Business", "Sci/Tech")},
    "tags": {"labels": ("a", "b", "c"), "problem_type": "multi_label_classification"},
    "qa": {"labels": None},
}
UNUSUAL = ("naïve", "Zürich", "Ελλάδα", "東京", "Привет", "🎉", "e\u0301te\u0301", "don’t", "2-1,")
WORDS = (*" ".join(SENTENCES).split(), "not", "Terrible!", "$5", *UNUSUAL)


class Exchange(NamedTuple):
    """An input for a model, and what it was answered."""

    model: str
    input: object
    alone: object = None
    loaded: object = None

    @property
    def is_question(self):
        return isinstance(self.input, dict) and "question" in self.input

    @property
    def difference(self):
        """The largest of a score, if both name the same labels or the same span, else infinity."""
        alone, loaded = scores_of(self.alone), scores_of(self.loaded)
        if alone.keys() != loaded.keys():
            return float("inf")
        return max(abs(score - loaded[key]) for key, score in alone.items())


class Batches(NamedTuple):
    """What a model has run."""

    runs_of_one_row: float
    rows: float
    real_tokens: float
    padded_tokens: float


def scores_of(answer):
    """The scores of an answer by all that stands beside them: the label, or text and offsets."""
    items = answer if isinstance(answer, list) else [answer]
    return {
        tuple(value for name, value in item.items() if name != "score"): item["score"]
        for item in items
    }


def words(source, fewest, most):
    return " ".join(source.choice(WORDS) for _ in range(source.randint(fewest, most)))


def text(source):
    """Mostly short, some of a few hundred words, some pairs."""
    kind = source.random()
    if kind < 0.10:
        return {"text": words(source, 1, 15), "text_pair": words(source, 1, 15)}
    if kind < 0.75:
        return words(source, 1, 12)
    if kind < 0.95:
        return words(source, 13, 30)
    return words(source, 31, 100) if kind < 0.99 else words(source, 200, 400)


def question(source):
    """Mostly about a short context, some about one of several windows."""
    context = words(source, 4, 60) if source.random() < 0.8 else words(source, 300, 600)
    return {"question": words(source, 1, 8), "context": context}


def exchanges_with(described):
    """Texts and questions, dealt out to the models of their task."""
    source = random.Random(7)
    readers = [model["name"] for model in described if model["task"] == "question-answering"]
    classifiers = [model["name"] for model in described if model["name"] not in readers]
    return [
        *(Exchange(classifiers[n % len(classifiers)], text(source)) for n in range(TEXTS)),
        *(Exchange(readers[n % len(readers)], question(source)) for n in range(CONTEXTS)),
    ]


def ask_alone(server, exchanges):
    """Every input in a request of its own, the next when the last was answered."""
    answers = []
    for exchange in exchanges:
        answer = server.client.post(
            f"/v1/models/{exchange.model}", json={"inputs": [exchange.input]}
        )
        assert answer.status_code == 200, answer.text
        answers += answer.json()
    return answers


def groups_of(exchanges):
    """Indices of inputs for one model each, one or many in a group, in no order."""
    source = random.Random(8)
    groups = []
    for model in sorted({exchange.model for exchange in exchanges}):
        left = [index for index, exchange in enumerate(exchanges) if exchange.model == model]
        source.shuffle(left)
        while left:
            count = source.choice(INPUTS_PER_REQUEST)
            groups.append(left[:count])
            del left[:count]
    source.shuffle(groups)
    return groups


async def ask_under_load(server, exchanges):
    """All inputs over many connections that never rest, a group of them in each request."""
    answers = [None] * len(exchanges)
    groups = iter(groups_of(exchanges))
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=limits) as client:

        async def ask():
            for group in groups:
                url = f"/v1/models/{exchanges[group[0]].model}"
                inputs = [exchanges[index].input for index in group]
                answer = await client.post(url, json={"inputs": inputs})
                assert answer.status_code == 200, answer.text
                for index, result in zip(group, answer.json(), strict=True):
                    answers[index] = result

        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return answers


def batches_of(server, model):
    return Batches(
        server.metric("albert_batch_sequences_bucket", model=model, le="1.0"),
        server.metric("albert_batch_sequences_sum", model=model),
        server.metric("albert_real_tokens_total", model=model),
        server.metric("albert_padded_tokens_total", model=model),
    )


def export_random_models(home, options):
    for seed, (name, head) in enumerate(HEADS.items()):
        source = write_checkpoint(home / "checkpoints" / name, shape=RANDOM, seed=seed, **head)
        request = ExportRequest(source, name, home / "models", **options)
        export_checkpoint(request, lambda *_: None)
    return home / "models"


@pytest.fixture(scope="module", params=["default", *EXPORTS])
def models(request, tmp_path_factory):
    """A directory of models that are held to the limit."""
    if request.param == "default":
        return DEFAULT_MODELS
    return export_random_models(tmp_path_factory.mktemp(request.param), EXPORTS[request.param])


@pytest.fixture(scope="module")
def asked(models):
    """Every exchange, and the batches that each model ran under load.

    Batches may be larger than they are by default, so that long rows share them too.
    """
    flags = ("--max-batch-tokens", "1024", "--max-queue-seconds", "600", "--request-timeout", "120")
    with ServerProcess(models, "--threads", "2", *flags) as server:
        exchanges = exchanges_with(server.client.get("/v1/models").json()["models"])
        names = {exchange.model for exchange in exchanges}
        alone = ask_alone(server, exchanges)
        before = {name: batches_of(server, name) for name in names}
        loaded = asyncio.run(ask_under_load(server, exchanges))
        after = {name: batches_of(server, name) for name in names}
    return (
        [
            exchange._replace(alone=one, loaded=other)
            for exchange, one, other in zip(exchanges, alone, loaded, strict=True)
        ],
        [
            Batches(*(now - then for now, then in zip(after[name], before[name], strict=True)))
            for name in names
        ],
    )


def test_a_text_has_the_same_scores_alone_and_under_load(asked):
    texts = [exchange for exchange in asked[0] if not exchange.is_question]
    assert len(texts) == TEXTS
    worst = max(texts, key=lambda exchange: exchange.difference)
    assert worst.difference <= LIMIT, worst


def test_a_question_has_the_same_answer_alone_and_under_load(asked):
    questions = [exchange for exchange in asked[0] if exchange.is_question]
    assert len(questions) == CONTEXTS
    worst = max(questions, key=lambda exchange: exchange.difference)
    assert worst.difference <= LIMIT, worst


def test_under_load_rows_were_run_with_others_and_no_padding_was_computed(asked):
    alone, rows, real, padded = (sum(column) for column in zip(*asked[1], strict=True))
    assert alone < rows / 2, asked[1]
    assert padded == real, asked[1]


def test_the_scores_tell_the_texts_apart(asked):
    """Were they all about the same, nothing could be seen in their differences."""
    scores = [max(scores_of(exchange.alone).values()) for exchange in asked[0]]
    assert len({round(score, 4) for score in scores}) > len(scores) / 2
