"""SegmentService: saved rules about customers, whom they hold now, types of attributes, tags as groups."""

from typing import Any
from uuid import UUID

from jeondan.v1 import segment_pb2 as pb
from jeondan.v1 import segment_pb2_grpc, types_pb2

from core.db import attributes, segments, tags
from core.db.session import Row
from core.errors import AlreadyExists, NotFound, WrongState
from core.rules import segment as rules
from core.rules.attributes import Kind
from server.campaign_view import funnel
from server.convert import check_etag, enum_name, etag, stamp
from server.errors import wrong
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes
from server.segment_rules import attribute_kind, message, rule_of
from server.updates import merged

SEGMENTS = Lists({"name": Field(":")}, orders=("create_time", "name"))


class SegmentService(segment_pb2_grpc.SegmentServiceServicer):
    """Segments, attribute types and tags."""

    @writes
    def CreateSegment(self, request: pb.CreateSegmentRequest, call: Call) -> pb.CreateSegmentResponse:
        """Save one."""
        rule = rule_of(call.tx, request.segment.rule, "segment.rule")
        row = segments.add(call.tx, call.workspace, request.segment.name, rule, call.now)
        return pb.CreateSegmentResponse(segment=_segment(row))

    @reads
    def GetSegment(self, request: pb.GetSegmentRequest, call: Call) -> pb.GetSegmentResponse:
        """One."""
        return pb.GetSegmentResponse(segment=_segment(segments.get(call.tx, UUID(request.segment_id))))

    @reads
    def ListSegments(self, request: pb.ListSegmentsRequest, call: Call) -> pb.ListSegmentsResponse:
        """Newest first."""
        found = segments.page(call.tx, page(request, SEGMENTS))
        return pb.ListSegmentsResponse(segments=map(_segment, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def UpdateSegment(self, request: pb.UpdateSegmentRequest, call: Call) -> pb.UpdateSegmentResponse:
        """Change the fields named in the mask."""
        row = segments.get(call.tx, UUID(request.segment_id), lock=True)
        if row.archived_at is not None:
            raise WrongState("보관된 세그먼트입니다.", reason="SEGMENT_ARCHIVED")
        stored = _segment(row)
        check_etag(request.etag, stored.etag)
        changed = merged(stored, request.segment, request.update_mask, field="segment")
        rule = rules.saved(rule_of(call.tx, changed.rule, "segment.rule"))
        row = segments.update(call.tx, row.id, {"name": changed.name, "rule": rule}, call.now)
        return pb.UpdateSegmentResponse(segment=_segment(row))

    @writes
    def ArchiveSegment(self, request: pb.ArchiveSegmentRequest, call: Call) -> pb.ArchiveSegmentResponse:
        """Out of lists; a second time changes nothing."""
        row = segments.get(call.tx, UUID(request.segment_id), lock=True)
        if row.archived_at is None:
            row = segments.update(call.tx, row.id, {"archived_at": call.now}, call.now)
        return pb.ArchiveSegmentResponse(segment=_segment(row))

    @reads
    def PreviewSegment(self, request: pb.PreviewSegmentRequest, call: Call) -> pb.PreviewSegmentResponse:
        """Whom it holds at this moment."""
        purpose = enum_name(types_pb2.Purpose, "PURPOSE", request.purpose) or "AD"
        found = segments.people(call.tx, call.workspace, _asked(request, call), purpose, call.now)
        reachable, people = found.pop("", 0), found.total()
        exclusions = funnel(reachable + people, found.items())
        return pb.PreviewSegmentResponse(people=reachable + people, reachable=reachable, exclusions=exclusions)

    @reads
    def ListAttributes(self, request: pb.ListAttributesRequest, call: Call) -> pb.ListAttributesResponse:
        """By name."""
        return pb.ListAttributesResponse(attributes=map(_attribute, attributes.listed(call.tx)))

    @writes
    def SetAttributeType(self, request: pb.SetAttributeTypeRequest, call: Call) -> pb.SetAttributeTypeResponse:
        """What its values are; refused when a segment would ask something else by it."""
        kind = Kind(enum_name(pb.AttributeKind, "ATTRIBUTE_KIND", request.kind))
        changes = attributes.kinds(call.tx).get(request.name, Kind.TEXT) is not kind
        if changes and (user := segments.asks_about(call.tx, request.name)):
            sentence = f"세그먼트 ‘{user.name}’의 조건에 쓰이고 있어 종류를 바꿀 수 없습니다."
            raise WrongState(sentence, reason="ATTRIBUTE_IN_USE", facts={"segment_id": str(user.id)})
        attributes.set_kind(call.tx, call.workspace, request.name, kind, call.now)
        return pb.SetAttributeTypeResponse(attribute=_attribute(attributes.one(call.tx, request.name)))

    @reads
    def ListTags(self, request: pb.ListTagsRequest, call: Call) -> pb.ListTagsResponse:
        """By name."""
        return pb.ListTagsResponse(tags=[pb.Tag(name=row.name, people=row.people) for row in tags.listed(call.tx)])

    @writes
    def RenameTag(self, request: pb.RenameTagRequest, call: Call) -> pb.RenameTagResponse:
        """Another name for everybody who has it."""
        new = request.new_name.strip()
        if not new or new == request.name:
            raise wrong("new_name", "지금과 다른 이름을 적어 주세요.", "INVALID_FIELD")
        _check_tag(call, request.name)
        if not request.merge and (tags.people(call.tx, new) or tags.used_by(call.tx, new)):
            raise AlreadyExists(f"‘{new}’ 태그가 이미 있습니다. 두 태그를 합치려면 합치기를 골라 주세요.", reason="TAG_EXISTS")
        changed = tags.rename(call.tx, request.name, new, call.now)
        return pb.RenameTagResponse(tag=pb.Tag(name=new, people=tags.people(call.tx, new)), changed_count=changed)

    @writes
    def DeleteTag(self, request: pb.DeleteTagRequest, call: Call) -> pb.DeleteTagResponse:
        """Nobody has it any more."""
        _check_tag(call, request.name)
        if user := tags.used_by(call.tx, request.name):
            kind = {"segment": "세그먼트", "campaign": "시작하지 않은 캠페인"}[user.kind]
            sentence = f"{kind} ‘{user.name}’에 쓰이고 있어 지울 수 없습니다."
            raise WrongState(sentence, reason="TAG_IN_USE", facts={f"{user.kind}_id": user.id})
        return pb.DeleteTagResponse(changed_count=tags.remove(call.tx, request.name, call.now))


def _asked(request: pb.PreviewSegmentRequest, call: Call) -> rules.Rule:
    if request.segment_id and request.HasField("rule"):
        raise wrong("rule", "저장된 세그먼트와 조건 가운데 하나만 보내 주세요.", "INVALID_FIELD")
    if request.HasField("rule"):
        return rule_of(call.tx, request.rule, "rule")
    if not request.segment_id:
        raise wrong("rule", "세그먼트를 고르거나 조건을 적어 주세요.", "REQUIRED")
    return rules.read(segments.get(call.tx, UUID(request.segment_id)).rule)


def _check_tag(call: Call, tag: str) -> None:
    if not tags.people(call.tx, tag) and not tags.used_by(call.tx, tag):
        raise NotFound("이런 태그가 없습니다.")


def _segment(row: Row[Any]) -> pb.Segment:
    return pb.Segment(
        id=str(row.id),
        name=row.name,
        rule=message(rules.read(row.rule)),
        etag=etag(row.id, row.version),
        create_time=stamp(row.created_at),
        update_time=stamp(row.updated_at),
        archive_time=stamp(row.archived_at),
    )


def _attribute(found: attributes.Found) -> pb.AttributeType:
    kind = attribute_kind(found.kind)
    return pb.AttributeType(name=found.name, kind=kind, people=found.people, unreadable=found.unreadable)
