import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.checkpoints import TINY, build_tokenizer
from export import confined
from export.confined import ConfinedProcessError, TokenizerFiles, confined_tokenizer
from export.errors import ExportRefusedError


def tokenizer_with(**parts: Any) -> bytes:
    settings = json.loads(build_tokenizer(TINY.vocab_size).to_str())
    return json.dumps(settings | parts).encode()


def normalizing(*steps: dict[str, Any]) -> bytes:
    return tokenizer_with(normalizer={"type": "Sequence", "normalizers": list(steps)})


def replacing(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def refusal(files: TokenizerFiles) -> str:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(ExportRefusedError) as caught:
        confined_tokenizer(files)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 60
    assert after.ru_maxrss < 3 << 20  # KiB
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_sound_tokenizer_is_returned_as_it_is() -> None:
    content = tokenizer_with()
    assert confined_tokenizer(TokenizerFiles(tokenizer=content)) == content


TOO_MUCH = "tokenizer.json takes more than 40 s or 3 GiB to load and try"
TEMPLATE = {"type": "TemplateProcessing", "special_tokens": {}}
A, B = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            tokenizer_with(post_processor=TEMPLATE | {"single": [A] * 10**5, "pair": [A, B]}),
            TOO_MUCH,
            id="text-copied",
        ),
        pytest.param(
            tokenizer_with(post_processor=TEMPLATE | {"single": [A], "pair": [B, A] * 10**5}),
            TOO_MUCH,
            id="pairs-copied",
        ),
        pytest.param(
            normalizing(*[replacing("", "x")] * 9), "far too many characters", id="doubling"
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


def test_what_lies_in_the_working_directory_is_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("export", "json", "tokenizers", "struct", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", ["", ".", *sys.path])
    content = tokenizer_with()
    assert confined_tokenizer(TokenizerFiles(tokenizer=content)) == content


def test_it_starts_wherever_this_process_found_the_exporter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(confined.__file__).parent, tmp_path / "export")
    program = """
import sys
sys.path = [sys.argv[1], *sys.path]
import export
assert export.__file__.startswith(sys.argv[1])
from export.confined import TokenizerFiles, confined_tokenizer
content = sys.stdin.buffer.read()
assert confined_tokenizer(TokenizerFiles(tokenizer=content)) == content
"""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for found_in, directory in ((str(tmp_path), "/"), ("", str(tmp_path))):
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, found_in],
            input=tokenizer_with(),
            cwd=directory,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


def failure() -> str:
    with pytest.raises(ConfinedProcessError) as caught:
        confined_tokenizer(TokenizerFiles(tokenizer=tokenizer_with()))
    return str(caught.value)


def test_a_process_that_cannot_start_is_not_the_files_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confined, "_search_path", lambda: ["/nowhere"])
    assert "ended with status 1: " in (message := failure())
    assert "No module named" in message
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert failure() == "cannot run /nowhere/python: No such file or directory"


STARTED = "import os, signal, sys, resource; sys.stdout.write('.'); sys.stdout.flush(); "


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", TOO_MUCH),
        ("resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass", TOO_MUCH),
        ("sys.stdout.write('!')", TOO_MUCH),
        ("sys.stderr.write('memory allocation of 8 bytes failed'); os.abort()", TOO_MUCH),
        ("os.abort()", "cannot be loaded: the tokenizers library ends with SIGABRT on it"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "cannot be loaded: .* ends with SIGSEGV on it"),
    ],
)
def test_a_process_that_is_ended_says_by_what(
    then: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    monkeypatch.setattr(confined, "_COMMAND", ("-c", f"{STARTED}{then}"))
    with pytest.raises(ExportRefusedError, match=reason):
        confined_tokenizer(TokenizerFiles(tokenizer=tokenizer_with()))


@pytest.mark.parametrize("then", ["raise IndexError('ours')", "sys.exit('ours')"])
def test_a_fault_of_ours_is_not_the_files(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "_COMMAND", ("-c", f"{STARTED}{then}"))
    assert failure().startswith("the process that tries tokenizers ended with status 1: ")
    assert failure().endswith("ours")


def test_limits_that_are_lower_already_stay() -> None:
    program = """
import resource
from export import confined
resource.setrlimit(resource.RLIMIT_CPU, (7, 9))
confined._limit(resource.RLIMIT_CPU, 60)
assert resource.getrlimit(resource.RLIMIT_CPU) == (9, 9)
"""
    repository = Path(confined.__file__).parents[1]
    subprocess.run([sys.executable, "-c", program], cwd=repository, env=os.environ, check=True)


def test_too_little_memory_is_told_from_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = b'{"x":[' + b"[]," * (8 << 20) + b"[]]}"
    command = confined._COMMAND[-1].replace("c.main()", "c._MEMORY_BYTES = 1 << 28; c.main()")
    monkeypatch.setattr(confined, "_COMMAND", ("-I", "-c", command))
    assert refusal(TokenizerFiles(tokenizer=lists)) == TOO_MUCH
