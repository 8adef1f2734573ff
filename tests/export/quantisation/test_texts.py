import pytest

from bench.checkpoints import write_checkpoint
from export.checkpoint import read_checkpoint
from export.errors import ExportRefusedError
from export.quantisation.texts import built_in_sequences, sequences_of
from export.tokenizer import CheckedTokenizer, check_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CheckedTokenizer:
    checkpoint = read_checkpoint(write_checkpoint(tmp_path_factory.mktemp("texts")))
    return check_tokenizer(checkpoint.tokenizer, checkpoint.config)


def test_built_in_texts_are_of_many_lengths_and_fit(tokenizer: CheckedTokenizer) -> None:
    sequences = built_in_sequences(tokenizer, pairs=False, longest=300)
    lengths = {len(sequence.ids) for sequence in sequences}
    assert len(sequences) == 128
    assert max(lengths) == 300
    assert min(lengths) < 15
    assert len(lengths) > 40
    assert len({sequence.ids for sequence in sequences}) > 100


def test_a_model_that_answers_questions_gets_questions(tokenizer: CheckedTokenizer) -> None:
    for sequence in built_in_sequences(tokenizer, pairs=True, longest=128):
        assert len(sequence.ids) <= 128
        assert set(sequence.token_types) == {0, 1}
        assert sequence.ids.count(tokenizer.facts.sep_token_id) == 2


def test_a_tab_splits_a_line(tokenizer: CheckedTokenizer) -> None:
    single, pair = sequences_of(tokenizer, ["good film", "good\tfilm"], pairs=False, longest=64)
    cls_id, sep_id = tokenizer.facts.cls_token_id, tokenizer.facts.sep_token_id
    assert single.ids == (cls_id, *tokenizer.ids("good film"), sep_id)
    assert pair.ids == (cls_id, *tokenizer.ids("good"), sep_id, *tokenizer.ids("film"), sep_id)
    assert pair.token_types[-1] == 1


@pytest.mark.parametrize("line", ["no tab", "\tno question", "no context\t "])
def test_a_question_without_a_context_is_refused(tokenizer: CheckedTokenizer, line: str) -> None:
    with pytest.raises(ExportRefusedError, match="calibration text 2 is not a question, a tab"):
        sequences_of(tokenizer, ["who\tshe", line], pairs=True, longest=64)


def test_a_long_question_leaves_room_for_the_context(tokenizer: CheckedTokenizer) -> None:
    [sequence] = sequences_of(tokenizer, ["good " * 99 + "\t" + "bad " * 99], True, longest=32)
    assert len(sequence.ids) == 32
    assert sequence.token_types.count(1) >= 15
