"""A file of keys is taken as a whole or not at all, and no key is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from service.api_keys import MAX_FILE_BYTES, KeysFileError, read_keys
from tests.keys import ALICE, BOB, write_keys

SECRET = "secretsecretsecret"
"""In every line that is refused, wherever a key may have got to."""


def test_each_key_has_its_name(tmp_path):
    keys = read_keys(write_keys(tmp_path))
    assert len(keys) == 2
    assert keys.name_of(ALICE.encode()) == "alice"
    assert keys.name_of(BOB.encode()) == "bob"
    for other in (b"", b"alice", ALICE[:-1].encode(), ALICE.upper().encode(), b"\xff" * 20):
        assert keys.name_of(other) is None


@pytest.mark.parametrize(
    "content", [f"\ufeffa:{SECRET}\r\n", f"  a : {SECRET}\t", f"#\n\na:{SECRET}"]
)
def test_white_space_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path, content):
    path = tmp_path / "keys"
    path.write_bytes(content.encode())
    assert read_keys(path).name_of(SECRET.encode()) == "a"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (SECRET, "it is not name:key"),
        (f":{SECRET}", "a name is 1 to 64 letters"),
        (f"no name:{SECRET}", "a name is 1 to 64 letters"),
        (f".a:{SECRET}", "a name is 1 to 64 letters"),
        (f"é:{SECRET}", "a name is 1 to 64 letters"),
        (f"{'n' * 65}:{SECRET}", "a name is 1 to 64 letters"),
        (f"{SECRET}/+:c", "a name is 1 to 64 letters"),
        ("c:", "a key is 16 to 1024 letters"),
        ("c:secretsecretsec", "a key is 16 to 1024 letters"),
        (f"c:{'s' * 1025}", "a key is 16 to 1024 letters"),
        (f"c:{SECRET} {SECRET}", "a key is 16 to 1024 letters"),
        (f"c:{SECRET}:{SECRET}", "a key is 16 to 1024 letters"),
        (f"c:={SECRET}", "a key is 16 to 1024 letters"),
        (f"c:{SECRET}é", "a key is 16 to 1024 letters"),
        (f"a:{SECRET}", "its name is that of line 2"),
        ("c:first-key-0123456789", "its key is that of line 2"),
        (f"c:{SECRET}\udcff", "it is not UTF-8"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_not_shown(tmp_path, line, reason):
    path = tmp_path / "keys"
    content = f"# ours\na:first-key-0123456789\n\n{line}\nd:another-key-0123456789\n"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(KeysFileError) as refusal:
        read_keys(path)
    assert str(refusal.value).startswith(f"{path}, line 4: {reason}")
    assert "\n" not in str(refusal.value)
    assert "sss" not in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__cause__ is None


@given(st.binary(max_size=80))
def test_whatever_is_in_the_file_it_is_keys_or_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_bytes(content)
    said, count = "", 0
    try:
        count = len(read_keys(path))
    except KeysFileError as refusal:
        said = str(refusal)
    assert bool(said) is (count == 0)
    assert said == "" or said.startswith(str(path))
    assert "\n" not in said


@pytest.mark.parametrize("content", ["", "# nobody yet\n"])
def test_a_file_without_a_key_would_lock_everybody_out(tmp_path, content):
    with pytest.raises(KeysFileError, match="has no key in it"):
        read_keys(write_keys(tmp_path, content))


def test_a_file_that_is_not_there_no_file_or_too_large(tmp_path):
    with pytest.raises(KeysFileError, match="cannot be read: No such file"):
        read_keys(tmp_path / "nothing")
    with pytest.raises(KeysFileError, match="cannot be read: Is a directory"):
        read_keys(tmp_path)
    with pytest.raises(KeysFileError, match=f"larger than {MAX_FILE_BYTES} bytes"):
        read_keys(write_keys(tmp_path, "#" * (MAX_FILE_BYTES + 1)))


def test_a_file_that_everybody_may_read_is_warned_of(tmp_path):
    path = write_keys(tmp_path)
    with capture_logs() as quiet:
        read_keys(path)
    path.chmod(0o644)
    with capture_logs() as logs:
        read_keys(path)
    assert quiet == []
    assert [(entry["log_level"], entry["file"]) for entry in logs] == [("warning", str(path))]


def test_no_key_is_kept(tmp_path):
    keys = read_keys(write_keys(tmp_path))
    assert ALICE not in repr(vars(keys))
    assert BOB not in repr(vars(keys))
