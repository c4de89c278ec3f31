"""What was accepted is counted to the message and outlives the process."""

from typing import Any

import pytest

ONE = "01011112222"


def test_twenty_thousand_messages_are_accounted_for(sandbox: Any) -> None:
    for first in range(0, 20_000, 500):
        pairs = [(f"0103{place:07}", f"고객 {place}님 안녕하세요") for place in range(first, first + 500)]
        answer = sandbox.mass(pairs)
        assert answer["success_cnt"] + answer["error_cnt"] == 500
    stats = sandbox.get("/stats")
    assert stats["requests"] == 40
    assert (stats["accepted_messages"], stats["malformed_receivers"]) == (19_998, 2)
    assert (stats["distinct_receivers"], stats["max_per_receiver"], stats["duplicates"]) == (19_998, 1, 0)
    assert stats["by_type"] == {"SMS": 19_998}
    listed = [
        sandbox.ask("/sms_list/", mid=row["mid"], page_size=500)["list"] for row in sandbox.ask("/list/", page_size=500)["list"]
    ]
    assert len({row["receiver"] for rows in listed for row in rows}) == 19_998


def test_a_duplicate_is_the_same_text_to_the_same_receiver(sandbox: Any) -> None:
    sandbox.mass([(ONE, "a"), (ONE, "b"), ("01033334444", "a")])
    stats = sandbox.get("/stats")
    assert (stats["duplicates"], stats["max_per_receiver"], stats["distinct_receivers"]) == (0, 2, 2)
    sandbox.ask("/send/", receiver=f"{ONE},{ONE}", msg="a")
    assert sandbox.get("/stats")["duplicates"] == 2


def test_a_killed_sandbox_remembers(launch: Any) -> None:
    sandbox = launch("--ripen", "0")
    picture = {"image1": ("a.gif", b"GIF89a...", "image/gif")}
    first = sandbox.mass([(ONE, "하나"), ("01033334444", "둘")])["msg_id"]
    second = sandbox.ask("/send/", files=picture, receiver=ONE, msg="그림")["msg_id"]
    account = {"user": "other", "key": "k", "senders": ["0212345678"], "balance_won": 1000}
    sandbox.http.post("/__sandbox/accounts", json=account).raise_for_status()
    sandbox.ask("/send/", receiver=ONE, msg="x", user_id="other", key="k")
    paths = ("/messages", "/accounts")
    before = [sandbox.get(path) for path in paths] + [sandbox.ask("/list/"), sandbox.ask("/remain/")]
    counts = sandbox.get("/stats")
    sandbox.kill()
    with (sandbox.folder / "state" / "accepted.jsonl").open("ab") as journal:
        journal.write(b'{"e":"batch","p":"ali')
    sandbox.start()
    assert [sandbox.get(path) for path in paths] + [sandbox.ask("/list/"), sandbox.ask("/remain/")] == before
    assert sandbox.get("/stats") | {"requests": 0, "by_path": {}} == counts | {"requests": 0, "by_path": {}}
    third = sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]
    assert [int(first), int(second), int(third)] == [int(first), int(first) + 1, int(first) + 3]
    sandbox.kill()
    sandbox.start()
    assert sandbox.get("/stats")["accepted_messages"] == counts["accepted_messages"] + 1


def test_a_reset_forgets_messages_and_never_repeats_a_reference(launch: Any) -> None:
    sandbox = launch()
    full = sandbox.ask("/remain/")
    first = sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]
    assert sandbox.http.delete("/__sandbox/messages").status_code == 204
    assert sandbox.get("/messages") == {"messages": []}
    assert sandbox.ask("/sms_list/", mid=first)["result_code"] < 0
    sandbox.kill()
    sandbox.start()
    assert sandbox.ask("/remain/") == full
    assert int(sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]) == int(first) + 1


def test_two_sandboxes_do_not_share_a_folder(launch: Any) -> None:
    sandbox = launch()
    with pytest.raises(AssertionError, match="did not start"):
        type(sandbox)(sandbox.folder)
