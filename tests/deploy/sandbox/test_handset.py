"""What a person sees: texts as carriers leave them, newest first, found by number."""

import re
from typing import Any

import pytest

ONE = "01011112222"


def test_characters_that_carriers_lack_arrive_as_question_marks(sandbox: Any) -> None:
    sandbox.ask("/send/", receiver=ONE, msg="₩1,000 • 뷁 ★ 😀\r\n끝")
    message = sandbox.get("/messages")["messages"][0]
    assert (message["text"], message["bytes"]) == ("?1,000 ? 뷁 ★ ?\n끝", 20)


def test_messages_newest_first_by_receiver_and_limit(sandbox: Any) -> None:
    sandbox.mass([(ONE, "1"), ("01033334444", "2"), (ONE, "3")])
    sandbox.ask("/send/", receiver=ONE, msg="4")

    def texts(query: str) -> list[str]:
        return [message["text"] for message in sandbox.get(f"/messages?{query}")["messages"]]

    assert texts("") == ["4", "3", "2", "1"]
    assert texts("receiver=010-1111-2222") == ["4", "3", "1"]
    assert texts(f"receiver={ONE}&limit=1") == ["4"]
    assert texts("receiver=nobody") == []


def test_handsets_show_only_what_arrived_and_are_found_by_digits(sandbox: Any) -> None:
    sandbox.mass([(ONE, "old"), ("01033334444", "x"), (ONE, "new"), ("01055559002", "lost")])
    assert sandbox.get("/phones")["phones"] == []
    sandbox.move_clock(61)
    assert [(phone["receiver"], phone["text"]) for phone in sandbox.get("/phones")["phones"]] == [
        (ONE, "new"),
        ("01033334444", "x"),
    ]
    assert [phone["receiver"] for phone in sandbox.get("/phones?search=3333")["phones"]] == ["01033334444"]
    assert sandbox.get("/phones?search=9002")["phones"] == []


@pytest.mark.parametrize("path", ["/", "/phone", "/faults"])
def test_pages_are_korean_and_load_nothing_from_elsewhere(sandbox: Any, path: str) -> None:
    page = sandbox.http.get(path)
    assert page.status_code == 200
    assert 'lang="ko"' in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert link.startswith(("/", "data:,"))
        if link.startswith("/"):
            assert sandbox.http.get(link).status_code == 200


def test_an_unknown_picture_or_folder_trick_is_not_found(sandbox: Any) -> None:
    for name in ("0" * 64, "..%2Faccepted.jsonl", "accepted.jsonl"):
        assert sandbox.http.get(f"/__sandbox/images/{name}").status_code == 404


def test_nothing_personal_is_printed(launch: Any, capfd: pytest.CaptureFixture[str]) -> None:
    sandbox = launch()
    sandbox.ask("/send/", receiver=ONE, msg="비밀")
    sandbox.call("/send/", receiver="1" * 5000, msg="비밀", cnt="x", rdate="²")
    sandbox.call("/nowhere/", receiver=ONE)
    sandbox.kill()
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
