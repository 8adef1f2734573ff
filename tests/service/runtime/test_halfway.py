"""How rows lie together between two layers: where their tokens are, and that the graph agrees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.checkpoints import TINY, write_checkpoint
from export.checkpoint import read_checkpoint
from export.graph import build_graph
from export.parity import open_session
from model_directory.steps import CARRIED, ENDS, LAYERS, LEFT, Steps, declarations
from service.runtime.halfway import (
    LEAST_TOKENS,
    Halfway,
    Layout,
    Together,
    joined,
    sequence_of,
)
from service.runtime.sequence import Batch, Sequence

WIDTH = 3
ROWS = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=8)
CASES = (
    ((1,), (True,)),
    ((7,), (False,)),
    ((9, 1, 2, 5), (False, False, False, False)),
    ((9, 1, 2, 5), (True, True, True, True)),
    ((9, 1, 2, 5), (True, False, True, False)),
    ((9, 1, 2, 5), (False, True, False, True)),
    ((1, 1, 2), (True, False, True)),
    ((3, 64, 64, 3), (False, True, False, True)),
)


def sequence(length, seed=0):
    random = np.random.default_rng([length, seed])
    ids = random.integers(0, TINY.vocab_size, length)
    return Sequence(ids, random.integers(0, 2, length))


def sequences(lengths):
    return [sequence(length, seed) for seed, length in enumerate(lengths)]


def layout_of(rows):
    lengths, ends = zip(*rows, strict=True)
    return Layout(sequences(lengths), ends)


def together_of(lengths, seed=0):
    """Rows that went through a layer together, with numbers that tell their tokens apart."""
    rows = sequences(lengths)
    layout = Layout(rows, [False] * len(rows))
    hidden = np.random.default_rng(seed).standard_normal((layout.tokens, WIDTH), np.float32)
    together = Together(hidden, layout, len(rows))
    return [Halfway(row, 1, together, index) for index, row in enumerate(rows)]


def tokens_of(row):
    """What a row's tokens are, in the order of their positions."""
    return row.together.hidden[row.together.layout.places(row.index)]


@given(ROWS)
def test_every_token_has_one_place(rows):
    layout = layout_of(rows)
    places = [layout.places(index) for index in range(len(rows))]
    assert [len(each) for each in places] == [max(length, LEAST_TOKENS) for length, _ in rows]
    assert sorted(np.concatenate(places)) == list(range(layout.tokens))


@given(ROWS)
def test_position_by_position_and_what_ends_behind_all_others(rows):
    layout = layout_of(rows)
    tokens = [
        (ends and position >= LEAST_TOKENS, position, index)
        for index, (length, ends) in enumerate(rows)
        for position in range(max(length, LEAST_TOKENS))
    ]
    expected = {token: place for place, token in enumerate(sorted(tokens))}
    for rest, position, index in tokens:
        assert layout.places(index)[position] == expected[rest, position, index]


@given(ROWS)
def test_the_first_two_positions_of_every_row_come_before_everything(rows):
    layout = layout_of(rows)
    for index in range(len(rows)):
        assert list(layout.places(index)[:LEAST_TOKENS]) == [index, len(rows) + index]


@given(ROWS)
def test_the_rest_of_rows_that_end_comes_last(rows):
    layout = layout_of(rows)
    last = [
        place
        for index, (_, ends) in enumerate(rows)
        if ends
        for place in layout.places(index)[LEAST_TOKENS:]
    ]
    assert sorted(last) == list(range(layout.tokens - len(last), layout.tokens))


@given(ROWS)
def test_the_mask_is_that_of_the_rows_and_has_room_for_two_positions(rows):
    layout = layout_of(rows)
    longest = max(LEAST_TOKENS, *(length for length, _ in rows), 0)
    expected = [[1] * length + [0] * (longest - length) for length, _ in rows]
    np.testing.assert_array_equal(layout.attention_mask, expected)
    assert layout.attention_mask.dtype == np.int64
    np.testing.assert_array_equal(layout.ends, [ends for _, ends in rows])
    assert layout.ends.dtype == np.bool_


