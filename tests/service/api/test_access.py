"""Who may ask, what the others are told, and whose bucket a request is taken from."""

import pytest

from service.api.access import LOGGED, MOST_ADDRESSES, Access, network_of
from service.api_keys import read_keys
from service.telemetry.metrics import Metrics
from tests.keys import ALICE, BOB, WRONG, write_keys

OPEN = ("/health/live", "/health/ready", "/health/startup", "/v2/health/live", "/v2/health/ready")
DESCRIBED = ("/docs", "/openapi.json")
CLOSED = (
    *("/", "/v1/sentiment", "/v1/models", "/v1/sentiment/health", "/v1/bulk/sentiment", "/nope"),
    *("/metrics", "/v2", "/v2/models/a/ready", "/v2/models/a/infer", "/health", "/health/other"),
    *("/health/live/more", "//health/live", "/HEALTH/live", "/docs/x", "/openapi.json//"),
    "/docs/oauth2-redirect",
)


class Gate:
    """What decides, on a clock that the test turns."""

    def __init__(self, keys=None, rate=None):
        self.now = 1000.0
        self.metrics = Metrics()
        self.access = Access(keys, rate, self.metrics, lambda: self.now)

    def decide(self, key=None, path="/v1/sentiment", host="10.0.0.1", headers=None, state=None):
        if headers is None:
            headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
        scope = {
            "type": "http",
            "path": path,
            "headers": [(b"host", b"here"), *headers],
            "client": None if host is None else (host, 1234),
            "state": {} if state is None else state,
        }
        return self.access.decide(scope)

    def status(self, *arguments, **options):
        refusal = self.decide(*arguments, **options).refusal
        return 200 if refusal is None else refusal.status

    def refused(self, reason, key=""):
        line = f'albert_callers_refused_total{{key="{key}",reason="{reason}"}} '
        [found] = [
            each for each in self.metrics.expose("")[0].decode().splitlines() if line in each
        ]
        return float(found.removeprefix(line))


@pytest.fixture
def keys(tmp_path):
    return read_keys(write_keys(tmp_path))


def test_a_right_key_is_let_in_and_named_in_the_log(keys):
    state = {}
    assert Gate(keys).decide(ALICE, state=state).refusal is None
    assert state[LOGGED] == {"key": "alice"}


@pytest.mark.parametrize("path", CLOSED)
def test_behind_the_key(keys, path):
    gate = Gate(keys)
    assert [gate.status(each, path=path) for each in (None, WRONG, BOB)] == [401, 403, 200]


@pytest.mark.parametrize("path", [*OPEN, *DESCRIBED, *(f"{path}/" for path in OPEN)])
def test_not_behind_the_key(keys, path):
    assert [Gate(keys).status(each, path=path) for each in (None, WRONG, BOB)] == [200] * 3


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (f"Bearer {ALICE}", 200),
        (f"bearer {ALICE}", 200),
        (f"BEARER   {ALICE} ", 200),
        (ALICE, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Bearer{ALICE}", 401),
        (f"Basic {ALICE}", 401),
        (f"Token {ALICE}", 401),
        (f"Bearer {ALICE} {ALICE}", 401),
        (f"Bearer {ALICE},", 403),
        (f"Bearer {ALICE[:-1]}", 403),
        ("Bearer alice", 403),
        ("Bearer \xff\xfe", 403),
    ],
)
def test_the_header_is_a_bearer_token(keys, value, status):
    gate = Gate(keys)
    given = gate.decide(headers=[(b"authorization", value.encode("latin-1"))])
    assert (200 if given.refusal is None else given.refusal.status) == status
    if status == 401:
        assert given.refusal.headers["WWW-Authenticate"] == 'Bearer realm="albert-serve"'
        assert gate.refused("malformed_authorization") == 1


def test_two_headers_are_one_too_many(keys):
    field = (b"authorization", f"Bearer {ALICE}".encode())
    assert Gate(keys).decide(headers=[field, field]).refusal.error_type == "malformed_authorization"


def test_a_refusal_has_neither_key_nor_header_in_it_and_its_log_has_the_address(keys):
    for key in (None, WRONG):
        state = {}
        refusal = Gate(keys).decide(key, state=state).refusal
        assert WRONG not in repr(refusal)
        assert state[LOGGED] == {"client": "10.0.0.1"}


