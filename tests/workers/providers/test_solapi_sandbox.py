"""The Solapi adapter against the provider sandbox: what the phones show, what is answered, what is refused."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.rules.channel import Channel
from core.rules.states import MessageState
from tests.workers.providers.cases import PATIENT
from tests.workers.providers.solapi_sandbox import FILL, OPEN, START, Notes, Sandbox, jpeg, parcel, until
from tests.workers.providers.solapi_shop import KEY, SECRET, SENDER, outcome_of
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Refused
from workers.providers.solapi import adapter as solapi
from workers.providers.solapi import client
from workers.providers.solapi.client import authorization

# As it should be


def test_five_hundred_texts_arrive_as_rendered(sandbox: Sandbox) -> None:
    batch, notes = parcel(500), Notes()
    before = sandbox.adapter().balance()
    accepted = sandbox.adapter().send(batch, notes.append)
    assert accepted == Accepted(notes.reference, 500, 0, Channel.SMS)
    assert {one["receiver"]: one["text"] for one in sandbox.messages()} == dict(zip(batch.receivers, batch.texts, strict=True))
    assert sandbox.adapter().balance().sms == before.sms - 500
    assert sandbox.adapter().status(notes.reference) == accepted


def test_results_ripen(sandbox: Sandbox) -> None:
    endings = {"9001": "4000", "9002": "3032", "9003": "3043", "9005": "3047", "9006": "3054", "9004": "3000"}
    receivers = [f"0102000{ending}" for ending in endings]
    reference = sandbox.adapter().send(Parcel(Channel.SMS, SENDER, receivers, ["글"] * 6)).reference
    young = sandbox.adapter().results(reference)
    assert [(result.receiver, result.state, result.code) for result in young.results] == [
        (one, None, "2000") for one in receivers
    ]
    sandbox.ask("clock", "POST", {"offset_seconds": 7200})
    ripe = sandbox.adapter().results(reference)
    assert ripe.complete and all(result.known for result in ripe.results)
    assert {result.receiver[-4:]: result.code for result in ripe.results} == endings
    failed = {"9002", "9003", "9005", "9006"}
    assert {result.receiver[-4:] for result in ripe.results if result.state is MessageState.FAILED} == failed


def test_more_results_than_a_page(sandbox: Sandbox) -> None:
    batch = parcel(1203)
    reference = sandbox.adapter().send(batch).reference
    assert [result.receiver for result in sandbox.adapter().results(reference).results] == list(batch.receivers)


@pytest.mark.parametrize("channel", [Channel.LMS, Channel.MMS])
def test_longer_kinds_arrive_with_subject_and_picture(sandbox: Sandbox, channel: Channel) -> None:
    image = jpeg() if channel is Channel.MMS else None
    batch = replace(parcel(2, channel), subject="가을 특가", image=image)
    accepted = sandbox.adapter().send(batch)
    assert (accepted.accepted, accepted.channel) == (2, channel)
    assert sandbox.adapter().status(accepted.reference) == accepted
    messages = sandbox.messages()
    assert [(one["type"], one["title"]) for one in messages] == [(channel.value, "가을 특가")] * 2
    if image:
        with urllib.request.urlopen(sandbox.url + messages[0]["images"][0]["url"]) as answer:
            assert answer.read() == image


def test_who_is_refused_is_known_by_the_results(sandbox: Sandbox) -> None:
    batch = replace(parcel(3), receivers=["01020000001", "01020009008", "01020000001"])
    accepted = sandbox.adapter().send(batch)
    assert (accepted.accepted, accepted.refused) == (1, 2)
    results = sandbox.adapter().results(accepted.reference).results
    assert [(result.code, result.state) for result in results] == [
        ("2000", None),
        ("1011", MessageState.FAILED),
        ("1026", MessageState.FAILED),
    ]
    assert len(sandbox.messages()) == 1


def test_pushes_from_the_sandbox_are_hints(sandbox: Sandbox) -> None:
    taken: list[tuple[bytes, dict[str, str]]] = []
    with pushes(taken) as url:
        body = json.dumps({"eventId": "SINGLE-REPORT", "url": url}).encode()
        header = solapi.Client(Account("solapi", sandbox.url, {"api_key": KEY, "api_secret": SECRET}, False), PATIENT, PATIENT)
        hook = header.ask("POST", "/webhook/v1/outgoing", body)["webhookId"]
        reference = sandbox.adapter().send(parcel(2)).reference
        sandbox.ask("clock", "POST", {"offset_seconds": 7200})
        until(lambda: bool(taken))
        header.ask("DELETE", f"/webhook/v1/outgoing/{hook}")
    [hints] = [sandbox.adapter().parse_webhook(*one) for one in taken]
    assert {hint.reference for hint in hints} == {reference}
    read = {result.reference for result in sandbox.adapter().results(reference).results}
    assert {hint.message for hint in hints} == read


@contextmanager
def pushes(taken: list[tuple[bytes, dict[str, str]]]) -> Iterator[str]:
    """Somebody who takes pushes."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.rfile.read(int(self.headers["content-length"])), dict(self.headers.items())))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Refusals: nothing leaves, and no group stays behind that could


