"""The nos of a customer file: whoever it lists as refusing, and whoever it says has taken a yes back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from core.db import accounts, notices, optouts
from core.db.audience import Recorder
from core.db.notices import Said
from core.db.session import Tx
from core.rules.customers import Customer
from core.rules.notice import Kind, Scope

# Whose no this import has just recorded, of those who had said yes before.
_TAKEN_BACK = """
    SELECT c.id, c.phone_hash, c.phone_sealed, n.given_at, bool_or(n.scope = 'ADS') AS ads
    FROM contacts c JOIN consents n ON n.workspace_id = c.workspace_id AND n.contact_id = c.id
    WHERE c.workspace_id = :workspace AND c.phone_hash = ANY (CAST(:hashes AS bytea[]))
        AND n.recorded_by = :actor AND n.recorded_at = :now AND NOT n.granted
        AND EXISTS (SELECT FROM consents e WHERE e.workspace_id = n.workspace_id AND e.contact_id = n.contact_id
            AND e.scope = n.scope AND e.granted AND e.id < n.id)
    GROUP BY c.id, c.phone_hash, c.phone_sealed, n.given_at
"""


def follow(tx: Tx, by: Recorder, people: Sequence[Customer], event: str) -> int:
    """After `upsert_contacts`, in its transaction; `event` makes the same file one word. How many people it stops."""
    keys = accounts.keys(tx, by.workspace)
    seal = keys.sealer()
    dated = [keys.lookup(one.phone) for one in people if one.consent_at and not (one.consent and one.night_consent)]
    back = _taken_back(tx, by, dated) if dated else []
    nights = [_told(row) for row in back if not row.ads]
    notices.add_result(tx, by.workspace, nights, by.now)
    said = [optouts.No(keys.lookup(one.phone), seal(one.phone), event, by.now) for one in people if one.refused]
    said += [optouts.No(row.phone_hash, row.phone_sealed, event, row.given_at) for row in back if row.ads]
    return optouts.say_no(tx, optouts.Way(by.workspace, "MANUAL", by=by.actor), said, by.now)


def _taken_back(tx: Tx, by: Recorder, hashes: Sequence[bytes]) -> Sequence[Row[Any]]:
    return tx.rows(_TAKEN_BACK, workspace=by.workspace, actor=by.actor, now=by.now, hashes=hashes)


def _told(row: Row[Any]) -> Said:
    """The result of a no to the nights only; `say_no` makes that of a no to all of it."""
    return Said(row.phone_hash, row.phone_sealed, Kind.WITHDRAWN, row.given_at, Scope.NIGHT, row.id)
