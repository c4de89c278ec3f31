"""What the operator's checklists came to, for owners to see: the last of each line, and nothing of any merchant."""

from collections.abc import Iterable

from core.db.session import Tx
from core.rules.checks.house import Kept


def record(tx: Tx, lines: Iterable[Kept]) -> None:
    """These are the lines of their checks now; those of before are gone."""
    found = list(lines)
    tx.run("DELETE FROM house_checks WHERE check_name = ANY(:checks)", checks=sorted({line.check for line in found}))
    tx.run_many(
        "INSERT INTO house_checks (check_name, subject, state, reason, moment, seen_at)"
        " VALUES (:check, :subject, :state, :reason, :moment, :seen_at)",
        [
            {
                "check": line.check,
                "subject": line.subject,
                "state": line.state,
                "reason": line.reason,
                "moment": line.moment,
                "seen_at": line.seen_at,
            }
            for line in found
        ],
    )


def recorded(tx: Tx) -> list[Kept]:
    """All there are."""
    rows = tx.rows("SELECT check_name, subject, state, reason, moment, seen_at FROM house_checks ORDER BY check_name, subject")
    return [Kept(row.check_name, row.subject, row.state, row.reason, row.moment, row.seen_at) for row in rows]
