"""What does not go together is wrong usage, and what is not installed is said."""

import subprocess
import sys

import pytest

from client.commands import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Usage"),
        (("nope",), "No such command"),
        (("sentiment", "a", "--file", "b.csv"), "not both"),
        (("question-answering", "a", "--file", "b.csv"), "not both"),
        (("sentiment", "a", "--parameters", "{"), "not JSON"),
        (("sentiment", "a", "--parameters", "[]"), "has to be an object"),
        (("sentiment", "--resume", "--file", "a.csv"), "--resume needs an --output"),
        (("sentiment", "--resume", "--output", "a.csv"), "--resume needs a --file"),
        (("question-answering", "--file", "a.txt"), "CSV or NDJSON"),
        (("sentiment", "--top-k", "0", "a"), "--top-k"),
    ],
)
def test_wrong_usage_is_status_2(capfd, arguments, words):
    assert run(arguments) == 2
    printed = capfd.readouterr()
    assert words in printed.err + printed.out


def test_help_is_status_0(capfd):
    for arguments in (["--help"], ["sentiment", "--help"], ["question-answering", "--help"]):
        assert run(arguments) == 0
        assert "albert-ask" in capfd.readouterr().out


def test_without_the_extra_it_says_what_to_install():
    program = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['albert-ask']; "
        "from client.cli import main; main()"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.returncode == 1
    assert process.stderr == (
        "albert-ask needs typer, which is not installed: "
        "pip install 'albert-serve[ask]', or make install in a clone\n"
    )


@pytest.mark.parametrize("flags", [(), ("--resume",)])
@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
@pytest.mark.parametrize("name", ["same.csv", "same.ndjson"])
def test_a_file_is_not_overwritten_with_its_own_answers(capfd, tmp_path, name, link, flags):
    asked = output = tmp_path / name
    content = "text\ngood\n" if name.endswith(".csv") else '{"text": "good"}\n'
    asked.write_text(content)
    if link is not None:
        output = tmp_path / f"other-{name}"
        getattr(output, link)(asked)
    arguments = ("sentiment", "--file", str(asked), "--output", str(output), *flags)
    assert run(arguments) == 2
    assert "is what is asked about" in capfd.readouterr().err
    assert asked.read_text() == content
