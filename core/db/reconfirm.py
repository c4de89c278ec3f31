"""The two years of a consent: whom to tell that it stands, where the clock begins anew, and whose silence ends it (R-NTC-2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.db import law, notices
from core.db.consents import LAPSED
from core.db.ids import new_id
from core.db.session import Tx
from core.rules import notice
from core.rules.notice import Kind, Scope

_OLDEST = timedelta(days=690)  # nothing younger than this comes near its two years

_AGEING = f"""
    SELECT c.id, c.workspace_id, c.phone_hash, c.phone_sealed, c.night_consent, c.consent_at, {law.CONSENT_UNTIL} AS until
    FROM contacts c JOIN workspaces w ON w.id = c.workspace_id {law.SUPPRESSED}
    WHERE c.ad_consent AND c.archived_at IS NULL AND c.restricted_at IS NULL AND c.consent_source <> ''
        AND s.phone_hash IS NULL AND w.optout_number <> '' AND coalesce(c.confirmed_at, c.consent_at) < :oldest
        AND {law.CONSENT_UNTIL} <= CAST(:last AS date)
        AND NOT EXISTS (SELECT FROM notices n WHERE n.workspace_id = c.workspace_id AND n.phone_hash = c.phone_hash
            AND n.kind = 'RECONFIRM' AND n.state <> 'DROPPED'
            AND n.deadline_at = timezone('Asia/Seoul', ({law.CONSENT_UNTIL} + 1)::timestamp))
    ORDER BY c.id LIMIT :limit
"""  # noqa: S608

# Whatever renewed the consent since the notice left has begun a clock of its own.
_CONFIRM = f"""UPDATE contacts c SET confirmed_at = :confirmed, version = version + 1 FROM workspaces w
    WHERE c.id = :contact AND w.id = c.workspace_id AND NOT w.consent_lapses AND c.ad_consent
    AND timezone('Asia/Seoul', ({law.CONSENT_UNTIL} + 1)::timestamp) = :deadline"""  # noqa: S608

_LAPSE = f"""
    WITH ended AS (
        UPDATE contacts c SET ad_consent = false, night_consent = false, updated_at = :now, version = c.version + 1
        FROM (SELECT c.id, c.night_consent FROM contacts c JOIN workspaces w ON w.id = c.workspace_id
              WHERE w.consent_lapses AND c.ad_consent AND coalesce(c.confirmed_at, c.consent_at) < :oldest
              AND {law.CONSENT_UNTIL} < CAST(:today AS date) ORDER BY c.id LIMIT :limit FOR UPDATE OF c SKIP LOCKED) old
        WHERE c.id = old.id RETURNING c.id, c.workspace_id, old.night_consent
    )
    INSERT INTO consents (workspace_id, contact_id, scope, granted, given_at, source, recorded_by, recorded_at)
    SELECT e.workspace_id, e.id, said.scope, false, :now, :source, 'system', :now
    FROM ended e CROSS JOIN LATERAL (VALUES ('ADS', true), ('NIGHT', e.night_consent)) AS said(scope, held) WHERE said.held
"""  # noqa: S608


def add_due(tx: Tx, now: datetime, limit: int) -> int:
    """Notices for people whose two years are over soon, or already; how many. Across workspaces."""
    last = clock.kst(now + notice.LEAD).date()
    rows = tx.rows(_AGEING, oldest=now - _OLDEST, last=last, limit=limit)
    notices.add(tx, [_notice(row._mapping, now) for row in rows])
    return len(rows)


def confirm(tx: Tx, told: Sequence[Any], now: datetime) -> None:
    """These people were told that their consent stands: its clock begins anew with the anniversary."""
    tx.run_many(
        _CONFIRM,
        [
            {"contact": one.contact_id, "deadline": one.deadline_at, "confirmed": notice.anniversary(one.deadline_at, now)}
            for one in told
        ],
    )


def lapse(tx: Tx, now: datetime, limit: int) -> int:
    """Where merchants want it, two years without a new yes end a consent; how many events. Across workspaces."""
    return tx.run(_LAPSE, oldest=now - _OLDEST, today=clock.kst(now).date(), limit=limit, source=LAPSED, now=now)


def _notice(row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    deadline = notice.beginning(row["until"] + timedelta(days=1))
    return {
        "id": new_id(),
        "workspace_id": row["workspace_id"],
        "contact_id": row["id"],
        "phone_hash": row["phone_hash"],
        "phone_sealed": row["phone_sealed"],
        "kind": Kind.RECONFIRM,
        "scope": Scope.of(True, row["night_consent"]),
        "said_at": row["consent_at"],
        "due_at": notice.by_day(max(deadline - notice.LEAD, now)),
        "deadline_at": deadline,
        "created_at": now,
    }
