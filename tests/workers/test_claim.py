"""Claim: at the instant of dispatch every person is looked at again, and whoever stays behind has a bucket and a reason."""

import pytest

from core import clock
from core.db.session import database
from core.rules.states import MessageState
from tests.workers.shop import Sandbox, Shop, Time
from workers.claim import claim
from workers.liveness import heart
from workers.routing import Hand

AD = "(광고)[봄날커피] #{이름|고객}님 #{등급}회원 안내\n무료거부0801234567"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE contacts SET archived_at = now() WHERE id = :id", "ARCHIVED"),
        ("DELETE FROM contacts WHERE id = :id", "GONE"),
        ("UPDATE contacts SET ad_consent = false WHERE id = :id", "NO_CONSENT"),
        ("UPDATE contacts SET consent_source = '' WHERE id = :id", "CONSENT_EVIDENCE_MISSING"),
        ("UPDATE contacts SET consent_at = NULL WHERE id = :id", "CONSENT_EVIDENCE_MISSING"),
        ("UPDATE contacts SET attributes = '{}' WHERE id = :id", "MISSING_VARIABLE"),
        ("UPDATE contacts SET attributes = jsonb_build_object('등급', repeat('가', 1000)) WHERE id = :id", "BODY_TOO_LONG"),
    ],
)
def test_who_changed_since_the_plan_stays_behind(shop: Shop, sandbox: Sandbox, change: str, reason: str) -> None:
    shop.customers(3)
    shop.sql('UPDATE contacts SET attributes = \'{"등급": "VIP"}\'')
    campaign = shop.campaign(AD)
    shop.plan(campaign)
    shop.sql(change, id=shop.value("SELECT min(id) + 1 FROM contacts"))
    found = shop.deliver(campaign)
    assert (found["excluded"], found["accepted"]) == (1, 2)
    assert shop.reasons(campaign) == {("excluded", reason): 1}
    assert shop.why(campaign) == {"ACCEPTED": 2, f"EXCLUDED {reason}": 1}
    assert sandbox.stats()["accepted_messages"] == 2


