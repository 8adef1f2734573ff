"""The way in of ``albert-export`` and ``python -m export``, which needs nothing installed yet."""

import sys

_EXTRA = ("onnx", "rich", "typer")


def main() -> None:
    """Run the command line; without the ``export`` extra, say how to install it."""
    try:
        from export.commands import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f"albert-export needs {error.name}, which is not installed: "
            "pip install 'albert-serve[export]', or make install in a clone",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(run(sys.argv[1:]))
