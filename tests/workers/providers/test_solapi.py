"""Solapi on the wire: what leaves at each of the three steps, and what every answer to each of them means."""

import base64
import json
from dataclasses import replace

import pytest

from core.errors import InvalidInput
from core.rules.channel import Channel
from tests.workers.providers.cases import (
    EVERY_PROVIDER,
    Request,
    Step,
    assert_quiet,
    hangs,
    leaves,
    nobody,
    resets,
    says,
    sends,
    slams,
    stage,
    wire,
)
from tests.workers.providers.solapi_shop import (
    CUT,
    FILLED,
    GROUP,
    HOOK,
    JPEG,
    KEY,
    NUMBERS,
    OPENED,
    PAGE,
    PENDING,
    SECRET,
    SENDER,
    SMS,
    STARTED,
    TAKEN_BACK,
    TEXTS,
    WITHDRAWN,
    Play,
    account,
    adapter,
    filled,
    group,
    judge,
    outcome_of,
    refusal,
)
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Refused, Unknown, find, names
from workers.providers.solapi import adapter as solapi
from workers.providers.solapi.client import authorization

SECRETS = (KEY, SECRET, HOOK, "010-1111-0001")
ALL = Accepted(GROUP, 3, 0, Channel.SMS)


def start(name: str, *steps: Step, outcome: object, code: str | None = None, retry_seconds: float | None = None) -> Play:
    """A play in which groups can be opened and filled."""
    return Play(name, (OPENED, FILLED, *steps), outcome, code, retry_seconds)  # type: ignore[arg-type]


def fill(name: str, step: Step, outcome: object, code: str | None = None) -> Play:
    """A play that ends at the second step, whereupon the group is deleted."""
    return Play(name, (OPENED, step, WITHDRAWN), outcome, code)  # type: ignore[arg-type]


