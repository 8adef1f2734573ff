"""The version of the exporter, as it is installed."""

from importlib.metadata import PackageNotFoundError, version


def exporter_version() -> str:
    """Return the installed version of albert-serve, or say that it runs from its source."""
    try:
        return version("albert-serve")
    except PackageNotFoundError:
        return "from source"
