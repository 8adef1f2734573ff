import json
from pathlib import Path

from tokenizers import Tokenizer

from training.tokenizer import SPECIAL_TOKENS, load_tokenizer, save_tokenizer


def test_special_tokens_come_first(tokenizer: Tokenizer) -> None:
    assert [tokenizer.id_to_token(n) for n in range(5)] == list(SPECIAL_TOKENS)


def test_text_is_lower_cased_and_accents_and_curly_quotes_are_gone(tokenizer: Tokenizer) -> None:
    plain = tokenizer.encode('it\'s "great", frederic').ids
    assert tokenizer.encode("IT’S “great”, Frédéric").ids == plain


def test_punctuation_is_never_part_of_a_word(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("in 1066, led (really).").tokens
    marks = [token for token in tokens[1:-1] if any(mark in token for mark in ",().")]
    assert marks == [",", "▁(", ")", "."] or marks == [",", "(", ")", "."]


def test_no_token_s_characters_begin_or_end_with_a_space(tokenizer: Tokenizer) -> None:
    text = "He moved to  Paris (in 1831)."
    parts = [text[start:end] for start, end in tokenizer.encode(text).offsets]
    assert "Paris" in "".join(parts)
    assert all(part == part.strip() for part in parts)


def test_a_pair_has_types_offsets_and_words(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("Who was born?", "Chopin was born in Warsaw.")
    first_context = encoding.type_ids.index(1)
    assert encoding.tokens[0] == "[CLS]"
    assert encoding.tokens[first_context - 1] == encoding.tokens[-1] == "[SEP]"
    assert set(encoding.type_ids[first_context:]) == {1}
    start, end = encoding.offsets[-2]
    assert "Chopin was born in Warsaw."[start:end] == "."
    words = [word for word in encoding.word_ids[first_context:] if word is not None]
    assert words == sorted(words)
    assert words[0] == 0


def test_a_saved_tokenizer_reads_back(tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_tokenizer(tokenizer, tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.encode("old town", "a bridge").ids == tokenizer.encode("old town", "a bridge").ids
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
