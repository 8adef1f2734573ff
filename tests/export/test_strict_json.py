import pytest

from export.strict_json import parse_json


def test_what_json_says_is_returned() -> None:
    assert parse_json(b'{"a": [1, {"b": null}], "c": "\\u00e9"}') == {
        "a": [1, {"b": None}],
        "c": "é",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "\\u0061": 2}}]',
        b"[" * 10**5 + b"]" * 10**5,
        b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
        b"1" + b"0" * 5_000,
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(content)
