"""What every provider must survive: a scripted loopback server, and the judge for one case of a provider's table."""

import io
import json
import logging
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import pytest
from python_multipart import parse_form
from python_multipart.multipart import Field, File

from workers import http
from workers.providers import Accepted, Busy, Cause, Parcel, Provider, Refused, Unknown

# A provider's table of sends must have a case of each of these names; "-" when the provider cannot show it.
EVERY_PROVIDER = (
    "accepted",
    "partly refused",
    "all refused",
    "another channel than asked",
    "wrong key",
    "address not allowed",
    "no balance",
    "sender not registered",
    "refused for a reason nobody knows",
    "asked to come later",
    "throttled",
    "throttled with a time",
    "nobody listens",
    "blocked at the edge",
    "redirected",
    "request too large",
    "closed before reading",
    "closed after reading",
    "reset after reading",
    "no answer in time",
    "server error",
    "bad gateway",
    "unavailable",
    "empty answer",
    "page instead of an answer",
    "answer cut short",
    "answer cut short but well framed",
    "answer without a reference",
    "answer of another shape",
)

# Only where the server is to be silent: anywhere else a slow machine would look like a lost answer.
HASTY = http.Timeout(connect=10, write=10, read=0.3)
PATIENT = http.Timeout(connect=10, write=10, read=10)


@dataclass(frozen=True)
class Request:
    """One request as the server saw it, byte for byte."""

    line: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    def form(self) -> tuple[list[tuple[str, str]], dict[str, tuple[str, str, bytes]]]:
        """Fields in order and files by name, read by a parser that is not ours."""
        kind = self.headers["content-type"]
        if not kind.startswith("multipart/"):
            return parse_qsl(self.body.decode("ascii"), keep_blank_values=True, strict_parsing=True), {}
        return read_multipart(kind, self.body)

    def fields(self) -> dict[str, str]:
        return dict(self.form()[0])


def read_multipart(kind: str, body: bytes) -> tuple[list[tuple[str, str]], dict[str, tuple[str, str, bytes]]]:
    """Fields in order and files by name (file name, content type, content)."""
    fields: list[tuple[str, str]] = []
    files: dict[str, tuple[str, str, bytes]] = {}

    def on_field(part: Field) -> None:
        fields.append(((part.field_name or b"").decode(), (part.value or b"").decode()))

    def on_file(part: File) -> None:
        part.file_object.seek(0)
        content = part.file_object.read()
        part.close()
        files[(part.field_name or b"").decode()] = ((part.file_name or b"").decode(), part.content_type or "", content)

    head = {"Content-Type": kind.encode(), "Content-Length": str(len(body)).encode()}
    parse_form(head, io.BytesIO(body), on_field, on_file)
    return fields, files


