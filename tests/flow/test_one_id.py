"""One request is followed by its ids from the browser to the provider: through the log of every process it passes."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.product import Product
from tests.flow import stubs
from tests.flow.running import Sandbox, login

PLACES = {"gateway": "request", "server": "rpc", "worker-single": "handed_over"}


def lines(product: Product, process: str, event: str, request_id: str) -> list[str]:
    """What this process wrote of this event under this id."""
    found = re.compile(rf"\b{event}\b.*\brequest_id={request_id}\b")
    return [line for line in product.log(process).read_text().splitlines() if found.search(line)]


@pytest.fixture
def rest(product: Product) -> Any:
    with httpx.Client(base_url=product.gateway_url, headers={"X-API-Key": login(product)["api_key"]}, timeout=30) as client:
        yield client


def test_one_id_from_the_browser_to_the_provider_call(product: Product, rest: httpx.Client, sandbox: Sandbox) -> None:
    asked, trace, text = f"order-{uuid4().hex}", uuid4().hex, f"[봄날커피] 주문 {uuid4()} 접수"
    sender = rest.get("/api/v1/senderNumbers").json()["senderNumbers"][0]["id"]
    given = {"to": "010-0077-0001", "text": text, "senderNumberId": sender, "purpose": "PURPOSE_INFO"}
    headers = {"X-Request-Id": asked, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = rest.post("/api/v1/messages", json=given, headers=headers)
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, asked)
    for process, event in PLACES.items():
        (line,) = stubs.until(lambda at=process, of=event: lines(product, at, of, asked), bool)
        assert f"trace_id={trace}" in line
        assert text not in line and "0077" not in line
    (line,) = lines(product, "worker-single", "handed_over", asked)
    assert "outcome=accepted" in line and "provider=aligo" in line
    assert [one for one in sandbox.messages() if one["text"] == text]


def test_who_brings_no_id_is_given_one_and_it_is_the_same_everywhere(product: Product, rest: httpx.Client) -> None:
    sender = rest.get("/api/v1/senderNumbers").json()["senderNumbers"][0]["id"]
    given = {"to": "010-0077-0001", "text": f"주문 {uuid4()}", "senderNumberId": sender, "purpose": "PURPOSE_INFO"}
    asked = rest.post("/api/v1/messages", json=given).headers["x-request-id"]
    traces = set()
    for process, event in PLACES.items():
        (line,) = stubs.until(lambda at=process, of=event: lines(product, at, of, asked), bool)
        traces |= set(re.findall(r"trace_id=([0-9a-f]{32})", line))
    assert len(traces) == 1
