"""The default model's answers are those of the pipeline of transformers 5.2.0."""

import unicodedata

import pytest

from tests.end_to_end.conftest import DEFAULT_MODELS
from tests.pipeline.compare import differences, same
from tests.pipeline.golden import OWN_TEXTS, Golden, Span, read_own_texts, score_change, write
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


def test_a_golden_file_tells_other_answers_from_other_rounding(golden, tmp_path):
    assert score_change(OWN_TEXTS, golden) == 0
    few = [case for case in golden if case.answers][:5]
    [start, end, score] = few[2].answers[0]
    for with_texts in (True, False):
        file = tmp_path / f"{with_texts}.jsonl.xz"
        assert score_change(file, few) is None
        write(file, few, with_texts=with_texts)
        assert score_change(file, few) == 0
        assert score_change(file, few[1:]) is None
        for changed, expected in (
            (Span(start, end, score + 2e-6), pytest.approx(2e-6)),
            (Span(start, end + 1, score), None),
        ):
            other = Golden(few[2].asked, [changed, *few[2].answers[1:]])
            assert score_change(file, [*few[:2], other, *few[3:]]) == expected


def test_a_difference_is_seen():
    spans = [Span(3, 7, 0.5), Span(1, 2, 0.25)]
    assert same(spans, spans)
    assert same([*spans, Span(0, 1, 1e-40)], spans)
    assert not same([*spans, Span(0, 1, 1e-30)], spans)
    assert not same(spans[:1], spans)
    assert not same(spans[::-1], spans)
    assert not same([Span(3, 8, 0.5), spans[1]], spans)
    assert not same([Span(3, 7, 0.5002), spans[1]], spans)
