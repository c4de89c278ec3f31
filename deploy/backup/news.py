"""What happened after the moment that is restored and must not be forgotten: calls to providers, every no, restrictions.

Read from a second copy that is rolled forward to the end of the log, and laid beside the restored tables for the product to
take in (workers/restored.py). No text of a message is among it, and numbers only as the hashes and seals that the database has.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

TABLE = "restored_news"
_EARLIER = timedelta(hours=1)  # what was begun before that moment may have ended after it

_ASKED = {
    "attempt": "SELECT workspace_id, to_jsonb(a) FROM attempts a WHERE started_at >= %(since)s"
    " AND outcome IN ('OPEN', 'UNKNOWN', 'ACCEPTED') ORDER BY id",
    "optout": "SELECT o.workspace_id, to_jsonb(o) || jsonb_build_object('phone_sealed', coalesce(s.phone_sealed, ''))"
    " FROM optouts o LEFT JOIN suppressions s USING (workspace_id, phone_hash) WHERE o.recorded_at >= %(since)s ORDER BY o.id",
    "night": "SELECT workspace_id, to_jsonb(c) FROM consents c WHERE NOT granted AND scope = 'NIGHT' AND channel = 'TEXT'"
    " AND recorded_at >= %(since)s ORDER BY id",
    "restricted": "SELECT workspace_id, jsonb_build_object('id', id, 'restricted_at', restricted_at) FROM contacts"
    " WHERE restricted_at >= %(since)s ORDER BY id",
    "launched": "SELECT c.workspace_id, jsonb_build_object('id', c.id, 'name', c.name, 'launched_at', c.launched_at, 'people',"
    " (SELECT coalesce(sum(accepted + delivered + failed + unknown), 0) FROM campaign_counters k WHERE k.campaign_id = c.id))"
    " FROM campaigns c WHERE launched_at >= %(since)s AND kind = 'CAMPAIGN' ORDER BY c.id",
}

Row = tuple[str, Any, dict[str, Any]]


def read(connection: psycopg.Connection[Any], to: datetime) -> list[Row]:
    """From the copy at the end of the log."""
    since = {"since": to - _EARLIER}
    return [(kind, *row) for kind, query in _ASKED.items() for row in connection.execute(query, since).fetchall()]


def write(connection: psycopg.Connection[Any], owner: str, rows: list[Row]) -> None:
    """Beside the restored tables."""
    connection.execute(f"CREATE TABLE public.{TABLE} (kind text NOT NULL, workspace_id uuid NOT NULL, told jsonb NOT NULL)")
    ours = sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier("public", TABLE), sql.Identifier(owner))
    connection.execute(ours)
    with connection.cursor() as cursor, cursor.copy(f"COPY public.{TABLE} FROM STDIN") as copy:
        for kind, workspace, told in rows:
            copy.write_row((kind, workspace, json.dumps(told)))
