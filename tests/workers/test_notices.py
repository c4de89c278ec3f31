"""Notices of the law, from the yes or no to the phone: in time, by day, once, and followed to their end."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.db import audience, consents, notices, optouts
from core.db.consents import Recorder
from core.db.notices import Said
from core.db.session import database
from core.rules.alerts import Kind as Trouble
from core.rules.consent import Yes
from core.rules.notice import Kind, Scope
from tests.workers.shop import Sandbox, Shop, Time
from workers import notices as noticing
from workers import receipts, single, sweep, watch

PHONE = "01012340001"
UNREACHABLE = "01012349003"


@pytest.fixture
def telling(shop: Shop) -> Shop:
    """A merchant who has chosen the number that notices come from."""
    shop.sql("UPDATE workspaces SET notice_sender_id = :sender", sender=shop.sender)
    return shop


def customer(shop: Shop, number: str = PHONE) -> int:
    with database().write(shop.workspace) as tx:
        plain: dict[str, Any] = {"name": "", "tags": [], "attributes": {}}
        return audience.add_contact(tx, by(shop), number, plain, consents.Consent())


def by(shop: Shop) -> Recorder:
    return Recorder(shop.workspace, "user:1", clock.now())


def agreed(shop: Shop, contact: int, *, at: datetime | None = None, night: bool = False) -> None:
    with database().write(shop.workspace) as tx:
        yes = Yes(True, night, at or clock.now(), "매장", proof="신청서 1")
        consents.record_yes(tx, by(shop), audience.get_contact(tx, contact, lock=True), yes)


def refused(shop: Shop, number: str = PHONE) -> None:
    """Somebody who is no customer says no; its notice, as `say_no` makes it."""
    with database().write(shop.workspace) as tx:
        no = optouts.of_number(tx, shop.workspace, number, "call 1", clock.now())
        optouts.say_no(tx, optouts.Way(shop.workspace, "OPTOUT_CALL"), [no], clock.now())
        told = Said(no.phone_hash, no.phone_sealed, Kind.REFUSED, clock.now())
        notices.add_result(tx, shop.workspace, [told], clock.now())


def states(shop: Shop) -> list[str]:
    return [row.state for row in shop.sql("SELECT state FROM notices ORDER BY id")]


def delivered(shop: Shop) -> None:
    """Every batch that waits, then every result."""
    for row in shop.sql("SELECT id FROM batches WHERE state = 0 ORDER BY id"):
        single.deliver_single.fn(str(shop.workspace), str(row.id))
    for row in shop.sql("SELECT id FROM attempts WHERE outcome = 'ACCEPTED' ORDER BY id"):
        receipts.read(shop.workspace, row.id)


def on_day(time: Time, days: int, hour: int = 12) -> None:
    time.forward(days=days)
    time.at(hour)


def test_a_no_is_confirmed_after_three_days_by_a_message_of_the_shop(telling: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NTC-1: exactly the words, from the chosen number, as information, and closed by the receipt."""
    refused(telling)
    said = clock.kst(clock.now())
    sweep.sweep()
    assert states(telling) == ["DUE"]
    on_day(time, 3, 13)
    sweep.sweep()
    assert states(telling) == ["SENDING"]
    delivered(telling)
    assert telling.value("SELECT info_reason FROM campaigns") == "STATUTORY"
    (got,) = sandbox.log()
    assert got["text"] == f"[봄날커피] {said:%Y.%m.%d} 문자 광고 수신거부가 처리되었습니다."
    assert (got["receiver"], got["sender"]) == (PHONE, telling.value("SELECT number FROM sender_numbers"))
    sweep.sweep()
    assert states(telling) == ["DONE"]
    assert telling.value("SELECT ended_at FROM notices") is not None
    for _ in range(3):
        sweep.sweep()
    assert sandbox.stats()["accepted_messages"] == 1


def test_nobody_is_told_outside_nine_to_eight(telling: Shop, time: Time) -> None:
    """R-NTC-1: 08:59 and 20:00 wait; what is still there at 20:00 expires and goes next morning."""
    refused(telling)
    on_day(time, 4, 20)
    assert noticing.send(telling.workspace, clock.now()) == 0
    time.forward(hours=12, minutes=59)
    assert noticing.send(telling.workspace, clock.now()) == 0
    time.forward(minutes=1)
    assert noticing.send(telling.workspace, clock.now()) == 1
    assert clock.kst(telling.value("SELECT expires_at FROM campaigns")).hour == 20
    time.at(21)
    sweep.sweep()
    sweep.sweep()
    assert states(telling) == ["DUE"]
    assert clock.kst(telling.value("SELECT due_at FROM notices")).time().hour >= 9
    on_day(time, 1, 18)
    sweep.sweep()
    assert states(telling) == ["SENDING"]


