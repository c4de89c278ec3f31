"""Queries about the reading of customer files: where an import is, its bad rows, and contacts by the thousand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import accounts, listing, notices
from core.db.audience import Recorder
from core.db.ids import new_id
from core.db.notices import Said
from core.db.session import Tx
from core.db.tables import import_errors, imports
from core.errors import NotFound
from core.rules import notice
from core.rules.customers import Customer, RowError
from core.rules.notice import Kind, Scope
from core.rules.states import ImportState

KEPT_TAGS = 200  # far above what a person gives by hand, so that the tags of imports push none of those out
LEASE = timedelta(seconds=60)  # a RUNNING import that was not touched for so long has lost its worker

# Consent moves only forward in time; everything else that the file says wins, what it leaves out stays.
_UPSERT = f"""
    WITH given AS (
        SELECT hash, sealed, name, ARRAY(SELECT jsonb_array_elements_text(CAST(tags AS jsonb))) AS tags,
               CAST(attributes AS jsonb) AS attributes, ads, night, at, source, proof, wording, birth, guardian, adult
        FROM unnest(CAST(:hash AS bytea[]), CAST(:sealed AS bytea[]), CAST(:name AS text[]), CAST(:tags AS text[]),
                    CAST(:attributes AS text[]), CAST(:ads AS boolean[]), CAST(:night AS boolean[]),
                    CAST(:at AS timestamptz[]), CAST(:source AS text[]), CAST(:proof AS text[]), CAST(:wording AS uuid[]),
                    CAST(:birth AS smallint[]), CAST(:guardian AS text[]), CAST(:adult AS timestamptz[]))
             AS g(hash, sealed, name, tags, attributes, ads, night, at, source, proof, wording, birth, guardian, adult)
    ), before AS (
        SELECT c.phone_hash AS hash, c.consent_at, c.night_consent FROM contacts c
        WHERE c.workspace_id = :workspace AND c.phone_hash = ANY (CAST(:hash AS bytea[]))
    ), upserted AS (
        INSERT INTO contacts AS c (workspace_id, phone_sealed, phone_hash, name, tags, attributes, ad_consent,
                                   night_consent, consent_at, consent_source, birth_year, guardian_proof, adult_at,
                                   created_at, updated_at)
        SELECT :workspace, sealed, hash, name, tags, attributes, ads, night, at, source, birth, guardian, adult, :now, :now
        FROM given ORDER BY hash  -- everybody locks in the same order
        ON CONFLICT (workspace_id, phone_hash) DO UPDATE SET
            name = coalesce(nullif(excluded.name, ''), c.name),
            tags = ARRAY(SELECT tag FROM (SELECT tag, max(place) AS place  -- the newest stay
                                          FROM unnest(c.tags || excluded.tags) WITH ORDINALITY u(tag, place)
                                          GROUP BY tag ORDER BY max(place) DESC LIMIT {KEPT_TAGS}) kept ORDER BY place),
            attributes = c.attributes || excluded.attributes,
            ad_consent = CASE WHEN excluded.consent_at > coalesce(c.consent_at, '-infinity')
                              THEN excluded.ad_consent ELSE c.ad_consent END,
            night_consent = CASE WHEN excluded.consent_at > coalesce(c.consent_at, '-infinity')
                                 THEN excluded.night_consent ELSE c.night_consent END,
            consent_source = CASE WHEN excluded.consent_at > coalesce(c.consent_at, '-infinity')
                                  THEN excluded.consent_source ELSE c.consent_source END,
            confirmed_at = CASE WHEN excluded.consent_at > c.consent_at THEN NULL ELSE c.confirmed_at END,
            consent_at = greatest(c.consent_at, excluded.consent_at),
            birth_year = coalesce(excluded.birth_year, c.birth_year),
            guardian_proof = coalesce(nullif(excluded.guardian_proof, ''), c.guardian_proof),
            adult_at = coalesce(excluded.adult_at, c.adult_at),
            archived_at = NULL, updated_at = excluded.updated_at, version = c.version + 1
        WHERE c.archived_at IS NOT NULL OR (excluded.name <> '' AND excluded.name <> c.name)
            OR NOT excluded.tags <@ c.tags OR NOT excluded.attributes <@ c.attributes
            OR excluded.consent_at > coalesce(c.consent_at, '-infinity')
            OR excluded.birth_year <> coalesce(c.birth_year, 0) OR excluded.adult_at <> coalesce(c.adult_at, '-infinity')
            OR (excluded.guardian_proof <> '' AND excluded.guardian_proof <> c.guardian_proof)
        RETURNING c.id, c.phone_hash AS hash, c.consent_at, (c.xmax = 0) AS created
    ), recorded AS (
        INSERT INTO consents (workspace_id, contact_id, scope, granted, given_at, source, wording_id, proof,
                              recorded_by, recorded_at)
        SELECT :workspace, u.id, said.scope, said.granted, g.at, g.source, g.wording, g.proof, :actor, :now
        FROM upserted u JOIN given g USING (hash) LEFT JOIN before b USING (hash)
        CROSS JOIN LATERAL (VALUES ('ADS', g.ads, g.ads OR g.at IS NOT NULL),
                                   ('NIGHT', g.night, g.night OR coalesce(b.night_consent, false)))
                   AS said(scope, granted, worth)
        WHERE said.worth AND (u.created OR (u.consent_at = g.at AND b.consent_at IS DISTINCT FROM u.consent_at))
    )
    SELECT count(*) FILTER (WHERE created) FROM upserted
