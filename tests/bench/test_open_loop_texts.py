import json

from bench.checkpoints import build_tokenizer
from bench.open_loop_texts import body_of, distinct_texts


def test_texts_have_the_lengths_that_were_asked_for_and_are_all_different():
    lengths = [6] * 500 + [40, 384]
    texts = distinct_texts(lengths)
    encoded = build_tokenizer(160).encode_batch(texts)
    assert [len(encoding.ids) for encoding in encoded] == lengths
    assert len(set(texts)) == len(texts)


def test_another_seed_gives_other_texts():
    assert not set(distinct_texts([20] * 50, seed=1)) & set(distinct_texts([20] * 50, seed=2))


def test_a_body_holds_one_text_or_several():
    assert json.loads(body_of("a")) == {"inputs": "a"}
    assert json.loads(body_of(["a", "b"])) == {"inputs": ["a", "b"]}
