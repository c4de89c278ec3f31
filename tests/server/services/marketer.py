"""What a marketer does with campaigns, in a word each."""

from datetime import timedelta
from uuid import UUID, uuid4

from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import types_pb2

from core import clock
from core.db.session import database
from tests.server.shop import Shop
from workers import deliver, plan, receipts, sweep

AD, INFO = types_pb2.PURPOSE_AD, types_pb2.PURPOSE_INFO
BODY = "#{이름|고객}님, 원두 20% 할인"
State = pb.Campaign


def customers(shop: Shop, count: int, *, ads: bool = True, tags: tuple[str, ...] = (), **attributes: str) -> list[str]:
    stamp = Timestamp()
    stamp.FromDatetime(clock.now() - timedelta(days=9))
    consent = audience.Consent(ads=ads, night=ads, consent_time=stamp, source="매장")
    made = []
    for _ in range(count):
        phone = f"0102{uuid4().int % 1_000:03d}{uuid4().int % 9_000:04d}"  # none of the sandbox's magic endings (900x)
        one = audience.Contact(phone=phone, name="김하나", consent=consent, tags=tags, attributes=attributes)
        made.append(shop.call("CreateContact", audience.CreateContactRequest(contact=one)).contact.id)
    return made


def draft(sender: str, **more: object) -> pb.Campaign:
    given = {"name": "가을", "purpose": AD, "body": BODY, "sender_number_id": sender, **more}
    if given["purpose"] == INFO:
        given = {"info_reason": types_pb2.INFO_REASON_TRANSACTION, **given}
        given["body"] = "#{이름|고객}님, 주문하신 원두가 준비되었습니다." if given["body"] == BODY else given["body"]
    return pb.Campaign(**given)


def create(shop: Shop, sender: str, **more: object) -> pb.Campaign:
    return shop.call("CreateCampaign", pb.CreateCampaignRequest(campaign=draft(sender, **more))).campaign


def get(shop: Shop, campaign: pb.Campaign) -> pb.Campaign:
    return shop.call("GetCampaign", pb.GetCampaignRequest(campaign_id=campaign.id)).campaign


def preview(shop: Shop, campaign: pb.Campaign, **more: int) -> pb.PreviewCampaignResponse:
    return shop.call("PreviewCampaign", pb.PreviewCampaignRequest(campaign_id=campaign.id, **more))


def launch(shop: Shop, campaign: pb.Campaign, **more: str) -> pb.Campaign:
    return shop.call("LaunchCampaign", pb.LaunchCampaignRequest(campaign_id=campaign.id, **more)).campaign


def control(shop: Shop, what: str, campaign: pb.Campaign) -> pb.Campaign:
    request = getattr(pb, f"{what}CampaignRequest")(campaign_id=campaign.id)
    return shop.call(f"{what}Campaign", request).campaign


def refused(shop: Shop, what: str, campaign: pb.Campaign, **more: object):
    return shop.refused(f"{what}Campaign", getattr(pb, f"{what}CampaignRequest")(campaign_id=campaign.id, **more))


def worked(shop: Shop, campaign: pb.Campaign) -> pb.Campaign:
    """Planned, delivered and heard of, as the workers do."""
    plan.plan(shop.workspace, UUID(campaign.id))
    with database().read(shop.workspace) as tx:
        batches = [row.id for row in tx.rows("SELECT id FROM batches WHERE campaign_id = :c", c=UUID(campaign.id))]
    for batch in batches:
        deliver.deliver(shop.workspace, batch)
    with database().read(shop.workspace) as tx:
        attempts = [row.id for row in tx.rows("SELECT id FROM attempts")]
    for attempt in attempts:
        receipts.read(shop.workspace, attempt)
    sweep.sweep()
    return get(shop, campaign)
