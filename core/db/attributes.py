"""Queries about the attributes of customers: which there are, of which type, and how many values cannot be read so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db import segment_sql
from core.db.session import Tx
from core.rules.attributes import Kind

MOST = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """An attribute: how many people have a value, and of how many it is none of its type."""

    name: str
    kind: Kind
    people: int = 0
    unreadable: int = 0


def kinds(tx: Tx) -> dict[str, Kind]:
    """The types that were set; every other attribute is text."""
    return {row.name: Kind(row.kind) for row in tx.rows("SELECT name, kind FROM attribute_types")}


def listed(tx: Tx) -> list[Found]:
    """All attributes by name."""
    rows = tx.rows(
        "SELECT e.key AS name, count(*) AS people FROM contacts c, jsonb_each_text(c.attributes) e"
        " WHERE c.archived_at IS NULL AND btrim(e.value) <> '' GROUP BY e.key ORDER BY e.key LIMIT :most",
        most=MOST,
    )
    people = {row.name: row.people for row in rows}
    typed = kinds(tx)
    names: Sequence[str] = sorted(people.keys() | typed.keys())
    unreadable = {name: _unreadable(tx, name, kind) for name, kind in typed.items() if kind is not Kind.TEXT and name in people}
    return [Found(name, typed.get(name, Kind.TEXT), people.get(name, 0), unreadable.get(name, 0)) for name in names]


def one(tx: Tx, name: str) -> Found:
    """One attribute, also when nobody has it."""
    kind = kinds(tx).get(name, Kind.TEXT)
    people = tx.value(f"SELECT count(*) FROM contacts c WHERE {_PRESENT}", name=name)  # noqa: S608
    return Found(name, kind, people, _unreadable(tx, name, kind))


def set_kind(tx: Tx, workspace: UUID, name: str, kind: Kind, now: datetime) -> None:
    """From now on its values are of this type."""
    tx.run(
        "INSERT INTO attribute_types (workspace_id, name, kind, created_at) VALUES (:workspace, :name, :kind, :now)"
        " ON CONFLICT (workspace_id, name) DO UPDATE SET kind = excluded.kind",
        workspace=workspace,
        name=name,
        kind=kind.value,
        now=now,
    )


_PRESENT = "c.archived_at IS NULL AND btrim(c.attributes ->> CAST(:name AS text)) <> ''"


def _unreadable(tx: Tx, name: str, kind: Kind) -> int:
    values: dict[str, Any] = {"name": name}

    def bind(value: Any) -> str:
        values[place := f"v{len(values)}"] = value
        return f":{place}"

    read = segment_sql.value(kind, name, bind)
    return int(tx.value(f"SELECT count(*) FROM contacts c WHERE {_PRESENT} AND {read} IS NULL", **values))  # noqa: S608
