"""What Solapi says afterwards: what became of a group, of its messages, of the money; and what it pushes."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence

import pytest

from core.rules import reasons
from core.rules.channel import Channel
from core.rules.states import MessageState
from tests.workers.providers.aligo_shop import NOON
from tests.workers.providers.cases import HASTY, PATIENT, Step, assert_quiet, hangs, nobody, resets, says, stage
from tests.workers.providers.solapi_shop import (
    CUT,
    GROUP,
    HOOK,
    KEY,
    NUMBERS,
    PAGE,
    SECRET,
    SENDER,
    account,
    adapter,
    entry,
    group,
    listing,
    refusal,
    row,
)
from workers.providers import (
    Accepted,
    Account,
    Balance,
    Busy,
    Cause,
    Forged,
    Hint,
    Provider,
    Refused,
    Report,
    Result,
    Unknown,
    find,
)
from workers.providers.solapi import adapter as solapi
from workers.providers.solapi.words import WORDS

# What a noted call came to


ALL = Accepted(GROUP, 3, 0, Channel.SMS)
SENDING, COMPLETE, DELETED = says(group("SENDING")), says(group("COMPLETE")), says(group("DELETED"))
PENDING, NOT_FOUND = says(group()), refusal("ResourceNotFound", 404)
IN_PROCESS = refusal("GroupInProcessing", 409)
LMS = {"sms": {}, "lms": {"82": 3}}
FATES: dict[str, tuple[Sequence[Step], object]] = {
    "sending": ([SENDING], ALL),
    "complete": ([COMPLETE], ALL),
    "reserved": ([says(group("SCHEDULED"))], ALL),
    "partly refused": ([says(group("COMPLETE", 2, 1))], Accepted(GROUP, 2, 1, Channel.SMS)),
    "an LMS": ([says(group("SENDING", countForCharge=LMS))], Accepted(GROUP, 3, 0, Channel.LMS)),
    "charged for nothing, asked by message": (
        [says(group("SENDING", countForCharge={})), says(listing([row(NUMBERS[0], "2000", type="MMS")]))],
        Accepted(GROUP, 3, 0, Channel.MMS),
    ),
    "deleted": ([DELETED], None),
    "failed": ([says(group("FAILED"))], None),
    "failed after something went": ([says(group("FAILED", dateSent="2026-10-12T00:31:07.930Z"))], ALL),
    "deleted after something went": ([says(group("DELETED", count={"total": 3, "sentTotal": 1}))], ALL),
    "pending, and so deleted": ([PENDING, DELETED, DELETED], None),
    "pending, deleted, and gone for good": ([PENDING, DELETED, NOT_FOUND], None),
    "pending, and started just before its deletion": ([PENDING, IN_PROCESS, SENDING], ALL),
    "pending, started before, under another status": ([PENDING, refusal("InvalidStatus"), COMPLETE], ALL),
    "pending, deleted by another worker": ([PENDING, refusal("DeletedGroup"), DELETED], None),
    "deleted while it was going": ([PENDING, DELETED, SENDING], ALL),
    "pending, not to be deleted": ([PENDING, IN_PROCESS, PENDING], Busy),
    "pending, deletion lost": ([PENDING, resets], Busy),
    "pending, deletion without an answer": ([PENDING, says(PAGE % b"no", 500)], Busy),
    "pending, deletion throttled": ([PENDING, refusal("TooManyRequests", 429)], Busy),
    "pending, key withdrawn": ([PENDING, refusal("InvalidApiKey")], Cause.AUTH),
    "pending, deleted, not readable": ([PENDING, DELETED, resets], Busy),
    "pending, not deleted, gone": ([PENDING, IN_PROCESS, NOT_FOUND], Unknown),
    "not known": ([NOT_FOUND], Unknown),
    "in a state nobody knows": ([says(group("THINKING"))], Busy),
    "without a state": ([says({"groupId": GROUP})], Busy),
    "without a count": ([says(group("SENDING", count={}))], Busy),
    "of no known type": ([says(group("SENDING", countForCharge=None)), says(listing([]))], Busy),
    "not readable": ([resets], Busy),
    "cut short": ([says(CUT)], Busy),
    "server error": ([says(PAGE % b"no", 500)], Busy),
    "throttled": ([refusal("TooManyRequests", 429)], Busy),
    "wrong key": ([refusal("SignatureDoesNotMatch", 403)], Cause.AUTH),
    "address not allowed": ([refusal("Forbidden", 403, "허용되지 않은 IP로 접근하고 있습니다.")], Cause.IP),
    "blocked at the edge": ([says(PAGE % b"no", 403)], Cause.EDGE),
}


@pytest.mark.parametrize("name", FATES)
def test_what_a_noted_call_came_to(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    steps, wanted = FATES[name]
    with stage(*steps) as scene:
        fate = told(lambda: adapter(scene.url).status(GROUP))
    if isinstance(wanted, Cause):
        assert isinstance(fate, Refused) and fate.cause is wanted
    elif isinstance(wanted, type):
        assert type(fate) is wanted
    else:
        assert fate == wanted
    assert scene.visits == len(steps)
    assert {request.line.split(" ")[0] for request in scene.requests} <= {"GET", "DELETE"}
    assert_quiet(fate, (KEY, SECRET, HOOK, *NUMBERS), caplog)


def told(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except (Refused, Busy, Unknown) as error:
        return error


def test_a_reference_that_is_none_is_never_asked_for() -> None:
    with stage() as scene:
        for ask in (adapter(scene.url).status, adapter(scene.url).cancel):
            with pytest.raises(Refused):
                ask("../../cash/v1/balance")
    assert scene.visits == 0


# What became of messages

_M = MessageState
STATES = {
    **dict.fromkeys(("2000", "3000"), (None, True)),
    "4000": (_M.DELIVERED, True),
    **dict.fromkeys((code for code in WORDS if code not in ("2000", "3000", "4000")), (_M.FAILED, True)),
    **dict.fromkeys(("9999", "2999", "3999", "4001", ""), (None, False)),
}
REASONS = {
    "NO_SUBSCRIBER": ("3032",),
    "POWER_OFF": ("3043",),
    "OPTED_OUT": ("1061", "2061", "3047"),
    "BLOCKED": ("1060", "1064", "2060", "2063", "2064", "2254", "3054", "3055"),
    "TIMED_OUT": ("3040",),
    "TEMPLATE_MISMATCH": ("1043", "3103"),
    "TEMPLATE_INVALID": ("1041", "1042", *(str(code) for code in range(1044, 1051)), "1052", "1053", "3101", "3105", "3106"),
    "NO_KAKAO": ("3102", "3104", "3107"),
}


@pytest.mark.parametrize("code", STATES)
def test_every_code_has_a_state_and_words(code: str) -> None:
    with stage(says(listing([row("010-1111-0001", code)]))) as scene:
        [result] = adapter(scene.url).results(GROUP).results
    state, known = STATES[code]
    assert result == Result("01011110001", state, WORDS.get(code, f"코드 {code}"), "M4V010-1111-0001", known, code)


def test_the_words_lead_to_the_reason_of_the_code() -> None:
    reason_of = {code: reason for reason, codes in REASONS.items() for code in codes}
    failed = [code for code, (state, known) in STATES.items() if state is _M.FAILED]
    assert {code: reasons.failure(WORDS[code]) for code in failed} == {
        code: reason_of.get(code, "DELIVERY_FAILED") for code in failed
    }


@pytest.mark.parametrize(
    ("code", "said", "kept"),
    [
        ("3043", "단말기 전원이 꺼져 있습니다. ", "단말기 전원이 꺼져 있습니다."),
        ("3043", "수신 불가(가입자 없음)", "전원 꺼짐"),
        ("9999", "새로운 결과", "새로운 결과"),
    ],
)
def test_solapis_own_words_are_kept_unless_they_mislead(code: str, said: str, kept: str) -> None:
    with stage(says(listing([row(NUMBERS[0], code, statusMessage=said)]))) as scene:
        assert adapter(scene.url).results(GROUP).results[0].text == kept


def test_results_are_asked_for_as_documented_and_every_page_is_read() -> None:
    pages = [
        says(listing([row(number, "4000")], following)) for number, following in zip(NUMBERS, ("M2", "M3", None), strict=True)
    ]
    with stage(*pages) as scene:
        report = adapter(scene.url).results(GROUP)
    assert [result.receiver for result in report.results] == list(NUMBERS)
    assert report.complete
    asked = f"/messages/v4/list?groupId={GROUP}&limit=500"
    assert [request.line for request in scene.requests] == [
        f"GET {asked} HTTP/1.1",
        f"GET {asked}&startKey=M2 HTTP/1.1",
        f"GET {asked}&startKey=M3 HTTP/1.1",
    ]
    assert [request.body for request in scene.requests] == [b""] * 3


def test_nothing_may_come_as_a_list_and_what_is_another_groups_is_left_out() -> None:
    foreign = listing([row(NUMBERS[0], "4000", groupId="G4V0"), row(NUMBERS[1], "4000")])
    with stage(says({"messageList": [], "nextKey": None}), says(foreign)) as scene:
        assert adapter(scene.url).results(GROUP) == Report([], complete=True)
        assert [result.receiver for result in adapter(scene.url).results(GROUP).results] == [NUMBERS[1]]


@pytest.mark.parametrize(
    "second", [resets, says(b"", 500), refusal("TooManyRequests", 429), says(b"<html>"), says({"messageList": 5})]
)
def test_what_was_read_before_a_page_failed_is_kept(second: Step) -> None:
    with stage(says(listing([row(NUMBERS[0], "4000")], "M2")), second) as scene:
        report = adapter(scene.url).results(GROUP)
    assert ([result.receiver for result in report.results], report.complete) == ([NUMBERS[0]], False)


def test_a_list_that_does_not_end_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solapi, "_PAGES_MAX", 3)
    with stage(*[says(listing([row(NUMBERS[0], "3000")], "again"))] * 4) as scene:
        report = adapter(scene.url).results(GROUP)
    assert (len(report.results), report.complete, scene.visits) == (3, False, 3)


# Money

MONEY = {"accountId": "26000000000001", "balance": 48211.5, "point": 120, "minimumCash": 0}
KOREA = {"countryName": "Korea, South", "countryId": "82", "sms": 18, "lms": 45, "mms": 110}
ABROAD = {**KOREA, "countryId": "1", "sms": 1}


@pytest.mark.parametrize("prices", [[ABROAD, KOREA], KOREA, {"1": ABROAD, "82": KOREA}])
def test_the_balance_counts_messages(prices: object) -> None:
    with stage(says(MONEY), says(prices)) as scene:
        assert adapter(scene.url).balance() == Balance(2685, 1074, 439)
    assert [request.path for request in scene.requests] == ["/cash/v1/balance", "/pricing/v1/messaging/default"]


@pytest.mark.parametrize(
    "money", [{"balance": "48211.5", "point": "120"}, {"balance": "48331.5"}, {"balance": 48331.5, "point": 0}]
)
def test_money_comes_in_several_forms(money: dict[str, object]) -> None:
    with stage(says(money), says([KOREA])) as scene:
        assert adapter(scene.url).balance() == Balance(2685, 1074, 439)


@pytest.mark.parametrize(
    "steps",
    [
        [says({"accountId": "1"})],
        [says({"balance": "NaN"})],
        [says(MONEY), says([ABROAD])],
        [says(MONEY), says([{**KOREA, "mms": 0}])],
        [says(MONEY), says([{**KOREA, "mms": None}])],
        [says(MONEY), resets],
    ],
)
def test_money_that_cannot_be_read_is_asked_for_later(steps: list[Step]) -> None:
    *before, last = steps
    money_only = steps == [last] and last is not resets
    with stage(*before, last, *([says([KOREA])] if money_only else [])) as scene, pytest.raises(Busy):
        adapter(scene.url).balance()


# Reading in general

READS: dict[str, Callable[[Provider], object]] = {
    "status": lambda provider: provider.status(GROUP),
    "results": lambda provider: provider.results(GROUP),
    "balance": lambda provider: provider.balance(),
}
LATER: dict[str, Step | None] = {
    "nobody listens": None,
    "no answer": hangs,
    "reset": resets,
    "server error": says(PAGE % b"no", 500),
    "throttled": refusal("TooManyRequests", 429),
    "clock wrong": refusal("RequestTimeTooSkewed", 403),
    "signature used": refusal("DuplicatedSignature", 403),
    "cut short": says(CUT),
    "empty": says(b""),
}


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("read", READS)
def test_reading_that_fails_is_busy(read: str, name: str) -> None:
    step = LATER[name]
    with stage(*([step] if step else [])) as scene, pytest.raises(Busy):
        READS[read](adapter(scene.url if step else nobody(), HASTY if step is hangs else PATIENT))
    assert scene.visits == (1 if step else 0)


def test_there_is_no_list_to_search() -> None:
    with pytest.raises(Refused):
        adapter("").sightings(sender=SENDER, since=NOON, until=NOON)


@pytest.mark.parametrize(
    ("step", "kind"), [(refusal("InvalidStatus"), Refused), (resets, Unknown), (refusal("TooManyRequests", 429), Busy)]
)
def test_what_cannot_be_taken_back(step: Step, kind: type[Exception]) -> None:
    with stage(step) as scene, pytest.raises(kind):
        adapter(scene.url).cancel(GROUP)
    assert scene.requests[:1] == [] or scene.requests[0].line == f"DELETE /messages/v4/groups/{GROUP}/schedule HTTP/1.1"


# Webhooks

PROOF = {"X-Solapi-Secret": hashlib.sha1(HOOK.encode()).hexdigest(), "X-Solapi-Event-Name": "SINGLE-REPORT"}
REPORTED = {**entry(NUMBERS[0], "4000"), "groupId": GROUP}
MESSAGE = f"M4V{NUMBERS[0]}"


def test_both_shapes_of_a_report_are_read() -> None:
    inside = [{"eventDataId": "E9", "retryCount": 2, "data": REPORTED}]
    assert hints(inside) == [Hint(GROUP, MESSAGE, "E9")]
    assert hints([REPORTED]) == [Hint(GROUP, MESSAGE, "")]
    assert hints([{"eventDataId": "E9", "data": group("COMPLETE")}]) == [Hint(GROUP, "", "E9")]


def hints(items: object, proof: dict[str, str] = PROOF) -> Sequence[Hint]:
    return adapter("").parse_webhook(json.dumps(items).encode(), proof)


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[1, null, {}]", b"5", b'{"list": 5}', b"{}", b"[" * 100_000, b'[{"groupId": "../x"}]']
)
def test_what_cannot_be_read_hints_at_nothing(raw: bytes) -> None:
    assert adapter("").parse_webhook(raw, PROOF) == []


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"X-Solapi-Secret": ""},
        {"X-Solapi-Secret": HOOK},
        {"X-Solapi-Secret": PROOF["X-Solapi-Secret"][:-1]},
        {"X-Solapi-Secret": "é" * 40},
        {"X-Solapi-Secret": hashlib.sha1(b"").hexdigest()},
    ],
)
def test_who_does_not_know_the_secret_is_not_solapi(proof: dict[str, str]) -> None:
    with pytest.raises(Forged) as caught:
        hints([REPORTED], proof)
    assert HOOK not in repr(caught.value)


def test_the_name_of_the_header_may_be_written_in_any_case() -> None:
    for name in ("x-solapi-secret", "X-SOLAPI-SECRET"):
        assert hints([REPORTED], {name: PROOF["X-Solapi-Secret"].upper()})


def test_without_a_secret_of_our_own_nobody_is_believed() -> None:
    silent = find(Account("solapi", "", {"api_key": KEY, "api_secret": SECRET}, False))
    for given in ("", hashlib.sha1(b"").hexdigest()):
        with pytest.raises(Forged):
            silent.parse_webhook(b"[]", {"X-Solapi-Secret": given})


def test_aligo_pushes_nothing_and_knows_no_reference_before() -> None:
    other = find(Account("aligo", "", {"key": "k", "user_id": "u"}, False))
    assert not other.references_before_sending
    with pytest.raises(Forged):
        other.parse_webhook(b"[]", PROOF)
    with pytest.raises(Unknown):
        other.status("700100201")
    assert account("").provider == "solapi"
