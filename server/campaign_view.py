"""From rows to Campaign messages: where everybody is, why people were left out, what it costs."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import types_pb2

from core import clock
from core.db import accounts, campaigns, certificates, provider_accounts
from core.db.session import Row, Tx
from core.db.tables import BUCKETS
from core.errors import NotFound, Violation
from core.images import storage
from core.rules import night, segment
from core.rules.certificate import usable
from core.rules.night import Window
from core.rules.price import PriceTable, to_won
from core.rules.reasons import order, why
from core.rules.routing import Breaker
from server import campaign_control as control
from server import campaign_purpose as purposes
from server import segment_rules
from server.convert import enum, etag, stamp
from server.preview import Preview, Shown


def one(tx: Tx, campaign: UUID) -> pb.Campaign:
    """One campaign with its counters."""
    row = campaigns.get(tx, campaign)
    if row is None:
        raise NotFound("이런 캠페인이 없습니다.")
    return many(tx, [row])[0]


def many(tx: Tx, rows: Sequence[Row[Any]]) -> list[pb.Campaign]:
    """Campaigns with their counters and reasons, in two more queries whatever their number."""
    ids = [row.id for row in rows]
    counters, why = campaigns.counters(tx, ids), campaigns.reasons(tx, ids)
    ways = provider_accounts.ways(tx, ids)
    quiet = accounts.quiet_hours(tx, rows[0].workspace_id) if rows else night.DEFAULT
    shown = []
    for row in rows:
        made = message(row)
        numbers = counters.get(row.id, {})
        made.counters.CopyFrom(pb.Counters(**{name: numbers.get(name, 0) for name in BUCKETS}))
        obstacles = [_obstacle(way) for way in ways if way.campaign_id == row.id]
        made.waiting_for = row.waiting_for or _waiting(row, made.counters, obstacles, quiet)
        made.cost_krw = to_won(numbers["cost"]) if numbers else 0
        mine = [one for one in why if one.campaign_id == row.id]
        left_out = ((one.reason, one.people) for one in mine if one.bucket == "excluded")
        made.exclusions.extend(funnel(made.counters.selected, left_out))
        made.failures.extend(reasons((one.reason, one.people) for one in mine if one.bucket == "failed"))
        if end := control.expected_end(row, made.counters.selected, clock.now(), quiet):
            made.expected_end_time.FromDatetime(end)
        made.progress.CopyFrom(types_pb2.Progress(done=made.counters.selected, total=row.plan_total))
        shown.append(made)
    return shown


def _waiting(row: Row[Any], counters: pb.Counters, obstacles: Sequence[str], quiet: Window) -> str:
    """Why nothing moves in a running campaign: no account may be called, no picture can be had, or it is night for all."""
    if row.state in campaigns.RUNNING and row.engine_failed_at and row.engine_failed_at > clock.now() - timedelta(minutes=5):
        return why("ENGINE_ERROR").label
    if obstacles and all(obstacles):
        return obstacles[0]
    if row.state in campaigns.RUNNING and row.image_object and counters.planned and storage().away:
        return "파일 저장소 응답 지연"
    moving = counters.planned or counters.claimed or counters.unknown
    return f"{quiet.end:%H:%M}까지 대기" if row.state in campaigns.RUNNING and counters.held and not moving else ""


def _obstacle(way: Row[Any]) -> str:
    if way.state != "ACTIVE":
        return str(way.pause_reason)
    if way.refused_at is not None:
        return "발송사가 이 발신번호를 등록되지 않았다고 합니다. 등록한 뒤 계정을 다시 시작해 주세요."
    if way.purpose == "AD" and not usable(certificates.of(way), clock.kst(clock.now()).date()):
        return "발송사의 전송자격인증이 끝났거나 확인한 지 1년이 지났습니다. 다시 확인해 등록하면 이어서 보냅니다."
    return "" if way.breaker == Breaker.CLOSED else "발송사 응답 지연"


def message(row: Row[Any]) -> pb.Campaign:
    """What the campaign's own row says."""
    return pb.Campaign(
        id=str(row.id),
        name=row.name,
        purpose=enum(types_pb2.Purpose, "PURPOSE", row.purpose),
        body=row.body,
        subject=row.subject,
        flyer_id=str(row.flyer_id or ""),
        template_id=str(row.template_id or ""),
        fallback_body=row.fallback_body,
        sender_number_id=str(row.sender_number_id or ""),
        audience=_audience(row),
        state=enum(pb.Campaign.State, "STATE", row.state),
        waiting_for=row.waiting_for,
        failure=row.failure,
        expire_time=stamp(row.expires_at),
        schedule_time=stamp(row.scheduled_at),
        pace=control.pace_message(row),
        budget_krw=row.budget_krw or 0,
        committed_krw=to_won(row.committed),
        etag=etag_of(row),
        create_time=stamp(row.created_at),
        launch_time=stamp(row.launched_at),
        end_time=stamp(row.ended_at),
        archive_time=stamp(row.archived_at),
        **purposes.message(row),
    )


def _audience(row: Row[Any]) -> pb.Audience:
    frozen = segment_rules.message(segment.read(row.audience)) if row.audience else None
    return pb.Audience(any_tags=row.any_tags, none_tags=row.none_tags, segment_id=str(row.segment_id or ""), rule=frozen)


def etag_of(row: Row[Any]) -> str:
    """The version of a campaign."""
    return etag(row.id, row.version)


def reasons(people: Iterable[tuple[str, int]]) -> list[types_pb2.ReasonCount]:
    """Reasons with what they mean."""
    return [_reason(reason, count) for reason, count in people]


def funnel(selected: int, people: Iterable[tuple[str, int]]) -> list[types_pb2.ReasonCount]:
    """The same in the order of deciding: how many are left after each step."""
    steps, remaining = [], selected
    for reason, count in sorted(people, key=lambda one: (order(one[0]), one[0])):
        remaining -= count
        steps.append(_reason(reason, count, remaining))
    return steps


def _reason(reason: str, count: int, remaining: int = 0) -> types_pb2.ReasonCount:
    known = why(reason)
    return types_pb2.ReasonCount(
        reason=reason, label=known.label, count=count, rule=known.rule, sentence=known.sentence, remaining=remaining
    )


def channel_costs(preview: Preview, prices: PriceTable) -> list[pb.ChannelCost]:
    """How many by which channel, and for how much."""
    return [
        pb.ChannelCost(
            channel=enum(types_pb2.Channel, "CHANNEL", channel.value),
            count=people,
            cost_krw=to_won(prices.cost(channel, people)),
        )
        for channel, people in sorted(preview.channels.items())
    ]


def samples(preview: Preview) -> list[pb.Sample]:
    """The longest first, then the others in contact order."""
    shown = [preview.longest] if preview.longest else []
    return [_sample(one) for one in (*shown, *(one for one in preview.samples if one is not preview.longest))]


def _sample(shown: Shown) -> pb.Sample:
    return pb.Sample(
        contact_id=str(shown.contact),
        masked_name=shown.name,
        masked_phone=shown.phone,
        text=shown.text,
        bytes=shown.size,
        channel=enum(types_pb2.Channel, "CHANNEL", shown.channel.value),
    )


def problems(found: Iterable[Violation]) -> list[pb.PreviewCampaignResponse.Problem]:
    """What stands in the way of a launch."""
    return [pb.PreviewCampaignResponse.Problem(reason=one.reason, message=one.message, field=one.field) for one in found]
