"""Solapi's groups: what may be done in which state, what is refused of a message, and what the phones get."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.deploy.sandbox.solapi_shop import GROUPS, ONE, TWO, ask, codes, filled, good, opened, refused, sent, status, text


def accepted(sandbox: Any) -> int:
    count: int = sandbox.get("/stats")["accepted_messages"]
    return count


def test_three_steps_and_only_the_third_sends(sandbox: Any) -> None:
    group = good(sandbox, "POST", f"{GROUPS}/", {"strict": True, "customFields": {"batchId": "b_881"}})
    assert (group["status"], group["customFields"], group["count"]["total"]) == ("PENDING", {"batchId": "b_881"}, 0)
    reference = group["groupId"]
    assert len(reference) == 32 and reference.startswith("G4V")
    answer = good(sandbox, "PUT", f"{GROUPS}/{reference}/messages", {"messages": [text(ONE), text(TWO, "둘째")]})
    assert answer["errorCount"] == 0
    assert [(row["to"], row["statusCode"], row["messageId"][:3]) for row in answer["resultList"]] == [
        (ONE, "2000", "M4V"),
        (TWO, "2000", "M4V"),
    ]
    assert (accepted(sandbox), status(sandbox, reference)) == (0, "PENDING")
    group = good(sandbox, "POST", f"{GROUPS}/{reference}/send", {})
    assert (group["status"], group["count"]["registeredSuccess"]) == ("SENDING", 2)
    assert accepted(sandbox) == 2
    messages = sandbox.get("/messages")["messages"]
    assert [(one["provider"], one["reference"], one["receiver"], one["text"]) for one in messages] == [
        ("solapi", reference, TWO, "둘째"),
        ("solapi", reference, ONE, "안녕하세요"),
    ]


def pending(sandbox: Any) -> str:
    return filled(sandbox)


def sending(sandbox: Any) -> str:
    return sent(sandbox)


def complete(sandbox: Any) -> str:
    reference = sent(sandbox)
    sandbox.move_clock(61)
    return reference


def scheduled(sandbox: Any) -> str:
    reference = filled(sandbox)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    good(sandbox, "POST", f"{GROUPS}/{reference}/schedule", {"scheduledDate": tomorrow})
    return reference


def deleted(sandbox: Any) -> str:
    reference = filled(sandbox)
    assert good(sandbox, "DELETE", f"{GROUPS}/{reference}")["status"] == "DELETED"
    return reference


def failed(sandbox: Any) -> str:
    answer = good(sandbox, "POST", "/messages/v4/send-many/detail", {"messages": [text("0101")]})
    reference: str = answer["groupInfo"]["groupId"]
    return reference


STATES = {
    "SENDING": (sending, 409, "GroupInProcessing"),
    "COMPLETE": (complete, 409, "AlreadySent"),
    "SCHEDULED": (scheduled, 409, "ScheduledGroup"),
    "DELETED": (deleted, 400, "DeletedGroup"),
    "FAILED": (failed, 400, "FailedGroup"),
}


@pytest.mark.parametrize("state", STATES)
def test_what_is_not_pending_is_neither_filled_nor_started_nor_deleted(sandbox: Any, state: str) -> None:
    make, http_status, code = STATES[state]
    reference = make(sandbox)
    before = accepted(sandbox)
    assert status(sandbox, reference) == state
    for method, path, body in (
        ("PUT", "/messages", {"messages": [text(TWO)]}),
        ("POST", "/send", {}),
        ("DELETE", "", None),
    ):
        assert refused(sandbox, method, f"{GROUPS}/{reference}{path}", body) == (http_status, code)
    assert (accepted(sandbox), status(sandbox, reference)) == (before, state)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("PUT", "/messages"), ("POST", "/send")])
def test_an_unknown_group_is_not_found(sandbox: Any, method: str, path: str) -> None:
    body = {"messages": [text()]}
    assert refused(sandbox, method, f"{GROUPS}/G4V20261012093107BBBBBBBBBBBBBBB{path}", body) == (404, "ResourceNotFound")


def test_a_reservation_waits_and_can_be_taken_back(sandbox: Any) -> None:
    reference = scheduled(sandbox)
    assert codes(sandbox, reference) == {ONE: "2000"}
    assert good(sandbox, "DELETE", f"{GROUPS}/{reference}/schedule")["status"] == "PENDING"
    assert accepted(sandbox) == 0
    assert refused(sandbox, "DELETE", f"{GROUPS}/{reference}/schedule") == (400, "InvalidStatus")
    good(sandbox, "POST", f"{GROUPS}/{reference}/send", {})
    assert accepted(sandbox) == 1


def test_a_reservation_goes_when_its_time_comes(sandbox: Any) -> None:
    reference = scheduled(sandbox)
    sandbox.move_clock(86_400 + 61)
    assert status(sandbox, reference) == "COMPLETE"
    assert codes(sandbox, reference) == {ONE: "4000"}


def test_an_empty_group_cannot_be_started(sandbox: Any) -> None:
    assert refused(sandbox, "POST", f"{GROUPS}/{opened(sandbox)}/send", {})[0] == 400


FAULTY = {
    "no receiver": (text(""), "1010"),
    "no text": (text(body=""), "1010"),
    "a dead type": (text(type="CTA"), "1025"),
    "half a number": (text("0101234"), "1011"),
    "a number of the sandbox's for this": (text("01012349008"), "1011"),
    "a foreign sender": (text(**{"from": "0299999999"}), "1062"),
    "a subject on SMS": (text(subject="제목"), "1013"),
    "a subject of 42 bytes": (text(type="LMS", subject="가" * 21), "1014"),
    "a bell": (text(body="종\x07"), "1028"),
    "a won sign": (text(body="₩1,000"), "1029"),
    "91 bytes of SMS": (text(body="가" * 45 + "a"), "1031"),
    "2001 bytes of LMS": (text(type="LMS", body="가" * 1000 + "a"), "1031"),
    "an MMS without picture": (text(type="MMS"), "1010"),
    "a picture nobody has": (text(type="MMS", imageId="ST01"), "1023"),
    "a field too long": (text(customFields={"a": "x" * 101}), "1032"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_wrong_with_a_message_is_its_code_and_it_never_goes(sandbox: Any, name: str) -> None:
    message, code = FAULTY[name]
    reference = opened(sandbox)
    answer = good(sandbox, "PUT", f"{GROUPS}/{reference}/messages", {"messages": [message, text(TWO)]})
    assert answer["errorCount"] == 1
    assert [row["statusCode"] for row in answer["resultList"]] == [code, "2000"]
    good(sandbox, "POST", f"{GROUPS}/{reference}/send", {})
    assert [one["receiver"] for one in sandbox.get("/messages")["messages"]] == [TWO]
    listed = good(sandbox, "GET", f"/messages/v4/list?groupId={reference}")["messageList"]
    assert [row["statusCode"] for row in listed.values()] == [code, "2000"]


def test_the_second_message_to_a_number_is_refused_unless_allowed(sandbox: Any) -> None:
    strict, loose = opened(sandbox), opened(sandbox, allowDuplicates=True)
    for reference, wanted in ((strict, ["2000", "1026", "1026"]), (loose, ["2000", "2000", "2000"])):
        path = f"{GROUPS}/{reference}/messages"
        rows = good(sandbox, "PUT", path, {"messages": [text(), text()]})["resultList"]
        rows += good(sandbox, "PUT", path, {"messages": [text()]})["resultList"]
        assert [row["statusCode"] for row in rows] == wanted


def test_without_strict_what_carriers_lack_is_left_out(sandbox: Any) -> None:
    sent(sandbox, text(body="₩1,000 😀!"), strict=False)
    assert sandbox.get("/messages")["messages"][0]["text"] == "1,000 !"


def test_results_ripen_by_their_endings(sandbox: Any) -> None:
    endings = {"9001": "4000", "9002": "3032", "9003": "3043", "9004": "3000", "9005": "3047", "9006": "3054", "9007": "4000"}
    reference = sent(sandbox, *(text(f"0102000{ending}") for ending in endings))
    young = dict.fromkeys((f"0102000{ending}" for ending in endings), "2000")
    assert codes(sandbox, reference) == young
    sandbox.move_clock(30)
    assert codes(sandbox, reference) == dict.fromkeys(young, "3000")
    sandbox.move_clock(61)
    assert codes(sandbox, reference) == {f"0102000{ending}": code for ending, code in endings.items()}
    count = good(sandbox, "GET", f"{GROUPS}/{reference}")["count"]
    assert (count["sentTotal"], count["sentSuccess"], count["sentFailed"], count["sentPending"]) == (7, 2, 4, 1)


def test_money_is_taken_at_the_start_and_a_short_account_sends_nothing(sandbox: Any) -> None:
    full = good(sandbox, "GET", "/cash/v1/balance")["balance"]
    reference = filled(sandbox, text(ONE), text(TWO, type="LMS"))
    assert good(sandbox, "GET", "/cash/v1/balance")["balance"] == full
    sandbox.fault("no_balance", count=1)
    assert refused(sandbox, "POST", f"{GROUPS}/{reference}/send", {}) == (402, "NotEnoughBalance")
    assert (accepted(sandbox), status(sandbox, reference)) == (0, "PENDING")
    good(sandbox, "POST", f"{GROUPS}/{reference}/send", {})
    assert good(sandbox, "GET", "/cash/v1/balance")["balance"] == full - 18 - 45


def test_one_call_does_it_all(sandbox: Any) -> None:
    answer = good(
        sandbox,
        "POST",
        "/messages/v4/send-many/detail",
        {"messages": [text([ONE, "0101"]), text(TWO, customFields={"deliveryId": "d"})], "showMessageList": True},
    )
    assert [(row["to"], row["statusCode"]) for row in answer["failedMessageList"]] == [("0101", "1011")]
    assert [row["customFields"] for row in answer["messageList"]] == [{}, {"deliveryId": "d"}]
    assert answer["groupInfo"]["count"]["registeredFailed"] == 1
    assert accepted(sandbox) == 2


def test_all_refused_is_still_200(sandbox: Any) -> None:
    answer = good(sandbox, "POST", "/messages/v4/send-many/detail", {"messages": [text("0101")]})
    assert len(answer["failedMessageList"]) == answer["groupInfo"]["count"]["total"] == 1
    assert accepted(sandbox) == 0


def test_a_single_message_is_refused_with_its_code_in_words(sandbox: Any) -> None:
    answer = good(sandbox, "POST", "/messages/v4/send", {"message": text()})
    assert (answer["statusCode"], answer["to"]) == ("2000", ONE)
    bad = ask(sandbox, "POST", "/messages/v4/send", {"message": text("0101")})
    assert (bad.status_code, bad.json()["errorCode"]) == (400, "InvalidStatusCode")
    assert "statusCode(1011)" in bad.json()["errorMessage"]


def test_too_many_at_once(sandbox: Any) -> None:
    body = {"messages": [text(f"0101{place:07}") for place in range(10_001)]}
    assert refused(sandbox, "PUT", f"{GROUPS}/{opened(sandbox)}/messages", body) == (413, "RecipientsTooMany")


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": ["x"]}, {"messages": {}}])
def test_a_body_of_another_shape(sandbox: Any, body: object) -> None:
    assert refused(sandbox, "PUT", f"{GROUPS}/{opened(sandbox)}/messages", body) == (400, "ValidationError")


def test_the_same_text_by_both_providers_is_a_duplicate(sandbox: Any) -> None:
    sandbox.ask("/send/", receiver=ONE, msg="같은 글")
    sent(sandbox, text(ONE, "같은 글"), text(TWO, "같은 글"))
    stats = sandbox.get("/stats")
    assert (stats["accepted_messages"], stats["duplicates"], stats["max_per_receiver"]) == (3, 1, 2)


def test_paths_are_counted_without_their_ids(sandbox: Any) -> None:
    for _ in range(2):
        sent(sandbox)
    by_path = sandbox.get("/stats")["by_path"]
    assert by_path == {GROUPS: 2, f"{GROUPS}/{{}}/messages": 2, f"{GROUPS}/{{}}/send": 2}


def test_a_killed_sandbox_remembers_its_groups(launch: Any) -> None:
    sandbox = launch("--ripen", "60")
    gone, waiting, removed, booked = sent(sandbox), filled(sandbox), deleted(sandbox), scheduled(sandbox)
    shown = [good(sandbox, "GET", f"{GROUPS}/{one}") for one in (gone, waiting, removed, booked)]
    listed = good(sandbox, "GET", "/messages/v4/list?limit=500")
    sandbox.kill()
    sandbox.start()
    assert [good(sandbox, "GET", f"{GROUPS}/{one}") for one in (gone, waiting, removed, booked)] == shown
    assert good(sandbox, "GET", "/messages/v4/list?limit=500") == listed
    assert refused(sandbox, "POST", f"{GROUPS}/{gone}/send", {}) == (409, "GroupInProcessing")
    good(sandbox, "POST", f"{GROUPS}/{waiting}/send", {})
    assert sandbox.get("/stats")["accepted_messages"] == 3


def test_a_reset_forgets_groups_and_never_repeats_an_id(launch: Any) -> None:
    sandbox = launch()
    before = [sent(sandbox) for _ in range(3)]
    sandbox.http.delete("/__sandbox/messages").raise_for_status()
    assert refused(sandbox, "GET", f"{GROUPS}/{before[0]}") == (404, "ResourceNotFound")
    after = sent(sandbox)
    sandbox.kill()
    sandbox.start()
    assert sent(sandbox)[-15:] > after[-15:] > max(one[-15:] for one in before)


def test_twenty_thousand_messages_are_accounted_for(sandbox: Any) -> None:
    for first in range(0, 20_000, 10_000):
        sent(sandbox, *(text(f"0103{place:07}", f"고객 {place}님") for place in range(first, first + 10_000)))
    stats = sandbox.get("/stats")
    assert (stats["accepted_messages"], stats["malformed_receivers"]) == (19_998, 2)
    assert (stats["distinct_receivers"], stats["max_per_receiver"], stats["duplicates"]) == (19_998, 1, 0)
