"""Decides, from a request's header alone, whether its caller may ask at all: by key and by rate.

The keys are Bearer tokens (RFC 6750). What is left of a caller's rate is told in the fields of
draft-ietf-httpapi-ratelimit-headers, in their form as structured fields.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from starlette.types import Scope

from service.api.problems import RETRY_AFTER, ProblemError
from service.api_keys import ApiKeys
from service.rate_limit import TokenBuckets
from service.telemetry.metrics import Metrics

ACCESS = "access"
"""Where the decision is in a scope's state."""

LOGGED = "logged"
"""Where the members are in a scope's state that the request's log line has of the caller."""

HEALTH = frozenset(
    {
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/v2/health/live",
        "/v2/health/ready",
    }
)
"""What an orchestrator asks: behind nothing."""

WITHOUT_KEY = HEALTH | {"/docs", "/openapi.json"}
"""The description beside it: a browser sends no key, and it tells nothing of who runs the service.
"""

WITHOUT_RATE = HEALTH | {"/metrics"}

MOST_ADDRESSES = 65_536
"""Addresses whose buckets are kept, of those that are not full."""

RATE_LIMIT, RATE_LIMIT_POLICY = "RateLimit", "RateLimit-Policy"
POLICY = '"requests"'

NO_KEY, MALFORMED, WRONG_KEY, RATE_LIMITED = (
    "no_key",
    "malformed_authorization",
    "wrong_key",
    "rate_limited",
)

_AUTHORIZATION = b"authorization"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="albert-serve"'}


def no_key() -> ProblemError:
    """401 for a request without a key."""
    detail = "This service asks for a key: send the header Authorization: Bearer KEY."
    return ProblemError(401, NO_KEY, detail, headers=dict(_CHALLENGE))


def malformed() -> ProblemError:
    """401 for what is no Bearer token."""
    detail = "The header Authorization has to be one, of the form: Bearer KEY."
    return ProblemError(401, MALFORMED, detail, headers=dict(_CHALLENGE))


def wrong_key() -> ProblemError:
    """403 for a key that is nobody's."""
    return ProblemError(403, WRONG_KEY, "This key is none of those that this service takes.")


def rate_limited(rate: float, seconds: int, what: str = "key") -> ProblemError:
    """429 for a caller, known by ``what``, whose bucket is empty for so many seconds."""
    detail = (
        f"This {what} has sent more than its {rate:g} requests a second; try again in {seconds} s."
    )
    return ProblemError(429, RATE_LIMITED, detail, headers={RETRY_AFTER: str(seconds)})


@dataclass(frozen=True, slots=True)
class Decision:
    """``refusal`` is None for a request that is let in; ``headers`` are for its answer, whatever
    that is.
    """

    refusal: ProblemError | None
    headers: dict[str, str]


LET_IN = Decision(None, {})


class Access:
    """One for the whole process. Lives on the event loop.

    A caller with a key has the bucket of the key, any other that of its address: also one whose key
    is wrong, so that guessing is bounded too.
    """

    def __init__(
        self,
        keys: ApiKeys | None,
        rate: float | None,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._metrics = metrics
        self._of_keys = self._of_addresses = None
        if rate is not None:
            self._of_keys = TokenBuckets(rate, len(keys or ()), clock)
            self._of_addresses = TokenBuckets(rate, MOST_ADDRESSES, clock)

    def decide(self, scope: Scope) -> Decision:
        """Whether the request of ``scope`` is let in: decided, and counted, once for each."""
        state: dict[str, Any] = scope["state"]
        decision: Decision | None = state.get(ACCESS)
        if decision is None:
            path: str = scope["path"].removesuffix("/")
            decision = LET_IN if path in HEALTH else self._decide(scope, path, state)
            state[ACCESS] = decision
        return decision

    def _decide(self, scope: Scope, path: str, state: dict[str, Any]) -> Decision:
        name, refusal = "", None
        if self._keys is not None and path not in WITHOUT_KEY:
            name, refusal = self._identify(scope, self._keys)
            state[LOGGED] = {"client": _host_of(scope)} if refusal else {"key": name}
        headers: dict[str, str] = {}
        if refusal is not None or path not in WITHOUT_RATE:
            limited, headers = self._limit(scope, name)
            refusal = limited or refusal
        if refusal is not None:
            self._metrics.caller_refused(refusal.error_type, name)
        return Decision(refusal, headers)

    @staticmethod
    def _identify(scope: Scope, keys: ApiKeys) -> tuple[str, ProblemError | None]:
        """Whose key the request has, or the refusal of who has none."""
        given = [value for field, value in scope["headers"] if field == _AUTHORIZATION]
        if not given:
            return "", no_key()
        scheme, _, token = given[0].strip(b" \t").partition(b" ")
        token = token.strip(b" \t")
        if len(given) > 1 or scheme.lower() != b"bearer" or not token or b" " in token:
            return "", malformed()
        name = keys.name_of(token)
        return ("", wrong_key()) if name is None else (name, None)

    def _limit(self, scope: Scope, name: str) -> tuple[ProblemError | None, dict[str, str]]:
        """The refusal of who is over its rate, and the header that says what is left of it."""
        buckets = self._of_keys if name else self._of_addresses
        if buckets is None:
            return None, {}
        standing = buckets.take(name or network_of(_host_of(scope)))
        seconds = standing.next_seconds
        headers = {
            RATE_LIMIT_POLICY: f"{POLICY};q={buckets.burst};w={buckets.window_seconds}",
            RATE_LIMIT: f"{POLICY};r={standing.left};t={seconds}",
        }
        if standing.is_allowed:
            return None, headers
        return rate_limited(buckets.rate, seconds, "key" if name else "address"), headers


def network_of(host: str) -> str:
    """What a caller's address is limited by: of IPv6 the /64, in which one caller has as many
    addresses as it likes; of IPv4, also written as IPv6, the address.
    """
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> 64:x}/64"


def _host_of(scope: Scope) -> str:
    """The other end of the connection, "" where the server does not know it."""
    client = scope.get("client")
    return client[0] if client else ""