REFUSALS = {
    "ip_blocked": Cause.IP,
    "sender_unregistered": Cause.SENDER,
    "no_balance": Cause.BALANCE,
    "html_403": Cause.EDGE,
    "code": Cause.EDGE,
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_sends_nothing(sandbox: Sandbox, kind: str) -> None:
    notes = Notes()
    sandbox.fault(kind, **({"error": "SomethingNew"} if kind == "code" else {}))
    outcome = outcome_of(lambda: sandbox.adapter().send(parcel(), notes.append))
    assert isinstance(outcome, Refused) and outcome.cause is REFUSALS[kind]
    assert sandbox.messages() == []
    assert [sandbox.adapter().status(reference) for reference in notes] in ([], [None])


def test_wrong_keys_and_senders_are_told_apart(sandbox: Sandbox) -> None:
    wrong = {
        Cause.AUTH: sandbox.adapter(secret="another"),
        Cause.SENDER: sandbox.adapter(),
    }
    for cause, provider in wrong.items():
        sender = "0215889999" if cause is Cause.SENDER else SENDER
        outcome = outcome_of(lambda: provider.send(replace(parcel(), sender=sender)))  # noqa: B023
        assert isinstance(outcome, Refused) and outcome.cause is cause
    outcome = outcome_of(lambda: sandbox.adapter(key="0" * 16).send(parcel()))
    assert isinstance(outcome, Refused) and outcome.cause is Cause.AUTH


def test_nobody_taken_is_refused(sandbox: Sandbox) -> None:
    outcome = outcome_of(lambda: sandbox.adapter().send(replace(parcel(1), receivers=["01020009008"])))
    assert isinstance(outcome, Refused)
    assert (outcome.cause, outcome.code) == (Cause.MESSAGE, "1011")


@pytest.mark.parametrize("step", [OPEN, FILL, START])
def test_throttled_at_any_step_is_busy_with_a_time(sandbox: Sandbox, step: str) -> None:
    sandbox.fault("busy", status=429, path=step)
    outcome = outcome_of(lambda: sandbox.adapter().send(parcel()))
    assert isinstance(outcome, Busy) and outcome.retry_seconds == 1.0
    assert sandbox.messages() == []


def test_what_characters_carriers_lack_is_refused_not_mended(sandbox: Sandbox) -> None:
    outcome = outcome_of(lambda: sandbox.adapter().send(replace(parcel(1), texts=["₩1,000"])))
    assert isinstance(outcome, Refused) and outcome.code == "1029"


@pytest.mark.parametrize(("text", "code"), [("가" * 46, "1031"), ("종\x07", "1028")])
def test_an_sms_is_never_made_dearer(sandbox: Sandbox, text: str, code: str) -> None:
    outcome = outcome_of(lambda: sandbox.adapter().send(replace(parcel(1), texts=[text])))
    assert isinstance(outcome, Refused) and outcome.code == code
    assert sandbox.messages() == []


def test_a_wrong_clock_delays_and_fails_nobody(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as wrong:
        wrong.setattr(client, "authorization", lambda key, secret: authorization(key, secret, "2026-01-01T00:00:00Z"))
        assert isinstance(outcome_of(lambda: sandbox.adapter().send(parcel())), Busy)
    assert sandbox.adapter().send(parcel()).accepted == 3


def test_a_used_signature_is_not_used_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    header = authorization(KEY, SECRET)
    with monkeypatch.context() as stuck:
        stuck.setattr(client, "authorization", lambda key, secret: header)
        assert isinstance(outcome_of(lambda: sandbox.adapter().send(parcel())), Busy)
    assert sandbox.adapter().send(parcel()).accepted == 3


def test_what_was_not_reserved_is_not_cancelled(sandbox: Sandbox) -> None:
    accepted = sandbox.adapter().send(parcel())
    with pytest.raises(Refused) as caught:
        sandbox.adapter().cancel(accepted.reference)
    assert (caught.value.code, caught.value.cause) == ("InvalidStatus", Cause.MESSAGE)


def test_a_picture_the_sandbox_forgot_is_uploaded_again(sandbox: Sandbox) -> None:
    batch = replace(parcel(2, Channel.MMS), image=jpeg())
    sandbox.adapter().send(batch)
    sandbox.ask("messages", "DELETE")
    assert isinstance(outcome_of(lambda: sandbox.adapter().send(batch)), Busy)
    assert sandbox.adapter().send(batch).accepted == 2
    assert sandbox.stats()["accepted_messages"] == 2
