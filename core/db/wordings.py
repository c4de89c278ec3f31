"""Queries about the words with which people are asked for consent: never changed, only taken out of use."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing
from core.db.ids import new_id
from core.db.law_tables import consent_wordings
from core.db.session import Tx
from core.errors import AlreadyExists, NotFound


def add(tx: Tx, workspace: UUID, version: str, text: str, now: datetime) -> UUID:
    """New words under a version of their own."""
    made = new_id()
    added = tx.run(
        "INSERT INTO consent_wordings (id, workspace_id, version, text, text_hash, created_at)"
        " VALUES (:id, :workspace, :version, :text, :hash, :now) ON CONFLICT (workspace_id, version) DO NOTHING",
        id=made,
        workspace=workspace,
        version=version,
        text=text,
        hash=hashlib.sha256(text.encode()).digest(),
        now=now,
    )
    if not added:
        raise AlreadyExists(
            "같은 이름의 동의 문구가 이미 있습니다. 문구를 바꾸려면 새 이름으로 등록해 주세요.", facts={"field": "version"}
        )
    return made


def get(tx: Tx, wording: UUID) -> Row[Any]:
    """One, also when out of use."""
    row = tx.row(sa.select(consent_wordings).where(consent_wordings.c.id == wording))
    if row is None:
        raise NotFound("이런 동의 문구가 없습니다.")
    return row


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Order: create_time."""
    query = sa.select(consent_wordings)
    used = query if wanted.archived else query.where(consent_wordings.c.archived_at.is_(None))
    key = consent_wordings.c.id
    return listing.fetch(tx, used, wanted, key=key, filters={}, orders={"create_time": key})


def archive(tx: Tx, wording: UUID, now: datetime) -> None:
    """Out of use; a second time changes nothing."""
    tx.run("UPDATE consent_wordings SET archived_at = :now WHERE id = :id AND archived_at IS NULL", id=wording, now=now)
