"""Information that looks like advertising, and goods that a launch freezes, as a marketer meets them."""

from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import catalog_pb2, send_pb2, types_pb2

from core import clock
from core.db import accounts, campaigns, catalog
from core.db.session import database
from tests.server.services.marketer import INFO, create, customers, get, launch, preview, refused
from tests.server.shop import PASSWORD, PHONE, Shop, stub

SURVEY = "구매하신 원두는 어떠셨나요? 답해 주시면 다른 가게의 커피 쿠폰을 드립니다."
WHY = pb.Overrule.REASON_SURVEY


@pytest.fixture
def sender(shop: Shop) -> str:
    with database().write(shop.workspace) as tx:
        number = accounts.add_sender_number(tx, shop.workspace, "0212345678")
        accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"}, certificate="TEST-1")
    customers(shop, 1)
    return str(number)


def second_person(shop: Shop, role: str = "APPROVER") -> list[tuple[str, str]]:
    email = f"{uuid4().hex[:12]}@example.com"
    with database().write(shop.workspace) as tx:
        accounts.create_user(tx, shop.workspace, email, PASSWORD, role)
    session = account.CreateSessionRequest(email=email, password=PASSWORD)
    return [("authorization", f"Bearer {stub(shop.channel, 'CreateSession')(session, timeout=20).token}")]


def overruled(shop: Shop, campaign: pb.Campaign, **more: object) -> pb.Campaign:
    request = pb.OverrulePurposeRequest(campaign_id=campaign.id, reason=WHY)
    return shop.call("OverrulePurpose", request, **more).campaign


def test_two_people_overrule_the_linter_and_a_change_undoes_it(shop: Shop, sender: str) -> None:
    """R-PUR-2, R-PUR-4: one asks, another agrees; both stay with the campaign."""
    made = create(shop, sender, purpose=INFO, body=SURVEY, info_reason=types_pb2.INFO_REASON_STATUS)
    assert [one.reason for one in preview(shop, made).problems] == ["PURPOSE_LINT"]
    assert refused(shop, "Launch", made).fields == {"campaign.purpose": "PURPOSE_LINT"}
    agree = pb.AgreeToPurposeRequest(campaign_id=made.id)
    assert shop.refused("AgreeToPurpose", agree).reason == "NOTHING_TO_OVERRULE"
    asked = overruled(shop, made)
    assert asked.overrule.reason == WHY and asked.overrule.asked_by.startswith("user:") and not asked.overrule.agreed_by
    assert shop.refused("AgreeToPurpose", agree).reason == "SAME_PERSON"
    assert refused(shop, "Launch", made).reason == "PURPOSE_LINT"
    other = second_person(shop)
    agreed = shop.call("AgreeToPurpose", agree, metadata=other).campaign
    assert agreed.overrule.agreed_by.startswith("user:") and agreed.overrule.agreed_by != agreed.overrule.asked_by
    assert preview(shop, made).problems == []
    change = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign(body=f"{SURVEY} 특가도 있어요"))
    changed = shop.call("UpdateCampaign", change).campaign
    assert not changed.HasField("overrule")
    assert [one.reason for one in preview(shop, made).problems] == ["PURPOSE_LINT"]


def test_a_program_answers_for_no_text_and_a_marketer_does_not_agree(shop: Shop, sender: str) -> None:
    """R-PUR-2, R-SND-6: a second person with the role to approve."""
    made = create(shop, sender, purpose=INFO, body=SURVEY)
    request = pb.OverrulePurposeRequest(campaign_id=made.id, reason=WHY)
    assert (
        shop.refused("OverrulePurpose", request, metadata=[("x-api-key", shop.api_key)]).code is grpc.StatusCode.PERMISSION_DENIED
    )
    overruled(shop, made)
    agree = pb.AgreeToPurposeRequest(campaign_id=made.id)
    assert (
        shop.refused("AgreeToPurpose", agree, metadata=second_person(shop, "MARKETER")).code is grpc.StatusCode.PERMISSION_DENIED
    )


