"""The page `/o/{code}`: looking is harmless, the button works on any phone, and the code is told to nobody."""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import optout_pb2 as pb

from gateway import telemetry
from tests.gateway.backend import Backend, Failure
from tests.gateway.conftest import Running, environment, serving

CODE = "0aB1cD2eF3gH4iJ5kL"
ADDRESS = f"/o/{CODE}"
FACTS = {"shop": "봄날<커피>", "masked_phone": "010-****-5678", "optout_number": "0801234567"}
SAID = Timestamp(seconds=1_795_964_400)  # 2026-11-30 in Korea, the day before in UTC


class Seen(HTMLParser):
    """What a browser without scripts makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [facts for name, facts in self.tags if name == tag]


@pytest.fixture
def page(backend: Backend) -> Iterator[Backend]:
    backend.answer("GetOptoutPage", pb.GetOptoutPageResponse(page=FACTS))
    backend.answer("ConfirmOptout", pb.ConfirmOptoutResponse(page={**FACTS, "refuse_time": SAID}))
    return backend


def ask(running: Running, method: str = "GET", path: str = ADDRESS, **more: Any) -> httpx.Response:
    return httpx.request(method, running.url + path, trust_env=False, timeout=20, **more)


def press(running: Running, path: str = ADDRESS) -> httpx.Response:
    return ask(running, "POST", path, data={"confirm": "yes"})


def test_looking_asks_and_does_nothing(running: Running, page: Backend) -> None:
    """R-OPT-5: no login, no other data, one button; free of charge."""
    answer = ask(running)
    seen = Seen(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "봄날<커피>" in seen.words
    assert "010-****-5678" in seen.words
    assert "무료 수신거부 080-123-4567" in seen.words
    assert [one["href"] for one in seen.all("a")] == ["tel:0801234567"]
    assert seen.all("button") == [{"type": "submit", "name": "confirm", "value": "yes"}]
    assert seen.all("form") == [{"method": "post"}]
    assert seen.all("input") == seen.all("script") == seen.all("img") == seen.all("link") == []
    assert page.called("ConfirmOptout") == []


def test_what_scanners_and_previews_do_is_no_opt_out(running: Running, page: Backend) -> None:
    """R-OPT-5: a link is opened by machines before people see it: GET, HEAD, prefetch and a bare POST change nothing."""
    scanner = {"User-Agent": "SafeLinks", "Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch"}
    assert ask(running, headers=scanner).status_code == 200
    head = ask(running, "HEAD", headers=scanner)
    assert (head.status_code, head.content) == (200, b"")
    assert ask(running, path=f"{ADDRESS}?confirm=yes").status_code == 200
    for body in ({}, {"data": {"confirm": ""}}, {"content": b"\xff\x00"}, {"json": {"confirm": "yes"}}):
        assert ask(running, "POST", **body).status_code == 200
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert ask(running, method).status_code >= 400
    assert page.called("ConfirmOptout") == []


def test_the_button_says_no_and_the_answer_says_so(running: Running, page: Backend) -> None:
    """R-OPT-6: nothing stands between the button and the opt-out."""
    answer = press(running)
    seen = Seen(answer.text)
    assert answer.status_code == 200
    assert "수신거부가 처리되었습니다" in seen.words
    assert "처리일: 2026년 11월 30일" in seen.words
    assert seen.all("button") == []
    [call] = page.called("ConfirmOptout")
    assert call.request.code == CODE
    assert len(call.request.request_id) == 36
    assert "authorization" not in call.metadata


def test_who_said_no_before_sees_it(running: Running, page: Backend) -> None:
    page.answer("GetOptoutPage", pb.GetOptoutPageResponse(page={**FACTS, "refuse_time": SAID}))
    seen = Seen(ask(running).text)
    assert "이미 수신거부된 번호입니다" in seen.words
    assert seen.all("button") == []


def test_who_is_erased_gets_no_ads_and_needs_no_button(running: Running, page: Backend) -> None:
    page.answer("GetOptoutPage", pb.GetOptoutPageResponse(page={**FACTS, "masked_phone": ""}))
    seen = Seen(ask(running).text)
    assert "광고를 보내지 않습니다" in seen.words
    assert seen.all("button") == []


def test_everybody_can_use_it(running: Running, page: Backend) -> None:
    """Korean, named, in order, large: what a screen reader and an old phone need."""
    for answer in (ask(running), press(running), ask(running, path="/o/x")):
        seen = Seen(answer.text)
        assert seen.all("html") == [{"lang": "ko"}]
        assert len(seen.all("main")) == len(seen.all("h1")) == len(seen.all("title")) == 1
        assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in seen.all("meta")
        assert len(answer.content) < 4096
    assert "min-height:56px" in ask(running).text


def test_it_is_kept_nowhere_framed_nowhere_and_sends_no_referrer(running: Running, page: Backend) -> None:
    headers = ask(running).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (grpc.StatusCode.NOT_FOUND, 404, "아직 처리되지 않았습니다"),
        (grpc.StatusCode.INVALID_ARGUMENT, 404, "아직 처리되지 않았습니다"),
        (grpc.StatusCode.UNAVAILABLE, 503, "지금은 처리할 수 없습니다"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 503, "지금은 처리할 수 없습니다"),
        (grpc.StatusCode.INTERNAL, 503, "지금은 처리할 수 없습니다"),
    ],
)
def test_what_was_not_stored_is_not_called_stored(
    running: Running, backend: Backend, code: grpc.StatusCode, status: int, words: str
) -> None:
    """Whoever cannot be served is told so, and of the free number."""
    for rpc in ("GetOptoutPage", "ConfirmOptout"):
        backend.answer(rpc, Failure(code, f"no such code: {CODE}"))
    for answer in (ask(running), press(running)):
        seen = Seen(answer.text)
        assert answer.status_code == status
        assert words in seen.words
        assert "080" in seen.words
        assert CODE not in answer.text


def test_the_code_stands_in_no_line_and_no_measurement(running: Running, page: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry.log, "info", lambda event, **facts: lines.append({"event": event, **facts}))
    ask(running)
    press(running)
    ask(running, path=f"{ADDRESS}/more")
    assert {line["route"] for line in lines} == {"/o/{code}"}
    measured = httpx.get(running.url + "/metrics", trust_env=False).text
    assert 'route="/o/{code}",status="200"' in measured
    assert CODE not in measured + repr(lines)


@pytest.fixture
def strict(backend: Backend) -> Callable[..., Any]:
    """A gateway that lets callers ask three times a day, and so guess thirty times."""
    return lambda: serving(environment(backend, rate_limit="3/day"))


def test_guessing_ends_and_using_does_not(strict: Callable[..., Any], page: Backend) -> None:
    """Phones of one carrier share an address: however many of them say no, none is turned away for it."""
    with strict() as running:
        assert {ask(running).status_code for _ in range(40)} == {200}
        page.answer("GetOptoutPage", lambda call: Failure(grpc.StatusCode.NOT_FOUND))
        assert [ask(running, path=f"/o/guess{at}").status_code for at in range(32)] == [404] * 30 + [429] * 2
        assert "080" in ask(running).text
