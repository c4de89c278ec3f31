"""The main job by a client that has the published stubs and nothing else."""

from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import account_pb2, audience_pb2, campaign_pb2, catalog_pb2, options_pb2, send_pb2, types_pb2

from deploy.local.sample.customers import Summary
from tests.flow import stubs
from tests.flow.stubs import Caller

BODY = "#{이름|고객}님, 하우스 블렌드를 20% 할인합니다. 매장에서 이 문자를 보여 주세요."


@dataclass(frozen=True)
class Job:
    """What the main job left behind."""

    imported: audience_pb2.Import
    preview: campaign_pb2.PreviewCampaignResponse
    campaign: campaign_pb2.Campaign


@pytest.fixture(scope="module")
def person(channel: grpc.Channel, login: dict[str, str]) -> Caller:
    """The demo merchant's owner, signed in."""
    request = account_pb2.CreateSessionRequest(email=login["email"], password=login["password"])
    session = Caller(channel)("CreateSession", request)
    assert session.workspace.name == "봄날커피" and session.role == options_pb2.ROLE_OWNER
    return Caller(channel, ("authorization", f"Bearer {session.token}"))


def product(call: Caller, name: str, photo: bytes) -> str:
    image = stubs.image(call, photo)
    assert (image.state, image.refusal) == (catalog_pb2.Image.STATE_READY, "")
    wanted = catalog_pb2.Product(name=name, price_krw=18_000, sale_price_krw=14_400, badge="20%", image_ids=[image.id])
    made: catalog_pb2.Product = call("CreateProduct", catalog_pb2.CreateProductRequest(product=wanted)).product
    assert made.image_ids == [image.id] and made.etag
    return made.id


def draft(call: Caller, tag: str, **more: str) -> campaign_pb2.Campaign:
    sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0]
    wanted = campaign_pb2.Campaign(
        name="가을 원두전",
        purpose=types_pb2.PURPOSE_AD,
        body=more.pop("body", BODY),
        sender_number_id=sender.id,
        audience=campaign_pb2.Audience(any_tags=[tag]),
        **more,
    )
    made: campaign_pb2.Campaign = call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=wanted)).campaign
    assert made.state == campaign_pb2.Campaign.STATE_DRAFT
    return made


def launch(call: Caller, campaign: campaign_pb2.Campaign) -> campaign_pb2.Campaign:
    order = campaign_pb2.LaunchCampaignRequest(campaign_id=campaign.id, etag=campaign.etag, request_id=str(uuid4()))
    launched: campaign_pb2.Campaign = call("LaunchCampaign", order).campaign
    assert launched.state == campaign_pb2.Campaign.STATE_PLANNING
    assert call("LaunchCampaign", order).campaign == launched  # the same request_id: the same answer, no second launch
    return launched


@pytest.fixture(scope="module")
def job(person: Caller, photo: bytes, book: Summary) -> Job:
    """Photos, products, a flyer, customers from Excel, a campaign, its end."""
    flyer = stubs.flyer(person, product(person, "하우스 블렌드", photo), product(person, "드립백", photo))
    assert (flyer.state, flyer.failure) == (catalog_pb2.Flyer.STATE_READY, "")
    assert 0 < flyer.size_bytes <= 200_000 and flyer.view_url
    imported = stubs.customers(person, book.path, tag="스텁")
    campaign = draft(person, "스텁", flyer_id=flyer.id, subject="가을 원두전")
    preview = person("PreviewCampaign", campaign_pb2.PreviewCampaignRequest(campaign_id=campaign.id, sample_count=3))
    launch(person, campaign)
    return Job(imported, preview, stubs.follow(person, campaign.id, results=True))


def test_every_row_of_the_file_is_accounted_for(job: Job, book: Summary) -> None:
    made = job.imported
    assert made.state == audience_pb2.Import.STATE_DONE
    assert made.created_count + made.updated_count == book.good
    assert made.duplicate_count == book.duplicates
    assert made.error_count == sum(book.bad.values())