def test_what_is_no_advertising_needs_no_exception(shop: Shop, sender: str) -> None:
    """R-PUR-2: and an advertisement cannot be made information by anybody."""
    for campaign in (create(shop, sender, purpose=INFO), create(shop, sender)):
        request = pb.OverrulePurposeRequest(campaign_id=campaign.id, reason=WHY)
        assert shop.refused("OverrulePurpose", request).reason == "NOTHING_TO_OVERRULE"


def test_information_says_why_it_is_information(shop: Shop, sender: str) -> None:
    """R-PUR-3"""
    made = create(shop, sender, purpose=INFO, info_reason=types_pb2.INFO_REASON_UNSPECIFIED)
    assert refused(shop, "Launch", made).fields == {"campaign.info_reason": "INFO_REASON_MISSING"}
    launched = launch(shop, create(shop, sender, purpose=INFO))
    assert launched.info_reason == types_pb2.INFO_REASON_TRANSACTION and launched.ruleset == "KR-2026-10-01"


def test_a_campaign_has_a_purpose(shop: Shop, sender: str) -> None:
    """R-PUR-1: none is refused; from the catalog it is advertising."""
    nothing = pb.CreateCampaignRequest(campaign=pb.Campaign(name="가", body="나", sender_number_id=sender))
    assert shop.refused("CreateCampaign", nothing).fields == {"campaign.purpose": "REQUIRED"}
    made = create(shop, sender, purpose=INFO, flyer_id=flyer(shop))
    assert "FLYER_IS_AD" in {one.reason for one in preview(shop, made).problems}


def flyer(shop: Shop, *products: catalog_pb2.Product) -> str:
    ids = [
        UUID(shop.call("CreateProduct", catalog_pb2.CreateProductRequest(product=one)).product.id)
        for one in products or [catalog_pb2.Product(name="케냐", price_krw=1)]
    ]
    with database().write(shop.workspace) as tx:
        made = catalog.add_flyer(tx, shop.workspace, {"layout": "HERO", "product_ids": ids}, clock.now()).id
        tx.run("UPDATE flyers SET state = 'READY', object_name = 'x.jpg' WHERE id = :flyer", flyer=made)
    return str(made)


BEANS = catalog_pb2.Product(name="케냐", price_krw=12_000, kind="원두")
WINE = catalog_pb2.Product(name="와인", price_krw=30_000, kind="술", category=catalog_pb2.Product.CATEGORY_ADULT)
POISON = catalog_pb2.Product(name="액상", price_krw=9_000, category=catalog_pb2.Product.CATEGORY_PROHIBITED)


def test_a_launch_freezes_what_it_is_about(shop: Shop, sender: str) -> None:
    """R-CON-3, R-PRO-2: the kinds of the flyer and those that the merchant names."""
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET adult_at = now()")
    made = create(shop, sender, flyer_id=flyer(shop, BEANS, WINE), goods=["드리퍼", "원두"])
    assert (list(made.goods), made.adult, made.ruleset) == (["드리퍼", "원두"], False, "")
    launched = launch(shop, made)
    assert (list(launched.goods), launched.adult, launched.ruleset) == (["드리퍼", "술", "원두"], True, "KR-2026-10-01")
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE products SET kind = 'x', category = ''")
        row = campaigns.get(tx, UUID(launched.id))
        assert (row.goods, row.adult) == (["드리퍼", "술", "원두"], True)


def test_a_preview_knows_what_a_launch_would_freeze(shop: Shop, sender: str) -> None:
    """R-PRO-2, R-CON-3, R-OPT-8: nobody is found out only at the launch."""
    found = preview(shop, create(shop, sender, flyer_id=flyer(shop, WINE)))
    assert [(one.reason, one.count) for one in found.exclusions] == [("NOT_AGE_VERIFIED", 1)]
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET ad_consent = false")
        tx.run("UPDATE workspaces SET trade_exemption = true WHERE id = :w", w=shop.workspace)
        tx.run(
            "INSERT INTO trades (workspace_id, order_id, kind, contact_id, ended_on, created_at)"
            " SELECT workspace_id, 'A', '원두', id, current_date, now() FROM contacts"
        )
    assert preview(shop, create(shop, sender, flyer_id=flyer(shop, BEANS))).exclusions == []
    for other in (flyer(shop, WINE), flyer(shop, BEANS, catalog_pb2.Product(name="머그", price_krw=1))):
        reasons = {one.reason for one in preview(shop, create(shop, sender, flyer_id=other)).exclusions}
        assert reasons and reasons <= {"TXN_KIND_MISMATCH", "NO_CONSENT"}


