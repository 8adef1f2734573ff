"""Rows that go through a model a few layers at a time, beside others at other layers."""

import threading

import numpy as np
import pytest

from bench.checkpoints import TINY, Shape, write_checkpoint
from export.checkpoint import read_checkpoint
from export.graph import build_graph
from model_directory.steps import Steps
from service.runtime.halfway import Halfway, Layout, joined, sequence_of
from service.runtime.sequence import Sequence
from service.runtime.session import Session, StoppedError, StopSignal
from service.runtime.stepwise import StepwiseSession

SHAPES = (
    Shape(num_hidden_layers=5),
    Shape(num_hidden_layers=4, inner_group_num=2),
    Shape(num_hidden_layers=1),
    Shape(hidden_size=30, intermediate_size=70, embedding_size=13, num_attention_heads=3),
)
HEADS = (("a",), ("a", "b", "c"), None)
SOONEST = (1, 2, 3)
"""Lengths at which padding counts as tokens, or nearly."""


@pytest.fixture(scope="module")
def graph_of(tmp_path_factory):
    """Gives the graph of a shape and a head."""

    def build(shape, labels):
        directory = tmp_path_factory.mktemp("checkpoint")
        checkpoint = read_checkpoint(write_checkpoint(directory, shape=shape, labels=labels))
        return build_graph(checkpoint.config, checkpoint.weights)

    return build


@pytest.fixture(scope="module")
def session_of(graph_of):
    def opened(shape, labels):
        return stepwise(graph_of(shape, labels), shape, labels)

    return opened


def stepwise(graph, shape, labels):
    steps = Steps(shape.num_hidden_layers, classifies=labels is not None)
    return StepwiseSession(graph, steps, pad_token_id=0)


def sequence(random, length):
    return Sequence(random.integers(0, TINY.vocab_size, length), random.integers(0, 2, length))


def some_rows(seed, lengths=(19, 1, 64, 2, 7)):
    random = np.random.default_rng(seed)
    return [sequence(random, length) for length in lengths]


def alone(session, rows):
    return [session.run([row])[0] for row in rows]


def layers_of(row):
    return row.layers if isinstance(row, Halfway) else 0


def finished(session, rows, random, **told):
    """What the rows come to in random steps, beside random others of them."""
    state = dict(enumerate(rows))
    logits = {}
    while state:
        chosen = random.permutation(list(state))[: random.integers(1, len(state) + 1)]
        most = session.layers - max(layers_of(state[index]) for index in chosen)
        layers = int(random.integers(1, most + 1))
        outcomes = session.advance([state[index] for index in chosen], layers, **told)
        for index, outcome in zip(chosen, outcomes, strict=True):
            if isinstance(outcome, Halfway):
                assert outcome.sequence is sequence_of(rows[index])
                assert outcome.layers == layers_of(state[index]) + layers < session.layers
                state[index] = outcome
            else:
                assert layers_of(state.pop(index)) + layers == session.layers
                logits[index] = outcome
    return [logits[index] for index in range(len(rows))]


def assert_same(given, expected, atol=0.0):
    """To the bit, unless there is something that they may differ by."""
    for one, other in zip(given, expected, strict=True):
        assert len(one) == len(other)
        for values, others in zip(one, other, strict=True):
            assert (values.shape, values.dtype) == (others.shape, others.dtype)
            np.testing.assert_allclose(values, others, rtol=0, atol=atol)


