"""Queries about tags as groups: how many have each, another name, and who still asks about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row

from core.db import campaigns, segments
from core.db.session import Tx
from core.rules import segment
from core.rules.states import CampaignState

MOST = 10_000
NOT_STARTED = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)

_RENAMED = """CASE WHEN {0} @> ARRAY[CAST(:new AS text)] THEN array_remove({0}, CAST(:old AS text))
    ELSE array_replace({0}, CAST(:old AS text), CAST(:new AS text)) END"""


@dataclass(frozen=True, slots=True)
class User:
    """What names a tag: a segment, or a campaign that has not started."""

    kind: str
    id: str
    name: str


def listed(tx: Tx) -> Sequence[Row[Any]]:
    """name and people of every tag, by name."""
    return tx.rows(
        "SELECT t.name, count(*) AS people FROM contacts c, unnest(c.tags) t(name) WHERE c.archived_at IS NULL"
        " GROUP BY t.name ORDER BY t.name LIMIT :most",
        most=MOST,
    )


def people(tx: Tx, tag: str) -> int:
    """How many customers have it."""
    return int(tx.value("SELECT count(*) FROM contacts WHERE tags @> ARRAY[CAST(:tag AS text)] AND archived_at IS NULL", tag=tag))


def used_by(tx: Tx, tag: str) -> User | None:
    """Whatever would select other people without it; None when nothing does."""
    for row in segments.in_use(tx):
        if tag in segment.tags(segment.read(row.rule)):
            return User("segment", str(row.id), row.name)
    for row in _not_started(tx):
        frozen = segment.tags(segment.read(row.audience)) if row.audience else set()
        if tag in {*row.any_tags, *row.none_tags, *frozen}:
            return User("campaign", str(row.id), row.name)
    return None


def rename(tx: Tx, old: str, new: str, now: datetime) -> int:
    """Another name wherever it stands but in what has started; how many customers had it."""
    for row in segments.in_use(tx):
        if old in segment.tags(rule := segment.read(row.rule)):
            segments.update(tx, row.id, {"rule": segment.saved(segment.renamed(rule, old, new))}, now)
    for row in _not_started(tx):
        frozen = segment.read(row.audience) if row.audience else None
        if old in {*row.any_tags, *row.none_tags, *(segment.tags(frozen) if frozen else ())}:
            changed: dict[str, Any] = {name: _renamed(getattr(row, name), old, new) for name in ("any_tags", "none_tags")}
            if frozen:
                changed["audience"] = segment.saved(segment.renamed(frozen, old, new))
            campaigns.update(tx, row.id, changed)
    return tx.run(
        f"UPDATE contacts SET tags = {_RENAMED.format('tags')}, updated_at = :now, version = version + 1"  # noqa: S608
        " WHERE tags @> ARRAY[CAST(:old AS text)]",
        old=old,
        new=new,
        now=now,
    )


def remove(tx: Tx, tag: str, now: datetime) -> int:
    """Nobody has it any more; how many had."""
    return tx.run(
        "UPDATE contacts SET tags = array_remove(tags, CAST(:tag AS text)), updated_at = :now, version = version + 1"
        " WHERE tags @> ARRAY[CAST(:tag AS text)]",
        tag=tag,
        now=now,
    )


def _not_started(tx: Tx) -> Sequence[Row[Any]]:
    return tx.rows(
        "SELECT id, name, any_tags, none_tags, audience FROM campaigns WHERE state = ANY (:states) AND archived_at IS NULL"
        " ORDER BY id FOR NO KEY UPDATE",
        states=[state.value for state in NOT_STARTED],
    )


def _renamed(tags: Sequence[str], old: str, new: str) -> list[str]:
    return list(dict.fromkeys(new if tag == old else tag for tag in tags))
