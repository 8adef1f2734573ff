"""The way in of ``python -m training``, which needs nothing installed yet."""

import sys

_EXTRA = ("onnx", "rich", "safetensors", "torch", "transformers", "typer")


def main() -> None:
    """Run the command line; without the ``train`` extra, say how to install it.

    A stage imports what it needs when it begins: those that need no torch run without it.
    """
    try:
        from training.commands import application

        application()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f"training needs {error.name}, which is not installed: make install-train",
            file=sys.stderr,
        )
        sys.exit(1)
