"""Queries about the merchant's customers: contacts with their consent."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import accounts, listing
from core.db.consents import Consent as Consent
from core.db.consents import Recorder as Recorder
from core.db.consents import changed
from core.db.session import Tx
from core.db.tables import consents as _consents
from core.db.tables import contacts, suppressions
from core.errors import AlreadyExists, NotFound
from core.rules import phone

_SUPPRESSED = (
    sa.exists()
    .where(
        suppressions.c.workspace_id == contacts.c.workspace_id,
        suppressions.c.phone_hash == contacts.c.phone_hash,
        suppressions.c.lifted_at.is_(None),
    )
    .label("suppressed")
)

_COMES_BACK = """
    INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, name, tags, attributes, ad_consent, night_consent,
                          consent_at, consent_source, birth_year, guardian_proof, adult_at, created_at, updated_at)
    VALUES (:workspace, :sealed, :hash, :name, :tags, CAST(:attributes AS jsonb), :ad_consent, :night_consent,
            :consent_at, :consent_source, :birth_year, :guardian_proof, :adult_at, :now, :now)
    ON CONFLICT (workspace_id, phone_hash) DO UPDATE SET
        name = excluded.name, tags = excluded.tags, attributes = excluded.attributes,
        ad_consent = excluded.ad_consent, night_consent = excluded.night_consent,
        consent_at = excluded.consent_at, consent_source = excluded.consent_source, confirmed_at = NULL,
        birth_year = excluded.birth_year, guardian_proof = excluded.guardian_proof, adult_at = excluded.adult_at,
        archived_at = NULL, updated_at = excluded.updated_at, version = contacts.version + 1
    WHERE contacts.archived_at IS NOT NULL
    RETURNING id, phone_hash, phone_sealed
"""

_AGELESS: Mapping[str, Any] = {"birth_year": None, "guardian_proof": "", "adult_at": None}


def add_contact(tx: Tx, by: Recorder, number: str, values: Mapping[str, Any], consent: Consent) -> int:
    """A new contact with a normalised number; an archived one comes back with the new values."""
    keys = accounts.keys(tx, by.workspace)
    row = tx.row(
        _COMES_BACK,
        workspace=by.workspace,
        sealed=keys.sealer()(number),
        hash=keys.lookup(number),
        now=by.now,
        **{**_AGELESS, **values, "attributes": json.dumps(values["attributes"], ensure_ascii=False)},
        **_consent_columns(consent),
    )
    if row is None:
        raise AlreadyExists("같은 번호의 고객이 이미 있습니다.", facts={"field": "contact.phone"})
    changed(tx, by, row, Consent(), consent)
    return int(row.id)


def get_contact(tx: Tx, contact: int, *, lock: bool = False) -> Row[Any]:
    """One contact with `suppressed`, also when archived."""
    query = sa.select(contacts, _SUPPRESSED).where(contacts.c.id == contact)
    row = tx.row(query.with_for_update(of=contacts) if lock else query)
    if row is None:
        raise NotFound("이런 고객이 없습니다.")
    return row


def of_number(tx: Tx, workspace: UUID, number: str) -> int | None:
    """The contact with a normalised number, unless it is archived."""
    found: int | None = tx.value(
        "SELECT id FROM contacts WHERE workspace_id = :workspace AND phone_hash = :hash AND archived_at IS NULL",
        workspace=workspace,
        hash=accounts.keys(tx, workspace).lookup(number),
    )
    return found


def list_contacts(tx: Tx, workspace: UUID, page: listing.Page) -> listing.Rows:
    """Filter: phone (in any common form), name, tag. Order: create_time."""
    query = sa.select(contacts, _SUPPRESSED)
    return listing.fetch(
        tx,
        query if page.archived else query.where(contacts.c.archived_at.is_(None)),
        page,
        key=contacts.c.id,
        filters={
            "phone": lambda value: contacts.c.phone_hash == _hashed(tx, workspace, value),
            "name": lambda value: contacts.c.name == value,
            "tag": lambda value: contacts.c.tags.contains([value]),
        },
        orders={"create_time": contacts.c.id},
    )


def update_contact(tx: Tx, by: Recorder, before: Row[Any], values: Mapping[str, Any], consent: Consent) -> None:
    """New values and consent; every change of consent is recorded. `before` is the locked row."""
    change = {**values, **_consent_columns(consent), "updated_at": by.now, "version": contacts.c.version + 1}
    if consent.at != before.consent_at:
        change["confirmed_at"] = None  # another consent has two years of its own
    tx.run(contacts.update().where(contacts.c.id == before.id).values(change))
    said = Consent(before.ad_consent, before.night_consent, before.consent_at, before.consent_source)
    changed(tx, by, before, said, consent)


def archive_contact(tx: Tx, contact: int, now: datetime) -> None:
    """Out of lists and audiences; a second time changes nothing."""
    change = {"archived_at": now, "updated_at": now, "version": contacts.c.version + 1}
    tx.run(contacts.update().where(contacts.c.id == contact, contacts.c.archived_at.is_(None)).values(change))


def consents(tx: Tx, contact: int) -> Sequence[Row[Any]]:
    """Every yes and no of a contact, oldest first."""
    return tx.rows(_consents.select().where(_consents.c.contact_id == contact).order_by(_consents.c.id))


def _hashed(tx: Tx, workspace: UUID, number: str) -> bytes:
    return accounts.keys(tx, workspace).lookup(phone.normalise(number))


def _consent_columns(consent: Consent) -> dict[str, Any]:
    return {
        "ad_consent": consent.ads,
        "night_consent": consent.night,
        "consent_at": consent.at,
        "consent_source": consent.source,
    }