def test_without_a_number_nobody_is_told_and_on_day_ten_the_merchant_is(shop: Shop, time: Time) -> None:
    """R-NTC-1: the alarm of day 10 is an incident, over when the notice is on its way."""
    refused(shop)
    said = clock.now()
    on_day(time, 9, 23)
    sweep.sweep()
    assert states(shop) == ["DUE"]
    watch.from_the_clock()
    assert incidents() == []
    on_day(time, 1, 10)
    assert (clock.kst(clock.now()).date() - clock.kst(said).date()).days == 10
    watch.from_the_clock()
    assert incidents() == [("NOTICES_LATE", False)]
    shop.sql("UPDATE workspaces SET notice_sender_id = :sender", sender=shop.sender)
    sweep.sweep()
    watch.from_the_clock()
    time.forward(seconds=30)
    watch.from_the_clock()
    assert incidents() == [("NOTICES_LATE", True)]


def incidents() -> list[tuple[str, bool]]:
    with database().system() as tx:
        rows = tx.rows("SELECT kind, closed_at IS NOT NULL AS over FROM incidents WHERE kind = :kind", kind=Trouble.NOTICES_LATE)
    return [(row.kind, row.over) for row in rows]


def test_who_cannot_be_reached_is_tried_three_times(telling: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NTC-1: three days, three messages, then it is given up and listed so."""
    refused(telling, UNREACHABLE)
    on_day(time, 3, 13)
    for _ in range(5):
        sweep.sweep()
        delivered(telling)
        sweep.sweep()
        on_day(time, 1)
    assert states(telling) == ["FAILED"]
    assert telling.value("SELECT tries FROM notices") == 3
    assert sandbox.stats()["accepted_messages"] == 3


def test_a_shop_may_be_called_like_an_offer(telling: Shop, time: Time) -> None:
    """R-PUR-2, R-PUR-3: its name is no advertising in a notice of the law."""
    telling.sql("UPDATE workspaces SET name = '특가할인마트'")
    refused(telling)
    on_day(time, 4)
    sweep.sweep()
    assert states(telling) == ["SENDING"]


def test_the_erased_are_not_told(telling: Shop, time: Time) -> None:
    """R-PII-9: without a number there is nobody to tell."""
    refused(telling)
    telling.sql("UPDATE notices SET phone_sealed = NULL")
    on_day(time, 4)
    sweep.sweep()
    assert states(telling) == ["DROPPED"]


def test_a_shop_that_cannot_be_written_about_does_not_stop_the_sweeper(telling: Shop, time: Time) -> None:
    refused(telling)
    telling.sql("UPDATE workspaces SET name = '봄날☕️'")
    on_day(time, 4)
    sweep.sweep()
    assert states(telling) == ["FAILED"]


# --- two years ----------------------------------------------------------------------------------------------------


def years_ago(shop: Shop, contact: int, years: int, days: int) -> None:
    """The consent was given that long ago, but for so many days."""
    at = clock.kst(clock.now()).replace(hour=15)
    at = at.replace(year=at.year - years, day=min(at.day, 28)) + timedelta(days=days)
    shop.sql("UPDATE contacts SET consent_at = :at, confirmed_at = NULL WHERE id = :id", at=at, id=contact)
    shop.sql("DELETE FROM notices")


def reasons(shop: Shop) -> dict[str, int]:
    campaign = shop.campaign()
    shop.plan(campaign)
    return {reason: people for (_, reason), people in shop.reasons(campaign).items()}


def upkept() -> None:
    with database().system() as tx:
        noticing.keep_two_years(tx)


def test_a_consent_is_confirmed_in_the_month_before_its_two_years_and_begins_anew(
    telling: Shop, sandbox: Sandbox, time: Time
) -> None:
    """R-NTC-2: nothing on day 31 before, one notice on day 30, the clock begins anew with the anniversary."""
    contact = customer(telling)
    agreed(telling, contact)
    years_ago(telling, contact, 2, 32)
    upkept()
    assert states(telling) == []
    time.forward(days=2)
    upkept()
    upkept()
    assert states(telling) == ["DUE"]
    (row,) = telling.sql("SELECT * FROM notices")
    given = clock.kst(telling.value("SELECT consent_at FROM contacts"))
    assert (row.kind, row.scope, clock.kst(row.said_at)) == ("RECONFIRM", "ADS", given)
    assert clock.kst(row.deadline_at).date() == given.date().replace(year=given.year + 2)
    on_day(time, 1)
    sweep.sweep()
    delivered(telling)
    (got,) = sandbox.log()
    assert f"{given:%Y.%m.%d} 문자 광고 수신에 동의하셨습니다." in got["text"] and "080-123-4567" in got["text"]
    sweep.sweep()
    assert states(telling) == ["DONE"]
    assert telling.value("SELECT confirmed_at FROM contacts") == row.deadline_at
    on_day(time, 60)
    upkept()
    assert states(telling) == ["DONE"]
    assert reasons(telling) == {}


def test_a_consent_that_was_not_confirmed_in_time_gets_no_ads_until_it_is(telling: Shop, time: Time) -> None:
    """R-NTC-2: overdue blocks, and the notice that goes out late lifts it again; several years are one notice."""
    contact = customer(telling)
    agreed(telling, contact)
    years_ago(telling, contact, 5, -10)
    assert reasons(telling) == {"RECONFIRM_OVERDUE": 1}
    upkept()
    sweep.sweep()
    delivered(telling)
    sweep.sweep()
    assert states(telling) == ["DONE"]
    assert reasons(telling) == {}
    upkept()
    assert states(telling) == ["DONE"]
    assert clock.now() - telling.value("SELECT confirmed_at FROM contacts") < timedelta(days=732)


def test_who_could_not_be_told_is_blocked_with_the_day(telling: Shop, time: Time) -> None:
    """R-NTC-2: undelivered three times is marked; it is not tried for ever."""
    contact = customer(telling, UNREACHABLE)
    agreed(telling, contact)
    years_ago(telling, contact, 2, 20)
    upkept()
    for _ in range(4):
        sweep.sweep()
        delivered(telling)
        sweep.sweep()
        on_day(time, 1)
        upkept()
    assert states(telling) == ["FAILED"]
    assert reasons(telling) == {}
    on_day(time, 17)
    assert reasons(telling) == {"RECONFIRM_OVERDUE": 1}


def test_a_confirmation_of_what_holds_no_more_is_dropped(telling: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NTC-2, R-CON-4: opted out, withdrawn or renewed between the row and the morning."""
    people = [customer(telling, f"0101234000{at}") for at in range(4)]
    for contact in people:
        agreed(telling, contact)
        years_ago(telling, contact, 2, 20)
    time.at(21)
    upkept()
    assert states(telling) == ["DUE"] * 4
    telling.opt_out(f"id = {people[0]}")
    with database().write(telling.workspace) as tx:
        consents.record_no(tx, by(telling), audience.get_contact(tx, people[1], lock=True), consents.No(clock.now()))
    agreed(telling, people[2])
    on_day(time, 1)
    noticing.send(telling.workspace, clock.now())
    found = telling.sql("SELECT state FROM notices WHERE kind = 'RECONFIRM' ORDER BY contact_id")
    assert [row.state for row in found] == ["DROPPED", "DROPPED", "DROPPED", "SENDING"]


def test_where_the_merchant_wants_it_silence_ends_a_consent(telling: Shop, time: Time) -> None:
    """R-NTC-2: the notice confirms nothing, the last day is a good one, then the consent is gone, as an event."""
    telling.sql("UPDATE workspaces SET consent_lapses = true")
    contact = customer(telling)
    agreed(telling, contact, night=True)
    years_ago(telling, contact, 2, 20)
    upkept()
    on_day(time, 1)
    sweep.sweep()
    delivered(telling)
    sweep.sweep()
    assert states(telling) == ["DONE"]
    assert telling.value("SELECT confirmed_at FROM contacts") is None
    on_day(time, 18)
    upkept()
    assert reasons(telling) == {}
    on_day(time, 1)
    upkept()
    assert reasons(telling) == {"NO_CONSENT": 1}
    events = telling.sql("SELECT scope, granted, source FROM consents ORDER BY id")
    assert [tuple(row) for row in events[-2:]] == [("ADS", False, "LAPSED"), ("NIGHT", False, "LAPSED")]
    agreed(telling, contact, at=clock.now() - timedelta(days=1))
    assert reasons(telling) == {}


def test_a_yes_and_a_later_no_are_both_confirmed(telling: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NTC-1: each of them was said; a yes that counts for nothing is not."""
    contact = customer(telling)
    agreed(telling, contact, night=True)
    with database().write(telling.workspace) as tx:
        consents.record_no(tx, by(telling), audience.get_contact(tx, contact, lock=True), consents.No(clock.now()))
        told = Said(b"1" * 32, tx.value("SELECT phone_sealed FROM contacts"), Kind.WITHDRAWN, clock.now(), Scope.NIGHT)
        notices.add_result(tx, telling.workspace, [told], clock.now())
    on_day(time, 4)
    sweep.sweep()
    delivered(telling)
    texts = [one["text"] for one in sandbox.log()]
    assert any("수신동의가 처리" in text and "야간 포함" in text for text in texts)
    assert any("철회가 처리" in text for text in texts)
