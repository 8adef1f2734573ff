import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, processors
from tokenizers.models import WordLevel

from bench.checkpoints import TINY, build_tokenizer, config_of
from export.config import AlbertConfig, parse_config
from export.errors import ExportRefusedError
from export.tokenizer import check_tokenizer


def config(**changes: Any) -> AlbertConfig:
    content = config_of(TINY, ("no", "yes"), None) | changes
    return parse_config(json.dumps(content).encode())


def content_of(tokenizer: Tokenizer) -> bytes:
    return tokenizer.to_str(pretty=True).encode()


def refusal(content: bytes, **changes: Any) -> str:
    with pytest.raises(ExportRefusedError) as caught:
        check_tokenizer(content, config(**changes))
    message = str(caught.value)
    assert message.startswith("tokenizer.json")
    assert "\n" not in message
    return message


def test_the_facts_are_those_of_the_tokenizer() -> None:
    content = content_of(build_tokenizer(TINY.vocab_size))
    checked = check_tokenizer(content, config())
    assert checked.content == content
    assert checked.facts.model_dump() == {
        "cls_token_id": 2,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "unk_token_id": 1,
        "vocab_size": 160,
        "lower_case": True,
    }
    assert checked.ids("the film") == [85, 61]


def test_a_tokenizer_that_keeps_case_says_so() -> None:
    tokenizer = build_tokenizer(TINY.vocab_size)
    tokenizer.normalizer = None
    assert not check_tokenizer(content_of(tokenizer), config()).facts.lower_case


def test_without_a_padding_token_the_config_names_its_id() -> None:
    vocabulary = {token: index for index, token in enumerate(["[CLS]", "[SEP]", "x", "?"])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="?"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 0), ("[SEP]", 1)],
    )
    facts = check_tokenizer(content_of(tokenizer), config(pad_token_id=3)).facts
    assert facts.pad_token_id == 3
    assert facts.unk_token_id is None


def test_truncation_and_padding_are_switched_off_in_what_is_written() -> None:
    tokenizer = build_tokenizer(TINY.vocab_size)
    plain = tokenizer.encode("the film was good and the music was better").ids
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=40)
    checked = check_tokenizer(content_of(tokenizer), config())
    written = Tokenizer.from_buffer(checked.content)
    assert written.truncation is None
    assert written.padding is None
    assert written.encode("the film was good and the music was better").ids == plain


def test_a_vocabulary_larger_than_the_embeddings_is_refused() -> None:
    content = content_of(build_tokenizer(TINY.vocab_size))
    message = refusal(content, vocab_size=159)
    assert message == "tokenizer.json gives ids up to 159, config.json has vocab_size 159"


def without_post_processor(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = None


def with_bert_types_swapped(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )


def with_two_separators(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2))


def with_type_one_first(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:1 $A:1 [SEP]:1",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )


@pytest.mark.parametrize(
    "change",
    [without_post_processor, with_bert_types_swapped, with_two_separators, with_type_one_first],
)
def test_sequences_that_are_not_alberts_are_refused(change: Any) -> None:
    tokenizer = build_tokenizer(TINY.vocab_size)
    change(tokenizer)
    assert "does not build [CLS] A [SEP]" in refusal(content_of(tokenizer))


def test_special_tokens_without_an_embedding_are_refused() -> None:
    tokenizer = build_tokenizer(TINY.vocab_size)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 10**9), ("[CLS]", 2))
    reason = "special tokens with ids up to 1000000000, config.json has vocab_size 160"
    assert reason in refusal(content_of(tokenizer))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        (b"[" * 10**5, "is not valid JSON"),
        (b"[]", "is not a tokenizer"),
        (b"{}", "cannot be loaded"),
        (b'{"model": {"type": "Unigram", "vocab": "x"}}', "cannot be loaded"),
    ],
)
def test_what_is_no_tokenizer_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(content)


def test_an_empty_vocabulary_is_refused() -> None:
    assert "empty vocabulary" in refusal(content_of(Tokenizer(WordLevel({}, unk_token="?"))))


def test_a_tokenizer_that_fails_on_a_text_is_refused() -> None:
    tokenizer = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1}, unk_token="?"))
    assert "cannot encode a text" in refusal(content_of(tokenizer))


def with_a_broken_table(settings: dict[str, Any]) -> None:
    settings["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AA=="}


def without_the_templates_tokens(settings: dict[str, Any]) -> None:
    settings["post_processor"]["special_tokens"] = {}


@pytest.mark.parametrize("change", [with_a_broken_table, without_the_templates_tokens])
def test_a_tokenizer_that_makes_the_library_panic_is_refused(change: Any) -> None:
    settings = json.loads(content_of(build_tokenizer(TINY.vocab_size)))
    change(settings)
    assert "tokenizer.json cannot" in refusal(json.dumps(settings).encode())


def test_an_interrupt_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Tokenizer, "from_buffer", interrupt)
    with pytest.raises(KeyboardInterrupt):
        check_tokenizer(b"{}", config())


def test_a_real_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    build_tokenizer(TINY.vocab_size).save(str(path), pretty=False)
    assert check_tokenizer(path.read_bytes(), config()).content == path.read_bytes()
