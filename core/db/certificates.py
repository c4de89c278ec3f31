"""Queries about the certificates of provider accounts, and the fragment by which an uncertified one carries no advertising."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core import clock
from core.db.session import Tx
from core.rules.certificate import FRESH, SOON, Certificate

# The set-based form of `rules.certificate.usable`, of an account `p`.
CERTIFIED = """(p.certificate <> '' AND p.certificate_checked_on >= CAST(:checked_since AS date)
    AND coalesce(p.certificate_until >= CAST(:today AS date), true))"""


def binds(now: datetime) -> dict[str, date]:
    """What CERTIFIED asks for."""
    today = clock.kst(now).date()
    return {"today": today, "checked_since": today - FRESH}


def record(tx: Tx, account: UUID, certificate: Certificate) -> None:
    """What was checked about the provider of this account, instead of what was known before."""
    tx.run(
        "UPDATE provider_accounts SET certificate = :number, certificate_checked_on = :checked_on,"
        " certificate_until = :until WHERE id = :account",
        account=account,
        number=certificate.number,
        checked_on=certificate.checked_on,
        until=certificate.until,
    )


def of(row: Row[Any]) -> Certificate | None:
    """The certificate of an account's row."""
    if not row.certificate or row.certificate_checked_on is None:
        return None
    return Certificate(row.certificate, row.certificate_checked_on, row.certificate_until)


def ending(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """Accounts whose certificate has ended, or soon does: id, workspace_id, provider, last_day; across workspaces."""
    return tx.rows(
        "SELECT id, workspace_id, provider, last_day FROM (SELECT id, workspace_id, provider, state,"
        " least(certificate_checked_on + CAST(:fresh AS int), certificate_until) AS last_day"
        " FROM provider_accounts WHERE certificate <> '') p WHERE last_day <= :until AND state <> 'DISABLED'",
        fresh=FRESH.days,
        until=clock.kst(now).date() + SOON,
    )
