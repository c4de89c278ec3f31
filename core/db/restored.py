"""Queries about a database that was put back: since when it waits, and what happened after the moment that it shows.

The two tables are made by `make restore`, belong to the owner of the schema and go when a person lets messages leave again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx


def since(tx: Tx) -> datetime | None:
    """The moment that was restored; None: this database waits for nobody."""
    if tx.value("SELECT to_regclass('public.restored')") is None:
        return None
    moment: datetime | None = tx.value("SELECT max(to_time) FROM public.restored")
    return moment


def news(tx: Tx) -> Sequence[Row[Any]]:
    """kind, workspace_id, told; in the order in which it happened within a kind."""
    if tx.value("SELECT to_regclass('public.restored_news')") is None:
        return []
    return tx.rows("SELECT kind, workspace_id, told FROM public.restored_news ORDER BY kind, told ->> 'id'")


def free(tx: Tx) -> None:
    """Messages may leave again."""
    tx.run("DROP TABLE public.restored")
    tx.run("DROP TABLE IF EXISTS public.restored_news")


def contact(tx: Tx, identifier: int) -> Row[Any] | None:
    """What a withdrawn consent needs of a customer, locked."""
    return tx.row(
        "SELECT id, phone_hash, phone_sealed, ad_consent, night_consent, consent_at, consent_source FROM contacts"
        " WHERE id = :contact FOR UPDATE",
        contact=identifier,
    )


def knows(tx: Tx, campaign: UUID) -> bool:
    """Whether a campaign is there and was launched."""
    return bool(tx.value("SELECT true FROM campaigns WHERE id = :campaign AND launched_at IS NOT NULL", campaign=campaign))


def waiting(tx: Tx) -> Sequence[Row[Any]]:
    """workspace_id, id, name, state, waiting, unknown of everything that would go on."""
    return tx.rows(
        "SELECT c.workspace_id, c.id, c.name, c.kind, c.state, coalesce(sum(k.planned + k.held), 0)::int AS waiting,"
        " coalesce(sum(k.unknown + k.claimed), 0)::int AS unknown FROM campaigns c"
        " LEFT JOIN campaign_counters k ON k.campaign_id = c.id WHERE c.state IN ('PLANNING', 'SENDING', 'PAUSED', 'SCHEDULED')"
        " GROUP BY c.id ORDER BY c.id"
    )


def unknown_batches(tx: Tx) -> Sequence[Row[Any]]:
    """workspace_id, id of batches whose fate the provider has to tell."""
    return tx.rows("SELECT workspace_id, id FROM batches WHERE state = 2 ORDER BY id")


def ready_batches(tx: Tx) -> Sequence[Row[Any]]:
    """workspace_id, id, sender, routes of the batches that would go on."""
    return tx.rows(
        "SELECT b.workspace_id, b.id, c.sender, c.routes FROM batches b JOIN campaigns c ON c.id = b.campaign_id"
        " WHERE b.state = 0 AND NOT c.test AND c.state IN ('PLANNING', 'SENDING', 'PAUSED') ORDER BY b.due_at, b.id"
    )
