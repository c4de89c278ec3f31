"""The Solapi adapter against the provider sandbox: lost answers at every step, races, and what the phones show."""

import io
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.rules.channel import Channel
from core.rules.states import MessageState
from tests.workers.providers.cases import PATIENT, assert_quiet
from tests.workers.providers.solapi_shop import HOOK, KEY, SECRET, SENDER, outcome_of
from workers import http
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Provider, Refused, Unknown
from workers.providers.solapi import adapter as solapi
from workers.providers.solapi import client
from workers.providers.solapi.client import authorization

GROUPS = "/messages/v4/groups"
OPEN, FILL, START = f"POST {GROUPS}*", f"PUT {GROUPS}/*/messages", f"POST {GROUPS}/*/send"
READ, DELETE = f"GET {GROUPS}/*", f"DELETE {GROUPS}/*"


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

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("stats")
        return found

    def adapter(
        self, waiting: http.Timeout = PATIENT, reading: http.Timeout | None = None, secret: str = SECRET, key: str = KEY
    ) -> Provider:
        credentials = {"api_key": key, "api_secret": secret, "webhook_secret": HOOK}
        return solapi.Adapter(Account("solapi", self.url, credentials, False), sending=waiting, reading=reading or waiting)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    port_file = home / "port"
    command = [sys.executable, "-m", "deploy.local.sandbox.main", "--port", "0", "--port-file", str(port_file)]
    command += ["--state", str(home / "state"), "--solapi-key", KEY, "--solapi-secret", SECRET, "--sender", SENDER]
    # Results ripen after an hour that the tests let pass by moving the sandbox's clock.
    process = subprocess.Popen([*command, "--webhook-secret", HOOK, "--ripen", "3600", "--failing-percent", "0"])
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
    solapi._images.clear()
    yield running
    http.close()


def parcel(count: int = 3, channel: Channel = Channel.SMS) -> Parcel:
    receivers = [f"0102{n:03d}{n:04d}" for n in range(count)]
    return Parcel(channel, SENDER, receivers, [f"(광고)봄날커피 {n}번 고객님\n가을 특가" for n in range(count)])


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((600, 600), 60).convert("RGB").save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Notes(list[str]):
    """What a send noted."""

    @property
    def reference(self) -> str:
        [only] = self
        return only


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


# Lost answers


BRIEF = http.Timeout(connect=10, write=10, read=1)
LOST = ("lost_answer_hang", "lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty")
NEVER_DONE = ("refuse", "error_500", "busy")


@pytest.mark.parametrize("kind", [*LOST, *NEVER_DONE])
@pytest.mark.parametrize("step", [OPEN, FILL, START])
def test_a_lost_answer_at_any_step_ends_in_exactly_one_acceptance(
    sandbox: Sandbox, step: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    batch, notes = parcel(40), Notes()
    sandbox.fault(kind, path=step)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF).send(batch, notes.append))
    assert type(outcome) is (Unknown if step == START else Busy)
    assert_quiet(outcome, (KEY, SECRET, SENDER, *batch.receivers, *batch.texts), caplog)
    assert len(sandbox.messages()) == (40 if step == START and kind in LOST else 0)
    again = acceptance(sandbox, batch, outcome, notes)
    assert again.accepted == 40
    stats = sandbox.stats()
    assert (stats["accepted_messages"], stats["duplicates"], stats["max_per_receiver"]) == (40, 0, 1)


def acceptance(sandbox: Sandbox, batch: Parcel, outcome: object, notes: Notes) -> Accepted:
    """What an engine does with an outcome: asks about what is unknown, sends again what was not sent."""
    fate = sandbox.adapter().status(notes.reference) if isinstance(outcome, Unknown) else None
    return fate or sandbox.adapter().send(batch)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("step", [READ, DELETE])
def test_lost_answers_while_asking_are_asked_again(sandbox: Sandbox, step: str, kind: str) -> None:
    batch, notes = parcel(5), Notes()
    sandbox.fault("error_500", path=START)
    assert isinstance(outcome_of(lambda: sandbox.adapter().send(batch, notes.append)), Unknown)
    sandbox.fault(kind, path=step)
    with pytest.raises(Busy):
        sandbox.adapter(BRIEF).status(notes.reference)
    assert sandbox.adapter().status(notes.reference) is None
    assert sandbox.adapter().send(batch).accepted == 5
    assert sandbox.stats()["duplicates"] == 0


