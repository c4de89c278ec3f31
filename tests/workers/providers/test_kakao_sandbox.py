"""Both providers' Alimtalk against the sandbox: what phones show, whom Kakao does not reach, and what a lost answer leaves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.rules import reasons
from core.rules.channel import Channel
from core.rules.states import MessageState, TemplateState
from tests.workers.providers import notices
from tests.workers.providers.cases import attempt
from tests.workers.providers.solapi_sandbox import Sandbox
from tests.workers.providers.solapi_shop import KEY, SECRET, SENDER
from workers.providers import Account, Busy, Cause, Parcel, Provider, Refused, Unknown, find

ACCOUNTS = {
    "aligo": {"key": "sandbox-key", "user_id": "sandbox"},
    "solapi": {"api_key": KEY, "api_secret": SECRET},
}
CODES = {"aligo": "TX_0412", "solapi": "KA01TP0412"}
SENDS = {"aligo": "/akv10/alimtalk/send/", "solapi": "POST /messages/v4/groups/*/send"}


class Pair:
    """One provider against the sandbox."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox, self.name = sandbox, name
        account = Account(name, sandbox.url, ACCOUNTS[name], False, kakao_url=sandbox.url if name == "aligo" else "")
        self.provider: Provider = find(account)

    def parcel(self, *receivers: str) -> Parcel:
        template = next(one for one in self.provider.templates() if one.code == CODES[self.name])
        return notices.parcel(template, SENDER, receivers or ("01020000001", "01020000002"))


@pytest.fixture(params=ACCOUNTS)
def pair(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Pair]:
    sandbox.ask("templates", "DELETE")
    yield Pair(sandbox, request.param)


def test_notices_arrive_as_written(pair: Pair) -> None:
    batch = pair.parcel(*[f"0102{place:07d}" for place in range(500)])
    accepted = pair.provider.send(batch)
    assert (accepted.accepted, accepted.refused, accepted.channel) == (500, 0, Channel.ALIMTALK)
    shown = {one["receiver"]: one for one in pair.sandbox.messages()}
    assert {receiver: one["text"] for receiver, one in shown.items()} == dict(zip(batch.receivers, batch.texts, strict=True))
    assert shown[batch.receivers[7]]["kakao"]["buttons"][0]["linkMo"] == "https://shop.example/o/A-7"
    pair.sandbox.ask("clock", "POST", {"offset_seconds": 7200})
    report = pair.provider.results(accepted.reference)
    assert report.complete
    assert {result.state for result in report.results} == {MessageState.DELIVERED}


def test_whom_kakao_does_not_reach(pair: Pair) -> None:
    reference = pair.provider.send(pair.parcel("01020000001", "01020009007", "01020009005", "01020009004")).reference
    assert [result.state for result in pair.provider.results(reference).results] == [None] * 4
    pair.sandbox.ask("clock", "POST", {"offset_seconds": 7200})
    results = pair.provider.results(reference).results
    assert [result.state for result in results] == [MessageState.DELIVERED, MessageState.FAILED, MessageState.FAILED, None]
    assert all(result.known for result in results)
    assert {reasons.failure(result.text) for result in results[1:3]} == {"NO_KAKAO"}
    assert {one["type"] for one in pair.sandbox.messages()} <= {"AT", "ATA"}, "no SMS but ours"


def test_a_titled_template_and_one_that_waits(pair: Pair) -> None:
    by_name = {one.name: one for one in pair.provider.templates()}
    titled = notices.parcel(by_name["적립금 안내"], SENDER, ["01020000001"])
    assert titled.written[0].title == "내일 소멸"
    pair.provider.send(titled)
    assert pair.sandbox.messages()[0]["kakao"]["title"] == "내일 소멸"
    assert by_name["가입 안내"].state is TemplateState.IN_REVIEW
    outcome = attempt(pair.provider, notices.parcel(by_name["가입 안내"], SENDER, ["01020000001"]))
    assert isinstance(outcome, Refused)
    assert outcome.cause is Cause.MESSAGE


def test_a_template_changed_meanwhile_fails_with_the_right_reason(pair: Pair) -> None:
    """Aligo takes it and says so later (U); Solapi fills in its own copy."""
    batch = pair.parcel("01020000001")
    pair.sandbox.ask(
        "templates", "POST", {"provider": pair.name, "code": CODES[pair.name], "content": "#{고객명}님, #{주문번호} 접수"}
    )
    outcome = attempt(pair.provider, batch)
    pair.sandbox.ask("clock", "POST", {"offset_seconds": 7200})
    if pair.name == "aligo":
        assert not isinstance(outcome, Exception)
        [result] = pair.provider.results(outcome.reference).results
        assert (result.state, result.code) == (MessageState.FAILED, "U")
        assert reasons.failure(result.text) == "TEMPLATE_MISMATCH"
    else:
        assert not isinstance(outcome, Exception)
        assert pair.sandbox.messages()[0]["text"] == "고객0님, A-0 접수"


LOST = ("lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty")


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_unknown_and_the_send_is_found_again(pair: Pair, kind: str) -> None:
    batch, started, noted = pair.parcel(), datetime.now(UTC), []
    pair.sandbox.fault(kind, path=SENDS[pair.name])
    with pytest.raises(Unknown):
        pair.provider.send(batch, noted.append)
    if pair.provider.references_before_sending:
        found = pair.provider.status(noted[0])
        assert found is not None
        reference = found.reference
    else:
        margin = timedelta(minutes=2)
        [sighting] = pair.provider.sightings(
            sender=SENDER, since=started - margin, until=datetime.now(UTC) + margin, channel=Channel.ALIMTALK
        )
        assert (sighting.count, sighting.text) == (2, batch.texts[0])
        reference = sighting.reference
    assert {result.receiver for result in pair.provider.results(reference).results} == set(batch.receivers)
    assert len(pair.sandbox.messages()) == 2


REFUSALS = {"ip_blocked": Cause.IP, "no_balance": Cause.BALANCE, "sender_unregistered": Cause.SENDER, "html_403": Cause.EDGE}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_of_the_account_sends_nothing(pair: Pair, kind: str) -> None:
    batch = pair.parcel()
    pair.sandbox.fault(kind)
    outcome = attempt(pair.provider, batch)
    assert isinstance(outcome, Refused) and outcome.cause is REFUSALS[kind]
    assert pair.sandbox.messages() == []


def test_throttled_is_busy(pair: Pair) -> None:
    batch = pair.parcel()
    pair.sandbox.fault("busy", status=429)
    assert isinstance(attempt(pair.provider, batch), Busy)
