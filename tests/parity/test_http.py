"""Scores and answers over HTTP against those of transformers' own classes on the same ids."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tokenizers import Encoding, Tokenizer

from bench.checkpoints import SENTENCES, write_checkpoint
from export.exporter import ExportRequest, export_checkpoint
from tests.parity.checkpoint_grid import CASES, Case
from tests.server import ServerProcess

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.parity

LIMIT = 1e-4  # the requirement on fp32
MAX_ANSWER_TOKENS = 15
ALIGNED_CANDIDATES = 12  # top_k * 2 + 10
DEFAULT_MAX_SEQ_LEN = 384
KNOWN = " ".join(SENTENCES).split()  # each one token
WORDS = (*KNOWN, "naïve", "東京", "🎉", "don’t", "2-1,", "Terrible!")
TEXTS = 20

NAMED = {case.name: case for case in CASES}
CLASSIFIERS = [
    NAMED["v2-like"],
    NAMED["v1-like-gelu"],
    NAMED["relu"],
    NAMED["two-groups"],
    NAMED["groups-and-inner-layers"],
    NAMED["multi-label"],
    NAMED["regression"],
    NAMED["two-regressions"],
    NAMED["one-label"],
    NAMED["many-labels"],
]
READERS = [
    NAMED["question-answering"],
    NAMED["question-answering-v1"],
    NAMED["question-answering-groups"],
]


def silent(stage: str, done: int = 0, of: int = 0) -> None:
    """Progress that nobody watches."""


class Answer(NamedTuple):
    score: float
    start: int
    end: int


class Checkpoint:
    """A checkpoint as transformers and the tokenizers library read it."""

    def __init__(self, directory: Path, case: Case) -> None:
        head = "QuestionAnswering" if case.labels is None else "SequenceClassification"
        cls = getattr(transformers, f"AlbertFor{head}")
        self.model = cls.from_pretrained(directory, dtype=torch.float32).eval()
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.max_tokens = case.shape.max_position_embeddings

    def outputs(self, encoding: Encoding) -> Any:
        """What the model gives for one sequence alone."""
        with torch.inference_mode():
            return self.model(
                input_ids=torch.tensor([encoding.ids]),
                attention_mask=torch.tensor([encoding.attention_mask]),
                token_type_ids=torch.tensor([encoding.type_ids]),
            )

    def scores(self, text: str, pair: str | None) -> dict[str, float]:
        """The score of each label, as the config's problem type asks."""
        config = self.model.config
        [logits] = self.outputs(self.tokenizer.encode(text, pair)).logits
        if config.problem_type == "regression":
            scores = logits
        elif config.problem_type == "multi_label_classification" or len(logits) == 1:
            scores = torch.sigmoid(logits)
        else:
            scores = torch.softmax(logits, dim=-1)
        return {config.id2label[index]: score for index, score in enumerate(scores.tolist())}

    def best_answer(self, question: str, context: str, align_to_words: bool) -> Answer:
        """The best answer of a context that fits into one window.

        Candidates grow to whole words, and those that then read the same are one.
        """
        encoding = self.tokenizer.encode(question, context)
        tokens = [token for token, part in enumerate(encoding.sequence_ids) if part == 1]
        start, end = self.span_probabilities(encoding, tokens)
        spans = [
            (start[first] * end[last], first, last)
            for first in tokens
            for last in tokens
            if first <= last < first + MAX_ANSWER_TOKENS
        ]
        spans.sort(key=lambda span: span[0], reverse=True)
        answers: dict[str, Answer] = {}
        for score, first, last in spans[: ALIGNED_CANDIDATES if align_to_words else 1]:
            if align_to_words:
                word = encoding.word_ids
                first = min(token for token in tokens if word[token] == word[first])
                last = max(token for token in tokens if word[token] == word[last])
            begin, behind = encoding.offsets[first][0], encoding.offsets[last][1]
            text = context[begin:behind].lower()
            known = answers.get(text, Answer(0.0, begin, behind))
            answers[text] = known._replace(score=known.score + score)
        return max(answers.values())

    def span_probabilities(
        self, encoding: Encoding, tokens: list[int]
    ) -> tuple[list[float], list[float]]:
        """Of a start and of an end at each position; [CLS] takes part without being an answer."""
        output = self.outputs(encoding)
        masked = torch.ones(len(encoding.ids), dtype=torch.bool)
        masked[[0, *tokens]] = False
        start, end = (
            torch.softmax(logits[0].masked_fill(masked, -torch.inf), dim=-1).tolist()
            for logits in (output.start_logits, output.end_logits)
        )
        return start, end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``checkpoints/`` and the ``models/`` that they were exported to."""
    home = tmp_path_factory.mktemp("served")
    for case in CLASSIFIERS + READERS:
        directory = write_checkpoint(
            home / "checkpoints" / case.name,
            shape=case.shape,
            labels=case.labels,
            problem_type=case.problem_type,
            seed=11,
        )
        export_checkpoint(ExportRequest(directory, case.name, home / "models"), silent)
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[ServerProcess]:
    with ServerProcess(home / "models") as server:
        yield server


def words(source: random.Random, tokenizer: Tokenizer, tokens: int) -> str:
    """A text of about ``tokens`` tokens, one at least, and no more."""
    text = [source.choice(KNOWN)]
    left = tokens - 1
    while left > 0:
        word = source.choice(WORDS)
        left -= len(tokenizer.encode(word, add_special_tokens=False))
        if left >= 0:
            text.append(word)
    return " ".join(text)


def lengths(source: random.Random, most: int) -> list[int]:
    """Token counts from 1 to ``most``, both among them, more of them small."""
    return [1, most, *(int(most ** source.random()) for _ in range(TEXTS - 2))]


def post(server: ServerProcess, model: str, inputs: Any, **parameters: Any) -> Any:
    body = {"inputs": inputs, "parameters": parameters}
    answer = server.client.post(f"/v1/models/{model}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def scores_of(predictions: list[dict[str, Any]]) -> dict[str, float]:
    return {item["label"]: item["score"] for item in predictions}


@pytest.mark.parametrize("case", CLASSIFIERS, ids=lambda case: case.name)
def test_scores_over_http_are_those_of_transformers(
    case: Case, home: Path, server: ServerProcess
) -> None:
    checkpoint = Checkpoint(home / "checkpoints" / case.name, case)
    source = random.Random(case.name)
    room = checkpoint.max_tokens - 3
    texts = [words(source, checkpoint.tokenizer, n) for n in lengths(source, room)]
    pairs = [
        tuple(
            words(source, checkpoint.tokenizer, n) for n in (first, source.randint(1, room - first))
        )
        for first in lengths(source, room - 1)
    ]
    inputs = [*texts, *({"text": text, "text_pair": pair} for text, pair in pairs)]
    expected = [checkpoint.scores(text, None) for text in texts]
    expected += [checkpoint.scores(text, pair) for text, pair in pairs]
    together = post(server, case.name, inputs)
    alone = [post(server, case.name, one)[0] for one in inputs]
    for answers in (together, alone):
        for one, predictions, scores in zip(inputs, answers, expected, strict=True):
            assert scores_of(predictions) == pytest.approx(scores, rel=0, abs=LIMIT), one


@pytest.mark.parametrize("align_to_words", [True, False])
@pytest.mark.parametrize("case", READERS, ids=lambda case: case.name)
def test_answers_over_http_are_the_best_spans_of_transformers(
    case: Case, align_to_words: bool, home: Path, server: ServerProcess
) -> None:
    checkpoint = Checkpoint(home / "checkpoints" / case.name, case)
    source = random.Random(case.name)
    room = min(checkpoint.max_tokens, DEFAULT_MAX_SEQ_LEN) - 3
    inputs = [
        {
            "question": words(source, checkpoint.tokenizer, source.randint(1, 10)),
            "context": words(source, checkpoint.tokenizer, length),
        }
        for length in lengths(source, room - 10)
    ]
    expected = [checkpoint.best_answer(**one, align_to_words=align_to_words) for one in inputs]
    together = post(server, case.name, inputs, align_to_words=align_to_words)
    alone = [post(server, case.name, one, align_to_words=align_to_words) for one in inputs]
    for answers in (together, alone):
        for one, answer, best in zip(inputs, answers, expected, strict=True):
            assert (answer["start"], answer["end"]) == (best.start, best.end), one
            assert answer["answer"] == one["context"][best.start : best.end]
            assert answer["score"] == pytest.approx(best.score, rel=0, abs=LIMIT), one
