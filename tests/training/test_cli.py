"""What is not installed is said in one sentence, whichever stage needs it."""

import subprocess
import sys

import pytest

FINETUNE = [
    *("finetune", "--task", "sentiment"),
    *("--encoder", "models/sentiment/1", "--data", "reviews.csv"),
]


def run(without: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.modules[{without!r}] = None; "
        f"sys.argv = ['training', *{arguments!r}]; from training.cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize("module", ["torch", "typer"])
def test_without_the_extra_it_says_what_to_install(module):
    process = run(module, *FINETUNE)
    assert process.returncode == 1
    assert process.stderr == (
        f"training needs {module}, which is not installed: make install-train\n"
    )


def test_another_missing_module_is_an_error_of_ours():
    process = run("training.own_data.bad_rows", *FINETUNE)
    assert process.returncode == 1
    assert "ModuleNotFoundError" in process.stderr
    assert "install-train" not in process.stderr


def test_help_needs_no_torch():
    process = run("torch", "finetune", "--help")
    assert process.returncode == 0
    assert "--label-column" in process.stdout