def test_each_key_has_a_rate_of_its_own_wherever_it_comes_from(keys):
    gate = Gate(keys, rate=2)
    hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert [gate.status(ALICE, host=host) for host in hosts] == [200, 200, 429]
    assert gate.status(BOB) == 200
    gate.now += 0.5
    assert [gate.status(ALICE), gate.status(ALICE)] == [200, 429]
    assert gate.refused("rate_limited", "alice") == 2


def test_without_keys_each_address_has(keys):
    gate = Gate(rate=1)
    assert [gate.status(host=f"10.0.0.{number}") for number in (1, 2, 1, 2)] == [200, 200, 429, 429]
    assert gate.status(ALICE) == 429
    assert gate.refused("rate_limited") == 3


def test_guessing_is_limited_by_address_and_takes_nothing_from_a_key(keys):
    gate = Gate(keys, rate=2)
    assert [gate.status(WRONG) for _ in range(4)] == [403, 403, 429, 429]
    assert [gate.status(), gate.status(path="/metrics"), gate.status(path="/docs")] == [429] * 3
    assert gate.status(ALICE) == 200
    assert gate.refused("wrong_key") == 2


@pytest.mark.parametrize("path", [*OPEN, "/metrics"])
def test_health_and_metrics_have_no_rate(keys, path):
    for gate in (Gate(rate=1), Gate(keys, rate=1)):
        for _ in range(5):
            decision = gate.decide(ALICE, path=path)
            assert (decision.refusal, decision.headers) == (None, {})


def test_what_is_left_is_told_with_every_answer(keys):
    gate = Gate(keys, rate=2.5)
    told = [gate.decide(key).headers for key in (ALICE, ALICE, ALICE, ALICE, None)]
    assert {each["RateLimit-Policy"] for each in told} == {'"requests";q=3;w=2'}
    assert [each["RateLimit"] for each in told] == [
        '"requests";r=2;t=1',
        '"requests";r=1;t=1',
        '"requests";r=0;t=1',
        '"requests";r=0;t=1',
        '"requests";r=2;t=1',
    ]
    assert Gate(keys).decide(ALICE).headers == {}


@pytest.mark.parametrize(("waited", "told"), [(0.0, 4), (0.9, 4), (1.1, 3), (3.9, 1)])
def test_a_refusal_for_the_rate_says_when_the_next_token_is_there(waited, told):
    gate = Gate(rate=0.25)
    gate.decide()
    gate.now += waited
    decision = gate.decide()
    assert decision.refusal.status == 429
    assert decision.refusal.error_type == "rate_limited"
    assert decision.refusal.headers["Retry-After"] == str(told)
    assert decision.headers["RateLimit"] == f'"requests";r=0;t={told}'
    assert "This address has sent more than its 0.25 requests a second" in decision.refusal.detail
    assert f"try again in {told} s." in decision.refusal.detail
    gate.now += told
    assert gate.status() == 200


def test_a_request_is_decided_and_counted_once(keys):
    gate = Gate(keys, rate=1)
    state = {}
    first = gate.decide(ALICE, state=state)
    assert gate.decide(ALICE, state=state) is first
    assert first.headers["RateLimit"] == '"requests";r=0;t=1'
    refused = {}
    for _ in range(3):
        assert gate.decide(ALICE, state=refused).refusal.status == 429
    assert gate.refused("rate_limited", "alice") == 1


def test_a_caller_whose_address_is_unknown_is_limited_too():
    gate = Gate(rate=1)
    assert [gate.status(host=None), gate.status(host=None)] == [200, 429]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::1", "10.0.0.1", False),
    ],
)
def test_addresses_of_one_network_count_as_one_caller(one, other, is_same):
    assert (network_of(one) == network_of(other)) is is_same


def test_however_many_addresses_come_the_memory_is_bounded_and_keys_keep_their_buckets(keys):
    gate = Gate(keys, rate=0.001)
    assert gate.status(ALICE) == 200
    for number in range(MOST_ADDRESSES + 100):
        gate.decide(host=f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert len(gate.access._of_addresses) == MOST_ADDRESSES
    assert gate.status(ALICE) == 429
