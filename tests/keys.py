"""Keys for the tests, and a file of them."""

from pathlib import Path

ALICE = "alice-key.0123456789/+~_=="
BOB = "bob-key-0123456789abcdef"
WRONG = "wrong-key-0123456789abc"


def write_keys(directory: Path, content: str = f"# callers\nalice:{ALICE}\n\nbob:{BOB}\n") -> Path:
    """A file of keys that its owner alone may read."""
    path = directory / "keys"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    return path


def bearer(key: str) -> dict[str, str]:
    """The header that has ``key`` in it."""
    return {"Authorization": f"Bearer {key}"}