def test_the_preview_says_what_then_happens(job: Job, book: Summary) -> None:
    assert not job.preview.problems
    counters = job.campaign.counters
    assert counters.selected == job.preview.selected == book.good
    assert counters.excluded == sum(one.count for one in job.preview.exclusions) == book.good - book.proven
    assert {one.reason: one.count for one in job.campaign.exclusions} == {one.reason: one.count for one in job.preview.exclusions}
    assert [(one.channel, one.count) for one in job.preview.channels] == [(types_pb2.CHANNEL_MMS, book.proven)]


def test_everybody_is_in_one_bucket_and_the_won_are_right(job: Job, book: Summary) -> None:
    counters = job.campaign.counters
    assert job.campaign.state == campaign_pb2.Campaign.STATE_DONE
    assert counters.delivered + counters.failed == book.proven
    assert counters.delivered and counters.failed
    assert sum(one.count for one in job.campaign.failures) == counters.failed
    assert job.campaign.cost_krw == job.preview.cost_krw


def test_the_longest_sample_is_the_text_that_leaves(job: Job, sandbox, book: Summary) -> None:
    sample = job.preview.samples[0]
    assert sample.text.startswith("(광고)") and "무료" in sample.text.splitlines()[-1]
    assert "*" in sample.masked_phone and sample.bytes == max(one.bytes for one in job.preview.samples)
    sent = [one for one in sandbox.messages() if "하우스 블렌드를 20% 할인합니다" in one["text"]]
    assert len(sent) == len({one["receiver"] for one in sent}) == book.proven
    assert max(one["bytes"] for one in sent) == sample.bytes
    assert all(len(one["images"]) == 1 for one in sent)


def pages(call: Caller, campaign: str, **asked: str | int) -> list[list[send_pb2.Message]]:
    found, token = [], ""
    while True:
        request = send_pb2.ListMessagesRequest(campaign_id=campaign, page_token=token, **asked)
        page = call("ListMessages", request)
        found.append(list(page.messages))
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("size", [7, 100, 1000])
def test_pages_show_every_message_once(person: Caller, job: Job, size: int) -> None:
    found = pages(person, job.campaign.id, page_size=size)
    assert all(len(page) == size for page in found[:-1]) and 0 < len(found[-1]) <= size
    messages = [message for page in found for message in page]
    assert len({message.id for message in messages}) == len({message.contact_id for message in messages}) == len(messages)
    states = Counter(send_pb2.Message.State.Name(message.state) for message in messages)
    counters = job.campaign.counters
    assert states == {"STATE_DELIVERED": counters.delivered, "STATE_FAILED": counters.failed}
    assert all("*" in message.masked_phone for message in messages)


def test_a_filter_shows_one_bucket(person: Caller, job: Job) -> None:
    failed = [message for page in pages(person, job.campaign.id, filter='state = "FAILED"', page_size=3) for message in page]
    assert len(failed) == job.campaign.counters.failed
    assert all(message.reason and message.reason_label for message in failed)
    assert pages(person, job.campaign.id, filter='state = "PLANNED"') == [[]]


def test_one_message_by_its_id(person: Caller, job: Job) -> None:
    shown = pages(person, job.campaign.id, page_size=5)[0]
    for message in shown:
        assert person("GetMessage", send_pb2.GetMessageRequest(message_id=message.id)).message == message


def test_a_program_with_an_api_key_does_the_same(call: Caller, job: Job) -> None:
    """Text only: the same audience again, as SMS or LMS."""
    campaign = draft(call, "스텁", body="#{이름|고객}님, 내일부터 원두를 할인합니다.")
    launch(call, campaign)
    done = stubs.follow(call, campaign.id)
    assert done.counters.selected == job.campaign.counters.selected
    assert done.counters.excluded == job.campaign.counters.excluded


def test_nobody_gets_in_without_a_credential(channel: grpc.Channel, login: dict[str, str]) -> None:
    asked = account_pb2.GetWorkspaceRequest()
    for credential in ((), (("x-api-key", "jd_wrong"),), (("authorization", "Bearer x.y.z"),)):
        assert Caller(channel, *credential).refused("GetWorkspace", asked).code == "UNAUTHENTICATED"
    wrong = account_pb2.CreateSessionRequest(email=login["email"], password="not-this-one")
    assert Caller(channel).refused("CreateSession", wrong).reason == "UNAUTHENTICATED"