def test_an_opt_out_counts_up_to_the_last_moment_also_before_a_retry(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    phones = shop.customers(4)
    campaign = shop.campaign()
    sandbox.fault("busy", path="/send*", status=429)
    shop.run(campaign)
    shop.opt_out("id = (SELECT min(id) FROM contacts)")
    time.forward(minutes=2)
    found = shop.deliver(campaign)
    assert (found["excluded"], found["accepted"]) == (1, 3)
    assert phones[0] not in {one["receiver"] for one in sandbox.log()}
    assert shop.reasons(campaign) == {("excluded", "OPTED_OUT"): 1}


def test_an_opt_out_is_kept_before_the_second_try_after_an_unknown(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(4)
    campaign = shop.campaign()
    sandbox.fault("error_500", path="/send*")
    shop.run(campaign)
    shop.opt_out()
    time.forward(seconds=3)
    assert shop.reconcile(campaign)["planned"] == 4
    assert shop.deliver(campaign)["excluded"] == 4
    assert sandbox.stats()["accepted_messages"] == 0


@pytest.mark.parametrize(
    ("hour", "minute", "purpose", "consent", "goes"),
    [
        (20, 49, "AD", False, True),
        (20, 50, "AD", False, False),
        (20, 50, "AD", True, True),
        (3, 0, "AD", False, False),
        (7, 59, "AD", False, False),
        (8, 0, "AD", False, True),
        (3, 0, "INFO", False, True),
    ],
)
def test_the_night_holds_advertising_only(
    shop: Shop, sandbox: Sandbox, time: Time, hour: int, minute: int, purpose: str, consent: bool, goes: bool
) -> None:
    shop.customers(3, night=consent)
    time.at(hour, minute)
    campaign = shop.campaign(purpose=purpose)
    found = shop.run(campaign)
    assert (found["accepted"], found["held"]) == ((3, 0) if goes else (0, 3))
    if not goes:
        opens = clock.kst(shop.value("SELECT due_at FROM batches"))
        assert (opens.hour, opens.minute, opens > clock.now()) == (8, 0, True)
        assert shop.attempts(campaign) == []


def test_the_held_go_in_the_morning_and_are_looked_at_again(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(4, night=False)
    time.at(23)
    campaign = shop.campaign()
    assert shop.run(campaign)["held"] == 4
    shop.opt_out("id = (SELECT min(id) FROM contacts)")
    time.to(shop.value("SELECT due_at FROM batches"))
    found = shop.deliver(campaign)
    assert (found["accepted"], found["excluded"], found["held"]) == (3, 1, 0)


def test_what_is_too_late_expires_whole_and_nothing_is_sent(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(4)
    campaign = shop.campaign(expires_at=clock.now())
    assert shop.run(campaign)["expired"] == 4
    assert shop.value("SELECT state FROM batches") == 4
    assert sandbox.stats()["requests"] == 0


def test_the_held_expire_when_their_morning_is_too_late(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2, night=False)
    shop.customers(3, night=True, first=50)
    time.at(22)
    campaign = shop.campaign()
    shop.sql("UPDATE campaigns SET expires_at = :at", at=clock.now().replace(hour=22))  # 07:00 in Korea
    found = shop.run(campaign)
    assert (found["held"], found["accepted"]) == (2, 3)
    time.forward(hours=10, minutes=1)
    found = shop.deliver(campaign)
    assert (found["expired"], found["accepted"]) == (2, 3)


@pytest.mark.parametrize("state", ["PAUSED", "CANCELLED", "DRAFT", "DONE"])
def test_a_campaign_that_was_stopped_hands_nothing_over(shop: Shop, sandbox: Sandbox, state: str) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    shop.sql("UPDATE campaigns SET state = :state", state=state)
    assert shop.deliver(campaign)["planned"] == 3
    shop.sql("UPDATE campaigns SET state = 'SENDING'")
    assert shop.deliver(campaign)["accepted"] == 3


def test_a_paused_account_and_a_time_to_come_wait(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED'")
    assert shop.deliver(campaign)["planned"] == 3
    shop.sql("UPDATE provider_accounts SET state = 'ACTIVE'")
    shop.sql("UPDATE batches SET due_at = :at", at=clock.now().replace(microsecond=0))
    time.forward(seconds=-30)
    assert shop.deliver(campaign)["planned"] == 3
    time.forward(seconds=31)
    assert shop.deliver(campaign)["accepted"] == 3


def test_a_claim_writes_down_what_it_is_about_to_do(shop: Shop) -> None:
    shop.customers(5)
    shop.sql("UPDATE contacts SET name = repeat('가', 40) WHERE id % 2 = 0")
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim(tx, batch, Hand())
    assert load is not None
    row = shop.sql("SELECT state, attempt, lease_owner, lease_until, states FROM batches")[0]
    assert (row.state, row.attempt, row.lease_owner) == (1, 1, heart().id)
    assert bytes(row.states) == bytes([MessageState.CLAIMED]) * 5
    attempts = shop.attempts(campaign)
    assert sorted(at for one in attempts for at in one.positions) == list(range(5))
    assert {one.channel for one in attempts} == {"SMS", "LMS"}
    assert all(len(bytes(one.text_hashes)) == 8 * len(one.positions) and one.outcome == "OPEN" for one in attempts)
    assert {one.attempt for one in load.calls} == {one.id for one in attempts}


def test_a_batch_in_other_hands_is_left_alone(shop: Shop) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as mine, database().write(shop.workspace) as theirs:
        assert claim(mine, batch, Hand()) is not None
        assert claim(theirs, batch, Hand()) is None
    with database().write(shop.workspace) as again:
        assert claim(again, batch, Hand()) is None
    with database().write(shop.workspace) as tx:
        assert claim(tx, shop.workspace, Hand()) is None, "no such batch"


def test_another_workspace_cannot_claim_it(shop: Shop) -> None:
    from tests.workers.shop import open_shop

    shop.customers(3)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(open_shop().workspace) as tx:
        assert claim(tx, batch, Hand()) is None


def test_a_claim_that_is_rolled_back_leaves_nothing(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with pytest.raises(ZeroDivisionError), database().write(shop.workspace) as tx:
        claim(tx, batch, Hand())
        raise ZeroDivisionError
    assert shop.counters(campaign)["planned"] == 3
    assert shop.attempts(campaign) == []
    assert shop.deliver(campaign)["accepted"] == 3


def test_a_name_that_no_carrier_carries_is_mended_not_refused(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(2)
    shop.sql("UPDATE contacts SET name = '🎉하나' WHERE id = (SELECT min(id) FROM contacts)")
    campaign = shop.campaign()
    assert shop.run(campaign)["accepted"] == 2
    assert any("하나님" in one["text"] and "🎉" not in one["text"] for one in sandbox.log())