def test_forbidden_goods_enter_no_campaign(shop: Shop, sender: str) -> None:
    """R-PRO-1: regardless of consent."""
    made = create(shop, sender, flyer_id=flyer(shop, BEANS, POISON))
    assert refused(shop, "Launch", made).fields == {"campaign.flyer_id": "PROHIBITED_GOODS"}


def test_a_campaign_on_its_way_stops_when_its_goods_become_forbidden(shop: Shop, sender: str) -> None:
    """R-PRO-1: also after its launch, and it cannot be taken up again."""
    shown = flyer(shop, BEANS)
    made, other = create(shop, sender, flyer_id=shown), create(shop, sender)
    assert launch(shop, made).state == launch(shop, other).state == pb.Campaign.STATE_PLANNING
    product = shop.call("ListProducts", catalog_pb2.ListProductsRequest()).products[0]
    change = catalog_pb2.UpdateProductRequest(
        product_id=product.id,
        product=catalog_pb2.Product(category=catalog_pb2.Product.CATEGORY_PROHIBITED),
        update_mask={"paths": ["category"]},
    )
    shop.call("UpdateProduct", change)
    stopped = get(shop, made)
    assert stopped.state == pb.Campaign.STATE_PAUSED and "케냐" in stopped.waiting_for
    assert get(shop, other).state == pb.Campaign.STATE_PLANNING
    assert refused(shop, "Resume", made).reason == "PROHIBITED_GOODS"
    assert get(shop, made).state == pb.Campaign.STATE_PAUSED


def test_what_is_only_in_the_picture_is_a_warning(shop: Shop, sender: str) -> None:
    """R-LBL-6"""
    made = create(shop, sender, body="오늘만 만나요, 놀러 오세요", flyer_id=flyer(shop, BEANS))
    found = preview(shop, made)
    assert [one.reason for one in found.warnings] == ["OFFER_ONLY_IN_IMAGE"] and found.problems == []


def test_single_messages_with_a_mark_of_advertising_are_refused(shop: Shop, sender: str) -> None:
    """R-PUR-2, R-PUR-3: a program cannot have two people, so it sends a campaign; the reason is stored."""
    common = {"to": PHONE, "sender_number_id": sender, "purpose": INFO}
    sold = send_pb2.SendMessageRequest(text="주문이 접수되었습니다. 다음 구매 10% 쿠폰 드려요", **common)
    refusal = shop.refused("SendMessage", sold)
    assert (refusal.reason, refusal.fields, refusal.facts["marks"]) == ("PURPOSE_LINT", {"text": "PURPOSE_LINT"}, "10%, 쿠폰")
    for reason, stored in ((0, "TRANSACTION"), (types_pb2.INFO_REASON_SAFETY, "SAFETY")):
        shop.call("SendMessage", send_pb2.SendMessageRequest(text="점검 안내", info_reason=reason, **common))
        with database().read(shop.workspace) as tx:
            newest = tx.row("SELECT info_reason, ruleset FROM campaigns WHERE kind = 'SEND' ORDER BY id DESC LIMIT 1")
        assert newest == (stored, "KR-2026-10-01")


def test_a_shop_whose_name_is_a_mark_sends_its_notices(shop: Shop, sender: str) -> None:
    """R-PUR-5"""
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET name = '세일마트' WHERE id = :w", w=shop.workspace)
    wanted = {"to": PHONE, "text": "[세일마트] 주문이 접수되었습니다.", "sender_number_id": sender, "purpose": INFO}
    assert shop.call("SendMessage", send_pb2.SendMessageRequest(**wanted)).message.id
