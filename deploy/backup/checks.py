"""What must hold in a restored database: the ledger adds up, what is append-only is whole, the seals fit."""

from dataclasses import dataclass
from typing import Any

import psycopg

_BUCKETS = ("excluded", "planned", "held", "claimed", "unknown", "accepted", "delivered", "failed", "cancelled", "expired")

# Each asks for what is wrong: (what it is, where). States are those of rules.states.MessageState, one byte a person.
_UNEVEN = "SELECT campaign_id FROM campaign_counters GROUP BY campaign_id HAVING sum(selected) <> sum({})"
QUESTIONS = {
    "장부: 대상은 칸의 합": _UNEVEN.format(" + ".join(_BUCKETS)),
    "장부: 묶음마다 사람과 상태의 수": "SELECT id FROM batches WHERE cardinality(contact_ids) <> length(states)",
    "장부: 칸은 묶음이 말하는 사람 수": "SELECT c.campaign_id FROM (SELECT campaign_id, sum(selected) AS people"
    " FROM campaign_counters GROUP BY campaign_id) c LEFT JOIN (SELECT campaign_id, sum(length(states)) AS people FROM batches"
    " GROUP BY campaign_id) b USING (campaign_id) LEFT JOIN (SELECT campaign_id, sum(cardinality(contact_ids)) AS people"
    " FROM exclusions GROUP BY campaign_id) e USING (campaign_id)"
    " WHERE c.people <> coalesce(b.people, 0) + coalesce(e.people, 0) AND b.people > 0",
    "장부: 비용은 접수된 것의 합": "SELECT k.campaign_id FROM (SELECT campaign_id, sum(cost) AS cost FROM campaign_counters"
    " GROUP BY campaign_id) k LEFT JOIN (SELECT campaign_id, sum(unit_price * accepted) AS cost FROM attempts"
    " WHERE outcome IN ('ACCEPTED', 'SENT') GROUP BY campaign_id) a USING (campaign_id) WHERE k.cost <> coalesce(a.cost, 0)"
    " AND EXISTS (SELECT FROM batches b WHERE b.campaign_id = k.campaign_id)",
    "장부: 접수 번호는 한 번만": "SELECT r.reference FROM provider_references r LEFT JOIN attempts a ON a.id = r.attempt_id"
    " WHERE a.id IS NULL OR a.reference <> r.reference",
    "동의: 지금의 동의에는 기록이 있다": "SELECT c.id FROM contacts c WHERE c.ad_consent AND c.consent_at IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM consents n WHERE n.workspace_id = c.workspace_id AND n.contact_id = c.id AND n.granted)",
    "거부: 말한 거부에는 차단이 있다": "SELECT o.id FROM optouts o LEFT JOIN suppressions s USING (workspace_id, phone_hash)"
    " WHERE s.phone_hash IS NULL",
    "격리: 모든 고객 표가 가려져 있다": "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
    " AND NOT c.relispartition AND a.attname = 'workspace_id' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    " AND c.relname NOT LIKE 'restored%'",
    "기록: 고치거나 지울 수 없다": "SELECT t FROM unnest(ARRAY['consents', 'receipts', 'optouts', 'access_log']) t,"
    " unnest(ARRAY['jeondan_app', 'jeondan_system']) r"
    " WHERE has_table_privilege(r, t, 'UPDATE') OR has_table_privilege(r, t, 'DELETE')",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One question and what was wrong."""

    name: str
    wrong: list[str]

    @property
    def line(self) -> str:
        """For a person."""
        return f"  {'맞음' if not self.wrong else '틀림'}  {self.name}" + (f": {', '.join(self.wrong[:3])}" if self.wrong else "")


def ask(connection: psycopg.Connection[Any]) -> list[Finding]:
    """Every question; whoever asks must see every row."""
    found = []
    for name, question in QUESTIONS.items():
        rows = connection.execute(f"SELECT * FROM ({question}) q LIMIT 10").fetchall()  # noqa: S608 - constants
        found.append(Finding(name, [str(row[0]) for row in rows]))
    return found


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows by table (partitions in their parent), and what the ledger comes to."""
    names = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('public', 'apart') AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND c.relname NOT LIKE 'restored%' AND c.relname <> 'worker_processes' ORDER BY 1"
    ).fetchall()
    found = {}
    for (name,) in names:
        row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608 - constants
        found[str(name)] = int(row[0]) if row else 0
    for name in ("cost", "accepted", "delivered"):
        total = f"SELECT coalesce(sum({name}), 0)::bigint FROM campaign_counters"  # noqa: S608 - constants
        row = connection.execute(total).fetchone()
        found[f"ledger.{name}"] = int(row[0]) if row else 0
    return found


def seals(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Days (UTC) of the access log that are over: how many rows, and a hash of all of them. Nobody may change them any more."""
    rows = connection.execute(
        "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*) || ':' || encode(sha256(convert_to("
        "string_agg(a::text, E'\\n' ORDER BY id), 'UTF8')), 'hex') FROM access_log a"
        " WHERE at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {str(day): str(seal) for day, seal in rows}


def broken(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Sealed days that are not what they were; days older than the log is kept may be gone."""
    oldest = min(now, default="")
    return [day for day, seal in before.items() if day >= oldest and now.get(day) != seal]
