"""What reports say beside the states: opt-outs suppress, unknown words wait; in every order, and however often."""

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.db import messages
from core.db.ids import new_id
from core.db.session import database
from core.rules import reasons
from core.rules.states import MessageState
from tests.workers import test_single
from tests.workers.shop import Logs, Sandbox, Shop, Time
from workers import receipts, watch
from workers.providers import Report, Result

DELIVERED, FAILED = MessageState.DELIVERED, MessageState.FAILED
KNOWN = {"발송완료": DELIVERED, "결번": FAILED, "수신거부": FAILED, "수신 거부": FAILED, "스팸차단": FAILED, "전송중": None}


def said(*words: tuple[str, str]) -> Report:
    return Report([Result(phone, KNOWN.get(text), text, "1", text in KNOWN) for phone, text in words], complete=True)


def heard(shop: Shop, attempt: UUID, *reports: Report) -> None:
    for report in reports:
        with database().write(shop.workspace) as tx:
            receipts.write(tx, attempt, report, clock.now())


def suppressed(shop: Shop) -> list[tuple[str, str]]:
    """(number, source) of whom gets no ads any more."""
    rows = shop.sql("SELECT c.name, s.source FROM suppressions s JOIN contacts c ON c.phone_hash = s.phone_hash ORDER BY c.id")
    return [tuple(row) for row in rows]


def unknown(shop: Shop) -> dict[str, int]:
    return {row.words: row.people for row in shop.sql("SELECT words, people FROM unknown_words")}


def sent(shop: Shop, people: int = 3, **more: Any) -> tuple[UUID, UUID, list[str]]:
    phones = shop.customers(people, **more)
    campaign = shop.campaign()
    assert shop.run(campaign)["accepted"] == people
    return campaign, shop.attempts(campaign)[0].id, phones


# --- opt-outs -----------------------------------------------------------------------------------------------------


def test_who_opted_out_gets_no_ads_any_more_and_who_was_filtered_does(shop: Shop, sandbox: Sandbox) -> None:
    campaign, _, _ = sent(shop, 6, first=9001)  # delivered, no number, off, nothing, opted out, spam
    shop.read_all(campaign)
    assert suppressed(shop) == [("고객9005", "PROVIDER")]
    assert shop.reasons(campaign)["failed", "OPTED_OUT"] == 1
    again = shop.campaign()
    shop.plan(again)
    assert shop.reasons(again) == {("excluded", "OPTED_OUT"): 1}
    info = shop.campaign(body="주문이 접수되었습니다", purpose="INFO")
    shop.plan(info)
    assert shop.counters(info)["planned"] == 6


