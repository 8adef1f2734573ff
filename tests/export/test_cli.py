import builtins
import sys
from typing import Any

import pytest

from export import cli, commands


def test_the_exit_status_is_that_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        seen.append(arguments)
        return 1

    monkeypatch.setattr(commands, "run", run)
    monkeypatch.setattr(sys, "argv", ["albert-export", "check", "x"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    assert seen == [["check", "x"]]


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def fail(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "export.commands":
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fail)


@pytest.mark.parametrize("module", ["onnx", "typer", "rich.console"])
def test_without_the_extra_one_sentence_says_how_to_get_it(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without(module, monkeypatch)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    shown = capsys.readouterr().err
    assert module in shown
    assert "pip install 'albert-serve[export]'" in shown
    assert shown.count("\n") == 1


def test_another_missing_module_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    without("export.grahp", monkeypatch)
    with pytest.raises(ModuleNotFoundError):
        cli.main()
