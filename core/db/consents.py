"""The ledger of consent: every yes and no is a row that stays, and what holds for a contact follows from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing, notices, optouts
from core.db.law_tables import consent_wordings
from core.db.notices import Said
from core.db.session import Tx
from core.db.tables import consents
from core.rules import consent as rules
from core.rules.consent import Standing, Yes
from core.rules.law import Medium
from core.rules.notice import Kind, Scope

LAPSED = "LAPSED"  # the source of a no that nobody said: two years of silence, where the merchant wants that

# The last no to any of these: said by whichever way, or withdrawn.
_LAST_NO = """SELECT greatest(
    (SELECT max(coalesce(given_at, recorded_at)) FROM consents WHERE workspace_id = :workspace AND contact_id = :contact
        AND NOT granted AND source <> 'LAPSED' AND channel = :medium AND scope = ANY (CAST(:scopes AS text[]))),
    (SELECT max(said_at) FROM optouts WHERE workspace_id = :workspace AND phone_hash = :hash AND channel = :medium),
    (SELECT created_at FROM suppressions WHERE workspace_id = :workspace AND phone_hash = :hash AND :medium = ANY (channels)))"""

_STANDS = """SELECT true FROM suppressions WHERE workspace_id = :workspace AND phone_hash = :hash AND lifted_at IS NULL
    AND :medium = ANY (channels) FOR UPDATE"""

# A yes to one way lifts the no to that way; what else the 080 number was about stays refused.
_LIFT = """UPDATE suppressions SET
        lifted_at = CASE WHEN channels = ARRAY[CAST(:medium AS text)] THEN CAST(:now AS timestamptz) END,
        channels = CASE WHEN channels = ARRAY[CAST(:medium AS text)] THEN channels ELSE array_remove(channels, :medium) END
    WHERE workspace_id = :workspace AND phone_hash = :hash AND lifted_at IS NULL AND :medium = ANY (channels)"""


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to, and how that is known."""

    ads: bool = False
    night: bool = False
    at: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who records a consent, and when."""

    workspace: UUID
    actor: str
    now: datetime


@dataclass(frozen=True, slots=True)
class No:
    """A consent that is taken back: all of it, or only the night."""

    at: datetime
    source: str = ""
    proof: str = ""
    night_only: bool = False


def record_yes(tx: Tx, by: Recorder, contact: Row[Any], yes: Yes) -> bool:
    """A yes of a contact (the locked row), with its notice; whether it lifted a no (R-CON-4). Refused when it cannot count."""
    before = _standing(tx, by, contact, yes)
    after = rules.after(before, yes)
    for scope in (*(("ADS",) if yes.ads else ()), *(("NIGHT",) if yes.night else ())):
        _record(tx, by, contact.id, scope, True, yes)
    if before.refused:
        tx.run(_LIFT, workspace=by.workspace, hash=contact.phone_hash, medium=yes.medium.value, now=by.now)
    if yes.medium is Medium.TEXT:
        _keep(tx, by, contact.id, after)
        _tell(tx, by, contact, (Kind.GRANTED, Scope.of(yes.ads, yes.night)), yes.at)
    return before.refused


def record_no(tx: Tx, by: Recorder, contact: Row[Any], no: No) -> None:
    """A consent to text messages is taken back, with its notice. With the advertising the night ends, too (R-NGT-6)."""
    ended = Consent(contact.ad_consent and no.night_only, False, contact.consent_at, contact.consent_source)
    said = Yes(ads=False, night=False, at=no.at, source=no.source, proof=no.proof)
    if not no.night_only:
        _record(tx, by, contact.id, "ADS", False, said)
    if no.night_only or contact.night_consent:
        _record(tx, by, contact.id, "NIGHT", False, said)
    tx.run(
        "UPDATE contacts SET ad_consent = :ads, night_consent = false, updated_at = :now, version = version + 1 WHERE id = :id",
        id=contact.id,
        ads=ended.ads,
        now=by.now,
    )
    _stop(tx, by, contact, no)


def changed(tx: Tx, by: Recorder, contact: Row[Any], before: Consent, after: Consent) -> None:
    """What the merchant wrote over a consent by hand: recorded where it differs, and people are told.

    A yes by hand never counts against a no (R-CON-4); an advertising consent that is taken away is a no.
    """
    proof_is_new = (after.at, after.source) != (before.at, before.source)
    if after.ads != before.ads or (proof_is_new and (after.ads or (after.at is not None and before == Consent()))):
        _record(tx, by, contact.id, "ADS", after.ads, after)
    if after.night != before.night or (after.night and proof_is_new):
        _record(tx, by, contact.id, "NIGHT", after.night, after)
    if before.ads and not after.ads:
        _stop(tx, by, contact, No(by.now))
    elif before.night and not after.night:
        _stop(tx, by, contact, No(by.now, night_only=True))
    new_ads, new_night = after.ads and not before.ads, after.night and not before.night
    if after.at is not None and after.source and (new_ads or new_night):
        _tell(tx, by, contact, (Kind.GRANTED, Scope.of(new_ads, new_night)), after.at)


def page(tx: Tx, contact: int, wanted: listing.Page) -> listing.Rows:
    """Every yes and no of a contact, with the words they were asked. Order: create_time."""
    words = consent_wordings
    query = sa.select(consents, words.c.version.label("wording_version"), words.c.text_hash.label("wording_hash"))
    joined = query.join(words, words.c.id == consents.c.wording_id, isouter=True).where(consents.c.contact_id == contact)
    return listing.fetch(tx, joined, wanted, key=consents.c.id, filters={}, orders={"create_time": consents.c.id})


def _standing(tx: Tx, by: Recorder, contact: Row[Any], yes: Yes) -> Standing:
    about = {"workspace": by.workspace, "hash": contact.phone_hash, "medium": yes.medium.value}
    refused = bool(tx.value(_STANDS, **about))
    scopes = [*(["ADS"] if yes.ads else []), *(["NIGHT"] if yes.night else [])]
    no_at = tx.value(_LAST_NO, contact=contact.id, scopes=scopes, **about)
    if yes.medium is not Medium.TEXT:
        return Standing(refused=refused, no_at=no_at, ads=not yes.ads)
    return Standing(
        contact.ad_consent,
        contact.night_consent,
        contact.consent_at,
        contact.consent_source,
        contact.confirmed_at,
        refused,
        no_at,
    )


def _keep(tx: Tx, by: Recorder, contact: int, now_holds: Standing) -> None:
    tx.run(
        "UPDATE contacts SET ad_consent = :ads, night_consent = :night, consent_at = :at, consent_source = :source,"
        " confirmed_at = :confirmed, updated_at = :now, version = version + 1 WHERE id = :id",
        id=contact,
        ads=now_holds.ads,
        night=now_holds.night,
        at=now_holds.at,
        source=now_holds.source,
        confirmed=now_holds.confirmed_at,
        now=by.now,
    )


def _stop(tx: Tx, by: Recorder, contact: Row[Any], no: No) -> None:
    """No advertising any more, or none at night; `optouts` tells who said no to all of it."""
    if no.night_only:
        _tell(tx, by, contact, (Kind.WITHDRAWN, Scope.NIGHT), no.at)
        return
    said = optouts.No(contact.phone_hash, contact.phone_sealed, f"withdrawn {contact.id} {no.at.isoformat()}", no.at)
    optouts.say_no(tx, optouts.Way(by.workspace, "MANUAL", by=by.actor), [said], by.now)


def _tell(tx: Tx, by: Recorder, contact: Row[Any], what: tuple[Kind, Scope], at: datetime) -> None:
    kind, scope = what
    said = Said(contact.phone_hash, contact.phone_sealed, kind, at, scope, contact.id)
    notices.add_result(tx, by.workspace, [said], by.now)


def _record(tx: Tx, by: Recorder, contact: int, scope: str, granted: bool, said: Yes | Consent) -> None:
    full = said if isinstance(said, Yes) else None
    tx.run(
        "INSERT INTO consents (workspace_id, contact_id, scope, granted, channel, wording_id, proof, given_at, source,"
        " recorded_by, recorded_at) VALUES (:workspace, :contact, :scope, :granted, :medium, :wording, :proof, :given_at,"
        " :source, :actor, :now)",
        workspace=by.workspace,
        contact=contact,
        scope=scope,
        granted=granted,
        medium=(full.medium if full else Medium.TEXT).value,
        wording=full.wording if full else None,
        proof=full.proof if full else "",
        given_at=said.at,
        source=said.source,
        actor=by.actor,
        now=by.now,
    )
