"""Too often, too much, and what the caller is told about it."""

from collections.abc import Iterator

import grpc
import httpx
import pytest

from gateway.limits import BODY_BYTES, Buckets
from tests.gateway.backend import Backend, Failure
from tests.gateway.conftest import Running, environment, serving


class Clock:
    """Time that stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_evenly() -> None:
    clock = Clock()
    buckets = Buckets(3, 60, clock)

    assert [buckets.take("ada") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("bob")
    assert buckets.wait("ada") == pytest.approx(20)
    assert buckets.headers("ada") == {"RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "60"}
    clock.now += 19.9
    assert not buckets.take("ada")
    clock.now += 0.2
    assert buckets.take("ada")
    clock.now += 1e6
    assert buckets.left("ada") == 3


def test_only_so_many_callers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.limits._MOST_CALLERS", 10)
    buckets = Buckets(1, 60, Clock())

    for number in range(50):
        buckets.take(str(number))

    assert len(buckets._buckets) == 10
    assert not buckets.take("49")
    assert buckets.take("0")


@pytest.fixture
def strict(backend: Backend) -> Iterator[Running]:
    """A gateway that allows five calls a day."""
    with serving(environment(backend, rate_limit="5/day")) as running:
        yield running


def get(running: Running, token: str, path: str = "/api/v1/workspace") -> httpx.Response:
    """One call."""
    return httpx.get(running.url + path, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def test_the_sixth_call_of_a_credential_is_refused(strict: Running, backend: Backend) -> None:
    answers = [get(strict, "ada") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert answers[5].headers["RateLimit-Limit"] == "5"
    assert 0 < int(answers[5].headers["Retry-After"]) <= 86400 / 5
    assert answers[5].json()["reason"] == "RATE_LIMITED"
    assert len(backend.calls) == 5
    assert get(strict, "bob").status_code == 200


def test_the_way_in_is_counted_by_address_whatever_token_comes_along(strict: Running, backend: Backend) -> None:
    def sign_in(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        body = {"email": "a@b.kr", "password": "x"}
        return httpx.post(f"{strict.url}/api/v1/sessions", json=body, headers=headers, trust_env=False).status_code

    assert [sign_in(f"made-up-{number}") for number in range(6)] == [200] * 5 + [429]


def test_made_up_tokens_do_not_help(strict: Running, backend: Backend) -> None:
    backend.answer("GetWorkspace", Failure(grpc.StatusCode.UNAUTHENTICATED))

    assert [get(strict, f"made-up-{number}").status_code for number in range(7)] == [401] * 5 + [429] * 2


def test_pages_are_not_counted(strict: Running) -> None:
    assert [httpx.get(f"{strict.url}/livez", trust_env=False).status_code for _ in range(9)] == [200] * 9
    assert "RateLimit-Limit" not in httpx.get(f"{strict.url}/health", trust_env=False).headers


def test_unknown_addresses_are_counted(strict: Running) -> None:
    statuses = [get(strict, f"made-up-{number}", "/api/v1/nope").status_code for number in range(6)]

    assert statuses == [404] * 5 + [429]


def test_a_body_of_just_the_limit(client: httpx.Client, backend: Backend) -> None:
    body = b'{"name": "a"}'.ljust(BODY_BYTES)

    headers = {"Content-Type": "application/json"}
    assert client.post("/api/v1/products", content=body, headers=headers).status_code == 200
    assert client.post("/api/v1/products", content=body + b" ", headers=headers).status_code == 413
    assert len(backend.calls) == 1


def test_a_body_that_does_not_say_how_long_it_is(client: httpx.Client, backend: Backend) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = client.post("/api/v1/products", content=chunks(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["reason"]) == (413, "BODY_TOO_LARGE")
    assert not backend.calls


# --- behind a proxy -----------------------------------------------------------------------------------------------

PROXY, ANOTHER = "127.0.0.7", "127.0.0.8"


@pytest.fixture
def behind(backend: Backend) -> Iterator[Running]:
    """A gateway that believes one proxy, on another host than itself."""
    with serving(environment(backend, rate_limit="2/day", trusted_proxies=PROXY)) as running:
        yield running


def sign_in_from(running: Running, host: str, *forwarded: str) -> int:
    """Over a connection that comes from this host, with what it claims."""
    headers = [("X-Forwarded-For", each) for each in forwarded]
    with httpx.Client(transport=httpx.HTTPTransport(local_address=host)) as http:
        answer = http.post(f"{running.url}/api/v1/sessions", json={"email": "a@b.kr", "password": "x"}, headers=headers)
    return answer.status_code


def test_behind_a_trusted_proxy_everybody_has_a_limit_of_their_own(behind: Running) -> None:
    assert [sign_in_from(behind, PROXY, "203.0.113.5") for _ in range(3)] == [200, 200, 429]
    assert sign_in_from(behind, PROXY, "203.0.113.6") == 200


def test_who_is_no_trusted_proxy_is_counted_by_its_own_address_whatever_it_claims(behind: Running) -> None:
    assert [sign_in_from(behind, ANOTHER, f"203.0.113.{number}") for number in range(3)] == [200, 200, 429]


def test_what_a_caller_claims_to_a_trusted_proxy_stands_before_what_the_proxy_saw(behind: Running) -> None:
    """A balancer that adds to the header: only what it added itself is believed."""
    assert [sign_in_from(behind, PROXY, f"198.51.100.{number}, 203.0.113.9") for number in range(3)] == [200, 200, 429]
    assert sign_in_from(behind, PROXY, "198.51.100.77", "203.0.113.9") == 429
