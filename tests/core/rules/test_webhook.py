"""The rules of webhooks: the signature, the patience, the cutting, and which addresses are inside a network."""

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import InvalidInput
from core.rules import webhook
from core.rules.events import Event, News, Told

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def test_the_signature_is_the_one_of_the_public_example() -> None:
    """Secret, id, time, body and result as the reference libraries of Standard Webhooks test them."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signed = webhook.signature([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_make_two_signatures_the_present_one_first() -> None:
    first, second = webhook.signature([b"new", b"old"], "id", 1, b"{}").split(" ")
    assert first == webhook.signature([b"new"], "id", 1, b"{}")
    assert second == webhook.signature([b"old"], "id", 1, b"{}")


def test_a_secret_is_long_random_and_readable_by_any_library() -> None:
    secret = webhook.new_secret()
    assert len(secret) == 32 and secret != webhook.new_secret()
    shown = webhook.written(secret)
    assert shown.startswith("whsec_") and base64.b64decode(shown.removeprefix("whsec_")) == secret


def test_the_body_is_the_same_at_every_try_and_reads_as_rest_does() -> None:
    event = Event("e-1", "message.failed", NOW, "c", "m-1", "주문 17", "BLOCKED")
    said = webhook.body([event], NOW)
    assert said == webhook.body([event], NOW)
    assert json.loads(said) == {
        "type": "events",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "events": [
                {
                    "id": "e-1",
                    "type": "message.failed",
                    "time": "2026-03-01T12:00:00Z",
                    "campaignId": "c",
                    "messageId": "m-1",
                    "clientReference": "주문 17",
                    "reason": "BLOCKED",
                    "test": False,
                }
            ]
        },
    }


# --- patience -----------------------------------------------------------------------------------------------------


@given(some.floats(0, 1, exclude_max=True))
def test_gaps_grow_to_four_hours_and_end_after_a_day(spread: float) -> None:
    at: datetime | None = NOW
    tried = []
    while at is not None:
        tried.append(at)
        at = webhook.next_try(at, NOW + DAY, spread)
    gaps = [later - earlier for earlier, later in zip(tried, tried[1:], strict=False)]
    assert tried[-1] == NOW + DAY
    assert gaps[0] >= timedelta(seconds=5)
    assert gaps[:-1] == sorted(gaps[:-1])
    assert max(gaps) <= timedelta(hours=5)
    assert 12 <= len(tried) <= 20


def test_a_time_that_was_asked_for_is_kept_within_reason() -> None:
    assert webhook.next_try(NOW, NOW + DAY, 0.0, 60.0) == NOW + timedelta(seconds=60)
    assert webhook.next_try(NOW, NOW + DAY, 0.0, 1.0) == NOW + timedelta(seconds=5)
    assert webhook.next_try(NOW, NOW + DAY, 0.0, 1e9) == NOW + timedelta(hours=4)


def test_a_clock_that_went_back_does_no_harm() -> None:
    assert webhook.next_try(NOW - timedelta(hours=1), NOW + DAY, 0.0) == NOW - timedelta(hours=1) + timedelta(seconds=5)


# --- cutting ------------------------------------------------------------------------------------------------------


def told(row: int, count: int) -> Told:
    news = News("message.accepted", list(range(count)), {})
    return Told(UUID(int=row), row, news, NOW, None, UUID(int=9), 500, False, False)


@given(some.lists(some.integers(0, 320), max_size=8))
def test_every_event_is_in_one_delivery_in_order(counts: list[int]) -> None:
    rows = [told(number, count) for number, count in enumerate(counts, 1) if count]
    unfolded = {row.row: [(row.row, at) for at in range(row.count)] for row in rows}
    found = []
    for ids, skip, size in webhook.cut(rows):
        assert 0 < size <= webhook.EVENTS
        chunk = [event for row in ids for event in unfolded[row]][skip : skip + size]
        assert len(chunk) == size
        found += chunk
    assert found == [event for row in rows for event in unfolded[row.row]]


def test_single_events_share_a_delivery() -> None:
    [(ids, skip, size)] = list(webhook.cut([told(number, 1) for number in range(1, 31)]))
    assert (len(ids), skip, size) == (30, 0, 30)


# --- where it may go ----------------------------------------------------------------------------------------------

INSIDE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
    "2001:0:7f00:1::",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808")


@pytest.mark.parametrize("address", INSIDE)
def test_inside_a_network(address: str) -> None:
    assert not webhook.may_reach(address, real=True)
    with pytest.raises(InvalidInput):
        webhook.check_addresses(["8.8.8.8", address], real=True)


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    assert webhook.may_reach(address, real=True)


def test_development_may_reach_this_machine_and_nothing_else_inside() -> None:
    assert webhook.may_reach("127.0.0.1", real=False) and webhook.may_reach("::1", real=False)
    assert not webhook.may_reach("10.0.0.1", real=False)
    assert not webhook.may_reach("169.254.169.254", real=False)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://shop.example.com/hook?a=1", ("shop.example.com", 443)),
        ("https://shop.example.com:8443/", ("shop.example.com", 8443)),
        ("https://SHOP.example.com", ("shop.example.com", 443)),
        ("https://8.8.8.8/hook", ("8.8.8.8", 443)),
        ("https://[2606:4700::1111]/hook", ("2606:4700::1111", 443)),
    ],
)
def test_a_good_address(url: str, place: tuple[str, int]) -> None:
    assert webhook.host_of(url, real=True) == place


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example.com", "http://shop.example.com", "ftp://shop.example.com", "https://", "https:///hook", "https://:443/",
        "https://user@shop.example.com", "https://user:pass@shop.example.com", "https://@shop.example.com",
        "https://shop.example.com/#part", "https://shop.example.com:99999/", "https://shop.example.com:x/",
        "https://shop.example.com/\r\nx: y", "https://shop.example.com/a b", "https://가게.example.com/", "https://a\\@b.com/",
        "javascript:alert(1)", "https://[::1", "https://shop.example.com/<x>",
    ],
)  # fmt: skip
def test_no_address_to_post_to(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        webhook.host_of(url, real=True)
    assert caught.value.reason == "WEBHOOK_URL_INVALID"


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost.", "db", "db.internal", "printer.local", "x.localhost", "127.1", "0x7f.1", "2130706433",
     "0177.0.0.1", "127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]"],
)  # fmt: skip
def test_a_name_or_number_that_leads_inside(host: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        webhook.host_of(f"https://{host}/hook", real=True)
    assert caught.value.reason == "WEBHOOK_ADDRESS_FORBIDDEN"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/hook", "http://localhost:8000/", "http://[::1]:8000/", "https://shop.kr/"]
)
def test_in_development_this_machine_is_good_enough(url: str) -> None:
    assert webhook.host_of(url, real=False)


@pytest.mark.parametrize("host", ["10.0.0.1", "db.internal", "169.254.169.254"])
def test_in_development_the_rest_of_the_network_is_not(host: str) -> None:
    with pytest.raises(InvalidInput):
        webhook.host_of(f"http://{host}/", real=False)