@pytest.mark.parametrize("labels", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_in_whatever_steps_beside_whatever_rows_the_logits_are_those_of_a_row_alone(
    session_of, shape, labels
):
    session = session_of(shape, labels)
    for seed in range(25):
        random = np.random.default_rng(seed)
        lengths = random.integers(1, 65, random.integers(1, 8))
        brief = random.random(len(lengths)) < 0.3
        lengths[brief] = random.choice(SOONEST, brief.sum())
        rows = [sequence(random, length) for length in lengths]
        assert_same(finished(session, rows, random), alone(session, rows))


@pytest.mark.parametrize("labels", HEADS)
def test_rows_may_begin_when_others_are_about_to_end(session_of, labels):
    """At each step one begins; from some time on one ends at each."""
    session = session_of(SHAPES[0], labels)
    rows = some_rows(0, range(1, 13))
    under_way, logits = [], []
    for row in rows:
        outcomes = session.advance([*under_way, row], 1)
        logits += [each for each in outcomes if not isinstance(each, Halfway)]
        under_way = [each for each in outcomes if isinstance(each, Halfway)]
        assert [each.layers for each in under_way] == list(range(len(under_way), 0, -1))
    assert len(logits) == len(rows) - session.layers + 1
    assert_same(logits, alone(session, rows[: len(logits)]))


@pytest.mark.parametrize("labels", HEADS)
def test_all_layers_at_once_are_a_run(session_of, labels):
    session, rows = session_of(SHAPES[0], labels), some_rows(1)
    assert_same(session.advance(rows, session.layers), session.run(rows))


@pytest.mark.parametrize("labels", HEADS)
def test_rows_that_stay_together_are_not_copied(session_of, labels):
    session, rows = session_of(SHAPES[0], labels), some_rows(2)
    state = rows
    for layers in range(1, session.layers):
        state = session.advance(state, 1)
        assert [row.layers for row in state] == [layers] * len(rows)
        (together,) = {row.together for row in state}
        carried = joined(state, Layout(rows, [False] * len(rows)))
        assert carried is together.hidden
        assert np.shares_memory(carried, together.hidden)
    assert_same(session.advance(state, 1), alone(session, rows))


def test_of_a_row_that_is_classified_no_more_is_computed_than_its_first_tokens(session_of):
    session, rows = session_of(SHAPES[0], ("a", "b")), some_rows(10, (9, 64))
    (ending,) = session.advance(rows[1:], 4)
    going_on, _ = session.advance([rows[0], ending], 1)
    assert len(going_on.together.hidden) == 9 + 2


@pytest.mark.parametrize("labels", HEADS)
def test_what_rows_have_passed_stays_as_it_is(session_of, labels):
    """From there they may go on more than once."""
    session, rows = session_of(SHAPES[0], labels), some_rows(3)
    begun = session.advance(rows, 2)
    before = begun[0].together.hidden.copy()
    for seed in range(3):
        given = finished(session, begun[seed:], np.random.default_rng(seed))
        assert_same(given, alone(session, rows[seed:]))
    np.testing.assert_array_equal(begun[0].together.hidden, before)


@pytest.mark.parametrize("labels", HEADS)
def test_a_wide_run_in_steps_gives_what_a_narrow_one_gives(graph_of, labels):
    shape = SHAPES[0]
    graph = graph_of(shape, labels)
    session = stepwise(graph, shape, labels)
    rows = some_rows(4)
    expected = alone(session, rows)
    session.widen(graph, 2)
    assert session.widens
    for seed in range(5):
        given = finished(session, rows, np.random.default_rng(seed), wide=True)
        assert_same(given, expected, atol=1e-6)
    begun = session.advance(rows, 2, wide=True)
    assert_same(session.advance(begun, 3, wide=False), expected, atol=1e-6)


@pytest.mark.parametrize("labels", HEADS)
def test_after_a_run_that_is_stopped_rows_go_on_from_where_they_were(session_of, labels, capfd):
    session, rows = session_of(SHAPES[0], labels), some_rows(5)
    begun = session.advance(rows[:3], 2)
    both = [*begun, *rows[3:]]
    for taken, layers in ((rows, session.layers), (rows, 1), (begun, 1), (begun, 3), (both, 2)):
        stop = StopSignal()
        stop.stop()
        with pytest.raises(StoppedError):
            session.advance(taken, layers, stop=stop)
    assert [row.layers for row in begun] == [2, 2, 2]
    assert_same(session.advance(begun, 3, stop=StopSignal()), alone(session, rows[:3]))
    assert_same(finished(session, rows, np.random.default_rng(0)), alone(session, rows))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("labels", HEADS)
def test_a_run_is_stopped_in_the_midst_of_its_layers(session_of, labels):
    """Which would take seconds."""
    shape = Shape(num_hidden_layers=256, hidden_size=128, intermediate_size=512)
    session, rows = session_of(shape, labels), some_rows(6, (3, *[64] * 63))
    begun, stop = session.advance(rows, 1), StopSignal()
    stopping = threading.Timer(0.1, stop.stop)
    stopping.start()
    with pytest.raises(StoppedError):
        session.advance(begun, 255, stop=stop)
    stopping.join()
    assert_same(session.advance(begun[:1], 255), alone(session, rows[:1]))


@pytest.mark.parametrize("labels", HEADS)
def test_a_failure_without_a_stop_is_what_it_is(session_of, labels):
    session = session_of(SHAPES[0], labels)
    begun = session.advance(some_rows(7), 1)
    for rows in (some_rows(7, (65,)), [*begun, *some_rows(7, (65,))]):
        with pytest.raises(Exception, match="indices element out of data bounds"):
            session.advance(rows, 1, stop=StopSignal())


@pytest.mark.parametrize("labels", HEADS)
def test_a_row_is_refused_more_layers_than_it_has_before_it_and_less_than_one(session_of, labels):
    session, rows = session_of(SHAPES[0], labels), some_rows(8)
    begun = session.advance(rows, 3)
    for taken, layers in ((rows, 6), (begun, 3), ([*rows, *begun], 3), (rows, 0), (begun, -1)):
        with pytest.raises(ValueError, match="layers"):
            session.advance(taken, layers)


def test_a_session_that_is_not_stepwise_runs_whole_alone(graph_of):
    session, rows = Session(graph_of(TINY, ("a",)), pad_token_id=0), some_rows(9)
    assert session.layers == 1
    assert_same(session.advance(rows, 1), session.run(rows))
    with pytest.raises(ValueError, match="can only be run whole"):
        session.advance(rows, 2)
