"""At the claim: which account may carry advertising, and by which free number people say no to what it carries."""

from collections import Counter

from tests.workers.shop import Sandbox, Shop
from workers import deliver, sweep

OTHER = "0807654321"


def without(shop: Shop, account: object) -> None:
    shop.sql("UPDATE provider_accounts SET certificate = '' WHERE id = :id", id=account)


def carriers(sandbox: Sandbox) -> Counter[str]:
    return Counter(one["provider"] for one in sandbox.log())


def test_advertising_waits_while_nobody_certified_may_carry_it(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-5: refused at dispatch as well, and nothing is burnt by it."""
    shop.customers(4)
    campaign = shop.campaign()
    shop.plan(campaign)
    without(shop, shop.account)
    assert shop.deliver(campaign)["planned"] == 4
    sweep.sweep()
    assert sandbox.log() == []
    shop.sql("UPDATE provider_accounts SET certificate = 'KISA-2'")
    assert shop.deliver(campaign)["accepted"] == 4


def test_information_needs_no_certificate(shop: Shop, sandbox: Sandbox) -> None:
    """R-PUR-5: rules of advertising do not hold for information."""
    shop.customers(2)
    without(shop, shop.account)
    assert shop.run(shop.campaign("주문하신 원두가 나갔습니다", purpose="INFO"))["accepted"] == 2


def test_the_other_account_takes_over_only_with_its_own_certificate(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-5: failover applies the same test."""
    shop.customers(3)
    second = shop.second()
    campaign = shop.campaign(routes=[shop.route(), shop.route(second, "solapi", priority=1)])
    shop.plan(campaign)
    without(shop, shop.account), without(shop, second)
    assert shop.deliver(campaign)["planned"] == 3
    shop.sql("UPDATE provider_accounts SET certificate = 'KISA-2' WHERE id = :id", id=second)
    assert shop.deliver(campaign)["accepted"] == 3
    assert carriers(sandbox) == {"solapi": 3}


def test_what_leaves_by_an_account_says_no_by_its_own_number(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-5, R-LBL-9: each account with its own 080 number, never with the other's."""
    shop.customers(2)
    second = shop.second()
    routes = [shop.route(), shop.route(second, "solapi", optout_number=OTHER)]
    campaign = shop.campaign(routes=routes, batch_size=1)
    for batch in shop.plan(campaign):
        deliver.deliver(shop.workspace, batch)
    texts = {one["provider"]: one["text"] for one in sandbox.log()}
    assert texts["aligo"].endswith("\n무료거부0801234567")
    assert texts["solapi"].endswith(f"\n무료거부{OTHER}")
    assert all(text.startswith("(광고)[봄날커피] ") and text.count("무료거부") == 1 for text in texts.values())
