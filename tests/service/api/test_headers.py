"""Request ids, timeouts and priorities from callers of every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.headers import headers_of, priority_of, request_id_of, timeout_of
from service.api.problems import ProblemError
from service.scheduling.priority import Priority

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)


@pytest.mark.parametrize("field", [b"transfer-encoding", b"content-encoding"])
def test_a_list_is_the_same_on_several_lines(field):
    lines = [(field, b"gzip"), (b"host", b"a"), (field, b"chunked")]
    assert headers_of({"headers": lines}) == {field: b"gzip, chunked", b"host": b"a"}


def test_of_any_other_field_the_last_line_counts():
    lines = [(b"x-priority", b"bulk"), (b"x-priority", b"interactive")]
    assert headers_of({"headers": lines}) == {b"x-priority": b"interactive"}


@given(st.text(PRINTABLE, min_size=1, max_size=128))
def test_a_printable_request_id_is_kept(given_id):
    assert request_id_of({b"x-request-id": given_id.encode()}) == given_id


@given(
    st.one_of(
        st.just(b""),
        st.text(PRINTABLE, min_size=129).map(str.encode),
        st.binary(min_size=1).filter(lambda value: any(not 32 <= byte < 127 for byte in value)),
    )
)
def test_any_other_request_id_is_replaced_by_a_new_one(given_id):
    made = request_id_of({b"x-request-id": given_id})
    assert len(made) == 32
    assert made != request_id_of({})


@given(st.decimals("0.001", "3600", places=3))
def test_a_decimal_timeout_is_taken(seconds):
    assert timeout_of({b"x-request-timeout": str(seconds).encode()}, 30.0) == float(seconds)


@given(st.floats(1e-4, 3600))
def test_what_is_left_of_a_callers_time_is_taken_as_python_writes_it(seconds):
    assert timeout_of({b"x-request-timeout": str(seconds).encode()}, 30.0) == seconds


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (b"2.50", 2.5),
        (b"007", 7.0),
        (b"00.5", 0.5),
        (b"0.000000001", 1e-9),
        (b"3599.999999999", 3599.999999999),
        (b"000003600.000", 3600.0),
        (b"1 \t", 1.0),
        (b"1.0000000000", 1.0),
        (b"0.00010000000000000002", 0.00010000000000000002),
        (b"3599." + b"9" * 30, 3600.0),
    ],
)
def test_zeros_and_white_space_around_a_timeout_mean_nothing(given, seconds):
    assert timeout_of({b"x-request-timeout": given}, 30.0) == seconds


@pytest.mark.parametrize(
    "given",
    [b"0", b"0.0", b"000", b".5", b"5.", b"0." + b"0" * 30 + b"1", b"9999999999", b"1e3", b"5\n"],
)
def test_a_timeout_that_is_no_positive_decimal_number_is_refused(given):
    with pytest.raises(ProblemError, match="X-Request-Timeout"):
        timeout_of({b"x-request-timeout": given}, 30.0)


@given(st.decimals("3600.001", "999999999", places=3))
def test_a_timeout_of_more_than_an_hour_is_refused_with_what_is_allowed(seconds):
    with pytest.raises(ProblemError, match=r"X-Request-Timeout: .* at most 3600\."):
        timeout_of({b"x-request-timeout": str(seconds).encode()}, 30.0)


def test_no_timeout_means_the_default():
    assert timeout_of({}, 30.0) == 30.0


@given(st.binary().filter(lambda value: not value.replace(b".", b"", 1).isdigit()))
def test_any_other_timeout_is_refused(value):
    with pytest.raises(ProblemError) as refusal:
        timeout_of({b"x-request-timeout": value}, 30.0)
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    ("headers", "priority"),
    [
        ({}, Priority.INTERACTIVE),
        ({b"x-priority": b"interactive"}, Priority.INTERACTIVE),
        ({b"x-priority": b"bulk"}, Priority.BULK),
        ({b"x-priority": b"bulk \t"}, Priority.BULK),
    ],
)
def test_a_priority_is_interactive_unless_it_says_bulk(headers, priority):
    assert priority_of(headers) is priority


@given(st.one_of(st.sampled_from([b"", b"Bulk", b"high", b"bulk bulk"]), st.binary()))
def test_any_other_priority_is_refused_with_those_there_are(value):
    if value.strip(b" \t") in (b"interactive", b"bulk"):
        return
    with pytest.raises(ProblemError) as refusal:
        priority_of({b"x-priority": value})
    assert refusal.value.status == 422
    assert refusal.value.errors[0]["place"] == "headers.X-Priority"
    assert "interactive or bulk" in refusal.value.detail
