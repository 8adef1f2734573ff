"""The default model's answers are those of the pipeline of transformers 5.2.0."""

import unicodedata

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.pipeline.compare import differences, same
from tests.pipeline.golden import Span, read_own_texts
from tests.pipeline.parameters import CHOICES
from training.in_process import open_model

EVERY = 20


@pytest.fixture(scope="module")
def golden():
    return read_own_texts()


def test_the_golden_file_has_every_parameter_and_both_short_and_long_contexts(golden):
    assert len(golden) >= 2_000
    asked = [case.asked for case in golden]
    assert len({one.digest() for one in asked}) == len(golden)
    assert any(not one.parameters for one in asked)
    for name, values in CHOICES.items():
        assert {one.parameters[name] for one in asked if name in one.parameters} == set(values)
    lengths = sorted(len(one.context) for one in asked)
    assert lengths[0] < 100
    assert lengths[-1] > 20_000
    for category in ("So", "Mn", "Lo", "Cf"):
        assert any(
            unicodedata.category(character) == category
            for one in asked
            for character in one.context
        )


def test_answers_are_those_of_the_pipeline(golden):
    model = open_model(DEFAULT_MODELS / "question-answering" / "1")
    assert differences(model, golden[::EVERY]) == []


def test_a_difference_is_seen():
    spans = [Span(3, 7, 0.5), Span(1, 2, 0.25)]
    assert same(spans, spans)
    assert same([*spans, Span(0, 1, 1e-30)], spans)
    assert not same(spans[:1], spans)
    assert not same(spans[::-1], spans)
    assert not same([Span(3, 8, 0.5), spans[1]], spans)
    assert not same([Span(3, 7, 0.5002), spans[1]], spans)