def test_by_the_codes_of_solapi_too(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    account = shop.second()
    shop.customers(6, first=9001)
    campaign = shop.campaign(routes=[shop.route(account, "solapi")])
    shop.run(campaign)
    time.forward(seconds=5)
    shop.read_all(campaign)
    assert suppressed(shop) == [("고객9005", "PROVIDER")]
    assert shop.reasons(campaign)["failed", "OPTED_OUT"] == 1


def test_an_opt_out_is_kept_once_and_an_older_one_stays(shop: Shop) -> None:
    _, attempt, phones = sent(shop)
    shop.opt_out("name = '고객1'")
    report = said((phones[0], "수신거부"), (phones[1], "수신 거부"), (phones[2], "발송완료"))
    heard(shop, attempt, report, report, report)
    assert suppressed(shop) == [("고객0", "PROVIDER"), ("고객1", "MANUAL")]


def test_of_an_earlier_attempt_too_though_it_cannot_fail_anybody_any_more(shop: Shop) -> None:
    campaign, attempt, phones = sent(shop)
    shop.sql("UPDATE batches SET attempt = 2")
    shop.sql(
        "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel, sender,"
        " positions, text_hashes, unit_price, started_at, outcome) SELECT CAST(:id AS uuid), workspace_id, batch_id,"
        " campaign_id, 2, provider_account_id, provider, channel, sender, positions, text_hashes, unit_price,"
        " started_at, 'OPEN' FROM attempts",
        id=new_id(),
    )
    heard(shop, attempt, said((phones[0], "수신거부")))
    assert suppressed(shop) == [("고객0", "PROVIDER")]
    assert shop.why(campaign) == {"ACCEPTED": 3}


def test_a_receipt_that_is_not_written_suppresses_nobody(shop: Shop) -> None:
    _, attempt, phones = sent(shop)
    with pytest.raises(ZeroDivisionError), database().write(shop.workspace) as tx:
        receipts.write(tx, attempt, said((phones[0], "수신거부")), clock.now())
        raise ZeroDivisionError
    assert suppressed(shop) == []


def test_blocking_a_kakao_channel_is_no_word_about_ads(shop: Shop) -> None:
    _, attempt, phones = sent(shop)
    shop.sql("UPDATE attempts SET channel = 'ALIMTALK'")
    heard(shop, attempt, said((phones[0], "수신거부")))
    assert suppressed(shop) == []


@pytest.mark.parametrize(("test", "kept"), [(False, ["MANUAL", "PROVIDER"]), (True, ["MANUAL"])])
def test_of_single_messages_too_and_not_of_rehearsed_ones(shop: Shop, sandbox: Sandbox, test: bool, kept: list[str]) -> None:
    shop.customers(1)
    shop.opt_out()
    messages = test_single.sent(
        shop, ("01000009005", "주문이 접수되었습니다"), ("01000009001", "주문이 접수되었습니다"), test=test
    )
    test_single.delivered(shop, messages)
    test_single.read(shop)
    assert [row.source for row in shop.sql("SELECT source FROM suppressions ORDER BY source")] == kept


def test_who_was_deleted_meanwhile_is_in_nobodys_way(shop: Shop) -> None:
    _, attempt, phones = sent(shop)
    shop.sql("DELETE FROM contacts WHERE name = '고객0'")
    heard(shop, attempt, said((phones[0], "수신거부"), (phones[1], "수신거부")))
    assert suppressed(shop) == [("고객1", "PROVIDER")]


# --- words nobody knows -------------------------------------------------------------------------------------------


def test_unknown_words_are_kept_counted_once_and_guessed_never(shop: Shop, logs: Logs) -> None:
    campaign, attempt, phones = sent(shop)
    report = said((phones[0], "수신 보류"), (phones[1], "수신 보류"), (phones[2], "특이 사항 7"))
    heard(shop, attempt, report, report, report)
    assert unknown(shop) == {"수신 보류": 2, "특이 사항 7": 1}
    assert shop.why(campaign) == {"ACCEPTED": 3}
    assert shop.value("SELECT words FROM receipts") == {"수신 보류": [0, 1], "특이 사항 7": [2]}
    assert len(logs.events("unknown_result_words")) == 2
    heard(shop, attempt, said((phones[0], "발송완료"), (phones[1], "결번"), (phones[2], "특이 사항 7")))
    assert shop.why(campaign) == {"DELIVERED": 1, "FAILED NO_SUBSCRIBER": 1, "ACCEPTED": 1}
    assert unknown(shop) == {"수신 보류": 2, "특이 사항 7": 1}


def test_more_people_and_other_calls_are_counted_on_top(shop: Shop) -> None:
    _, attempt, phones = sent(shop)
    heard(shop, attempt, said((phones[0], "수신 보류")), said((phones[1], "수신 보류")), said((phones[0], "수신 보류")))
    assert unknown(shop) == {"수신 보류": 2}
    campaign = shop.campaign()
    shop.run(campaign)
    heard(shop, shop.attempts(campaign)[0].id, said((phones[0], "수신 보류")))
    assert unknown(shop) == {"수신 보류": 3}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("010-1234-5678 보류", "[phone] 보류"),
        ("주문 2026112300017 보류", "주문 … 보류"),
        ("코드 9999", "코드 9999"),
        ("  ", "(빈 결과)"),
        ("가" * 500, "가" * 100),
    ],
)
def test_no_number_stays_in_unknown_words(shop: Shop, words: str, kept: str, logs: Logs) -> None:
    _, attempt, phones = sent(shop)
    heard(shop, attempt, said((phones[0], words)))
    assert unknown(shop) == {kept: 1}
    assert shop.value("SELECT words FROM receipts") == {kept: [0]}
    assert [line["words"] for line in logs.events("unknown_result_words")] == [kept]


def test_who_has_an_ending_already_is_not_counted(shop: Shop) -> None:
    _, attempt, phones = sent(shop)
    heard(shop, attempt, said((phones[0], "발송완료")), said((phones[0], "수신 보류")))
    assert unknown(shop) == {}


def test_after_the_last_look_they_wait_as_accepted_and_people_know(shop: Shop, time: Time) -> None:
    campaign, attempt, phones = sent(shop)
    for _ in range(5):
        heard(shop, attempt, said(*((phone, "수신 보류") for phone in phones)))
    assert shop.attempts(campaign)[0].poll_at is None
    assert shop.counters(campaign)["accepted"] == 3
    watch.from_the_clock()
    with database().read(shop.workspace) as tx:
        shown = messages.get(tx, shop.batches(campaign)[0], 0)
    assert (shown.reason, shown.result_at) == ("NO_RESULT", None)
    assert reasons.label("NO_RESULT") == "발송사가 결과를 알려 주지 않음"
    with database().system() as tx:
        [incident] = tx.rows("SELECT * FROM incidents WHERE kind = 'UNKNOWN_WORDS'")
    assert incident.facts["words"] == "‘수신 보류’"


# --- in every order -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("전송중", "수신 보류", "수신거부"), ("수신 보류", "결번", "수신거부"), ("스팸차단", "수신거부", "발송완료")],
)
def test_every_order_of_what_is_said_of_one_person_ends_the_same(shop: Shop, words: tuple[str, ...]) -> None:
    endings = set()
    for order in permutations(words):
        shop.sql("DELETE FROM suppressions")
        shop.sql("DELETE FROM contacts")
        campaign, attempt, phones = sent(shop, 2)
        heard(shop, attempt, *(said((phones[0], text)) for text in order))
        heard(shop, attempt, *(said((phones[0], text)) for text in order))
        endings.add(repr((shop.why(campaign), suppressed(shop), shop.reasons(campaign))))
    assert len(endings) == 1, endings
