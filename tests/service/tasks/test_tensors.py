"""Rows of ids go to the model as they are, without their padding, or are refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.tasks.errors import InputError
from service.tasks.tensors import PADDING_LOGIT, TensorsRequest, TensorsTask

VOCABULARY, TYPES = 100, 2


def task(per_token=False):
    return TensorsTask(vocabulary=VOCABULARY, token_types=TYPES, per_token=per_token)


def ids(*rows):
    return np.array(rows, dtype=np.int64)


@st.composite
def padded_rows(draw):
    """Rows of ids and of types, and the rectangles that they are padded to, with junk."""
    token = st.tuples(st.integers(0, VOCABULARY - 1), st.integers(0, TYPES - 1))
    rows = draw(st.lists(st.lists(token, min_size=1, max_size=9), min_size=1, max_size=6))
    width = draw(st.integers(max(map(len, rows)), 12))
    junk = st.integers(-(2**63), 2**63 - 1)
    arrays = [np.full((len(rows), width), draw(junk), dtype=np.int64) for _ in range(2)]
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for index, row in enumerate(rows):
        for position, values in enumerate(row):
            arrays[0][index, position], arrays[1][index, position] = values
            mask[index, position] = 1
    return rows, TensorsRequest(arrays[0], mask, arrays[1])


@given(padded_rows())
def test_the_rows_are_those_under_the_mask(example):
    rows, request = example
    sequences = task().prepare(request).sequences
    pairs = [
        list(zip(row.input_ids.tolist(), row.token_type_ids.tolist(), strict=True))
        for row in sequences
    ]
    assert pairs == rows
    assert task().estimate_lengths(request) == [len(row) for row in rows]


def test_without_a_mask_nothing_is_padding_and_without_types_all_are_zero():
    request = TensorsRequest(ids([2, 7, 3], [2, 8, 3]))
    prepared = task().prepare(request)
    assert [row.input_ids.tolist() for row in prepared.sequences] == [[2, 7, 3], [2, 8, 3]]
    assert [row.token_type_ids.tolist() for row in prepared.sequences] == [[0, 0, 0]] * 2
    assert task().estimate_lengths(request) == [3, 3]
    assert prepared.tokens == 6


def test_logits_of_labels_are_a_row_each():
    prepared = task().prepare(TensorsRequest(ids([2, 3], [2, 3])))
    rows = [(np.array([0.5, -1], np.float32),), (np.array([2, 3], np.float32),)]
    [logits] = task().decode(prepared, rows)
    assert logits.tolist() == [[0.5, -1], [2, 3]]
    assert logits.dtype == np.float32


def test_logits_of_tokens_have_padding_where_the_ids_have_it():
    request = TensorsRequest(ids([2, 7, 3], [2, 3, 0]), ids([1, 1, 1], [1, 1, 0]))
    prepared = task().prepare(request)
    rows = [
        (np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32)),
        (np.array([7, 8], np.float32), np.array([9, 10], np.float32)),
    ]
    start, end = task(per_token=True).decode(prepared, rows)
    assert start.tolist() == [[1, 2, 3], [7, 8, PADDING_LOGIT]]
    assert end.tolist() == [[4, 5, 6], [9, 10, PADDING_LOGIT]]


@pytest.mark.parametrize(
    ("mask", "row"),
    [
        (ids([1, 1, 1], [0, 0, 0]), 1),
        (ids([1, 0, 1], [1, 1, 1]), 0),
        (ids([0, 1, 1], [1, 1, 1]), 0),
        (ids([1, 1, 1], [1, 2, 1]), 1),
        (ids([1, 1, 1], [2, 1, 1]), 1),
        (ids([1, 1, 1], [1, 1, -(2**63)]), 1),
        (ids([2**63 - 1] * 3, [1, 1, 1]), 0),
    ],
)
def test_a_mask_that_is_not_ones_and_then_zeros_is_refused(mask, row):
    with pytest.raises(InputError, match="ones, at least one, and then zeros") as refused:
        task().prepare(TensorsRequest(ids([2, 7, 3], [2, 8, 3]), mask))
    assert (refused.value.field, refused.value.index) == ("attention_mask", row)


@pytest.mark.parametrize("value", [VOCABULARY, -1, 2**63 - 1, -(2**63)])
def test_an_id_that_the_model_does_not_have_is_refused(value):
    with pytest.raises(InputError) as refused:
        task().prepare(TensorsRequest(ids([2, 7, 3], [2, value, 3])))
    assert refused.value.message == f"Token 1 of the row is {value} and must be from 0 to 99."
    assert (refused.value.field, refused.value.index) == ("input_ids", 1)


@pytest.mark.parametrize("value", [TYPES, -1])
def test_a_token_type_that_the_model_does_not_have_is_refused(value):
    with pytest.raises(InputError) as refused:
        task().prepare(TensorsRequest(ids([2, 3]), None, ids([0, value])))
    assert refused.value.message == f"Token 1 of the row is {value} and must be from 0 to 1."
    assert (refused.value.field, refused.value.index) == ("token_type_ids", 0)