"""  # noqa: S608 - a constant

_RECORDED = """SELECT c.id, c.phone_hash, c.phone_sealed, bool_or(s.scope = 'ADS') AS ads, bool_or(s.scope = 'NIGHT') AS night
    FROM contacts c JOIN consents s ON s.workspace_id = c.workspace_id AND s.contact_id = c.id
    WHERE c.phone_hash = ANY (CAST(:hashes AS bytea[])) AND s.recorded_at = :now AND s.granted
    GROUP BY c.id, c.phone_hash, c.phone_sealed"""

_ERROR = """
    INSERT INTO import_errors (import_id, place, workspace_id, sheet, row, column_name, value, reason, message)
    VALUES (:import_id, :place, :workspace_id, :sheet, :row, :column, :value, :reason, :message)
    ON CONFLICT (import_id, place) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One chunk of a file, done: `rows_before` is where it began, the counts are of this chunk alone."""

    rows_before: int
    rows_done: int
    rows_total: int = 0
    created: int = 0
    updated: int = 0
    duplicates: int = 0
    errors: int = 0
    unproven: int = 0


def add_import(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """An import that waits for a worker: object_name, file_name, tag, mapping, dry_run."""
    fixed = {"id": new_id(), "workspace_id": workspace, "state": ImportState.PENDING, "created_at": now, "touched_at": now}
    row = tx.row(imports.insert().values({**values, **fixed}).returning(imports))
    assert row is not None
    return row


def get_import(tx: Tx, import_id: UUID) -> Row[Any]:
    """One import."""
    row = tx.row(sa.select(imports).where(imports.c.id == import_id))
    if row is None:
        raise NotFound("이런 가져오기가 없습니다.")
    return row


def list_imports(tx: Tx, page: listing.Page) -> listing.Rows:
    """Filter: state. Order: create_time."""
    return listing.fetch(
        tx,
        sa.select(imports),
        page,
        key=imports.c.id,
        filters={"state": lambda value: imports.c.state == value},
        orders={"create_time": imports.c.id},
    )


def claim_import(tx: Tx, import_id: UUID, now: datetime) -> Row[Any] | None:
    """Take it, RUNNING from `rows_done` on; None when it is finished or another worker is at it."""
    waiting = imports.c.state == ImportState.PENDING
    left = (imports.c.state == ImportState.RUNNING) & (imports.c.touched_at < now - LEASE)
    change = imports.update().where(imports.c.id == import_id, waiting | left)
    return tx.row(change.values(state=ImportState.RUNNING, touched_at=now).returning(imports))


def settle_mapping(tx: Tx, import_id: UUID, mapping: Mapping[str, str], origin: str) -> None:
    """Say how the columns are read before the first row goes in."""
    tx.run(imports.update().where(imports.c.id == import_id).values(mapping=dict(mapping), mapping_from=origin))


def progress_import(tx: Tx, import_id: UUID, step: Step, now: datetime) -> bool:
    """Record a chunk in the transaction that stored its rows. False: another worker was faster, so roll back."""
    columns = imports.c
    here = (columns.id == import_id) & (columns.state == ImportState.RUNNING) & (columns.rows_done == step.rows_before)
    changed = tx.run(
        imports.update()
        .where(here)
        .values(
            rows_done=step.rows_done,
            rows_total=step.rows_total,
            created_count=columns.created_count + step.created,
            updated_count=columns.updated_count + step.updated,
            duplicate_count=columns.duplicate_count + step.duplicates,
            error_count=columns.error_count + step.errors,
            unproven_count=columns.unproven_count + step.unproven,
            touched_at=now,
        )
    )
    return changed == 1


def finish_import(tx: Tx, import_id: UUID, values: Mapping[str, Any], now: datetime) -> None:
    """The end: state DONE, REFUSED (refusal, refusal_reason) or FAILED; also warnings, and how the columns were read."""
    open_states = imports.c.state.in_((ImportState.PENDING, ImportState.RUNNING))
    change = imports.update().where(imports.c.id == import_id, open_states)
    tx.run(change.values({**values, "ended_at": now, "touched_at": now}))


def forgotten_imports(tx: Tx, before: datetime) -> Sequence[Row[Any]]:
    """Imports that waited since `before`, or lost their worker (a lease ago); across workspaces."""
    return tx.rows(
        "SELECT id, workspace_id FROM imports WHERE touched_at < :before AND state = 'PENDING'"
        " OR touched_at < :left AND state = 'RUNNING' LIMIT 100",
        before=before,
        left=before - LEASE,
    )


def add_import_errors(tx: Tx, workspace: UUID, import_id: UUID, rows: Mapping[int, RowError]) -> None:
    """Bad rows by their place in the file; a place that is there already stays."""
    values = [
        {
            "import_id": import_id,
            "workspace_id": workspace,
            "place": place,
            "sheet": row.sheet,
            "row": row.row,
            "column": row.column,
            "value": row.value,
            "reason": row.reason,
            "message": row.message,
        }
        for place, row in rows.items()
    ]
    tx.run_many(_ERROR, values)


def list_import_errors(tx: Tx, import_id: UUID, page: listing.Page) -> listing.Rows:
    """In file order."""
    return listing.fetch(
        tx,
        sa.select(import_errors).where(import_errors.c.import_id == import_id),
        page,
        key=import_errors.c.place,
        filters={},
        orders={"place": import_errors.c.place},
    )


def count_contacts(tx: Tx, by: Recorder, customers: Sequence[Customer]) -> tuple[int, int]:
    """What `upsert_contacts` would answer; nothing goes in."""
    lookup = accounts.keys(tx, by.workspace).lookup
    hashes = list({lookup(customer.phone) for customer in customers})
    there = int(tx.value("SELECT count(*) FROM contacts WHERE phone_hash = ANY (CAST(:hash AS bytea[]))", hash=hashes))
    return len(hashes) - there, there


def upsert_contacts(tx: Tx, by: Recorder, customers: Sequence[Customer]) -> tuple[int, int]:
    """Many at once, in one statement: how many are new, how many were there. The first of equal numbers counts."""
    people = list({customer.phone: customer for customer in reversed(customers)}.values())
    if not people:
        return 0, 0
    keys = accounts.keys(tx, by.workspace)
    seal = keys.sealer()
    hashes = [keys.lookup(person.phone) for person in people]
    created = tx.value(
        _UPSERT,
        workspace=by.workspace,
        actor=by.actor,
        now=by.now,
        hash=hashes,
        sealed=[seal(person.phone) for person in people],
        name=[person.name for person in people],
        tags=[json.dumps(person.tags, ensure_ascii=False) for person in people],
        attributes=[json.dumps(person.attributes, ensure_ascii=False) for person in people],
        ads=[person.consent for person in people],
        night=[person.night_consent for person in people],
        at=[person.consent_at for person in people],
        source=[person.consent_source for person in people],
        proof=[person.consent_proof for person in people],
        wording=[person.wording_id for person in people],
        birth=[person.birth_year for person in people],
        guardian=[person.guardian_proof for person in people],
        adult=[person.adult_at for person in people],
    )
    _tell(tx, by, dict(zip(hashes, people, strict=True)))
    return int(created), len(people) - int(created)


def _tell(tx: Tx, by: Recorder, people: Mapping[bytes, Customer]) -> None:
    """Whose consent was recorded just now, and is so young that they have to be told of it still (R-NTC-1)."""
    given = {hash: one.consent_at for hash, one in people.items() if one.consent and one.consent_at and one.consent_source}
    young = {hash: at for hash, at in given.items() if notice.deadline(at) > by.now}
    if not young:
        return
    said = [
        Said(row.phone_hash, row.phone_sealed, Kind.GRANTED, young[row.phone_hash], Scope.of(row.ads, row.night), row.id)
        for row in tx.rows(_RECORDED, hashes=list(young), now=by.now)
    ]
    notices.add_result(tx, by.workspace, said, by.now)
