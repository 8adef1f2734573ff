"""Over HTTP, too, answers are those of the pipeline of transformers 5.2.0."""

import random

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.pipeline.compare import same
from tests.pipeline.golden import Span, read_own_texts
from tests.server import ServerProcess

QUESTIONS = 30


def test_answers_over_http_are_those_of_the_pipeline():
    cases = random.Random(0).sample(read_own_texts(), QUESTIONS)
    with ServerProcess(DEFAULT_MODELS) as server:
        for case in cases:
            asked = case.asked
            body = {
                "inputs": {"question": asked.question, "context": asked.context},
                "parameters": asked.parameters,
            }
            answer = server.client.post("/v1/question-answering", json=body).json()
            answers = answer if isinstance(answer, list) else [answer]
            for one in answers:
                assert asked.context[one["start"] : one["end"]] == one["answer"]
            spans = [Span(one["start"], one["end"], one["score"]) for one in answers]
            assert same(spans, case.answers), asked
