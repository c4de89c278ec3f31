"""Who called an 080 number, as Solapi lists it: page by page, by time, and only to who signs."""

from typing import Any

import pytest

from tests.deploy.sandbox.solapi_shop import ONE, SENDER, TWO, ask, good, refused

BLACK = "/iam/v1/black"


@pytest.fixture(autouse=True)
def nobody_called_before(sandbox: Any) -> None:
    sandbox.http.delete("/__sandbox/optouts")


def calls(sandbox: Any, *receivers: str) -> None:
    for receiver in receivers:
        made = sandbox.http.post("/__sandbox/optouts", json={"receiver": receiver, "sender": SENDER})
        assert made.status_code == 201


def test_a_call_as_the_list_shows_it(sandbox: Any) -> None:
    assert good(sandbox, "GET", f"{BLACK}?type=DENIAL")["blackList"] == []
    calls(sandbox, ONE)
    answer = good(sandbox, "GET", f"{BLACK}?type=DENIAL")
    [row] = answer["blackList"]
    assert (row["type"], row["senderNumber"], row["recipientNumber"]) == ("DENIAL", SENDER, ONE)
    assert row["handleKey"]
    assert row["dateCreated"] == row["dateUpdated"]
    assert (answer["startKey"], answer["nextKey"], answer["limit"]) == (None, None, 20)


def test_it_is_read_page_by_page_and_from_a_day_on(sandbox: Any) -> None:
    calls(sandbox, *(f"0107777{at:04d}" for at in range(5)))
    first = good(sandbox, "GET", f"{BLACK}?limit=3")
    rest = good(sandbox, "GET", f"{BLACK}?limit=3&startKey={first['nextKey']}")
    found = [row["recipientNumber"] for row in (*first["blackList"], *rest["blackList"])]
    assert found == [f"0107777{at:04d}" for at in range(5)]
    assert rest["nextKey"] is None
    assert len(good(sandbox, "GET", f"{BLACK}?dateCreated%5Bgte%5D=2020-01-01T00:00:00.000Z")["blackList"]) == 5
    assert good(sandbox, "GET", f"{BLACK}?dateCreated%5Bgte%5D=2099-01-01T00:00:00.000Z")["blackList"] == []


def test_only_who_signs_reads_it_and_scripts_forget_it(sandbox: Any) -> None:
    calls(sandbox, ONE, TWO)
    assert ask(sandbox, "GET", BLACK, authorization="HMAC-SHA256 apiKey=x").status_code >= 400
    assert refused(sandbox, "GET", f"{BLACK}?limit=501") == (400, "ValidationError")
    assert len(sandbox.http.get("/__sandbox/optouts").json()["optouts"]) == 2
    sandbox.http.delete("/__sandbox/optouts")
    assert good(sandbox, "GET", BLACK)["blackList"] == []
