"""Request ids and timeouts from callers of every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.headers import request_id_of, timeout_of
from service.api.problems import ProblemError


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=128))
def test_a_printable_request_id_is_kept(given_id):
    assert request_id_of({"x-request-id": given_id}) == given_id


@given(
    st.one_of(st.just(""), st.text(min_size=129), st.from_regex(r"[^\x20-\x7e]+", fullmatch=True))
)
def test_any_other_request_id_is_replaced_by_a_new_one(given_id):
    made = request_id_of({"x-request-id": given_id})
    assert len(made) == 32
    assert made != request_id_of({})


@given(st.decimals("0.001", "86400", places=3))
def test_a_decimal_timeout_is_taken(seconds):
    assert timeout_of({"x-request-timeout": str(seconds)}, 30.0) == float(seconds)


def test_no_timeout_means_the_default():
    assert timeout_of({}, 30.0) == 30.0


@given(st.text().filter(lambda text: not text.replace(".", "", 1).isdecimal()))
def test_anything_else_is_refused(text):
    with pytest.raises(ProblemError) as refusal:
        timeout_of({"x-request-timeout": text}, 30.0)
    assert refusal.value.status == 422
