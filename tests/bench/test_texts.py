import pytest

from bench.checkpoints import SENTENCES, build_tokenizer
from bench.lengths import MIXED
from bench.texts import write_texts


def test_every_text_has_the_tokens_that_were_asked_for_and_none_comes_twice():
    lengths = MIXED.sample(256)
    tokenizer = build_tokenizer(160)
    texts = write_texts(tokenizer, SENTENCES, lengths)
    assert [len(tokenizer.encode(text).ids) for text in texts] == lengths
    assert len(set(texts)) == len(lengths)


def test_a_tokenizer_that_splits_the_words_is_refused():
    with pytest.raises(ValueError, match="one token"):
        write_texts(build_tokenizer(160), ["unheard words"], [12])
