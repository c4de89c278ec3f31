"""From the handset to the page to the next campaign: the link in a delivered message says no, on the whole running product."""

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest

from deploy.local.product import Product
from tests.flow import doors, files, stubs
from tests.flow.running import Sandbox, login

TAG = "링크"
NUMBERS = files.numbers(3_100_000, 3)


@pytest.fixture(scope="module")
def rest(product: Product) -> Iterator[doors.Rest]:
    made = doors.Rest(product.gateway_url, login(product)["api_key"])
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def customers(call: stubs.Caller) -> None:
    stubs.customers(call, files.agreed(NUMBERS), name="링크.csv", tag=TAG)


def sent(rest: doors.Rest, call: stubs.Caller, body: str) -> Any:
    """A campaign to the three, at its end."""
    draft = {
        "name": "링크",
        "purpose": "PURPOSE_AD",
        "body": body,
        "senderNumberId": rest("ListSenderNumbers")["senderNumbers"][0]["id"],
        "audience": {"anyTags": [TAG]},
    }
    campaign = rest("CreateCampaign", campaign=draft)["campaign"]["id"]
    rest("LaunchCampaign", campaignId=campaign)
    return stubs.follow(call, campaign)


def link(sandbox: Sandbox, number: str) -> str:
    [text] = [one["text"] for one in sandbox.messages() if one["receiver"] == number and "/o/" in one["text"]]
    return str(text).split("수신거부 ")[1].split("\n")[0]


def test_a_link_in_a_message_says_no_for_its_receiver(
    rest: doors.Rest, call: stubs.Caller, sandbox: Sandbox, customers: None, channel: grpc.Channel
) -> None:
    """R-OPT-1, R-OPT-5: looking does nothing; the button does, and the next campaign leaves this one person out."""
    assert sent(rest, call, "새 원두가 들어왔습니다.\n수신거부 #{수신거부링크}").counters.accepted == 3
    found = link(sandbox, NUMBERS[1])
    for method in ("GET", "HEAD", "GET"):
        answer = httpx.request(method, found, trust_env=False, timeout=20)
        assert answer.status_code == 200
    assert "광고 문자 그만 받기" in answer.text
    assert not rest("ListSuppressions", filter=f'phone = "{NUMBERS[1]}"')["suppressions"]

    pressed = httpx.post(found, data={"confirm": "yes"}, trust_env=False, timeout=20)
    assert "수신거부가 처리되었습니다" in pressed.text
    [no] = rest("ListOptouts", filter=f'phone = "{NUMBERS[1]}"')["optouts"]
    assert no["source"] == "SOURCE_LINK"
    assert "이미 수신거부된 번호입니다" in httpx.get(found, trust_env=False, timeout=20).text

    again = sent(rest, call, "원두가 거의 다 나갔습니다.")
    assert (again.counters.selected, again.counters.excluded, again.counters.accepted) == (3, 1, 2)
    assert len([one for one in sandbox.messages() if one["receiver"] == NUMBERS[1] and "거의 다" in one["text"]]) == 0


def test_a_link_that_was_changed_says_nothing(sandbox: Sandbox, customers: None) -> None:
    found = link(sandbox, NUMBERS[0])
    answer = httpx.post(found[:-1] + ("0" if found[-1] != "0" else "1"), data={"confirm": "yes"}, trust_env=False, timeout=20)
    assert answer.status_code == 404
    assert "아직 처리되지 않았습니다" in answer.text