BACK = TAKEN_BACK
SLOW_DOWN = refusal("TooManyRequests", 429, extra="x-retry-after: 3\r\n")
LOOSE = f"{KEY}/{SECRET}/010-1111-0001/{NUMBERS[1]}"
TWO = Accepted(GROUP, 2, 1, Channel.SMS)
OPTED_OUT = says(filled("2000", "1061", "2000"))
STARTS = (
    start("accepted", STARTED, outcome=ALL),
    start("accepted at once", says(group("COMPLETE", dateSent="2026-10-12T00:31:07.930Z")), outcome=ALL),
    start("accepted, not yet moving", PENDING, outcome=ALL),
    Play("partly refused", (OPENED, OPTED_OUT, says(group("SENDING", 2, 1))), TWO),
    Play("partly refused, group without counts", (OPENED, OPTED_OUT, says(group("SENDING", count=None))), TWO),
    Play("another channel than asked", (OPENED, says(filled(kind="LMS")), STARTED), replace(ALL, channel=Channel.LMS)),
    start("wrong key", refusal("SignatureDoesNotMatch", 403), *BACK, outcome=Cause.AUTH, code="SignatureDoesNotMatch"),
    start("wrong key, and for the group as well", refusal("InvalidApiKey"), refusal("InvalidApiKey"), outcome=Cause.AUTH),
    start("address not allowed", refusal("Forbidden", 403, "허용되지 않은 IP로 접근하고 있습니다."), *BACK, outcome=Cause.IP),
    start("no balance", refusal("NotEnoughBalance", 402), *BACK, outcome=Cause.BALANCE, code="NotEnoughBalance"),
    start("refused for a reason nobody knows", refusal("SomethingNew"), *BACK, outcome=Cause.EDGE, code="SomethingNew"),
    start("refused for a reason nobody knows, group not readable", refusal("SomethingNew"), resets, outcome=Unknown),
    start("throttled", refusal("TooManyRequests", 429), *BACK, outcome=Busy),
    start(
        "throttled with a time",
        refusal("TooManyRequests", 429, extra="x-retry-after: 3\r\n"),
        *BACK,
        outcome=Busy,
        retry_seconds=3.0,
    ),
    start("throttled, and for the group as well", refusal("TooManyRequests", 429), refusal("TooManyRequests", 429), outcome=Busy),
    start("our clock is wrong", refusal("RequestTimeTooSkewed", 403), *BACK, outcome=Busy),
    start("the request arrived twice", refusal("DuplicatedSignature", 403), outcome=Unknown),
    start("already sent", refusal("AlreadySent", 409), says(group("COMPLETE")), outcome=ALL),
    start("in process", refusal("GroupInProcessing", 409), says(group("SENDING")), outcome=ALL),
    start("reserved", refusal("ScheduledGroup", 409), says(group("SCHEDULED")), outcome=ALL),
    start("in process under another status", refusal("InvalidStatus", 400), says(group("SENDING")), outcome=ALL),
    start("in process, group not readable", refusal("GroupInProcessing", 409), resets, outcome=Unknown),
    start("withdrawn meanwhile", refusal("DeletedGroup"), says(group("DELETED")), outcome=Busy),
    start("failed meanwhile", refusal("FailedGroup"), says(group("FAILED")), outcome=Busy),
    start("group not known", refusal("ResourceNotFound", 404), refusal("ResourceNotFound", 404), outcome=Unknown),
    start("blocked at the edge", says(PAGE % b"Forbidden", 403), *BACK, outcome=Cause.EDGE, code="HTTP 403"),
    start("redirected", says(PAGE % b"Moved", 301, "Location: /\r\n"), *BACK, outcome=Cause.EDGE, code="HTTP 301"),
    start("blocked at the edge, sent all the same", says(PAGE % b"Forbidden", 403), says(group("SENDING")), outcome=ALL),
    start("blocked at the edge for good", says(PAGE % b"Forbidden", 403), says(PAGE % b"Forbidden", 403), outcome=Unknown),
    start("request not complete in time", says(b"", 408), outcome=Unknown),
    start("closed before reading", slams, outcome=Unknown),
    start("closed after reading", leaves, outcome=Unknown),
    start("reset after reading", resets, outcome=Unknown),
    start("no answer in time", hangs, outcome=Unknown),
    start("server error", says(PAGE % b"Internal Server Error", 500), outcome=Unknown),
    start("server error with a refusal in it", refusal("NotEnoughBalance", 500), outcome=Unknown),
    start("bad gateway", says(PAGE % b"Bad Gateway", 502), outcome=Unknown),
    start("unavailable", says(PAGE % b"Unavailable", 503, "Retry-After: 7\r\n"), outcome=Unknown),
    start("empty answer", says(b""), outcome=Unknown),
    start("no content", says(b"", 204), outcome=Unknown),
    start("page instead of an answer", says(PAGE % b"hello"), outcome=Unknown),
    start("answer cut short", sends(wire(CUT + b" " * 40)[:-40]), outcome=Unknown),
    start("answer cut short but well framed", says(CUT), outcome=Unknown),
    start("answer without a reference", says({"status": "SENDING"}), outcome=Unknown),
    start("answer about another group", says(group("SENDING", groupId="G4V0")), outcome=Unknown),
    start("answer with a group that failed", says(group("FAILED")), outcome=Unknown),
    start("answer of another shape", says([1, 2]), outcome=Unknown),
    start("answer that nests without end", says(b"[" * 100_000), outcome=Unknown),
    start("success with a refusal in it", refusal("NotEnoughBalance", 200), outcome=Unknown),
)
FILLS = (
    fill("all refused", says(filled("1061", "1061", "1060")), Cause.MESSAGE, "1061"),
    fill("all refused by a broken server", says(filled("1024", "1024", "1024")), Busy),
    fill("sender not registered", says(filled("2000", "1062", "2000")), Cause.SENDER, "1062"),
    fill("balance ends in the middle", says(filled("2000", "2000", "1030")), Cause.BALANCE, "1030"),
    fill("asked to come later", refusal("TooManyRequests", 429), Busy),
    fill("messages refused", refusal("ValidationError"), Cause.MESSAGE, "ValidationError"),
    fill("request too large", refusal("RecipientsTooMany", 413), Cause.EDGE, "RecipientsTooMany"),
    fill("a quota nobody documents", refusal("DailyQuotaExceeded"), Cause.EDGE, "DailyQuotaExceeded"),
    fill("words with secrets in them", refusal("ValidationError", 400, LOOSE), Cause.MESSAGE),
    fill("key withdrawn", refusal("Unauthorized", 401), Cause.AUTH),
    fill("group withdrawn", refusal("DeletedGroup"), Busy),
    fill("group started by somebody else", refusal("GroupInProcessing", 409), Busy),
    fill("page for messages", says(PAGE % b"no", 403), Cause.EDGE),
    fill("reset while filling", resets, Busy),
    fill("closed while filling", slams, Busy),
    fill("no answer while filling", hangs, Busy),
    fill("server error while filling", says(PAGE % b"no", 500), Busy),
    fill("cut short while filling", says(CUT), Busy),
    fill("empty while filling", says(b""), Busy),
    fill("no result list", says({"errorCount": 0}), Busy),
    fill("another result list", says({"errorCount": 0, "resultList": [1]}), Busy),
    Play("group not deletable", (OPENED, resets, resets), Busy),
)
OPENS = (
    Play("address not allowed at all", (refusal("Forbidden", 403, "허용되지 않은 IP로 접근하고 있습니다."),), Cause.IP),
    Play("not allowed", (refusal("Forbidden", 403, "권한이 없습니다."),), Cause.AUTH),
    Play("wrong key at once", (refusal("InvalidAPIKey", 403),), Cause.AUTH, "InvalidAPIKey"),
    Play("nobody signed", (refusal("Unauthorized", 401),), Cause.AUTH),
    Play("app switched off", (refusal("InactiveApp"),), Cause.AUTH),
    Play("no group for a reason nobody knows", (refusal("ValidationError"),), Cause.EDGE),
    Play("no group, throttled", (refusal("TooManyRequests", 429, extra="x-retry-after: 4.5\r\n"),), Busy, retry_seconds=4.5),
    Play("no group, signature used", (refusal("DuplicatedSignature", 403),), Busy),
    Play("no group, clock wrong", (refusal("RequestTimeTooSkewed", 403),), Busy),
    Play("no group, page", (says(PAGE % b"no", 403),), Cause.EDGE),
    Play("no group, reset", (resets,), Busy),
    Play("no group, no answer", (hangs,), Busy),
    Play("no group, server error", (says(PAGE % b"no", 502),), Busy),
    Play("no group, cut short", (says(CUT),), Busy),
    Play("group without an id", (says({"status": "PENDING"}),), Busy),
    Play("group with an id that is a path", (says(group(groupId="../cash")),), Busy),
)
PLAYS = (*OPENS, *FILLS, *STARTS)


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_every_outcome_of_a_send(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    judge(play, SMS, SECRETS, caplog)


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    outcome = outcome_of(lambda: adapter(nobody()).send(SMS))
    assert isinstance(outcome, Busy)
    assert_quiet(outcome, SECRETS, caplog)


def test_no_case_is_missing() -> None:
    played = [play.name for play in PLAYS]
    assert {*played, "nobody listens"} >= set(EVERY_PROVIDER)
    assert len(set(played)) == len(played)


# What leaves


def sent(parcel: Parcel, *first: Step) -> list[Request]:
    codes = ("2000",) * len(parcel.receivers)
    with stage(*first, OPENED, says(filled(*codes, kind=parcel.channel)), STARTED) as scene:
        adapter(scene.url).send(parcel)
    return scene.requests


def test_the_three_requests() -> None:
    requests = sent(SMS)
    assert [request.line.removesuffix(" HTTP/1.1") for request in requests] == [
        "POST /messages/v4/groups/",
        f"PUT /messages/v4/groups/{GROUP}/messages",
        f"POST /messages/v4/groups/{GROUP}/send",
    ]
    opening, filling, starting = (json.loads(request.body) for request in requests)
    assert opening == {"strict": True, "allowDuplicates": False}
    assert starting == {}
    assert filling == {
        "messages": [
            {"to": number, "text": text, "from": SENDER, "type": "SMS", "autoTypeDetect": False}
            for number, text in zip(NUMBERS, TEXTS, strict=True)
        ]
    }
    assert {request.headers["content-type"] for request in requests} == {"application/json"}


def test_every_request_is_signed_anew() -> None:
    headers = [request.headers["authorization"] for request in sent(SMS)]
    assert all(header.startswith(f"HMAC-SHA256 apiKey={KEY}, date=20") for header in headers)
    assert len(set(headers)) == len({header.split("salt=")[1][:32] for header in headers}) == 3


def test_the_signature_is_the_documented_one() -> None:
    header = authorization(KEY, "S" * 32, "2026-10-06T01:02:03.000Z", "0123456789abcdef0123456789abcdef")
    assert header == (
        f"HMAC-SHA256 apiKey={KEY}, date=2026-10-06T01:02:03.000Z, salt=0123456789abcdef0123456789abcdef, "
        "signature=d6d24a062b8407172578818158c8d7c0639b0a4eb36eef61da551e1741b9f069"
    )


def test_an_lms_has_its_subject_and_an_sms_never() -> None:
    lms, sms = Parcel(Channel.LMS, SENDER, NUMBERS, TEXTS, "가을 특가"), replace(SMS, subject="가을 특가")
    assert [one["subject"] for one in json.loads(sent(lms)[1].body)["messages"]] == ["가을 특가"] * 3
    assert all("subject" not in one for one in json.loads(sent(sms)[1].body)["messages"])


def mms(image: bytes = JPEG) -> Parcel:
    return Parcel(Channel.MMS, SENDER, NUMBERS, TEXTS, image=image)


@pytest.fixture(autouse=True)
def no_pictures_yet() -> None:
    solapi._images.clear()


def test_a_picture_goes_up_once_for_many_sends() -> None:
    uploaded = says({"fileId": "ST01FZ", "type": "MMS"})
    with stage(uploaded, *(OPENED, says(filled(kind="MMS")), STARTED) * 2) as scene:
        for _ in range(2):
            adapter(scene.url).send(mms())
    assert [request.path for request in scene.requests].count("/storage/v1/files") == 1
    upload = json.loads(scene.requests[0].body)
    assert (upload["name"], upload["type"]) == ("flyer.jpg", "MMS")
    assert base64.b64decode(upload["file"]) == JPEG
    for filling in (scene.requests[2], scene.requests[5]):
        assert {one["imageId"] for one in json.loads(filling.body)["messages"]} == {"ST01FZ"}


def test_another_picture_or_account_uploads_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [says({"fileId": name}) for name in "abc"]
    rest = (OPENED, says(filled(kind="MMS")), STARTED)
    with stage(files[0], *rest, files[1], *rest, files[2], *rest) as scene:
        adapter(scene.url).send(mms())
        adapter(scene.url).send(mms(JPEG + b"!"))
        credentials = {"api_key": KEY[::-1], "api_secret": SECRET}
        find(Account("solapi", scene.url, credentials, False)).send(mms())
    assert scene.visits == 12


def test_the_memory_of_pictures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solapi, "_IMAGES_KEPT", 2)
    steps = [step for n in range(3) for step in (says({"fileId": f"f{n}"}), OPENED, says(filled(kind="MMS")), STARTED)]
    with stage(*steps) as scene:
        for n in range(3):
            adapter(scene.url).send(mms(JPEG + bytes([n])))
    assert list(solapi._images.values()) == ["f1", "f2"]


