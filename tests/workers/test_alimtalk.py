"""Alimtalk in the engine: whom Kakao definitely does not reach gets one text, and nobody gets one for any other reason."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.db import templates as rows
from core.db.session import database
from core.rules.alimtalk import bound
from core.rules.states import MessageState
from tests.workers.shop import Sandbox, Shop, Time
from workers import claim, deliver, receipts, sweep, templates
from workers.providers import Report, Result

CODES = {"aligo": "TX_0412", "solapi": "KA01TP0412"}
SENDS = {"aligo": "/akv10/alimtalk/send/", "solapi": "POST /messages/v4/groups/*/send"}
BODY = "#{이름}님,\n주문번호 A-1007 접수되었습니다."
FALLBACK = "[봄날커피] #{이름}님, 주문 A-1007 접수"
PRICES = {"SMS": "8.40", "LMS": "25.90", "MMS": "60.00", "ALIMTALK": "6.50"}
DELIVERED, FAILED = MessageState.DELIVERED, MessageState.FAILED


class Kakao:
    """A shop with one provider and its templates."""

    def __init__(self, shop: Shop, sandbox: Sandbox, name: str) -> None:
        self.shop, self.sandbox, self.name = shop, sandbox, name
        self.account = shop.account if name == "aligo" else shop.second()
        templates.sync(shop.workspace, self.account)
        with database().read(shop.workspace) as tx:
            row = tx.row("SELECT * FROM templates WHERE code = :code", code=CODES[name])
        assert row is not None
        self.template, self.rule = row.id, rows.as_template(row)

    def campaign(self, fallback: str = FALLBACK, body: str = BODY, **more: Any) -> UUID:
        route = {**self.shop.route(self.account, self.name), "prices": PRICES}
        values = {"purpose": "INFO", "template_id": self.template, "frozen_fallback": fallback, "routes": [route], **more}
        return self.shop.campaign(bound(self.rule, body), **values)

    def kinds(self) -> Counter[str]:
        """What the provider took, AT and ATA as one."""
        return Counter("ALIMTALK" if one["type"] in ("AT", "ATA") else one["type"] for one in self.sandbox.log())

    def script(self, **template: object) -> None:
        self.sandbox.ask("templates", "POST", {"provider": self.name, "code": CODES[self.name], **template})

    def fallen(self) -> list[int]:
        return list(self.shop.value("SELECT fallen FROM batches"))


@pytest.fixture(params=CODES)
def kakao(request: pytest.FixtureRequest, shop: Shop, sandbox: Sandbox) -> Iterator[Kakao]:
    yield Kakao(shop, sandbox, request.param)


def three(shop: Shop) -> list[str]:
    """Two with KakaoTalk and one without."""
    return [*shop.customers(2), *shop.customers(1, first=9007)]


def test_two_by_kakao_and_one_by_text(kakao: Kakao, shop: Shop) -> None:
    phones = three(shop)
    campaign = kakao.campaign()
    assert shop.run(campaign)["accepted"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3}
    sweep.sweep()
    assert shop.state(campaign) == "DONE"
    found = shop.read_all(campaign)
    assert (found["delivered"], found["planned"], found["failed"]) == (2, 1, 0)
    assert (shop.state(campaign), kakao.fallen()) == ("SENDING", [2])
    assert shop.deliver(campaign)["accepted"] == 1
    found = shop.read_all(campaign)
    assert (found["delivered"], found["cost"]) == (3, 3 * Decimal("6.50") + Decimal("8.40"))
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}
    log = kakao.sandbox.log()
    assert {one["receiver"]: one["text"] for one in log if one["template"]}[phones[0]] == (
        "고객0님,\r\n주문번호 A-1007 접수되었습니다."
    )
    [text] = [one for one in log if not one["template"]]
    assert (text["receiver"], text["text"]) == (phones[2], "[봄날커피] 고객9007님, 주문 A-1007 접수")
    assert Counter(one["receiver"] for one in log if one["shown"]) == dict.fromkeys(phones, 1), "one each on the phone"
    assert [one.channel for one in shop.attempts(campaign)] == ["ALIMTALK", "SMS"]
    sweep.sweep()
    assert shop.state(campaign) == "DONE"


def test_late_success_never_leads_to_a_text(kakao: Kakao, shop: Shop, time: Time) -> None:
    three(shop)
    campaign = kakao.campaign()
    shop.run(campaign)
    kakao.sandbox.ask("faults", "POST", {"kind": "results_late", "delay": 10 * 3600})
    for _ in range(4):
        time.forward(hours=2)
        sweep.sweep()
        shop.deliver(campaign)
        assert shop.read_all(campaign)["accepted"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3}
    kakao.sandbox.ask("faults", "DELETE")
    shop.read_all(campaign)
    shop.deliver(campaign)
    assert shop.read_all(campaign)["delivered"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}


def test_the_same_failure_over_and_over_is_one_text(kakao: Kakao, shop: Shop, time: Time) -> None:
    three(shop)
    campaign = kakao.campaign()
    shop.run(campaign)
    [notice] = shop.attempts(campaign)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: receipts.read(shop.workspace, notice.id), range(4)))
    assert shop.counters(campaign)["planned"] == 1
    receipts.read(shop.workspace, notice.id)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: deliver.deliver(shop.workspace, batch), shop.batches(campaign) * 4))
    for _ in range(3):
        receipts.read(shop.workspace, notice.id)
        shop.deliver(campaign)
        time.forward(minutes=5)
    assert shop.read_all(campaign)["delivered"] == 3
    receipts.read(shop.workspace, notice.id)
    assert shop.counters(campaign)["delivered"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}


def hear(shop: Shop, attempt: UUID, phone: str, state: MessageState) -> None:
    words = "카카오톡 미사용자" if state is FAILED else ""
    with database().write(shop.workspace) as tx:
        receipts.write(tx, attempt, Report([Result(phone, state, words, "1", True)], complete=True), clock.now())


def test_whoever_is_reached_after_all_waits_no_more(kakao: Kakao, shop: Shop) -> None:
    phones = three(shop)
    campaign = kakao.campaign()
    shop.run(campaign)
    [notice] = shop.attempts(campaign)
    hear(shop, notice.id, phones[0], FAILED)
    assert shop.counters(campaign)["planned"] == 1
    hear(shop, notice.id, phones[0], DELIVERED)
    hear(shop, notice.id, phones[0], FAILED)
    assert (shop.deliver(campaign)["planned"], shop.why(campaign)) == (0, {"DELIVERED": 1, "ACCEPTED": 2})
    assert kakao.kinds() == {"ALIMTALK": 3}


def test_a_word_that_comes_while_the_text_is_in_our_hands_loses_neither(
    kakao: Kakao, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [phone] = shop.customers(1)
    campaign = kakao.campaign()
    shop.run(campaign)
    [notice] = shop.attempts(campaign)
    hear(shop, notice.id, phone, FAILED)
    handed = deliver.hand_over

    def meanwhile(*call: Any) -> Any:
        outcome = handed(*call)
        hear(shop, notice.id, phone, FAILED)
        hear(shop, notice.id, phone, DELIVERED)
        return outcome

    monkeypatch.setattr(deliver, "hand_over", meanwhile)
    found = shop.deliver(campaign)
    assert (found["delivered"], found["cost"]) == (1, Decimal("6.50") + Decimal("8.40"))
    assert [one.outcome for one in shop.attempts(campaign)] == ["ACCEPTED", "ACCEPTED"]


def test_without_a_fallback_a_failure_is_one(kakao: Kakao, shop: Shop) -> None:
    three(shop)
    campaign = kakao.campaign(fallback="")
    shop.run(campaign)
    shop.read_all(campaign)
    assert shop.why(campaign) == {"DELIVERED": 2, "FAILED NO_KAKAO": 1}
    shop.deliver(campaign)
    assert kakao.kinds() == {"ALIMTALK": 3}


@pytest.mark.parametrize("ended", ["CANCELLED", "expired"])
def test_nothing_follows_when_it_is_over(kakao: Kakao, shop: Shop, time: Time, ended: str) -> None:
    three(shop)
    campaign = kakao.campaign(expires_at=clock.now() + timedelta(hours=1))
    shop.run(campaign)
    if ended == "expired":
        time.forward(hours=2)
    else:
        shop.sql("UPDATE campaigns SET state = 'CANCELLED'")
    shop.read_all(campaign)
    shop.deliver(campaign)
    assert shop.why(campaign) == {"DELIVERED": 2, "FAILED NO_KAKAO": 1}
    assert kakao.kinds() == {"ALIMTALK": 3}


def test_whoever_has_gone_meanwhile_gets_no_text(kakao: Kakao, shop: Shop) -> None:
    three(shop)
    campaign = kakao.campaign()
    shop.run(campaign)
    shop.read_all(campaign)
    shop.sql("UPDATE contacts SET archived_at = now()")
    shop.deliver(campaign)
    assert shop.why(campaign) == {"DELIVERED": 2, "EXCLUDED ARCHIVED": 1}


# The template


@pytest.mark.parametrize("fallback", [FALLBACK, ""])
def test_aligos_mismatch_is_the_right_failure_and_falls_back(shop: Shop, sandbox: Sandbox, fallback: str) -> None:
    kakao = Kakao(shop, sandbox, "aligo")
    shop.customers(2)
    campaign = kakao.campaign(fallback)
    kakao.script(content="#{고객명}님, 주문번호 #{주문번호}")
    assert shop.run(campaign)["accepted"] == 2
    shop.read_all(campaign)
    if fallback:
        assert shop.deliver(campaign)["accepted"] == 2
        assert shop.read_all(campaign)["delivered"] == 2
        assert kakao.kinds() == {"ALIMTALK": 2, "SMS": 2}
    else:
        assert shop.why(campaign) == {"FAILED TEMPLATE_MISMATCH": 2}
    assert shop.sql("SELECT words FROM receipts ORDER BY id")[0].words == {"메시지가 템플릿과 일치하지않음": [0, 1]}


@pytest.mark.parametrize("fallback", [FALLBACK, ""])
def test_a_template_the_provider_refuses_falls_back_at_once(kakao: Kakao, shop: Shop, fallback: str) -> None:
    shop.customers(2)
    campaign = kakao.campaign(fallback)
    kakao.script(state="STOPPED")
    found = shop.run(campaign)
    if fallback:
        assert (found["planned"], kakao.fallen()) == (2, [0, 1])
        assert shop.deliver(campaign)["accepted"] == 2
        assert kakao.kinds() == {"SMS": 2}
        assert [one.outcome for one in shop.attempts(campaign)] == ["REFUSED", "ACCEPTED"]
    else:
        assert shop.why(campaign) == {"FAILED PROVIDER_REFUSED": 2}


@pytest.mark.parametrize("change", ["gone", "stopped", "changed"])
@pytest.mark.parametrize("fallback", [FALLBACK, ""])
def test_a_template_that_we_know_to_be_another_now_is_not_tried(kakao: Kakao, shop: Shop, change: str, fallback: str) -> None:
    shop.customers(2)
    campaign = kakao.campaign(fallback)
    if change == "gone":
        kakao.sandbox.ask(f"templates/{kakao.name}/{CODES[kakao.name]}", "DELETE")
    else:
        kakao.script(**({"state": "STOPPED"} if change == "stopped" else {"content": "다른 글 #{이름}"}))
    templates.sync(shop.workspace, kakao.account)
    found = shop.run(campaign)
    if fallback:
        assert found["accepted"] == 2
        assert kakao.kinds() == {"SMS": 2}
    else:
        assert shop.why(campaign) == {"EXCLUDED TEMPLATE_INVALID": 2}
        assert not kakao.kinds()


def test_whose_variable_is_empty_is_left_out(kakao: Kakao, shop: Shop) -> None:
    shop.customers(3)
    shop.sql("UPDATE contacts SET attributes = '{\"주문번호\": \"B-7\"}' WHERE name <> '고객1'")
    campaign = kakao.campaign(body="")
    shop.run(campaign)
    assert shop.why(campaign) == {"ACCEPTED": 2, "EXCLUDED MISSING_VARIABLE": 1}
    assert {one["text"] for one in kakao.sandbox.log()} == {f"고객{at}님,\r\n주문번호 B-7 접수되었습니다." for at in (0, 2)}
    assert {one["kakao"]["buttons"][0]["linkMo"] for one in kakao.sandbox.log()} == {"https://shop.example/o/B-7"}


# Everything else that happens to a call


@pytest.mark.parametrize("kind", ["no_balance", "ip_blocked", "sender_unregistered", "busy"])
def test_what_is_not_about_the_message_makes_nobody_fall(kakao: Kakao, shop: Shop, time: Time, kind: str) -> None:
    three(shop)
    campaign = kakao.campaign()
    kakao.sandbox.fault(kind, **({"status": 429, "path": SENDS[kakao.name]} if kind == "busy" else {}))
    assert shop.run(campaign)["planned"] == 3
    assert kakao.fallen() == []
    shop.sql("UPDATE provider_accounts SET state = 'ACTIVE', breaker = 'CLOSED'")
    shop.sql("UPDATE provider_senders SET refused_at = NULL")
    time.forward(minutes=2)
    assert shop.deliver(campaign)["accepted"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3}


@pytest.mark.parametrize("kind", ["lost_answer_reset", "error_500_after", "truncated"])
def test_a_lost_answer_is_found_again(kakao: Kakao, shop: Shop, time: Time, kind: str) -> None:
    three(shop)
    campaign = kakao.campaign()
    kakao.sandbox.fault(kind, path=SENDS[kakao.name])
    assert shop.run(campaign)["unknown"] == 3
    time.forward(seconds=5)
    assert shop.reconcile(campaign)["accepted"] == 3
    shop.read_all(campaign)
    shop.deliver(campaign)
    assert shop.read_all(campaign)["delivered"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}


def test_what_never_arrived_goes_again_as_alimtalk(kakao: Kakao, shop: Shop, time: Time) -> None:
    three(shop)
    campaign = kakao.campaign()
    kakao.sandbox.fault("refuse", path=SENDS[kakao.name])
    assert shop.run(campaign)["unknown"] == 3
    time.forward(minutes=5)
    assert shop.reconcile(campaign)["planned"] == 3
    assert shop.deliver(campaign)["accepted"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3}


def test_a_worker_that_dies_with_the_text_in_its_hands_doubles_nothing(
    kakao: Kakao, shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(shop)
    campaign = kakao.campaign()
    shop.run(campaign)
    shop.read_all(campaign)
    with monkeypatch.context() as dying:
        dying.setattr(deliver, "record", lambda *_: None)
        shop.deliver(campaign)
    shop.read_all(campaign)  # Kakao's old failure, while the text is in nobody's ledger yet
    shop.sql("UPDATE batches SET lease_until = now() - interval '1 day'")
    sweep.sweep()
    time.forward(minutes=5)
    shop.reconcile(campaign)
    shop.deliver(campaign)
    assert shop.read_all(campaign)["delivered"] == 3
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}


def test_a_long_fallback_goes_as_lms(kakao: Kakao, shop: Shop) -> None:
    shop.customers(1, first=9007)
    campaign = kakao.campaign(fallback="#{이름}님, " + "주문이 접수되었습니다. " * 6)
    shop.run(campaign)
    shop.read_all(campaign)
    assert shop.deliver(campaign)["cost"] == Decimal("6.50") + Decimal("25.90")
    assert kakao.kinds() == {"ALIMTALK": 1, "LMS": 1}


def test_a_claim_of_an_ordinary_campaign_asks_for_no_template(shop: Shop) -> None:
    shop.customers(1)
    campaign = shop.campaign()
    assert shop.run(campaign)["accepted"] == 1
    assert claim.Load.__dataclass_fields__["template"].default is None


def test_a_cap_counts_the_notice_and_the_text(kakao: Kakao, shop: Shop) -> None:
    three(shop)
    campaign = kakao.campaign(budget_krw=15)
    assert shop.run(campaign)["accepted"] == 2, "two notices for 13 won"
    assert {len(one.positions) for one in shop.attempts(campaign)} == {2}
    shop.sql("UPDATE campaigns SET budget_krw = 25, state = 'SENDING'")
    assert shop.deliver(campaign)["accepted"] == 3
    shop.read_all(campaign)
    assert shop.deliver(campaign)["planned"] == 1, "a text would go beyond it"
    assert shop.state(campaign) == "PAUSED"
    shop.sql("UPDATE campaigns SET budget_krw = 28, state = 'SENDING'")
    assert shop.deliver(campaign)["cost"] == 3 * Decimal("6.50") + Decimal("8.40")
    assert kakao.kinds() == {"ALIMTALK": 3, "SMS": 1}
