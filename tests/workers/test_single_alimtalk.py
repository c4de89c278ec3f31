"""Order notices by Alimtalk, one by one: each with its own values, and its own text to whom Kakao does not reach."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from core import clock
from core.db import accounts, direct, messages
from core.db.session import database
from core.rules import direct as rules
from core.rules.channel import Channel
from core.rules.routing import Route
from core.rules.states import MessageState
from core.rules.template import names
from tests.workers.shop import SENDER, Logs, Sandbox, Shop, Time
from tests.workers.test_alimtalk import CODES, PRICES, SENDS, Kakao
from workers import receipts, reconcile, single

NOT_AT_KAKAO = "01000009007"
REACHED = ("01000000001", "01000000002")


@pytest.fixture(params=CODES)
def kakao(request: pytest.FixtureRequest, shop: Shop, sandbox: Sandbox) -> Iterator[Kakao]:
    yield Kakao(shop, sandbox, request.param)


def order(kakao: Kakao, numbers: Sequence[str], *, fallback: bool = True, test: bool = False) -> UUID:
    """One call of SendService by template; its batch."""
    shop, now = kakao.shop, clock.now()
    with database().write(shop.workspace) as tx:
        account = accounts.rehearsal_account(tx, shop.workspace, shop.sender) if test else kakao.account
        prices = {Channel(name): Decimal(0 if test else price) for name, price in PRICES.items()}
        ways = [Route(account, "rehearsal" if test else kakao.name, prices)]
        wanted = [
            rules.check(number, f"주문 {at} 접수" if fallback else "", "", filling(kakao, at), kakao.rule)
            for at, number in enumerate(numbers)
        ]
        given = direct.Order(
            shop.workspace, test, shop.sender, SENDER, "", ways, now, now + timedelta(days=1),
            template_id=kakao.template, falls_back=fallback,
        )  # fmt: skip
        places = direct.add(tx, given, wanted, accounts.keys(tx, shop.workspace), now)
    return places[0][0]


def filling(kakao: Kakao, at: int) -> dict[str, str]:
    return {name: f"값{at}" for name in names(kakao.rule)}


def read(shop: Shop) -> None:
    for attempt in shop.sql("SELECT id FROM attempts WHERE outcome = 'ACCEPTED' ORDER BY id"):
        receipts.read(shop.workspace, attempt.id)


def states(shop: Shop, batch: UUID) -> list[MessageState]:
    return [MessageState(byte) for byte in bytes(shop.value("SELECT states FROM batches WHERE id = :batch", batch=batch))]


def test_two_by_kakao_each_with_their_values_and_one_by_the_text_of_their_own(kakao: Kakao, shop: Shop) -> None:
    batch = order(kakao, [*REACHED, NOT_AT_KAKAO])
    single.deliver(shop.workspace, batch)
    assert kakao.kinds() == {"ALIMTALK": 3}
    read(shop)
    assert states(shop, batch) == [MessageState.DELIVERED, MessageState.DELIVERED, MessageState.PLANNED]
    single.deliver(shop.workspace, batch)
    read(shop)
    assert states(shop, batch) == [MessageState.DELIVERED] * 3
    log = kakao.sandbox.log()
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}
    [text] = [one for one in log if not one["template"]]
    assert (text["receiver"], text["text"]) == (NOT_AT_KAKAO, "주문 2 접수")
    notices = {one["receiver"]: one["text"] for one in log if one["template"]}
    assert all(f"값{at}" in notices[number] for at, number in enumerate(REACHED))
    assert Counter(one["receiver"] for one in log if one["shown"]) == dict.fromkeys((*REACHED, NOT_AT_KAKAO), 1)
    with database().read(shop.workspace) as tx:
        shown = [messages.get(tx, batch, at) for at in range(3)]
    assert [row.channel for row in shown if row] == ["ALIMTALK", "ALIMTALK", "SMS"]


def test_without_a_text_whoever_is_not_reached_is_failed(kakao: Kakao, shop: Shop) -> None:
    batch = order(kakao, [REACHED[0], NOT_AT_KAKAO], fallback=False)
    single.deliver(shop.workspace, batch)
    read(shop)
    single.deliver(shop.workspace, batch)
    assert states(shop, batch) == [MessageState.DELIVERED, MessageState.FAILED]
    assert kakao.kinds() == {"ALIMTALK": 2}


def test_a_lost_answer_is_found_and_not_sent_again(kakao: Kakao, shop: Shop, time: Time) -> None:
    batch = order(kakao, REACHED)
    kakao.sandbox.fault("lost_answer_reset", path=SENDS[kakao.name])
    single.deliver(shop.workspace, batch)
    assert states(shop, batch) == [MessageState.UNKNOWN] * 2
    time.forward(seconds=700)
    reconcile.reconcile(shop.workspace, batch)
    read(shop)
    assert states(shop, batch) == [MessageState.DELIVERED] * 2
    assert kakao.kinds() == {"ALIMTALK": 2}


def test_a_template_that_is_gone_sends_nothing_by_itself(kakao: Kakao, shop: Shop) -> None:
    batch = order(kakao, REACHED)
    shop.sql("UPDATE templates SET gone_at = now()")
    single.deliver(shop.workspace, batch)
    assert kakao.kinds()["ALIMTALK"] == 0


def test_a_test_key_rehearses_it(kakao: Kakao, shop: Shop) -> None:
    batch = order(kakao, REACHED, test=True)
    single.deliver(shop.workspace, batch)
    read(shop)
    assert states(shop, batch) == [MessageState.DELIVERED] * 2
    assert kakao.sandbox.log() == []


def test_values_and_texts_are_sealed_and_in_no_log(kakao: Kakao, shop: Shop, logs: Logs) -> None:
    batch = order(kakao, [REACHED[0]])
    [row] = shop.sql("SELECT text_sealed, variables_sealed FROM direct_messages WHERE batch_id = :batch", batch=batch)
    assert "값0".encode() not in bytes(row.variables_sealed) and "접수".encode() not in bytes(row.text_sealed)
    single.deliver(shop.workspace, batch)
    assert "값0" not in str(logs.entries) and REACHED[0] not in str(logs.entries)
