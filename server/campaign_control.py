"""How fast and how dear a campaign may be: its pace, its expected end, its cap, and what is said about them."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from google.protobuf.duration_pb2 import Duration
from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import options_pb2

from core.db import accounts, campaigns, control
from core.db.session import Row, Tx
from core.errors import InvalidInput, Violation, WrongState
from core.rules import budget, night
from core.rules.night import Window
from core.rules.pace import Pace, agreed
from core.rules.schedule import ends
from core.rules.states import CampaignState
from server.auth import authorise
from server.errors import wrong
from server.rpc import Call

_State = CampaignState
RUNNING = (_State.PLANNING, _State.SENDING, _State.PAUSED)


def columns(campaign: pb.Campaign) -> dict[str, Any]:
    """What is stored of pace and cap."""
    paced = campaign.HasField("pace")
    return {
        "pace_people": campaign.pace.people if paced else 0,
        "pace_seconds": campaign.pace.duration.ToSeconds() if paced else 0,
        "budget_krw": campaign.budget_krw or None,
    }


def pace_of(row: Row[Any], quiet: Window) -> Pace | None:
    """The pace of a campaign; `quiet`: when advertising of its merchant rests."""
    return agreed(row.pace_people, row.pace_seconds, most=row.batch_size, rests=quiet if row.purpose == "AD" else None)


def pace_message(row: Row[Any]) -> pb.Pace | None:
    """The pace as it was given."""
    return pb.Pace(people=row.pace_people, duration=Duration(seconds=row.pace_seconds)) if row.pace_people else None


def expected_end(row: Row[Any], selected: int, now: datetime, quiet: Window) -> datetime | None:
    """When the last batch of a launched campaign leaves by its pace; None when there is no pace or no end to come."""
    pace = pace_of(row, quiet)
    if pace is None or row.state not in (_State.SCHEDULED, *RUNNING):
        return None
    if row.state == _State.SCHEDULED:
        return pace.end(row.scheduled_at, row.plan_total)
    stood = now - row.paused_at if row.state == _State.PAUSED and row.paused_at else timedelta(0)
    left = 0 if row.planned else row.plan_total - selected
    end: datetime | None = pace.end(pace.first(now, row.pace_end_at), left) if left > 0 else row.pace_end_at
    return end + stood if end and end + stood > now else None


def forecast_end(row: Row[Any], people: int, now: datetime, quiet: Window) -> datetime | None:
    """When the last of so many people would leave if it were launched now."""
    pace = pace_of(row, quiet)
    return pace.end(row.scheduled_at or now, people) if pace and people else None


def too_slow(row: Row[Any], people: int, now: datetime, quiet: Window) -> list[Violation]:
    """At its pace the campaign would not be through before it expires."""
    end, until = forecast_end(row, people, now, quiet), ends(row.scheduled_at or now, row.expires_at)
    if end is None or end < until:
        return []
    sentence = (
        f"이 속도로는 {night.spoken(end)}에야 끝나는데 마감은 {night.spoken(until)}입니다."
        " 속도를 높이거나 마감 시각을 늦춰 주세요."
    )
    return [Violation("campaign.pace", sentence, "PACE_BEYOND_EXPIRE")]


def check_pace(tx: Tx, row: Row[Any], now: datetime) -> None:
    """Refuse a launch that would expire before its end."""
    if not row.pace_people:
        return
    if found := too_slow(row, campaigns.reached(tx, row), now, accounts.quiet_hours(tx, row.workspace_id)):
        raise InvalidInput(found[0].message, found, reason=found[0].reason)


def space_out(tx: Tx, row: Row[Any], now: datetime) -> None:
    """After a pause the batches that wait take the slots from now on, so that nothing has to be made up for."""
    pace = pace_of(row, accounts.quiet_hours(tx, row.workspace_id))
    if pace is not None:
        waiting = control.waiting_batches(tx, row.id)
        first = pace.first(max(now, row.pace_free_at or now), None)
        control.place(tx, row.id, waiting, list(islice(pace.following(first), len(waiting))))


def over_budget(row: Row[Any], forecast: Decimal) -> list[Violation]:
    """The warning that the cap will stop the campaign before its end."""
    sentence = budget.over(row.budget_krw or 0, forecast)
    return [Violation("campaign.budget_krw", sentence, "OVER_BUDGET")] if sentence else []


def is_about_budget(request: pb.UpdateCampaignRequest, row: Row[Any]) -> bool:
    """The one thing that can be changed of a campaign that was launched and has not ended."""
    named = set(request.update_mask.paths) or {field.name for field, _ in request.campaign.ListFields()}
    return named == {"budget_krw"} and row.state in RUNNING


def raised(call: Call, row: Row[Any], budget_krw: int) -> dict[str, Any]:
    """The new cap of a running campaign: money, so it takes the role that launches."""
    authorise(call.caller, options_pb2.ROLE_APPROVER)
    if not row.budget_krw:
        raise WrongState("예산 없이 시작한 캠페인에는 나중에 예산을 정할 수 없습니다.", reason="NO_BUDGET")
    if not budget_krw:
        raise wrong("campaign.budget_krw", "진행 중인 캠페인의 예산은 없앨 수 없습니다. 금액을 바꿔 주세요.", "OUT_OF_RANGE")
    return {"budget_krw": budget_krw}
