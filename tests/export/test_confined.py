import json
import resource
import subprocess
from typing import Any

import pytest

from bench.checkpoints import TINY, build_tokenizer
from export import confined
from export.confined import TokenizerFiles, confined_tokenizer
from export.errors import ExportRefusedError


def tokenizer_with(**parts: Any) -> bytes:
    settings = json.loads(build_tokenizer(TINY.vocab_size).to_str())
    return json.dumps(settings | parts).encode()


def normalizing(*steps: dict[str, Any]) -> bytes:
    return tokenizer_with(normalizer={"type": "Sequence", "normalizers": list(steps)})


def replacing(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def splitting(pattern: str) -> bytes:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    return tokenizer_with(pre_tokenizer=split | {"invert": False})


def refusal(files: TokenizerFiles) -> str:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(ExportRefusedError) as caught:
        confined_tokenizer(files)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 70
    assert after.ru_maxrss < 3 << 20  # KiB
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_sound_tokenizer_is_returned_as_it_is() -> None:
    content = tokenizer_with()
    assert confined_tokenizer(TokenizerFiles(tokenizer=content)) == content


TOO_MUCH = "tokenizer.json takes more than 60 s or 3 GiB to load and try"
BACKTRACKS = "tokenizer.json cannot encode a text: Onig: Regex search error"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(normalizing(replacing("(a+)+b", "x")), BACKTRACKS, id="backtracking"),
        pytest.param(
            normalizing(replacing(r"^(\w+\s?)*$", "x")), BACKTRACKS, id="backtracking-words"
        ),
        pytest.param(splitting("(?:ß|ßß)+ж"), BACKTRACKS, id="backtracking-on-its-own-letters"),
        pytest.param(normalizing(*[replacing(".", "e" * 1000)] * 4), TOO_MUCH, id="expansion"),
        pytest.param(
            normalizing(*[replacing("ж", "ж" * 1000)] * 4), TOO_MUCH, id="expansion-of-one-letter"
        ),
        pytest.param(
            normalizing(replacing("ж", "e " * 100)), "far too many tokens", id="modest-expansion"
        ),
        pytest.param(
            b'{"normalizer":' + b"[" * 10**5 + b"]" * 10**5 + b"}", "valid JSON", id="nesting"
        ),
        pytest.param(b'{"x":[' + b"[]," * (5 << 20) + b"[]]}", "be loaded", id="many-lists"),
        pytest.param(
            tokenizer_with(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA" * 9}),
            "tokenizer.json cannot",
            id="panic",
        ),
    ],
)
def test_a_tokenizer_that_explodes_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(TokenizerFiles(tokenizer=content))


def test_a_vocabulary_that_is_no_model_is_refused() -> None:
    assert "not a SentencePiece model" in refusal(TokenizerFiles(sentencepiece=b"\xff" * 99))


def test_one_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_WALL_SECONDS", 0.01)
    assert refusal(TokenizerFiles(tokenizer=tokenizer_with())) == TOO_MUCH


def test_an_interrupt_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    communicate = subprocess.Popen.communicate

    def interrupted(process: subprocess.Popen[bytes], *_: Any, **__: Any) -> None:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        confined_tokenizer(TokenizerFiles(tokenizer=tokenizer_with()))
    monkeypatch.setattr(subprocess.Popen, "communicate", communicate)
    assert started[0].wait(10) != 0
