"""A workspace on trial: nothing leaves for numbers that are not on its guest list, whatever way it was to go."""

from uuid import UUID

from core import clock
from core.db import campaigns, guests
from core.db.session import database
from tests.workers.shop import Sandbox, Shop
from tests.workers.test_single import TEXT, delivered, message, sent


def trial(shop: Shop, *numbers: str) -> None:
    """The trial begins, with these guests."""
    with database().write(shop.workspace) as tx:
        guests.set_trial(tx, shop.workspace, on=True)
        for number in numbers:
            guests.add(tx, shop.workspace, number, clock.now())


def leaves(shop: Shop) -> None:
    """Every guest is taken off the list."""
    with database().write(shop.workspace) as tx:
        for row in tx.rows("SELECT id FROM guests"):
            guests.remove(tx, row.id)


def previewed(shop: Shop, campaign: UUID) -> list[str | None]:
    with database().read(shop.workspace) as tx:
        rows = campaigns.audience(tx, campaigns.get(tx, campaign), after=0, people=100, keys=[])
        return [row.reason for row in rows]


def test_a_campaign_reaches_guests_only(shop: Shop, sandbox: Sandbox) -> None:
    first, *_ = shop.customers(4)
    trial(shop, first)
    campaign = shop.campaign()
    assert previewed(shop, campaign) == [None, *["NOT_ON_GUEST_LIST"] * 3]
    counters = shop.run(campaign)
    assert (counters["selected"], counters["accepted"], counters["excluded"]) == (4, 1, 3)
    assert [one["receiver"] for one in sandbox.log()] == [first]


def test_information_is_for_guests_only_too(shop: Shop) -> None:
    first, *_ = shop.customers(2)
    trial(shop, first)
    assert shop.run(shop.campaign("주문이 발송되었습니다.", purpose="INFO"))["accepted"] == 1


def test_who_is_taken_off_the_list_after_planning_gets_nothing(shop: Shop, sandbox: Sandbox) -> None:
    trial(shop, *shop.customers(2))
    campaign = shop.campaign()
    shop.plan(campaign)
    assert shop.counters(campaign)["planned"] == 2
    leaves(shop)
    assert shop.deliver(campaign)["excluded"] == 2
    assert shop.reasons(campaign) == {("excluded", "NOT_ON_GUEST_LIST"): 2}
    assert sandbox.log() == []


def test_a_single_message_that_was_taken_for_a_guest_does_not_leave_for_a_stranger(shop: Shop, sandbox: Sandbox) -> None:
    trial(shop, "01011112222")
    kept, gone = sent(shop, ("01011112222", TEXT), ("01033334444", TEXT))
    delivered(shop, [kept, gone])
    assert [one["receiver"] for one in sandbox.log()] == ["01011112222"]
    assert (message(shop, gone).reason, message(shop, kept).reason) == ("NOT_ON_GUEST_LIST", None)


def test_after_the_trial_everybody_is_reached(shop: Shop) -> None:
    trial(shop)
    shop.customers(2)
    assert shop.run(shop.campaign())["accepted"] == 0
    with database().write(shop.workspace) as tx:
        guests.set_trial(tx, shop.workspace, on=False)
    assert shop.run(shop.campaign())["accepted"] == 2


def test_what_is_rehearsed_leaves_by_no_provider_and_needs_no_guest(shop: Shop, sandbox: Sandbox) -> None:
    trial(shop)
    made = sent(shop, ("01033334444", TEXT), test=True)
    delivered(shop, made)
    assert sandbox.log() == []
    assert message(shop, made[0]).reason is None
