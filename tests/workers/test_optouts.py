"""Opt-outs on the way out: who said no between launch and dispatch gets nothing, and everybody may have a link to say it."""

import re
from uuid import UUID

from core import clock
from core.db import accounts, optouts
from core.db.session import database
from core.db.tables import BUCKETS
from core.rules import optout
from core.settings import load
from tests.workers.shop import Sandbox, Shop, Time
from workers import deliver

LINKED = "(광고)[봄날커피] #{이름}님, 원두 할인\n수신거부 #{수신거부링크}\n무료거부0801234567"


def say_no(shop: Shop, numbers: list[str], source: str) -> int:
    now = clock.now()
    with database().write(shop.workspace) as tx:
        said = [optouts.of_number(tx, shop.workspace, number, f"{source}-{at}", now) for at, number in enumerate(numbers)]
        return optouts.say_no(tx, optouts.Way(shop.workspace, source), said, now)


def test_of_two_thousand_whose_half_says_no_between_launch_and_dispatch_the_other_half_gets_it(
    shop: Shop, sandbox: Sandbox
) -> None:
    """R-OPT-8, R-OPT-1: what is sent is what is counted: exactly 1,000 at the provider, and the buckets sum to 2,000."""
    numbers = shop.customers(2000)
    campaign = shop.campaign()
    assert len(shop.plan(campaign)) == 4
    assert shop.counters(campaign)["planned"] == 2000
    refused = numbers[::2]
    for at, source in enumerate(("MANUAL", "OPTOUT_CALL", "PROVIDER", "LINK")):  # R-OPT-2: whichever way it came
        assert say_no(shop, refused[at::4], source) == 250
    found = shop.deliver(campaign)
    assert (found["selected"], found["excluded"], found["accepted"]) == (2000, 1000, 1000)
    assert found["selected"] == sum(found[name] for name in BUCKETS if name != "selected")
    assert shop.reasons(campaign) == {("excluded", "OPTED_OUT"): 1000}
    assert sandbox.stats()["accepted_messages"] == 1000
    assert {one["receiver"] for one in sandbox.log()} == set(numbers[1::2])
    assert shop.read_all(campaign)["delivered"] == 1000


def test_nothing_is_sent_to_who_said_no_while_a_batch_waited_for_its_second_try(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-OPT-1, R-NGT-4: the whole check again before every attempt."""
    numbers = shop.customers(10)
    campaign = shop.campaign()
    sandbox.fault("busy", path="/send*", status=429)
    shop.run(campaign)
    say_no(shop, numbers[:5], "LINK")
    time.forward(minutes=2)
    assert shop.deliver(campaign)["accepted"] == 5
    assert {one["receiver"] for one in sandbox.log()} == set(numbers[5:])


def test_a_no_to_kakao_alone_leaves_texts_alone(shop: Shop, sandbox: Sandbox) -> None:
    """R-OPT-4: a channel that is not bound to the 080 number is refused for itself."""
    [number] = shop.customers(1)
    with database().write(shop.workspace) as tx:
        no = optouts.of_number(tx, shop.workspace, number, "1", clock.now())
        optouts.say_no(tx, optouts.Way(shop.workspace, "MANUAL", channel="KAKAO"), [no], clock.now())
    assert shop.run(shop.campaign())["accepted"] == 1


def test_everybody_gets_a_link_of_their_own_and_it_says_no_for_them_alone(shop: Shop, sandbox: Sandbox) -> None:
    """R-OPT-5: the link is signed, of one message, and stands before the free number that ends the text (R-LBL-4)."""
    numbers = shop.customers(3)
    campaign = shop.campaign(LINKED)
    assert shop.run(campaign)["accepted"] == 3
    [batch] = shop.batches(campaign)
    with database().read(shop.workspace) as tx:
        keys = accounts.keys(tx, shop.workspace)
    seen = {}
    for one in sandbox.log():
        found = re.search(rf"{load().link_base_url}/o/(\w+)\n무료거부0801234567$", one["text"])
        assert found, one["text"]
        code = optout.read(found[1])
        assert code is not None
        assert code.names(batch, keys.lookup_key)
        with database().read(shop.workspace) as tx:
            receiver = optouts.receiver(tx, batch, code.position)
        assert receiver is not None
        seen[one["receiver"]] = keys.opener()(receiver.phone_sealed)
    assert seen == {number: number for number in numbers}


def test_links_stay_with_their_people_when_some_are_left_out(shop: Shop, sandbox: Sandbox) -> None:
    numbers = shop.customers(5)
    campaign = shop.campaign(LINKED)
    shop.plan(campaign)
    say_no(shop, numbers[:2], "LINK")
    shop.sql("DELETE FROM contacts WHERE name = '고객2'")
    [batch] = shop.batches(campaign)
    deliver.deliver(shop.workspace, batch)
    assert shop.reasons(campaign) == {("excluded", "OPTED_OUT"): 2, ("excluded", "GONE"): 1}
    assert _positions(sandbox, shop, batch) == {numbers[3]: 3, numbers[4]: 4}


def _positions(sandbox: Sandbox, shop: Shop, batch: UUID) -> dict[str, int]:
    with database().read(shop.workspace) as tx:
        key = accounts.keys(tx, shop.workspace).lookup_key
    found = {}
    for one in sandbox.log():
        said = optout.read(one["text"].split("/o/")[1][: optout.LENGTH])
        assert said is not None
        assert said.names(batch, key)
        found[one["receiver"]] = said.position
    return found
