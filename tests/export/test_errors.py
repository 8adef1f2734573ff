from export.errors import ExportRefusedError


def test_a_sentence_is_kept_as_it_is() -> None:
    sentence = "label 'café ☃ 中' of \\n is 'x', 1 to 3 are allowed"
    assert str(ExportRefusedError(sentence)) == sentence


def test_what_a_file_says_cannot_drive_a_terminal() -> None:
    hostile = "a\x1b]0;title\x07\r\nb\u202ec\ud800\0"
    assert str(ExportRefusedError(hostile)) == (r"a\x1b]0;title\x07\r\nb\u202ec\ud800\x00")


def test_a_sentence_stays_short() -> None:
    for character in ("x", "\n"):
        message = str(ExportRefusedError(character * 10**6))
        assert len(message) == 900
        assert message.endswith("…")
