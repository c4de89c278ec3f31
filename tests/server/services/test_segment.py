"""Segments through the server: saved, previewed with exclusions, changed; types of attributes; tags as groups."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import campaign_pb2 as campaign
from jeondan.v1 import segment_pb2 as pb
from jeondan.v1 import types_pb2

from core import clock
from core.db import accounts
from core.db.session import database
from tests.server.services.marketer import create, customers
from tests.server.shop import Shop

Rule, Asks = pb.SegmentRule, pb.AttributeRule


def tag(*names: str) -> pb.SegmentRule:
    return Rule(tag=pb.TagRule(tags=names))


def attribute(name: str, test: int, *values: str) -> pb.SegmentRule:
    return Rule(attribute=pb.AttributeRule(name=name, test=test, values=values))  # type: ignore[arg-type]


def every(*rules: pb.SegmentRule) -> pb.SegmentRule:
    return Rule(all=pb.SegmentRules(rules=rules))


def none(*rules: pb.SegmentRule) -> pb.SegmentRule:
    return Rule(none=pb.SegmentRules(rules=rules))


def save(shop: Shop, rule: pb.SegmentRule, name: str = "단골") -> pb.Segment:
    return shop.call("CreateSegment", pb.CreateSegmentRequest(segment=pb.Segment(name=name, rule=rule))).segment


def refused(shop: Shop, rule: pb.SegmentRule):
    return shop.refused("CreateSegment", pb.CreateSegmentRequest(segment=pb.Segment(name="x", rule=rule)))


def count(shop: Shop, rule: pb.SegmentRule, **more: int) -> tuple[int, int, dict[str, int]]:
    found = shop.call("PreviewSegment", pb.PreviewSegmentRequest(rule=rule, **more))
    assert found.people == found.reachable + sum(one.count for one in found.exclusions)
    return found.people, found.reachable, {one.reason: one.count for one in found.exclusions}


def kind(shop: Shop, name: str, value: int) -> pb.AttributeType:
    request = pb.SetAttributeTypeRequest(name=name, kind=value)  # type: ignore[arg-type]
    return shop.call("SetAttributeType", request).attribute


def tags(shop: Shop) -> dict[str, int]:
    return {one.name: one.people for one in shop.call("ListTags", pb.ListTagsRequest()).tags}


@pytest.fixture
def sender(shop: Shop) -> Iterator[str]:
    with database().write(shop.workspace) as tx:
        accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
        made = accounts.add_sender_number(tx, shop.workspace, "0212345678")
    yield str(made)


def test_an_attribute_of_a_customer_is_read_as_its_type(shop: Shop) -> None:
    """As in a file: what means a number becomes one, what means none is refused, and nothing is saved."""
    kind(shop, "구매액", pb.ATTRIBUTE_KIND_NUMBER)
    asked = audience.CreateContactRequest(
        contact=audience.Contact(phone="01055550001", attributes={"구매액": "12,000원", "메모": "12,000원"})
    )
    made = shop.call("CreateContact", asked).contact
    assert dict(made.attributes) == {"구매액": "12,000", "메모": "12,000원"}
    change = audience.UpdateContactRequest(
        contact_id=made.id, contact=audience.Contact(attributes={"구매액": "많이"}), update_mask=FieldMask(paths=["attributes"])
    )
    found = shop.refused("UpdateContact", change)
    assert found.fields == {"contact.attributes.구매액": "ATTRIBUTE_UNREADABLE"}
    assert dict(shop.call("GetContact", audience.GetContactRequest(contact_id=made.id)).contact.attributes) == dict(
        made.attributes
    )


# --- segments -----------------------------------------------------------------------------------------------------


def test_a_segment_comes_back_as_it_was_saved(shop: Shop) -> None:
    kind(shop, "구매액", pb.ATTRIBUTE_KIND_NUMBER)
    rule = every(
        tag("단골", "커피"),
        none(Rule(campaign=pb.CampaignRule(days=30)), Rule(age=pb.AgeRule(at_least=0, at_most=18))),
        Rule(
            any=pb.SegmentRules(rules=[attribute("구매액", Asks.TEST_AT_LEAST, "12,000"), attribute("등급", Asks.TEST_IS, "VIP")])
        ),
        Rule(consent=pb.ConsentRule(scope=pb.ConsentRule.SCOPE_NIGHT, days=90)),
    )
    saved = save(shop, rule)
    assert saved.etag and saved.create_time == saved.update_time
    bought, grade = saved.rule.all.rules[2].any.rules
    assert (list(bought.attribute.values), bought.attribute.kind) == (["12000"], pb.ATTRIBUTE_KIND_NUMBER)
    assert (list(grade.attribute.values), grade.attribute.kind) == (["vip"], pb.ATTRIBUTE_KIND_TEXT)
    assert shop.call("GetSegment", pb.GetSegmentRequest(segment_id=saved.id)).segment == saved
    again = save(shop, saved.rule, name="같은 것")
    assert again.rule == saved.rule


def test_segments_are_listed_by_name_and_age(shop: Shop) -> None:
    first, second = save(shop, tag("a"), "가을 단골"), save(shop, tag("b"), "겨울")
    gone = save(shop, tag("c"), "가을 지난")
    put_away = shop.call("ArchiveSegment", pb.ArchiveSegmentRequest(segment_id=gone.id)).segment
    assert put_away.HasField("archive_time")
    assert shop.call("ArchiveSegment", pb.ArchiveSegmentRequest(segment_id=gone.id)).segment == put_away

    def listed(**more: object) -> list[str]:
        return [one.id for one in shop.call("ListSegments", pb.ListSegmentsRequest(**more)).segments]

    assert listed() == [second.id, first.id]
    assert listed(filter='name : "가을"', show_archived=True) == [gone.id, first.id]
    assert listed(order_by="name") == [first.id, second.id]
    page = shop.call("ListSegments", pb.ListSegmentsRequest(page_size=1))
    assert [one.id for one in page.segments] + listed(page_size=1, page_token=page.next_page_token) == [second.id, first.id]


def test_an_update_changes_what_the_mask_names(shop: Shop) -> None:
    saved = save(shop, tag("a"))
    request = pb.UpdateSegmentRequest(segment_id=saved.id, segment=pb.Segment(name="새 이름"), etag=saved.etag)
    renamed = shop.call("UpdateSegment", request).segment
    assert (renamed.name, renamed.rule, renamed.etag != saved.etag) == ("새 이름", saved.rule, True)
    assert shop.refused("UpdateSegment", request).reason == "ETAG_MISMATCH"
    mask = FieldMask(paths=["rule"])
    change = pb.UpdateSegmentRequest(segment_id=saved.id, segment=pb.Segment(name="무시", rule=tag("b")), update_mask=mask)
    changed = shop.call("UpdateSegment", change).segment
    assert (changed.name, changed.rule) == ("새 이름", tag("b"))
    shop.call("ArchiveSegment", pb.ArchiveSegmentRequest(segment_id=saved.id))
    assert shop.refused("UpdateSegment", change).reason == "SEGMENT_ARCHIVED"


def test_the_same_request_id_saves_once(shop: Shop) -> None:
    request = pb.CreateSegmentRequest(segment=pb.Segment(name="x", rule=tag("a")), request_id=str(uuid4()))
    assert shop.call("CreateSegment", request) == shop.call("CreateSegment", request)
    assert len(shop.call("ListSegments", pb.ListSegmentsRequest()).segments) == 1


def test_a_refusal_says_where_in_the_rule(shop: Shop) -> None:
    kind(shop, "구매액", pb.ATTRIBUTE_KIND_NUMBER)
    found = refused(shop, every(tag("a"), none(attribute("구매액", Asks.TEST_AT_LEAST, "많이"))))
    assert found.fields == {"segment.rule.all.rules[1].none.rules[0].attribute": "SEGMENT_VALUE_INVALID"}
    assert found.message == "‘많이’은(는) 숫자(으)로 읽을 수 없습니다."
    assert refused(shop, every(attribute("구매액", Asks.TEST_CONTAINS, "1"))).reason == "SEGMENT_TEST_INVALID"
    assert refused(shop, Rule(age=pb.AgeRule(at_least=30, at_most=20))).reason == "SEGMENT_VALUE_INVALID"
    assert refused(shop, Rule(campaign=pb.CampaignRule())).reason == "SEGMENT_VALUE_INVALID"
    stranger = Rule(campaign=pb.CampaignRule(campaign_ids=[str(uuid4())]))
    assert refused(shop, stranger).fields == {"segment.rule": "NOT_FOUND"}
    assert refused(shop, Rule()).code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(shop, every()).code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_rule_is_bounded(shop: Shop) -> None:
    deep = tag("a")
    for _ in range(6):
        deep = every(deep)
    assert refused(shop, deep).reason == "SEGMENT_TOO_DEEP"
    wide = every(*(every(*(tag("a") for _ in range(9))) for _ in range(5)))
    assert refused(shop, wide).reason == "SEGMENT_TOO_LARGE"


# --- the live count -----------------------------------------------------------------------------------------------


def test_a_preview_counts_people_and_who_is_left_out_why(shop: Shop) -> None:
    customers(shop, 3, tags=("단골",), 등급="VIP")
    customers(shop, 2, tags=("단골",), ads=False)
    customers(shop, 4, tags=("휴면",))
    assert count(shop, tag("단골")) == (5, 3, {"NO_CONSENT": 2})
    assert count(shop, tag("단골"), purpose=types_pb2.PURPOSE_INFO) == (5, 5, {})
    assert count(shop, every(tag("단골"), attribute("등급", Asks.TEST_IS, "vip"))) == (3, 3, {})
    assert count(shop, none(tag("단골"))) == (4, 4, {})
    assert count(shop, tag("없음")) == (0, 0, {})
    assert count(shop, Rule(consent=pb.ConsentRule(scope=pb.ConsentRule.SCOPE_ADS)))[0] == 7


def test_a_saved_segment_is_previewed_as_it_is(shop: Shop) -> None:
    customers(shop, 2, tags=("단골",))
    saved = save(shop, tag("단골"))
    found = shop.call("PreviewSegment", pb.PreviewSegmentRequest(segment_id=saved.id))
    assert (found.people, found.reachable) == (2, 2)
    both = pb.PreviewSegmentRequest(segment_id=saved.id, rule=tag("x"))
    assert shop.refused("PreviewSegment", both).fields == {"rule": "INVALID_FIELD"}
    assert shop.refused("PreviewSegment", pb.PreviewSegmentRequest()).fields == {"rule": "REQUIRED"}


def test_archived_customers_are_in_no_segment(shop: Shop) -> None:
    [one] = customers(shop, 1, tags=("단골",))
    shop.call("ArchiveContact", audience.ArchiveContactRequest(contact_id=one))
    assert count(shop, tag("단골")) == (0, 0, {})
    assert tags(shop) == {}


# --- types of attributes ------------------------------------------------------------------------------------------


def test_attributes_are_listed_with_type_people_and_unreadable_values(shop: Shop) -> None:
    customers(shop, 2, 구매액="12,000", 생일="1990-02-03")
    customers(shop, 1, 구매액="많음", 생일="")
    made = kind(shop, "구매액", pb.ATTRIBUTE_KIND_NUMBER)
    assert (made.people, made.unreadable) == (3, 1)
    kind(shop, "가입일", pb.ATTRIBUTE_KIND_DATE)
    listed = shop.call("ListAttributes", pb.ListAttributesRequest()).attributes
    assert [(one.name, one.kind, one.people, one.unreadable) for one in listed] == [
        ("가입일", pb.ATTRIBUTE_KIND_DATE, 0, 0),
        ("구매액", pb.ATTRIBUTE_KIND_NUMBER, 3, 1),
        ("생일", pb.ATTRIBUTE_KIND_TEXT, 2, 0),
    ]
    assert count(shop, attribute("구매액", Asks.TEST_AT_LEAST, "1"))[0] == 2
    assert count(shop, none(attribute("구매액", Asks.TEST_AT_LEAST, "1")))[0] == 1


def test_the_type_of_an_attribute_stays_while_a_segment_asks_about_it(shop: Shop) -> None:
    saved = save(shop, every(attribute("등급", Asks.TEST_CONTAINS, "V")))
    assert kind(shop, "등급", pb.ATTRIBUTE_KIND_TEXT).kind == pb.ATTRIBUTE_KIND_TEXT
    request = pb.SetAttributeTypeRequest(name="등급", kind=pb.ATTRIBUTE_KIND_NUMBER)
    found = shop.refused("SetAttributeType", request)
    assert (found.reason, found.facts["segment_id"]) == ("ATTRIBUTE_IN_USE", saved.id)
    shop.call("ArchiveSegment", pb.ArchiveSegmentRequest(segment_id=saved.id))
    assert kind(shop, "등급", pb.ATTRIBUTE_KIND_NUMBER).kind == pb.ATTRIBUTE_KIND_NUMBER


# --- tags as groups -----------------------------------------------------------------------------------------------


def test_a_tag_is_renamed_with_segments_and_waiting_campaigns(shop: Shop, sender: str) -> None:
    customers(shop, 3, tags=("단골", "커피"))
    saved = save(shop, none(tag("단골", "휴면")))
    audience_of = campaign.Audience(any_tags=["단골"], none_tags=["커피"])
    waiting = create(shop, sender, audience=audience_of)
    answer = shop.call("RenameTag", pb.RenameTagRequest(name="단골", new_name="우수 고객"))
    assert (answer.changed_count, answer.tag.name, answer.tag.people) == (3, "우수 고객", 3)
    assert tags(shop) == {"우수 고객": 3, "커피": 3}
    assert shop.call("GetSegment", pb.GetSegmentRequest(segment_id=saved.id)).segment.rule == none(tag("우수 고객", "휴면"))
    after = shop.call("GetCampaign", campaign.GetCampaignRequest(campaign_id=waiting.id)).campaign
    assert (list(after.audience.any_tags), list(after.audience.none_tags)) == (["우수 고객"], ["커피"])
    assert after.etag != waiting.etag


def test_two_tags_become_one_only_on_purpose(shop: Shop) -> None:
    customers(shop, 2, tags=("단골",))
    customers(shop, 1, tags=("단골", "vip"))
    assert shop.refused("RenameTag", pb.RenameTagRequest(name="단골", new_name="vip")).reason == "TAG_EXISTS"
    assert shop.call("RenameTag", pb.RenameTagRequest(name="단골", new_name="vip", merge=True)).changed_count == 3
    assert tags(shop) == {"vip": 3}
    same = shop.refused("RenameTag", pb.RenameTagRequest(name="vip", new_name="vip "))
    assert same.fields == {"new_name": "INVALID_FIELD"}
    assert shop.refused("RenameTag", pb.RenameTagRequest(name="없음", new_name="x")).code is grpc.StatusCode.NOT_FOUND


def test_a_tag_that_is_asked_about_is_not_deleted(shop: Shop, sender: str) -> None:
    customers(shop, 2, tags=("단골", "커피"))
    saved = save(shop, tag("단골"))
    waiting = create(shop, sender, audience=campaign.Audience(none_tags=["커피"]))
    found = shop.refused("DeleteTag", pb.DeleteTagRequest(name="단골"))
    assert (found.reason, found.facts["segment_id"]) == ("TAG_IN_USE", saved.id)
    found = shop.refused("DeleteTag", pb.DeleteTagRequest(name="커피"))
    assert (found.reason, found.facts["campaign_id"]) == ("TAG_IN_USE", waiting.id)
    shop.call("ArchiveSegment", pb.ArchiveSegmentRequest(segment_id=saved.id))
    assert shop.call("DeleteTag", pb.DeleteTagRequest(name="단골")).changed_count == 2
    assert tags(shop) == {"커피": 2}
    assert shop.refused("DeleteTag", pb.DeleteTagRequest(name="단골")).code is grpc.StatusCode.NOT_FOUND


def test_days_count_back_from_now(shop: Shop) -> None:
    customers(shop, 1)  # agreed nine days ago
    assert clock.now() - timedelta(days=9)
    for days, people in ((8, 0), (10, 1), (0, 1)):
        assert count(shop, Rule(consent=pb.ConsentRule(scope=pb.ConsentRule.SCOPE_ADS, days=days)))[0] == people
