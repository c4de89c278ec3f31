"""Failed messages go again, once, at a known price; and nothing that is heard late about the first try undoes the second."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import campaign_pb2 as pb

from core import clock
from core.db import accounts
from core.db.session import database
from core.rules.states import MessageState
from tests.server.services.marketer import State, control, create, customers, get, launch, refused
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import deliver, plan, receipts, sweep
from workers.providers import Report, Result


def retry(shop: Shop, campaign: pb.Campaign, *reasons: str, **more: str) -> pb.RetryFailedResponse:
    return shop.call("RetryFailed", pb.RetryFailedRequest(campaign_id=campaign.id, reasons=reasons, **more))


def again(shop: Shop, campaign: pb.Campaign, *reasons: str, **more: str):
    return shop.refused("RetryFailed", pb.RetryFailedRequest(campaign_id=campaign.id, reasons=reasons, **more))


def sent(shop: Shop, campaign: pb.Campaign) -> list:
    """The calls, oldest first; everything that is due is handed over."""
    with database().read(shop.workspace) as tx:
        batches = [row.id for row in tx.rows("SELECT id FROM batches WHERE campaign_id = :c", c=UUID(campaign.id))]
    for batch in batches:
        deliver.deliver(shop.workspace, batch)
    return attempts(shop)


def attempts(shop: Shop) -> list:
    with database().read(shop.workspace) as tx:
        return list(tx.rows("SELECT * FROM attempts ORDER BY id"))


def numbers(shop: Shop, sandbox) -> list[str]:
    return [one["receiver"] for one in sandbox.log()]


def hear(shop: Shop, attempt, state: MessageState, words: str, receivers: list[str]) -> None:
    """The provider reports this about everybody of a call."""
    results = tuple(Result(number, state, words, "", known=True) for number in receivers)
    with database().write(shop.workspace) as tx:
        receipts.write(tx, attempt.id, Report(results, complete=True), clock.now())


@pytest.fixture
def failed(shop: Shop, sender: str, worker: None, sandbox) -> pb.Campaign:
    """Four people; the provider took it from all, and three did not get it."""
    customers(shop, 4)
    made = create(shop, sender)
    launch(shop, made)
    plan.plan(shop.workspace, UUID(made.id))
    [attempt] = sent(shop, made)
    receivers = numbers(shop, sandbox)
    hear(shop, attempt, MessageState.FAILED, "수신 시간 초과", receivers[:2])
    hear(shop, attempt, MessageState.FAILED, "결번", receivers[2:3])
    hear(shop, attempt, MessageState.DELIVERED, "", receivers[3:])
    sweep.sweep()
    found = get(shop, made)
    assert (found.state, found.counters.failed, found.counters.delivered) == (State.STATE_DONE, 3, 1)
    return found


def test_who_timed_out_gets_it_again_and_who_has_no_phone_does_not(shop: Shop, failed: pb.Campaign, sandbox) -> None:
    answer = retry(shop, failed)
    assert (answer.retried, answer.cost_krw) == (2, 17)  # 2 x 8.4 = 16.8
    assert (answer.campaign.state, answer.campaign.counters.planned, answer.campaign.counters.failed) == (
        State.STATE_SENDING,
        2,
        1,
    )
    assert not answer.campaign.HasField("end_time")
    assert {one.reason: one.count for one in answer.campaign.failures} == {"NO_SUBSCRIBER": 1}
    first = numbers(shop, sandbox)
    _, second = sent(shop, failed)
    hear(shop, second, MessageState.DELIVERED, "", first)
    sweep.sweep()
    done = get(shop, failed)
    assert (done.state, done.counters.delivered, done.counters.failed) == (State.STATE_DONE, 3, 1)
    assert (len(sandbox.log()), len(set(numbers(shop, sandbox)) - set(first))) == (6, 0)
    assert done.cost_krw == 50  # six of them were taken
    assert [one.number for one in attempts(shop)] == [1, 2]


def test_a_late_receipt_of_the_first_try_does_not_fail_it_again(shop: Shop, failed: pb.Campaign, sandbox) -> None:
    [first] = attempts(shop)
    receivers = sorted(set(numbers(shop, sandbox)))
    retry(shop, failed)
    hear(shop, first, MessageState.FAILED, "전원 꺼짐", receivers)
    assert get(shop, failed).counters.planned == 2, "they wait for the second try"
    _, second = sent(shop, failed)
    hear(shop, first, MessageState.FAILED, "전원 꺼짐", receivers)
    assert get(shop, failed).counters.accepted == 2
    hear(shop, second, MessageState.DELIVERED, "", receivers)
    hear(shop, first, MessageState.FAILED, "전원 꺼짐", receivers)
    assert (get(shop, failed).counters.delivered, get(shop, failed).counters.failed) == (3, 1)


def test_who_turns_out_to_have_got_it_is_not_sent_a_second_one(shop: Shop, failed: pb.Campaign, sandbox) -> None:
    [first] = attempts(shop)
    receivers = numbers(shop, sandbox)
    retry(shop, failed)
    hear(shop, first, MessageState.DELIVERED, "", receivers)
    assert len(sent(shop, failed)) == 1
    assert len(sandbox.log()) == 4
    sweep.sweep()
    assert (get(shop, failed).state, get(shop, failed).counters.delivered) == (State.STATE_DONE, 4)


def test_the_same_request_tries_once_and_twice_is_nobody(shop: Shop, failed: pb.Campaign) -> None:
    once = str(uuid4())
    answer = retry(shop, failed, request_id=once)
    assert retry(shop, failed, request_id=once) == answer
    assert retry(shop, failed).retried == 0
    assert get(shop, failed).counters.planned == 2


def test_reasons_choose_and_wrong_ones_are_refused(shop: Shop, failed: pb.Campaign) -> None:
    refusal = again(shop, failed, "TIMED_OUT", "NO_SUBSCRIBER")
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "NOT_RETRYABLE")
    assert refusal.sentences == {"reasons[1]": "‘없는 번호’(으)로 실패한 메시지는 다시 보낼 수 없습니다."}
    assert retry(shop, failed, "POWER_OFF").retried == 0
    assert get(shop, failed).state == State.STATE_DONE, "nobody goes again, so nothing begins again"
    assert retry(shop, failed, "TIMED_OUT").retried == 2


def test_the_law_is_asked_again(shop: Shop, failed: pb.Campaign, sandbox) -> None:
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO suppressions (id, workspace_id, phone_hash, phone_sealed, source, created_at) SELECT gen_random_uuid(),"
            " workspace_id, phone_hash, phone_sealed, 'MANUAL', now() FROM contacts"
        )
    assert retry(shop, failed).retried == 2
    sent(shop, failed)
    sweep.sweep()
    done = get(shop, failed)
    assert (done.counters.excluded, len(sandbox.log()), done.state) == (2, 4, State.STATE_DONE)


def test_too_late_is_too_late(shop: Shop, failed: pb.Campaign, sandbox, monkeypatch) -> None:
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))
    engine.Time(sandbox, monkeypatch).forward(days=2, minutes=1)
    refusal = again(shop, failed)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAMPAIGN_EXPIRED")


def test_a_paused_campaign_stays_paused_and_a_cancelled_one_is_over(shop: Shop, failed: pb.Campaign) -> None:
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE campaigns SET state = 'PAUSED'")
    assert retry(shop, failed).campaign.state == State.STATE_PAUSED
    control(shop, "Cancel", failed)
    sweep.sweep()
    assert get(shop, failed).counters.cancelled == 2
    for state in ("CANCELLED", "FAILED", "DRAFT", "SCHEDULED"):
        with database().write(shop.workspace) as tx:
            tx.run("UPDATE campaigns SET state = :state", state=state)
        assert again(shop, failed).reason == "WRONG_STATE"


def test_a_pace_and_a_cap_hold_for_the_second_try_too(shop: Shop, failed: pb.Campaign, sandbox) -> None:
    with database().write(shop.workspace) as tx:
        cost = tx.value("SELECT sum(cost) FROM campaign_counters")
        tx.run("UPDATE campaigns SET budget_krw = 43, committed = :cost", cost=cost)
    retry(shop, failed)
    sent(shop, failed), sent(shop, failed)
    stopped = get(shop, failed)
    assert (stopped.state, stopped.counters.planned, len(sandbox.log())) == (State.STATE_PAUSED, 1, 5)


def test_only_an_approver_and_only_what_is_there(shop: Shop, failed: pb.Campaign) -> None:
    with database().system() as tx:
        _, key = accounts.create_api_key(tx, shop.workspace, "marketer", "MARKETER")
    marketer = replace(shop, metadata=(("x-api-key", key),))
    assert again(marketer, failed).code is grpc.StatusCode.PERMISSION_DENIED
    assert again(shop, pb.Campaign(id=str(uuid4()))).code is grpc.StatusCode.NOT_FOUND
    assert refused(shop, "Cancel", failed).reason == "WRONG_STATE"
    assert clock.now() - failed.end_time.ToDatetime(tzinfo=clock.now().tzinfo) < timedelta(minutes=5)