def test_nobody_listens_at_the_third_step(sandbox: Sandbox) -> None:
    """The server goes down between filling and starting: a refused connection says that nothing left."""
    notes = Notes()
    sandbox.fault("down", path=FILL, delay=2)
    outcome = outcome_of(lambda: sandbox.adapter().send(parcel(), notes.append))
    assert isinstance(outcome, Busy)
    until(lambda: reachable(sandbox))
    assert sandbox.adapter().status(notes.reference) is None
    assert sandbox.messages() == []


def reachable(sandbox: Sandbox) -> bool:
    try:
        return bool(sandbox.stats())
    except OSError:
        return False


# Races: the slow worker's start may still be on its way when its call is asked about


def test_a_start_that_arrives_after_the_question_sends_nothing(sandbox: Sandbox) -> None:
    notes = Notes()
    sandbox.fault("late", path=START, delay=3.0)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF, PATIENT).send(parcel(), notes.append))
    assert isinstance(outcome, Unknown)
    assert sandbox.adapter().status(notes.reference) is None
    assert sandbox.adapter().send(parcel()).accepted == 3
    time.sleep(2.5)  # the late start has been processed by now
    assert sandbox.stats()["accepted_messages"] == 3
    assert sandbox.stats()["duplicates"] == 0


def test_a_start_that_arrives_before_the_question_counts(sandbox: Sandbox) -> None:
    notes = Notes()
    sandbox.fault("late", path=START, delay=1.5)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF, PATIENT).send(parcel(), notes.append))
    assert isinstance(outcome, Unknown)
    until(lambda: bool(sandbox.messages()))
    assert sandbox.adapter().status(notes.reference) == Accepted(notes.reference, 3, 0, Channel.SMS)


def test_a_start_between_looking_and_deleting_counts(sandbox: Sandbox) -> None:
    """The group was pending when it was read, and is started while its deletion is on the way."""
    notes = Notes()
    sandbox.fault("late", path=START, delay=2.0)
    sandbox.fault("latency", path=DELETE, delay=2.5)
    outcome = outcome_of(lambda: sandbox.adapter(BRIEF, PATIENT).send(parcel(), notes.append))
    assert isinstance(outcome, Unknown)
    assert sandbox.adapter().status(notes.reference) == Accepted(notes.reference, 3, 0, Channel.SMS)
    assert sandbox.stats()["accepted_messages"] == 3


def test_a_worker_thought_dead_finds_its_group_gone(sandbox: Sandbox) -> None:
    """Its call is resolved by another worker between its second and its third step."""
    fates: list[Accepted | None] = []

    def note(reference: str) -> None:
        fates.append(sandbox.adapter().status(reference))

    outcome = outcome_of(lambda: sandbox.adapter().send(parcel(), note))
    assert isinstance(outcome, Busy)
    assert fates == [None]
    assert sandbox.messages() == []


@pytest.mark.parametrize("round_", range(8))
def test_workers_who_start_and_ask_at_the_same_moment_agree(sandbox: Sandbox, round_: int) -> None:
    """Whatever the order, either the message went and everybody says so, or it did not and cannot."""
    batch, notes, fates = parcel(2), Notes(), list[Accepted | None]()
    noted = threading.Event()

    def note(reference: str) -> None:
        notes.append(reference)
        noted.set()

    def resolve() -> None:
        noted.wait()
        time.sleep(round_ * 0.002)
        fates.append(sandbox.adapter().status(notes.reference))

    askers = [threading.Thread(target=resolve) for _ in range(2)]
    for asker in askers:
        asker.start()
    outcome = outcome_of(lambda: sandbox.adapter().send(batch, note))
    for asker in askers:
        asker.join()
    went = sandbox.stats()["accepted_messages"]
    assert went in (0, 2)
    assert isinstance(outcome, Accepted if went else Busy)
    assert [bool(fate) for fate in fates] == [bool(went)] * 2