def test_a_picture_that_is_gone_is_uploaded_again_next_time() -> None:
    uploads = [says({"fileId": name}) for name in ("old", "new")]
    gone = (OPENED, says(filled("1023", "1023", "1023")), WITHDRAWN)
    with stage(uploads[0], *gone, uploads[1], OPENED, says(filled(kind="MMS")), STARTED) as scene:
        assert isinstance(outcome_of(lambda: adapter(scene.url).send(mms())), Busy)
        adapter(scene.url).send(mms())
    assert {one["imageId"] for one in json.loads(scene.requests[6].body)["messages"]} == {"new"}


UPLOADS = {
    "reset": (resets, Busy, None),
    "server error": (says(PAGE % b"no", 500), Busy, None),
    "without an id": (says({"type": "MMS"}), Busy, None),
    "refused": (refusal("ValidationError"), Refused, Cause.MESSAGE),
    "wrong key": (refusal("InvalidApiKey"), Refused, Cause.AUTH),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_an_upload_that_fails_opens_no_group(name: str) -> None:
    step, kind, cause = UPLOADS[name]
    with stage(step) as scene:
        outcome = outcome_of(lambda: adapter(scene.url).send(mms()))
    assert type(outcome) is kind
    assert cause is None or (isinstance(outcome, Refused) and outcome.cause is cause)
    assert scene.visits == 1


def test_whoever_cannot_note_sends_nothing() -> None:
    def note(reference: str) -> None:
        raise Busy(f"{reference} could not be written down")

    with stage(OPENED) as scene:
        outcome = outcome_of(lambda: adapter(scene.url).send(SMS, note))
    assert isinstance(outcome, Busy)
    assert scene.visits == 1


def test_the_reference_is_noted_before_there_is_a_message() -> None:
    seen: list[int] = []
    with stage(OPENED, FILLED, STARTED) as scene:
        adapter(scene.url).send(SMS, lambda reference: seen.append(scene.visits))
    assert seen == [1]


IMPOSSIBLE = {
    "nobody": replace(SMS, receivers=(), texts=()),
    "too many": Parcel(Channel.SMS, SENDER, ["01011110001"] * 10_001, ["글"] * 10_001),
    "an Alimtalk without a template": replace(SMS, channel=Channel.ALIMTALK),
    "more numbers than texts": replace(SMS, texts=TEXTS[:2]),
    "an image that would make it an MMS": replace(SMS, image=JPEG),
    "an MMS without image": replace(mms(), image=None),
    "an image that is no JPEG": mms(b"GIF89a"),
    "an image beyond 200 KB": mms(JPEG + bytes(200 * 1024)),
    "a list of numbers as a number": replace(SMS, receivers=["01011110001,01011110002", *NUMBERS[1:]]),
    "a number in other digits": replace(SMS, receivers=["٠١٠١١١١٠٠٠١", *NUMBERS[1:]]),
    "half a character": replace(SMS, texts=["\ud83d", *TEXTS[1:]]),
    "more than 15 MB": Parcel(Channel.LMS, SENDER, ["01011110001"] * 3000, ["가" * 2000] * 3000),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_solapi_would_refuse_never_leaves(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with stage(says({"fileId": "f"})) as scene:
        outcome = outcome_of(lambda: adapter(scene.url).send(IMPOSSIBLE[name]))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.cause) == ("LOCAL", Cause.MESSAGE)
    assert scene.visits == 0
    assert_quiet(outcome, (KEY, SECRET, *NUMBERS), caplog)


def test_what_is_only_a_test_is_not_sent_for_real() -> None:
    with stage() as scene:
        for ask in (lambda p: p.send(SMS), lambda p: p.balance()):
            with pytest.raises(Refused) as caught:
                ask(adapter(scene.url, test_mode=True))
            assert caught.value.account_wide
    assert scene.visits == 0


# The account


def test_an_account_finds_its_adapter() -> None:
    assert "solapi" in names()
    made = find(account("http://127.0.0.1:1"))
    assert isinstance(made, solapi.Adapter)
    assert [made.batch_limit(channel) for channel in Channel] == [500, 500, 500, 500]
    assert made.references_before_sending


@pytest.mark.parametrize(
    ("credentials", "wrong"),
    [
        ({}, {"credentials.api_key", "credentials.api_secret"}),
        ({"api_key": KEY}, {"credentials.api_secret"}),
        ({"api_key": KEY[:-1], "api_secret": SECRET}, {"credentials.api_key"}),
    ],
)
def test_an_account_without_its_credentials_is_refused_at_once(credentials: dict[str, str], wrong: set[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        find(Account("solapi", "http://127.0.0.1:1", credentials, False))
    assert {violation.field for violation in caught.value.violations} == wrong
    assert KEY not in repr(caught.value)


def test_nothing_secret_is_in_a_repr() -> None:
    said = f"{account('http://127.0.0.1:1')!r} {adapter('')!r}"
    assert not [secret for secret in (KEY, SECRET, HOOK) if secret in said]
