"""Receipts: whatever the order, the repetition or the crowd, a message ends the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import permutations, product
from uuid import UUID

import pytest

from core import clock
from core.db.session import database
from core.rules.states import MessageState
from tests.workers.shop import Sandbox, Shop, Time
from workers import receipts
from workers.providers import Report, Result

DELIVERED, FAILED = MessageState.DELIVERED, MessageState.FAILED
WORDS = {"발송완료": DELIVERED, "결번": FAILED, "전원꺼짐": FAILED, "전송중": None}


def said(*words: tuple[str, str], complete: bool = True) -> Report:
    return Report([Result(phone, WORDS[text], text, "1", True) for phone, text in words], complete)


def heard(shop: Shop, attempt: UUID, *reports: Report) -> None:
    for report in reports:
        with database().write(shop.workspace) as tx:
            receipts.write(tx, attempt, report, clock.now())


def ending(shop: Shop, campaign: UUID) -> tuple[object, ...]:
    found = shop.counters(campaign)
    return shop.why(campaign), found["delivered"], found["failed"], found["accepted"], shop.reasons(campaign)


@pytest.fixture
def sent(shop: Shop) -> tuple[UUID, UUID, list[str]]:
    """A campaign to three people, its attempt, and their numbers."""
    phones = shop.customers(3)
    campaign = shop.campaign()
    assert shop.run(campaign)["accepted"] == 3
    return campaign, shop.attempts(campaign)[0].id, phones


def as_accepted(shop: Shop, campaign: UUID) -> None:
    """Before any receipt; the ledger and its counters together."""
    shop.sql("UPDATE batches SET states = '\\x040404', reasons = '{}', state = 3")
    shop.sql("UPDATE campaign_counters SET accepted = 0, delivered = 0, failed = 0")
    shop.sql("UPDATE campaign_counters SET accepted = 3 WHERE shard = (SELECT min(shard) FROM campaign_counters)")
    shop.sql("DELETE FROM campaign_reasons")
    assert shop.counters(campaign)["accepted"] == 3


@pytest.mark.parametrize(
    "words",
    [
        ("발송완료", "결번"),
        ("결번", "전원꺼짐"),
        ("결번", "전원꺼짐", "발송완료"),
        ("전송중", "전원꺼짐", "결번"),
        ("전송중", "발송완료", "전송중"),
    ],
)
def test_every_order_of_reports_ends_the_same(shop: Shop, sent: tuple[UUID, UUID, list[str]], words: tuple[str, ...]) -> None:
    campaign, attempt, phones = sent
    endings = set()
    for order in permutations(words):
        as_accepted(shop, campaign)
        heard(shop, attempt, *(said((phones[0], text)) for text in order))
        once = ending(shop, campaign)
        heard(shop, attempt, *(said((phones[0], text)) for text in order))
        assert ending(shop, campaign) == once, "the same reports again"
        endings.add(repr(once))
    assert len(endings) == 1, endings


def test_news_about_one_person_never_moves_another(shop: Shop, sent: tuple[UUID, UUID, list[str]]) -> None:
    campaign, attempt, phones = sent
    endings = set()
    for first, second in product(permutations(["결번", "발송완료"]), permutations(["전원꺼짐", "결번"])):
        as_accepted(shop, campaign)
        for one, two in zip(first, second, strict=True):
            heard(shop, attempt, said((phones[0], one), (phones[1], two)))
        endings.add(repr(ending(shop, campaign)))
    assert len(endings) == 1, endings
    assert shop.why(campaign) == {"DELIVERED": 1, "FAILED NO_SUBSCRIBER": 1, "ACCEPTED": 1}


def test_receipts_of_one_batch_at_once_are_counted_once(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(300)
    campaign = shop.campaign()
    shop.run(campaign)
    [attempt] = shop.attempts(campaign)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: receipts.read(shop.workspace, attempt.id), range(6)))
    assert shop.counters(campaign)["delivered"] == 300
    assert shop.value("SELECT count(*) FROM receipts") == 1


def test_every_misfortune_has_its_reason_and_its_words(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(6, first=9001)
    campaign = shop.campaign()
    shop.run(campaign)
    found = shop.read_all(campaign)
    assert (found["delivered"], found["failed"], found["accepted"]) == (1, 4, 1)
    assert shop.why(campaign) == {
        "DELIVERED": 1,
        "FAILED NO_SUBSCRIBER": 1,
        "FAILED POWER_OFF": 1,
        "ACCEPTED": 1,
        "FAILED OPTED_OUT": 1,
        "FAILED BLOCKED": 1,
    }
    words = shop.value("SELECT words FROM receipts")
    assert words == {"결번": [1], "전원꺼짐": [2], "수신거부": [4], "스팸차단": [5]}


def test_looks_follow_the_rhythm_and_end_with_it(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(1, first=9004)  # nothing is ever heard of this one
    shop.sql("UPDATE provider_accounts SET poll_seconds = '{10,60,600}'")
    campaign = shop.campaign()
    shop.run(campaign)
    waits = []
    for _ in range(3):
        [attempt] = shop.attempts(campaign)
        waits.append(attempt.poll_at and round((attempt.poll_at - clock.now()).total_seconds()))
        shop.read_all(campaign)
    assert waits == [10, 60, 600]
    [attempt] = shop.attempts(campaign)
    assert (attempt.polls, attempt.poll_at) == (3, None)
    assert shop.counters(campaign)["accepted"] == 1


def test_no_more_looks_when_everything_is_known(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.run(campaign)
    shop.read_all(campaign)
    assert shop.attempts(campaign)[0].poll_at is None


@pytest.mark.parametrize("kind", ["busy", "error_500", "html_403", "refuse"])
def test_a_provider_that_cannot_be_asked_changes_nothing(shop: Shop, sandbox: Sandbox, kind: str) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.run(campaign)
    sandbox.fault(kind, path="/sms_list/")
    assert shop.read_all(campaign)["accepted"] == 3
    assert shop.attempts(campaign)[0].poll_at is not None
    assert shop.read_all(campaign)["delivered"] == 3


def test_a_call_the_provider_does_not_know_is_not_asked_about_for_ever(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.run(campaign)
    shop.sql("UPDATE attempts SET reference = '1'")
    for _ in range(4):
        shop.read_all(campaign)
    assert shop.attempts(campaign)[0].poll_at is None
    assert shop.counters(campaign)["accepted"] == 3


def test_a_number_that_was_not_taken_fails_after_a_minute_not_before(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(5)
    campaign = shop.campaign()
    sandbox.fault("partial", path="/send*", receivers=2)
    found = shop.run(campaign)
    assert (found["accepted"], found["cost"]) == (5, 3 * Decimal("8.40"))
    assert shop.read_all(campaign)["accepted"] == 2, "the list may still be on its way"
    time.forward(minutes=2)
    found = shop.read_all(campaign)
    assert (found["delivered"], found["failed"]) == (3, 2)
    assert shop.reasons(campaign) == {("failed", "NOT_TAKEN"): 2}


def test_somebody_deleted_after_sending_is_not_called_not_taken(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(5)
    campaign = shop.campaign()
    sandbox.fault("partial", path="/send*", receivers=1)
    shop.run(campaign)
    shop.sql("DELETE FROM contacts WHERE id = (SELECT max(id) FROM contacts)")
    time.forward(minutes=2)
    found = shop.read_all(campaign)
    assert (found["delivered"], found["failed"], found["accepted"]) == (3, 1, 1)


def test_half_a_list_says_nothing_about_those_who_are_missing(shop: Shop, sent: tuple[UUID, UUID, list[str]], time: Time) -> None:
    campaign, attempt, phones = sent
    shop.sql("UPDATE attempts SET refused = 1")
    time.forward(minutes=5)
    heard(shop, attempt, said((phones[0], "발송완료"), complete=False))
    assert shop.counters(campaign)["accepted"] == 2
    heard(shop, attempt, said((phones[0], "발송완료"), (phones[1], "결번")))
    assert shop.why(campaign) == {"DELIVERED": 1, "FAILED NO_SUBSCRIBER": 1, "FAILED NOT_TAKEN": 1}


def test_one_taken_after_all_takes_its_reason_back(shop: Shop, sent: tuple[UUID, UUID, list[str]], time: Time) -> None:
    campaign, attempt, phones = sent
    shop.sql("UPDATE attempts SET refused = 1")
    time.forward(minutes=5)
    heard(shop, attempt, said(*((phone, "발송완료") for phone in phones[:2])))
    assert shop.reasons(campaign) == {("failed", "NOT_TAKEN"): 1}
    heard(shop, attempt, said(*((phone, "발송완료") for phone in phones)))
    assert shop.why(campaign) == {"DELIVERED": 3}
    assert shop.reasons(campaign) == {}


def test_words_nobody_knows_wait_and_are_noted_without_numbers(shop: Shop, sent: tuple[UUID, UUID, list[str]], logs) -> None:
    campaign, attempt, phones = sent
    strange = Result(phones[0], None, f"기타 {phones[0]}", "1", False)
    heard(shop, attempt, Report([strange, Result("01099998888", DELIVERED, "발송완료", "2", True)], True))
    assert shop.counters(campaign)["accepted"] == 3
    [noted] = logs.events("unknown_result_words")
    assert noted["words"] == "기타 [phone]"


def test_only_accepted_calls_are_read(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    sandbox.fault("busy", path="/send*", status=429)
    shop.run(campaign)
    shop.read_all(campaign)
    assert "/sms_list/" not in sandbox.stats()["by_path"]
    receipts.read(shop.workspace, UUID(int=1))


def test_a_cancelled_person_who_got_it_all_the_same_is_delivered(shop: Shop, sent: tuple[UUID, UUID, list[str]]) -> None:
    campaign, attempt, phones = sent
    shop.sql("UPDATE batches SET states = '\\x070404'")
    shop.sql("UPDATE campaign_counters SET cancelled = 1, accepted = 2 WHERE accepted = 3")
    heard(shop, attempt, said((phones[0], "발송완료")))
    assert shop.counters(campaign)["delivered"] == 1


def test_receipts_do_not_wait_for_the_clock_of_the_merchant(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """A campaign that was cancelled, or is done, still hears what became of its messages."""
    shop.customers(2)
    campaign = shop.campaign()
    shop.run(campaign)
    shop.sql("UPDATE campaigns SET state = 'CANCELLED'")
    time.forward(days=2)
    assert shop.read_all(campaign)["delivered"] == 2
    assert clock.now() - shop.value("SELECT received_at FROM receipts") < timedelta(minutes=1)
