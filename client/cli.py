"""The way in of ``albert-ask`` and ``python -m client``, which needs nothing installed yet."""

import sys

_EXTRA = ("h11", "rich", "typer")


def main() -> None:
    """Run the command line; without the ``ask`` extra, say how to install it."""
    try:
        from client.commands import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            f"albert-ask needs {error.name}, which is not installed: "
            "pip install 'albert-serve[ask]', or make install in a clone",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(run(sys.argv[1:]))
