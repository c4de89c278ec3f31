"""Start: a scheduled campaign begins at its minute with the audience of that moment, or says why it cannot."""

from datetime import datetime
from typing import Any
from uuid import UUID

from core import jobs
from core.db import accounts, campaigns, events, goods, provider_accounts
from core.db.session import Row, Tx, database
from core.rules.events import FAILED, STARTED
from core.rules.goods import halted
from core.rules.schedule import ends
from core.rules.states import CampaignState


def start(workspace: UUID, campaign: UUID, now: datetime) -> bool:
    """Begin, once: whoever comes second finds it begun. Whether this call began it."""
    with database().write(workspace) as tx:
        row = campaigns.get(tx, campaign, lock=True)
        if row is None or row.state != CampaignState.SCHEDULED or row.scheduled_at > now:
            return False
        if obstacle := _obstacle(tx, row, now):
            failed = {"state": CampaignState.FAILED, "failure": obstacle, "waiting_for": "", "ended_at": now}
            campaigns.update(tx, campaign, failed)
            events.tell(tx, FAILED, [campaign], now)
            return False
        until, people = campaigns.audience_end(tx, row)
        begun = {"state": CampaignState.PLANNING, "plan_until": until, "plan_total": people, "launched_at": now}
        campaigns.update(tx, campaign, {**begun, "expires_at": ends(row.scheduled_at, row.expires_at)})
        events.tell(tx, STARTED, [campaign], now)
        tx.after_commit(lambda: jobs.plan_campaign(workspace, campaign))
    return True


def _obstacle(tx: Tx, row: Row[Any], now: datetime) -> str:
    """Why it cannot begin, for the merchant; empty when it can. A paused account only keeps it waiting."""
    if ends(row.scheduled_at, row.expires_at) <= now:
        return "예약 시각에 시작하지 못했고, 그사이 마감 시각이 지났습니다."
    if not any(one.id == row.sender_number_id and one.active for one in accounts.sender_numbers(tx)):
        return "예약 시각에 발신번호를 쓸 수 없었습니다. 등록된 발신번호를 골라 새 캠페인을 만들어 주세요."
    if not provider_accounts.candidates(tx, row.sender_number_id):
        return "예약 시각에 발송사 계정이 없었습니다. 설정에서 연결한 뒤 새 캠페인을 만들어 주세요."
    if not campaigns.reaches_anybody(tx, row):
        return "예약 시각에 받을 수 있는 고객이 없었습니다."
    return halted(goods.of_campaign(tx, row).prohibited)