@dataclass
class Visit:
    """One request on one connection, in the hands of a step."""

    stage: "Stage"
    connection: socket.socket

    def read(self) -> Request:
        """The whole request; the stage remembers it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
        while len(body) < int(headers.get("content-length", "0")):
            body += self._more()
        request = Request(line, headers, body)
        self.stage.requests.append(request)
        return request

    def _more(self) -> bytes:
        data = self.connection.recv(1 << 18)
        if not data:
            raise ConnectionError("the client went away")
        return data


# A step plays one visit and says whether the connection stays open.
Step = Callable[[Visit], bool]


def wire(body: bytes, status: int = 200, content_type: str = "text/html; charset=UTF-8", extra: str = "") -> bytes:
    """An answer, correctly framed."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def says(answer: object, status: int = 200, extra: str = "", content_type: str = "text/html; charset=UTF-8") -> Step:
    """Read, answer (bytes as they are, anything else as JSON), stay."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return sends(wire(body, status, content_type, extra), stays=True)


def replies(answer: Callable[[Request], object]) -> Step:
    """Read, answer by what was asked, stay."""

    def step(visit: Visit) -> bool:
        visit.connection.sendall(wire(json.dumps(answer(visit.read())).encode()))
        return True

    return step


def sends(raw: bytes, stays: bool = False) -> Step:
    """Read, send these very bytes, close."""

    def step(visit: Visit) -> bool:
        visit.read()
        visit.connection.sendall(raw)
        return stays

    return step


def trickles(raw: bytes, seconds: float) -> Step:
    """Read, then one byte at a time until the client has enough."""

    def step(visit: Visit) -> bool:
        visit.read()
        for byte in raw:
            visit.connection.sendall(bytes([byte]))
            if visit.stage.over.wait(seconds):
                break
        return False

    return step


def hangs(visit: Visit) -> bool:
    """Read and never answer."""
    visit.read()
    visit.stage.over.wait(30)
    return False


def stalls(visit: Visit) -> bool:
    """Never even read."""
    visit.stage.over.wait(30)
    return False


def slams(visit: Visit) -> bool:
    """Close without reading."""
    return False


def leaves(visit: Visit) -> bool:
    """Read and close without a word."""
    visit.read()
    return False


def resets(visit: Visit) -> bool:
    """Read and reset the connection."""
    visit.read()
    visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


@dataclass
class Stage:
    """A loopback server that plays its steps, one per request, and remembers what it was asked."""

    steps: list[Step] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    visits: int = 0
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def next_step(self) -> Step:
        self.visits += 1
        return self.steps.pop(0) if self.steps else says(b"no step left", 500)

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, suppress(OSError):
            while connection.recv(1, socket.MSG_PEEK):
                if not self.next_step()(Visit(self, connection)):
                    return


@contextmanager
def stage(*steps: Step) -> Iterator[Stage]:
    """A running stage; everything it started ends with it."""
    scene = Stage(list(steps))
    open_connections: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scene.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    open_connections.append(connection)
                    threads.append(threading.Thread(target=scene.serve, args=(connection,)))
                    threads[-1].start()

        door = threading.Thread(target=accept)
        door.start()
        try:
            yield scene
        finally:
            http.close()
            scene.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for connection in open_connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in (door, *threads):
                thread.join()


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass(frozen=True)
class Case:
    """One row of a provider's table of sends: what its server does (None: nobody listens) and what must come of it."""

    name: str
    step: Step | None
    outcome: Accepted | type[Busy] | type[Unknown] | Cause
    code: str | None = None
    retry_seconds: float | None = None

    def __str__(self) -> str:
        return self.name


def judge(
    case: Case,
    provider: Callable[[str, http.Timeout], Provider],
    parcel: Parcel,
    secrets: Sequence[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Play one case: the outcome is as named, one request was made, and nothing secret is in a word that was said."""
    caplog.set_level(logging.DEBUG)
    with stage(*([case.step] if case.step else [])) as scene:
        waiting = HASTY if case.step is hangs else PATIENT
        outcome = attempt(provider(scene.url if case.step else nobody(), waiting), parcel)
    assert scene.visits == (1 if case.step else 0), "sent again, or not at all"
    check_outcome(case, outcome)
    assert_quiet(outcome, (*secrets, *parcel.receivers, *parcel.texts, parcel.sender), caplog)


def attempt(provider: Provider, parcel: Parcel) -> Accepted | Refused | Busy | Unknown:
    """Send, with the three failures as values; anything else is an error of the test."""
    try:
        return provider.send(parcel)
    except (Refused, Busy, Unknown) as error:
        return error


def check_outcome(case: Case, outcome: Accepted | Refused | Busy | Unknown) -> None:
    if isinstance(case.outcome, Accepted):
        assert outcome == case.outcome
    elif isinstance(case.outcome, Cause):
        assert isinstance(outcome, Refused), repr(outcome)
        assert (outcome.cause, outcome.account_wide) == (case.outcome, case.outcome is not Cause.MESSAGE)
        assert outcome.message
        assert case.code in (None, outcome.code)
    else:
        assert type(outcome) is case.outcome, repr(outcome)
        assert not isinstance(outcome, Busy) or outcome.retry_seconds == case.retry_seconds


def assert_quiet(outcome: object, secrets: Sequence[str], caplog: pytest.LogCaptureFixture) -> None:
    """No secret in the outcome's words, in its traceback or in the log."""
    said = [repr(outcome), str(outcome), caplog.text]
    if isinstance(outcome, BaseException):
        said += traceback.format_exception(outcome)
        said += map(repr, vars(outcome).values())
    leaked = [secret for secret in secrets if any(secret in words for words in said)]
    assert not leaked, f"{len(leaked)} secrets were said"
