"""Alimtalk in the engine: what a batch of a template campaign says, and who goes on to the fallback.

Nobody is sent a text because of a clock: only a failure that the provider has reported, or its refusal, makes one fall back.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.db import campaigns, templates
from core.db.session import Row, Tx
from core.rules import ledger
from core.rules.alimtalk import Correspondence, of_call, of_campaign
from core.rules.channel import Channel
from core.rules.states import CampaignState, MessageState
from core.rules.template import Template

_OVER = (CampaignState.CANCELLED, CampaignState.FAILED)


def correspondence(tx: Tx, batch: Row[Any]) -> Correspondence | None:
    """What a locked batch says by template; None for whatever has none."""
    if batch.template_id is None:
        return None
    row = templates.get(tx, batch.template_id)
    template = templates.as_template(row) if row and row.gone_at is None else None
    if batch.kind == "SEND":
        return of_call(template, falls_back=bool(batch.frozen_fallback))
    return _correspondences(template, batch.frozen_body, batch.frozen_fallback, not batch.purpose_agreed_by)


@lru_cache(maxsize=64)
def _correspondences(template: Template | None, body: str, fallback: str, informs: bool) -> Correspondence:
    return of_campaign(template, body, fallback, informs=informs)


def fall(tx: Tx, batch: Row[Any], channel: str, before: bytes, after: bytes, now: datetime) -> tuple[bytes, dict[str, Any]]:
    """Whom an Alimtalk has just failed waits again, for the text; the states with that, and what else changes of the batch."""
    falling = [at for at, state in enumerate(after) if state == MessageState.FAILED != before[at]]
    if not falling or not falls_back(batch, channel, now):
        return after, {}
    campaigns.reopen(tx, batch.campaign_id)
    return ledger.place(after, falling, MessageState.PLANNED), fallen(batch, falling)


def falls_back(batch: Row[Any], channel: str, now: datetime) -> bool:
    """Whether a failure by this channel is followed by a text."""
    in_time = batch.expires_at is None or now < batch.expires_at
    return channel == Channel.ALIMTALK and bool(batch.frozen_fallback) and batch.campaign_state not in _OVER and in_time


def fallen(batch: Row[Any], positions: Collection[int]) -> dict[str, Sequence[int]]:
    """The column that remembers who gets the text from now on."""
    return {"fallen": sorted({*batch.fallen, *positions})}
