"""Aligo on the wire: what leaves byte for byte, what every answer means, and that nothing secret is ever said."""

import pytest

from core.errors import InvalidInput, NotFound
from core.rules.channel import Channel
from tests.workers.providers.aligo_shop import (
    CUT,
    JPEG,
    KEY,
    NOON,
    NUMBERS,
    PAGE,
    SENDER,
    SMS,
    TEXTS,
    USER,
    account,
    adapter,
    refused,
    taken,
)
from tests.workers.providers.cases import (
    EVERY_PROVIDER,
    Case,
    Request,
    assert_quiet,
    attempt,
    hangs,
    judge,
    leaves,
    resets,
    says,
    sends,
    slams,
    stage,
    wire,
)
from workers import forms, http
from workers.providers import (
    Accepted,
    Account,
    Busy,
    Cause,
    Parcel,
    Refused,
    Result,
    Sighting,
    Unknown,
    find,
    names,
)
from workers.providers.aligo import adapter as aligo

ALL = Accepted("700100201", 3, 0, Channel.SMS)

CASES = (
    Case("accepted", says(taken()), ALL),
    Case("accepted, other types", says(taken(result_code=1, msg_id=700100201, success_cnt="3", error_cnt="0")), ALL),
    Case("accepted, no counts", says({"result_code": "1", "msg_id": "700100201"}), ALL),
    Case("accepted, reserved", says(taken(message="reserved")), ALL),
    Case("accepted, marked as JSON", says(taken(), content_type="application/json"), ALL),
    Case("partly refused", says(taken(success_cnt=2, error_cnt=1)), Accepted("700100201", 2, 1, Channel.SMS)),
    Case("all refused", says(taken(success_cnt=0, error_cnt=3)), Cause.MESSAGE),
    Case("another channel than asked", says(taken(msg_type="LMS")), Accepted("700100201", 3, 0, Channel.LMS)),
    Case("wrong key", refused(-101, "인증오류입니다."), Cause.AUTH, "-101"),
    Case("key missing", refused(-101, "API 키가 입력되지 않았습니다."), Cause.AUTH, "-101"),
    Case("wrong key, other number", refused(-102, "API 인증오류입니다."), Cause.AUTH, "-102"),
    Case("wrong key, number only", refused(-102, "error"), Cause.AUTH, "-102"),
    Case("wrong key, words only", refused(-900, "인증오류입니다."), Cause.AUTH, "-900"),
    Case("address not allowed", refused(-101, "인증오류입니다.-IP"), Cause.IP, "-101"),
    Case("address not allowed, long words", refused(-101, "인증오류입니다." + "가" * 300 + "-IP"), Cause.IP),
    Case("no balance", refused(-201, "보유건수 부족"), Cause.BALANCE, "-201"),
    Case("no balance, other number", refused(-999, "포인트가 부족합니다."), Cause.BALANCE, "-999"),
    Case("no balance, number only", refused(-201, "error"), Cause.BALANCE, "-201"),
    Case("sender not registered", refused(-103, "등록/인증되지 않은 발신번호입니다."), Cause.SENDER, "-103"),
    Case("sender not registered, other number", refused(-102, "미등록 발신번호"), Cause.SENDER, "-102"),
    Case("sender not registered, number only", refused(-103, "error"), Cause.SENDER, "-103"),
    Case("refused for a reason nobody knows", refused(-311, "형식이 다릅니다."), Cause.MESSAGE, "-311"),
    Case(
        "refused with our secrets in the words",
        refused(-311, f"{KEY}/{USER}/010-1111-0001/{NUMBERS[1]}"),
        Cause.MESSAGE,
    ),
    Case("refused with a quoted number", says({"result_code": "-101", "message": "인증오류입니다."}), Cause.AUTH, "-101"),
    Case("refused under another status", says({"result_code": -101, "message": "인증오류입니다.-IP"}, 403), Cause.IP),
    Case("asked to come later", refused(-900, "시스템 점검 중입니다. 잠시 후 이용해 주세요."), Busy),
    Case("throttled", says(PAGE % b"slow down", 429), Busy),
    Case("throttled with a time", says(b"", 429, "Retry-After: 7\r\n"), Busy, retry_seconds=7.0),
    Case("nobody listens", None, Busy),
    Case("blocked at the edge", says(PAGE % b"Forbidden", 403), Cause.EDGE, "HTTP 403"),
    Case("redirected", says(PAGE % b"Moved", 301, "Location: /send_mass/\r\n"), Cause.EDGE, "HTTP 301"),
    Case("no such path", says(PAGE % b"Not Found", 404), Cause.EDGE, "HTTP 404"),
    Case("request too large", says(PAGE % b"Too Large", 413), Cause.EDGE, "HTTP 413"),
    Case("request not complete in time", says(b"", 408), Unknown),
    Case("closed before reading", slams, Unknown),
    Case("closed after reading", leaves, Unknown),
    Case("reset after reading", resets, Unknown),
    Case("no answer in time", hangs, Unknown),
    Case("server error", says(PAGE % b"Internal Server Error", 500), Unknown),
    Case("server error with a refusal in it", says({"result_code": -101, "message": "인증오류입니다."}, 500), Unknown),
    Case("server error with a success in it", says(taken(), 500), Unknown),
    Case("bad gateway", says(PAGE % b"Bad Gateway", 502), Unknown),
    Case("unavailable", says(PAGE % b"Unavailable", 503, "Retry-After: 7\r\n"), Unknown),
    Case("empty answer", says(b""), Unknown),
    Case("no content", says(b"", 204), Unknown),
    Case("page instead of an answer", says(PAGE % b"hello"), Unknown),
    Case("answer cut short", sends(wire(CUT + b" " * 40)[:-40]), Unknown),
    Case("answer cut short but well framed", says(CUT), Unknown),
    Case("answer without a reference", says({"result_code": "1", "message": "success"}), Unknown),
    Case("answer without a code", says({"message": "success", "msg_id": "700100201"}), Unknown),
    Case("answer with code 0", says(taken(result_code=0)), Unknown),
    Case("answer of another shape", says([1, 2]), Unknown),
    Case("answer that nests without end", says(b"[" * 100_000), Unknown),
    Case("answer with an odd reference", says(taken(msg_id={"id": 1})), Unknown),
    Case("answer in no known text", says(b"\xff\xfe\xfa"), Unknown),
    Case("success of nobody", says(taken(success_cnt=0, error_cnt=0)), Unknown),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_outcome_of_a_send(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    judge(case, adapter, SMS, (KEY, USER, "010-1111-0001"), caplog)


def test_no_case_is_missing() -> None:
    assert {case.name for case in CASES} >= set(EVERY_PROVIDER)
    assert len({case.name for case in CASES}) == len(CASES)


# What leaves


def sent(parcel: Parcel, test_mode: bool = False) -> Request:
    with stage(says(taken(success_cnt=len(parcel.receivers)))) as scene:
        adapter(scene.url, test_mode=test_mode).send(parcel)
    [request] = scene.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    return request


LOGIN = [("key", KEY), ("user_id", USER), ("sender", SENDER)]
PAIRS = [pair for i in range(3) for pair in ((f"rec_{i + 1}", NUMBERS[i]), (f"msg_{i + 1}", TEXTS[i]))]


def test_texts_go_out_by_send_mass_exactly_as_rendered() -> None:
    request = sent(SMS)
    assert request.line == "POST /send_mass/ HTTP/1.1"
    assert request.form() == ([*LOGIN, ("msg_type", "SMS"), ("cnt", "3"), *PAIRS], {})


def test_equal_short_texts_go_out_by_send_mass_too() -> None:
    request = sent(Parcel(Channel.SMS, SENDER, NUMBERS, [TEXTS[0]] * 3, subject="문자에는 제목이 없다"))
    assert request.path == "/send_mass/"
    assert "title" not in request.fields()


def test_an_lms_has_its_subject() -> None:
    request = sent(Parcel(Channel.LMS, SENDER, NUMBERS, TEXTS, "가을 특가 안내"))
    assert request.form()[0] == [*LOGIN, ("msg_type", "LMS"), ("title", "가을 특가 안내"), ("cnt", "3"), *PAIRS]


def test_an_lms_without_subject_names_none() -> None:
    assert "title" not in sent(Parcel(Channel.LMS, SENDER, NUMBERS, TEXTS)).fields()


def test_an_mms_with_different_texts_carries_its_image_in_send_mass() -> None:
    request = sent(Parcel(Channel.MMS, SENDER, NUMBERS, TEXTS, "전단", JPEG))
    assert request.path == "/send_mass/"
    fields = [*LOGIN, ("msg_type", "MMS"), ("title", "전단"), ("cnt", "3"), *PAIRS]
    assert request.form() == (fields, {"image1": ("flyer.jpg", "image/jpeg", JPEG)})


@pytest.mark.parametrize("count", [1, 3])
def test_an_mms_with_one_text_goes_out_by_send(count: int) -> None:
    request = sent(Parcel(Channel.MMS, SENDER, NUMBERS[:count], [TEXTS[0]] * count, image=JPEG))
    assert request.path == "/send/"
    fields = [*LOGIN, ("msg_type", "MMS"), ("receiver", ",".join(NUMBERS[:count])), ("msg", TEXTS[0])]
    assert request.form() == (fields, {"image1": ("flyer.jpg", "image/jpeg", JPEG)})


@pytest.mark.parametrize("parcel", [SMS, Parcel(Channel.MMS, SENDER, NUMBERS, [TEXTS[0]] * 3, image=JPEG)])
def test_test_mode_is_said_only_when_it_is_on(parcel: Parcel) -> None:
    assert sent(parcel, test_mode=True).fields()["testmode_yn"] == "Y"
    assert "testmode_yn" not in sent(parcel).fields()


def test_an_address_with_a_slash_gets_no_second_one() -> None:
    with stage(says(taken())) as scene:
        adapter(f"{scene.url}/").send(SMS)
    assert scene.requests[0].path == "/send_mass/"


def many(count: int, channel: Channel = Channel.SMS, same: bool = False, image: bytes | None = None) -> Parcel:
    texts = ["같은 글" if same else f"글 {n}" for n in range(count)]
    return Parcel(channel, SENDER, [f"0101{n:07d}" for n in range(count)], texts, image=image)


@pytest.mark.parametrize("parcel", [many(500), many(1000, Channel.MMS, same=True, image=JPEG)])
def test_the_largest_batches_go_out(parcel: Parcel) -> None:
    fields = sent(parcel).fields()
    assert fields.get("rec_500", fields.get("receiver", "")).endswith(parcel.receivers[-1])


IMPOSSIBLE = {
    "nobody": many(0),
    "too many": many(501),
    "too many with one text": many(1001, Channel.MMS, same=True, image=JPEG),
    "a channel Aligo SMS has not": many(1, Channel.ALIMTALK),
    "more numbers than texts": Parcel(Channel.SMS, SENDER, NUMBERS, TEXTS[:2]),
    "an image that would make it an MMS": many(1, Channel.SMS, image=JPEG),
    "an MMS without image": many(2, Channel.MMS),
    "a list of numbers as a number": Parcel(Channel.SMS, SENDER, ["01011110001,01011110002"], TEXTS[:1]),
    "a number in other digits": Parcel(Channel.SMS, SENDER, ["٠١٠١١١١٠٠٠١"], TEXTS[:1]),
    "an empty number": Parcel(Channel.SMS, SENDER, [""], TEXTS[:1]),
    "half a character": Parcel(Channel.SMS, SENDER, NUMBERS[:1], ["\ud83d"]),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_aligo_would_misread_never_leaves(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with stage() as scene:
        outcome = attempt(adapter(scene.url), IMPOSSIBLE[name])
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.cause, outcome.account_wide) == ("LOCAL", Cause.MESSAGE, False)
    assert scene.visits == 0
    assert_quiet(outcome, (KEY, USER, *filter(None, IMPOSSIBLE[name].receivers)), caplog)


def test_full_batches_stay_below_what_front_servers_take() -> None:
    full = "가" * 1000
    for channel, image in ((Channel.SMS, b""), (Channel.LMS, b""), (Channel.MMS, bytes(200_000))):
        limit = adapter("").batch_limit(channel)
        text = full if channel is not Channel.SMS else full[:45]
        fields = [(f"{name}_{n}", value) for n in range(limit) for name, value in (("rec", NUMBERS[0]), ("msg", text))]
        body, _ = forms.multipart(fields, [forms.File("image1", "flyer.jpg", "image/jpeg", image)])
        assert 0 < len(body) < 1024 * 1024 - 1000
    assert adapter("").batch_limit(Channel.SMS) == 500
    assert adapter("").batch_limit(Channel.ALIMTALK) == 0


# The account


def test_an_account_finds_its_adapter() -> None:
    assert "aligo" in names()
    assert isinstance(find(account("http://127.0.0.1:1")), aligo.Adapter)


@pytest.mark.parametrize("name", ["aligoo", "", "http", "..aligo", "cases"])
def test_an_unknown_provider_is_named(name: str) -> None:
    with pytest.raises(NotFound, match="aligo") as caught:
        find(Account(name, "http://127.0.0.1:1", {}, False))
    assert caught.value.facts == {"provider": name}


@pytest.mark.parametrize("credentials", [{}, {"key": KEY}, {"key": "", "user_id": USER}])
def test_an_account_without_its_credentials_is_refused_at_once(credentials: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        find(Account("aligo", "http://127.0.0.1:1", credentials, False))
    assert {violation.field for violation in caught.value.violations} <= {"credentials.key", "credentials.user_id"}
    assert KEY not in repr(caught.value)


def test_nothing_secret_is_in_a_repr() -> None:
    parcel = Parcel(Channel.MMS, SENDER, NUMBERS, TEXTS, "제목", JPEG)
    result = Result(NUMBERS[0], None, "전송중", "915000331", True)
    sighting = Sighting("1", Channel.SMS, 1, NOON, TEXTS[0])
    said = f"{account('http://127.0.0.1:1')!r} {parcel!r} {result!r} {sighting!r} {adapter('')!r}"
    assert not [secret for secret in (KEY, USER, *NUMBERS, *TEXTS, "제목", "\\xff") if secret in said]


def test_accounts_are_keys() -> None:
    assert {account("a"): 1}[account("a")] == 1
    assert account("a") != account("b")


def test_a_send_waits_a_minute_and_a_read_a_quarter_of_it() -> None:
    assert (http.Timeout(5, 15, 60), http.Timeout(5, 15, 15)) == (http.SEND, http.READ)
