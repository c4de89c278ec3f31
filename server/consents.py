"""Consents, wordings and trades between the wire and core: what a request says, and how rows are shown."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from jeondan.v1 import audience_pb2, types_pb2
from jeondan.v1 import consent_pb2 as pb

from core import clock
from core.db import audience, consents, wordings
from core.db.consents import No, Recorder
from core.db.listing import Page
from core.db.session import Row
from core.db.trades import Dealt
from core.errors import NotFound
from core.rules import consent as rules
from core.rules import phone
from core.rules.consent import Asked, Yes
from core.rules.law import KR, Consent, Medium, add_months, consent_until
from server.convert import enum, enum_name, instant, stamp
from server.errors import at, wrong
from server.rpc import Call

NOBODY = audience.Consent()


def recorder(call: Call) -> Recorder:
    """Who records, and when."""
    return Recorder(call.workspace, call.actor, call.now)


def person(request: Any, call: Call, *, add: bool = False) -> Row[Any]:
    """The contact that a request names by id or by number, locked; with `add`, an unknown number becomes one."""
    if bool(request.contact_id) == bool(request.phone):
        raise wrong("contact_id", "고객 식별자(contact_id)와 전화번호(phone) 가운데 하나만 적어 주세요.", "REQUIRED")
    if request.contact_id:
        return audience.get_contact(call.tx, int(request.contact_id), lock=True)
    with at("phone"):
        number = phone.normalise(request.phone)
    found = audience.of_number(call.tx, call.workspace, number)
    if found is None and not add:
        raise NotFound("이 번호의 고객이 없습니다.")
    if found is None:
        values = {"name": "", "tags": [], "attributes": {}}
        found = audience.add_contact(call.tx, recorder(call), number, values, NOBODY)
    return audience.get_contact(call.tx, found, lock=True)


def yes(request: pb.RecordConsentRequest, call: Call) -> Yes:
    """A yes that was asked for as the law wants it."""
    how = (request.bundled, request.prechecked, bool(request.wording_id))
    rules.check_asked(Asked(request.ads, request.night, *how, request.source))
    words = wordings.get(call.tx, UUID(request.wording_id))
    if words.archived_at is not None:
        raise wrong("wording_id", "더 쓰지 않는 동의 문구입니다.", "WORDING_ARCHIVED")
    medium = Medium(enum_name(types_pb2.Medium, "MEDIUM", request.medium) or Medium.TEXT)
    given_at = _said_at(request, call)
    return Yes(request.ads, request.night, given_at, request.source.strip(), medium, words.id, request.proof.strip())


def no(request: pb.WithdrawConsentRequest, call: Call) -> No:
    """A consent taken back."""
    night_only = request.scope == pb.ConsentEvent.SCOPE_NIGHT
    return No(_said_at(request, call), request.source.strip(), request.proof.strip(), night_only)


def past_day(written: str, call: Call) -> date:
    """A Korean day that has come."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise wrong("end_date", "날짜를 읽을 수 없습니다. 예: 2026-08-01", "INVALID_FORMAT") from None
    if day > clock.kst(call.now).date():
        raise wrong("end_date", "거래가 끝난 날이 아직 오지 않았습니다.", "OUT_OF_RANGE")
    return day


def dealt(request: pb.RecordTradeRequest, ended_on: date) -> Dealt:
    """What was bought."""
    return Dealt(request.order_id.strip(), request.kind.strip(), ended_on)


def events_now(call: Call, contact: int) -> list[pb.ConsentEvent]:
    """The events of this call, in the order they were recorded."""
    rows = consents.page(call.tx, contact, Page(limit=2)).rows
    return [event(row) for row in reversed(rows) if row.recorded_at == call.now]


def holds(contact: Row[Any]) -> audience_pb2.Consent:
    """What holds for a contact, and how long."""
    proven = Consent(contact.consent_at, contact.consent_source, contact.confirmed_at)
    counts = contact.ad_consent and contact.consent_source
    until = consent_until(proven, clock.KST, KR.reconfirm_months) if counts else None
    return audience_pb2.Consent(
        ads=contact.ad_consent,
        night=contact.night_consent,
        consent_time=stamp(contact.consent_at),
        source=contact.consent_source,
        confirm_time=stamp(contact.confirmed_at),
        until_date=until.isoformat() if until else "",
    )


def event(row: Row[Any]) -> pb.ConsentEvent:
    """One yes or no."""
    return pb.ConsentEvent(
        id=str(row.id),
        scope=enum(pb.ConsentEvent.Scope, "SCOPE", row.scope),
        granted=row.granted,
        medium=enum(types_pb2.Medium, "MEDIUM", row.channel),
        wording_id=str(row.wording_id or ""),
        wording_version=row.wording_version or "",
        wording_sha256=bytes(row.wording_hash or b"").hex(),
        proof=row.proof,
        give_time=stamp(row.given_at),
        source=row.source,
        recorded_by=row.recorded_by,
        record_time=stamp(row.recorded_at),
    )


def wording(row: Row[Any]) -> pb.Wording:
    """Words to ask with."""
    return pb.Wording(
        id=str(row.id),
        version=row.version,
        text=row.text,
        text_sha256=bytes(row.text_hash).hex(),
        create_time=stamp(row.created_at),
        archive_time=stamp(row.archived_at),
    )


def trade(row: Row[Any]) -> pb.Trade:
    """Something bought."""
    until = add_months(row.ended_on, KR.exemption_months)
    return pb.Trade(order_id=row.order_id, kind=row.kind, end_date=row.ended_on.isoformat(), exempt_until_date=until.isoformat())


def _said_at(request: Any, call: Call) -> datetime:
    said_at = instant(request.give_time) if request.HasField("give_time") else call.now
    if said_at > call.now:
        raise wrong("give_time", "아직 오지 않은 때입니다.", "CONSENT_DATE_FUTURE")
    return said_at
