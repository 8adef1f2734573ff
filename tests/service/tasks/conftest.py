"""A real tokenizer with ALBERT's normalisation and special tokens."""

import pytest

from bench.checkpoints import build_tokenizer
from model_directory.manifest import TokenizerFacts
from service.tasks.encoding import TextEncoder

FACTS = TokenizerFacts(
    cls_token_id=2, sep_token_id=3, pad_token_id=0, unk_token_id=1, vocab_size=160, lower_case=True
)


@pytest.fixture(scope="session")
def encoder() -> TextEncoder:
    return TextEncoder(build_tokenizer(160).to_str().encode(), FACTS)
