"""The Aligo adapter against the provider sandbox: what phones show, what is answered, and what a lost answer leaves."""

import io
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.rules.channel import Channel
from core.rules.states import MessageState
from tests.workers.providers.aligo_shop import KEY, SENDER, USER
from tests.workers.providers.cases import PATIENT, attempt
from workers import http
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Provider, Refused, Unknown
from workers.providers.aligo import adapter as aligo


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox of this test."""

    url: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__sandbox/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def fault(self, kind: str, **more: object) -> None:
        self.ask("faults", "POST", {"kind": kind, "count": 1, **more})

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("messages?limit=100000")["messages"]
        return found

    def adapter(self, waiting: http.Timeout = PATIENT, key: str = KEY, test_mode: bool = False) -> Provider:
        account = Account("aligo", self.url, {"key": key, "user_id": USER}, test_mode)
        return aligo.Adapter(account, sending=waiting, reading=PATIENT)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    port_file = home / "port"
    command = [sys.executable, "-m", "deploy.local.sandbox.main", "--port", "0", "--port-file", str(port_file)]
    command += ["--state", str(home / "state"), "--key", KEY, "--user", USER, "--sender", SENDER]
    # Results ripen after an hour that the tests let pass by moving the sandbox's clock.
    process = subprocess.Popen([*command, "--ripen", "3600", "--failing-percent", "0"])
    try:
        yield Sandbox(f"http://127.0.0.1:{wait_for(port_file, process)}")
    finally:
        process.terminate()
        process.wait()


def wait_for(port_file: Path, process: subprocess.Popen[bytes]) -> str:
    while not port_file.exists():
        assert process.poll() is None, "the sandbox did not start"
        time.sleep(0.02)
    return port_file.read_text().strip()


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    running.ask("faults", "DELETE")
    running.ask("messages", "DELETE")
    running.ask("clock", "POST", {"offset_seconds": 0})
    yield running
    http.close()


def parcel(count: int = 3, channel: Channel = Channel.SMS, first: int = 0) -> Parcel:
    receivers = [f"0102{first + n:03d}{n:04d}" for n in range(count)]
    return Parcel(channel, SENDER, receivers, [f"(광고)봄날커피 {n}번 고객님\n가을 특가" for n in range(count)])


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((600, 600), 60).convert("RGB").save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def shown(sandbox: Sandbox) -> dict[str, str]:
    return {message["receiver"]: message["text"] for message in sandbox.messages()}


def test_five_hundred_texts_arrive_as_rendered(sandbox: Sandbox) -> None:
    batch = parcel(500)
    before = sandbox.adapter().balance()
    accepted = sandbox.adapter().send(batch)
    assert (accepted.accepted, accepted.refused, accepted.channel) == (500, 0, Channel.SMS)
    assert shown(sandbox) == dict(zip(batch.receivers, batch.texts, strict=True))
    assert sandbox.adapter().balance().sms == before.sms - 500


def test_results_ripen(sandbox: Sandbox) -> None:
    endings = {"9001": MessageState.DELIVERED, "9002": MessageState.FAILED, "9003": MessageState.FAILED}
    endings |= {"9005": MessageState.FAILED, "9006": MessageState.FAILED}
    receivers = [f"0102000{ending}" for ending in (*endings, "9004")]
    reference = sandbox.adapter().send(Parcel(Channel.SMS, SENDER, receivers, ["글"] * 6)).reference
    young = sandbox.adapter().results(reference)
    assert [(result.receiver, result.state, result.known) for result in young.results] == [
        (receiver, None, True) for receiver in receivers
    ]
    sandbox.ask("clock", "POST", {"offset_seconds": 7200})
    ripe = sandbox.adapter().results(reference)
    assert ripe.complete
    states = {result.receiver[-4:]: result.state for result in ripe.results}
    assert states == {**endings, "9004": None}
    assert len({result.reference for result in ripe.results}) == 6
    assert all(result.known for result in ripe.results)


def test_more_results_than_a_page(sandbox: Sandbox) -> None:
    image = jpeg()
    receivers = [f"0103{n:07d}" for n in range(1000)]
    accepted = sandbox.adapter().send(Parcel(Channel.MMS, SENDER, receivers, ["전단입니다"] * 1000, "가을", image))
    assert (accepted.accepted, accepted.channel) == (1000, Channel.MMS)
    assert [result.receiver for result in sandbox.adapter().results(accepted.reference).results] == receivers


def test_an_image_arrives_with_equal_and_with_different_texts(sandbox: Sandbox) -> None:
    image = jpeg()
    for batch in (parcel(2, Channel.MMS), replace(parcel(2, Channel.MMS, first=5), texts=["같은 글"] * 2)):
        accepted = sandbox.adapter().send(replace(batch, subject="가을 특가", image=image))
        assert (accepted.accepted, accepted.channel) == (2, Channel.MMS)
    messages = sandbox.messages()
    assert len(messages) == 4
    assert {message["title"] for message in messages} == {"가을 특가"}
    names = {picture["url"] for message in messages for picture in message["images"]}
    [address] = names
    with urllib.request.urlopen(sandbox.url + address) as answer:
        assert answer.read() == image


def test_a_text_that_grew_is_reported_as_what_it_became(sandbox: Sandbox) -> None:
    batch = replace(parcel(1), texts=["가" * 46])
    assert sandbox.adapter().send(batch).channel is Channel.LMS


def test_a_number_aligo_does_not_take_is_counted(sandbox: Sandbox) -> None:
    batch = replace(parcel(3), receivers=["01020000001", "01020009008", "01020000003"])
    accepted = sandbox.adapter().send(batch)
    assert (accepted.accepted, accepted.refused) == (2, 1)
    found = sandbox.adapter().results(accepted.reference).results
    assert [result.receiver for result in found] == ["01020000001", "01020000003"]


def test_nobody_taken_is_refused(sandbox: Sandbox) -> None:
    outcome = attempt(sandbox.adapter(), replace(parcel(1), receivers=["01020009008"]))
    assert isinstance(outcome, Refused) and outcome.cause is Cause.MESSAGE


def test_in_test_mode_no_phone_shows_anything(sandbox: Sandbox) -> None:
    assert sandbox.adapter(test_mode=True).send(parcel()).accepted == 3
    assert not [message for message in sandbox.messages() if message["state"] != "취소완료"]


NOT_SENT = {
    "ip_blocked": Cause.IP,
    "sender_unregistered": Cause.SENDER,
    "no_balance": Cause.BALANCE,
    "html_403": Cause.EDGE,
    "code": Cause.MESSAGE,
}


@pytest.mark.parametrize("kind", NOT_SENT)
def test_a_refusal_sends_nothing(sandbox: Sandbox, kind: str) -> None:
    sandbox.fault(kind)
    outcome = attempt(sandbox.adapter(), parcel())
    assert isinstance(outcome, Refused) and outcome.cause is NOT_SENT[kind]
    assert sandbox.messages() == []


def test_a_wrong_key_and_a_wrong_sender_are_told_apart(sandbox: Sandbox) -> None:
    key = attempt(sandbox.adapter(key="another"), parcel())
    sender = attempt(sandbox.adapter(), replace(parcel(), sender="0215889999"))
    assert isinstance(key, Refused) and key.cause is Cause.AUTH
    assert isinstance(sender, Refused) and sender.cause is Cause.SENDER


def test_throttled_is_busy(sandbox: Sandbox) -> None:
    sandbox.fault("busy", status=429)
    assert isinstance(attempt(sandbox.adapter(), parcel()), Busy)
    assert sandbox.messages() == []


# Long enough for the sandbox to accept, whatever else the machine does.
BRIEF = http.Timeout(connect=10, write=10, read=1)
LOST = ("lost_answer_hang", "lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty")


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_unknown_and_the_send_is_found_again(sandbox: Sandbox, kind: str) -> None:
    batch, started = parcel(40), datetime.now(UTC)
    sandbox.fault(kind)
    outcome = attempt(sandbox.adapter(BRIEF if kind == "lost_answer_hang" else PATIENT), batch)
    assert isinstance(outcome, Unknown)
    [sighting] = around(sandbox, started)
    assert (sighting.channel, sighting.count, sighting.text) == (Channel.SMS, 40, batch.texts[0])
    found = sandbox.adapter().results(sighting.reference).results
    assert {result.receiver for result in found} == set(batch.receivers)
    assert len(sandbox.messages()) == 40


NEVER_ACCEPTED = ("refuse", "error_500", "busy")


@pytest.mark.parametrize("kind", NEVER_ACCEPTED)
def test_what_looks_the_same_but_was_not_accepted_is_unknown_and_not_found(sandbox: Sandbox, kind: str) -> None:
    started = datetime.now(UTC)
    sandbox.fault(kind)
    assert isinstance(attempt(sandbox.adapter(), parcel()), Unknown)
    assert around(sandbox, started) == []
    assert sandbox.messages() == []


def around(sandbox: Sandbox, at: datetime) -> list[Any]:
    margin = timedelta(minutes=2)
    return list(sandbox.adapter().sightings(sender=SENDER, since=at - margin, until=datetime.now(UTC) + margin))


def test_many_sends_are_all_sighted_across_pages(sandbox: Sandbox) -> None:
    started, provider = datetime.now(UTC), sandbox.adapter()
    sent = {provider.send(parcel(1)).reference for _ in range(40)}
    aligo_page, aligo._PAGE_SIZE = aligo._PAGE_SIZE, 30
    try:
        assert {sighting.reference for sighting in around(sandbox, started)} == sent
    finally:
        aligo._PAGE_SIZE = aligo_page


def test_what_was_not_reserved_is_not_cancelled(sandbox: Sandbox) -> None:
    accepted = sandbox.adapter().send(parcel())
    assert isinstance(accepted, Accepted)
    for reference, code in ((accepted.reference, "-803"), ("999", "-802"), ("", "-801")):
        with pytest.raises(Refused) as caught:
            sandbox.adapter().cancel(reference)
        assert (caught.value.code, caught.value.cause) == (code, Cause.MESSAGE)