@given(ROWS, st.randoms(use_true_random=False))
def test_rows_of_several_runs_are_joined_each_at_its_places(rows, random):
    lengths = [length for length, _ in rows]
    halves = [*together_of(lengths), *together_of(lengths[::-1], seed=1)]
    taken = random.sample(halves, random.randint(1, len(halves)))
    layout = Layout([row.sequence for row in taken], [random.random() < 0.5 for _ in taken])
    hidden = joined(taken, layout)
    assert (hidden.shape, hidden.dtype) == ((layout.tokens, WIDTH), np.float32)
    for index, row in enumerate(taken):
        np.testing.assert_array_equal(hidden[layout.places(index)], tokens_of(row))


def test_the_same_rows_in_the_same_order_are_not_copied():
    rows = together_of((9, 1, 2, 5))
    layout = Layout([row.sequence for row in rows], [False] * 4)
    assert joined(rows, layout) is rows[0].together.hidden


@pytest.mark.parametrize(
    ("taken", "ends"),
    [
        ([0, 1, 2], [False, False, False]),
        ([1, 0, 2, 3], [False, False, False, False]),
        ([0, 1, 2, 3, 4], [False, False, False, False, False]),
        ([0, 1, 2, 4], [False, False, False, False]),
        ([0, 1, 2, 3], [False, False, True, False]),
    ],
)
def test_fewer_others_another_order_or_an_end_are_copied(taken, ends):
    there = [*together_of((9, 1, 2, 5)), *together_of((5,), seed=1)]
    rows = [there[index] for index in taken]
    layout = Layout([row.sequence for row in rows], ends)
    hidden = joined(rows, layout)
    assert not any(np.shares_memory(hidden, row.together.hidden) for row in rows)
    for index, row in enumerate(rows):
        np.testing.assert_array_equal(hidden[layout.places(index)], tokens_of(row))


def test_a_row_is_its_sequence_before_it_begins_and_after():
    row = sequence(5)
    assert sequence_of(row) is row
    (half,) = together_of((5,))
    assert sequence_of(half) is half.sequence


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A classifier's, opened to be run in steps."""
    directory = write_checkpoint(tmp_path_factory.mktemp("tiny"), labels=("a", "b"))
    checkpoint = read_checkpoint(directory)
    steps = Steps(TINY.num_hidden_layers, classifies=True)
    return open_session(build_graph(checkpoint.config, checkpoint.weights) + declarations(steps))


def embedded(graph, rows, ends):
    batch = Batch.of(rows, 0, shortest=LEAST_TOKENS)
    feeds = {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "token_type_ids": batch.token_type_ids,
    }
    feeds |= {LAYERS.name: np.array(0), ENDS.name: np.array(ends)}
    (left,) = graph.run([LEFT.name], feeds)
    return left


@pytest.mark.parametrize(("lengths", "ends"), CASES)
def test_the_graph_embeds_tokens_in_that_order(graph, lengths, ends):
    rows = sequences(lengths)
    layout = Layout(rows, ends)
    left = embedded(graph, rows, ends)
    assert left.shape == (layout.tokens, TINY.hidden_size)
    for index, row in enumerate(rows):
        alone = embedded(graph, [row], [False])
        np.testing.assert_array_equal(left[layout.places(index)], alone)


@pytest.mark.parametrize(("lengths", "ends"), CASES)
def test_the_graph_takes_tokens_in_that_order(graph, lengths, ends):
    """In another the tokens of one row would be taken for those of another."""
    rows = sequences(lengths)
    layout = Layout(rows, ends)
    logits, left = graph.run(
        ["logits", LEFT.name],
        {
            "input_ids": np.zeros((1, 0), np.int64),
            "token_type_ids": np.zeros((1, 0), np.int64),
            "attention_mask": layout.attention_mask,
            CARRIED.name: embedded(graph, rows, ends),
            LAYERS.name: np.array(2),
            ENDS.name: layout.ends,
        },
    )
    for index, row in enumerate(rows):
        alone = Layout([row], [False])
        given = {
            "input_ids": np.zeros((1, 0), np.int64),
            "token_type_ids": np.zeros((1, 0), np.int64),
            "attention_mask": alone.attention_mask,
            CARRIED.name: embedded(graph, [row], [False]),
            LAYERS.name: np.array(2),
        }
        if ends[index]:
            (expected,) = graph.run(["logits"], given)
            np.testing.assert_array_equal(logits[index], expected[0])
            kept = slice(LEAST_TOKENS)
        else:
            kept = slice(None)
        (expected,) = graph.run([LEFT.name], given | {ENDS.name: np.array([False])})
        np.testing.assert_array_equal(left[layout.places(index)[kept]], expected[kept])
