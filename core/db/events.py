"""Queries about events: the outbox, written in the transaction in which the thing happened, and read in an order without gaps."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db.ids import new_id
from core.db.session import Tx
from core.rules.events import News

# Part of the statement that moves a batch (`moved` is the batch): no round trip of its own.
TOLD = """, told AS (
    INSERT INTO events (id, workspace_id, kind, campaign_id, batch_id, positions, reasons, created_at)
    SELECT e.id, m.workspace_id, e.kind, m.campaign_id, :batch, CAST(e.positions AS smallint[]), CAST(e.reasons AS jsonb),
        :told_at
    FROM moved m, unnest(CAST(:event_ids AS uuid[]), CAST(:kinds AS text[]), CAST(:places AS text[]), CAST(:causes AS text[]))
        AS e(id, kind, positions, reasons))"""


def told(news: Sequence[News], now: datetime) -> dict[str, Any]:
    """The values of TOLD; nothing when there is nothing to tell."""
    if not news:
        return {}
    return {
        "event_ids": [new_id() for _ in news],
        "kinds": [one.kind for one in news],
        "places": [f"{{{','.join(map(str, one.positions))}}}" for one in news],
        "causes": [json.dumps(one.reasons) if one.reasons else "{}" for one in news],
        "told_at": now,
    }


def tell(tx: Tx, kind: str, campaigns: Iterable[UUID], now: datetime) -> None:
    """Something happened to these campaigns. What SendService made is no campaign of the merchant's."""
    ids = list(campaigns)
    if ids:
        tx.run(
            "INSERT INTO events (id, workspace_id, kind, campaign_id, created_at)"
            " SELECT e.id, c.workspace_id, :event_kind, c.id, :now"
            " FROM unnest(CAST(:event_ids AS uuid[]), CAST(:ids AS uuid[])) AS e(id, campaign)"
            " JOIN campaigns c ON c.id = e.campaign WHERE c.kind = 'CAMPAIGN'",
            event_kind=kind,
            event_ids=[new_id() for _ in ids],
            ids=ids,
            now=now,
        )
