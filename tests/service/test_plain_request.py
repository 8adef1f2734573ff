"""Of what is recognised without being parsed, the parser says the same."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.plain_request import plain_path

MOST = 65_536
HEAD = b"POST /v1/sentiment HTTP/1.1\r\n"
USUAL = b"Host: a\r\nUser-Agent: b/1\r\nContent-Type: application/json\r\n"


class Parsed:
    """What httptools makes of some data."""

    def __init__(self, data):
        self.url, self.fields, self.body, self.messages = b"", [], b"", 0
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url):
        self.url += url

    def on_header(self, name, value):
        self.fields.append((name.lower(), value))

    def on_body(self, body):
        self.body += body

    def on_message_begin(self):
        assert self.messages == 0

    def on_message_complete(self):
        self.messages += 1


def request(*fields, body=b'{"inputs": "a"}', head=HEAD):
    length = b"Content-Length: %d\r\n" % len(body)
    return head + USUAL + length + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


@pytest.mark.parametrize(
    "data",
    [
        request(),
        request(b"Connection: keep-alive", b"X-Forwarded-For: 1.2.3.4", b"Accept: */*"),
        request(body=b""),
        request(body=b"POST / HTTP/1.1\r\n\r\n"),
        HEAD + b"content-length:2\r\nHost: a\r\n\r\nno",
        HEAD + b"Host: a\r\nX-Name: caf\xc3\xa9\r\nX-Empty:\r\nCONTENT-LENGTH: 0\r\n\r\n",
    ],
)
def test_a_whole_request_that_says_nothing_unusual_is_recognised(data):
    assert plain_path(data, MOST) == "/v1/sentiment"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        request()[:-1],
        request() + b"P",
        request() + request(),
        request(head=b"GET /v1/sentiment HTTP/1.1\r\n"),
        request(head=b"POST /v1/sentiment HTTP/1.0\r\n"),
        request(head=b"POST /v1/sentiment?a=b HTTP/1.1\r\n"),
        request(head=b"POST /v1/senti%6dent HTTP/1.1\r\n"),
        request(head=b"POST http://a/v1/sentiment HTTP/1.1\r\n"),
        request(head=b"POST  /v1/sentiment HTTP/1.1\r\n"),
        request(head=b"\r\n" + HEAD),
        HEAD + USUAL + b"\r\n",
        request(b"Content-Length: 15"),
        request(b"Content-Length : 15"),
        request(b"Transfer-Encoding: chunked"),
        request(b"Transfer-Encoding : chunked"),
        request(b"Expect: 100-continue"),
        request(b"Connection: close"),
        request(b"Connection: keep-alive, close"),
        request(b"Connection: Upgrade", b"Upgrade: h2c"),
        request(b"Upgrade: h2c"),
        request(b"X-Request-ID: mine"),
        request(b"x-priority: bulk"),
        request(b"X-Folded: a\r\n b"),
        request(b"X-Nul: a\0b"),
        request(b"X-Line: a\nContent-Length: 0"),
        request(b"X-Return: a\rb"),
        request(b"no field"),
        request(b": no name"),
        request().replace(b"Content-Length: 15", b"Content-Length: +15"),
        request().replace(b"Content-Length: 15", b"Content-Length: 15, 15"),
        request().replace(b"Content-Length: 15", b"Content-Length: 0x0f"),
        request().replace(b"\r\n", b"\n"),
    ],
)
def test_everything_else_is_left_to_the_parser(data):
    assert plain_path(data, MOST) is None


def test_a_header_that_is_too_large_is_left_to_the_parser():
    data = request(b"X-Filler: " + b"a" * 1000)
    header = data.index(b"\r\n\r\n") + 4
    assert plain_path(data, header) == "/v1/sentiment"
    assert plain_path(data, header - 1) is None


LENGTH = b"Content-Length: 2\r\n"
FIELDS = st.sampled_from(
    [
        b"Host: a\r\n",
        b"Accept:\r\n",
        b"X-Name: \xff\t\r\n",
        b"Content-Length: 0\r\n",
        b"content-length: 2\r\n",
        b"Content-Length:2 \r\n",
        b"Connection: keep-alive\r\n",
        b"connection: close\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"Upgrade: websocket\r\n",
        b"X-Request-ID: a\r\n",
        b"X-Priority: bulk\r\n",
        b"Keep-Alive: timeout=5\r\n",
        b"Proxy-Connection: close\r\n",
        b"TE: trailers\r\n",
        b"Trailer: a\r\n",
    ]
)
SOME_FIELDS = st.lists(FIELDS, max_size=3).map(b"".join)
DAMAGE = st.sampled_from([b"\r\n", b"\r", b"\n", b" ", b":", b"\t", b"\0", b"\xff"]) | st.binary(
    max_size=3
)


@st.composite
def nearly_plain(draw):
    """A request of one length and some other fields, half of the time with something put in."""
    before, after = draw(SOME_FIELDS), draw(SOME_FIELDS)
    data = HEAD + before + LENGTH + after + b"\r\nno"
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(DAMAGE) + data[place:]
    return data


@given(nearly_plain())
def test_what_is_recognised_is_one_whole_request_for_the_parser_too(data):
    path = plain_path(data, MOST)
    if path is None:
        return
    parsed = Parsed(data)
    assert parsed.messages == 1
    assert parsed.url.decode() == path
    assert parsed.parser.should_keep_alive()
    assert parsed.parser.get_http_version() == "1.1"
    assert parsed.parser.get_method() == b"POST"
    assert not parsed.parser.should_upgrade()
    assert data.endswith(b"\r\n\r\n" + parsed.body)
    assert not {b"x-request-id", b"x-priority", b"expect"} & {name for name, _ in parsed.fields}
