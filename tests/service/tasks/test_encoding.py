"""Sequences are what the tokenizer's own template would build."""

import pytest

from bench.checkpoints import build_tokenizer
from service.tasks.encoding import SHORT_CHARACTERS, characters_read

LIGATURE = "\ufdfa"
"""Eighteen letters in one."""
TEXTS = ["the film was good", "", "Ünïcode 🎉 and\ttabs\r\n", "[SEP] in a text", "a" * 500]


@pytest.mark.parametrize("text", TEXTS)
def test_a_single_text_is_encoded_as_by_the_template(encoder, text):
    expected = build_tokenizer(160).encode(text)
    row = encoder.single(encoder.encode([text])[0].ids)
    assert row.input_ids.tolist() == expected.ids
    assert row.token_type_ids.tolist() == expected.type_ids


@pytest.mark.parametrize("first", TEXTS)
@pytest.mark.parametrize("second", TEXTS)
def test_a_pair_is_encoded_as_by_the_template(encoder, first, second):
    expected = build_tokenizer(160).encode(first, second)
    row = encoder.pair(*[text.ids for text in encoder.encode([first, second])])
    assert row.input_ids.tolist() == expected.ids
    assert row.token_type_ids.tolist() == expected.type_ids


def test_rows_of_the_same_lengths_share_their_token_types(encoder):
    """Those of thousands of windows would take as much memory as their ids."""
    question, *contexts = encoder.encode(["where", "the sea", "the north"])
    first, other = (encoder.pair(question.ids, context.ids) for context in contexts)
    assert first.token_type_ids is other.token_type_ids
    assert not first.token_type_ids.flags.writeable
    assert encoder.pair(contexts[0].ids, question.ids).token_type_ids.tolist() != (
        first.token_type_ids.tolist()
    )
    assert (
        encoder.single(question.ids).token_type_ids is encoder.single(question.ids).token_type_ids
    )


def test_offsets_count_code_points_of_the_text_as_it_was_given(encoder):
    text = "Ünïcode 🎉 good"
    encoded = encoder.encode([text])[0]
    assert len(encoded) == len(encoded.word_ids)
    start, end = encoded.characters(len(encoded) - 1, len(encoded) - 1)
    assert text[start:end].strip() == "good"


@pytest.mark.parametrize(
    ("texts", "characters"),
    [
        ([], 0),
        (["a film", ""], 6),
        (["電影", "фильм"], 7),
        (["a", LIGATURE * 100], 1801),
        ([LIGATURE * SHORT_CHARACTERS], 18 * SHORT_CHARACTERS),
        ([LIGATURE * SHORT_CHARACTERS] * 2, 19 * SHORT_CHARACTERS),
        ([LIGATURE * (SHORT_CHARACTERS + 1)], SHORT_CHARACTERS + 1),
    ],
)
def test_characters_are_counted_as_the_tokenizer_reads_them(texts, characters):
    assert characters_read(texts) == characters
