"""Everything about one person: shown to them when they ask, and remembered as gone when they are erased."""

from typing import Any

from jeondan.v1 import privacy_pb2 as pb

from core import images, telemetry
from core.db import accounts, audience, privacy, suppressions
from core.db.erasing import Erased
from core.db.ids import instant_of
from core.errors import Unavailable
from server.convert import stamp
from server.rpc import Call

_log = telemetry.log("person")


def record(call: Call, contact: int) -> pb.PersonRecord:
    """What is kept about a customer, in clear."""
    row = audience.get_contact(call.tx, contact)
    phone = accounts.keys(call.tx, call.workspace).opener()(row.phone_sealed)
    no = suppressions.of_number(call.tx, call.workspace, phone)
    return pb.PersonRecord(
        contact_id=str(row.id),
        phone=phone,
        name=row.name,
        birth_year=row.birth_year or 0,
        tags=row.tags,
        attributes=row.attributes,
        consents=map(_consent, audience.consents(call.tx, contact)),
        messages=map(_message, privacy.messages(call.tx, contact)),
        optout_time=stamp(no.created_at) if no and no.lifted_at is None else None,
        restrict_time=stamp(row.restricted_at),
        create_time=stamp(row.created_at),
    )


def remember(erased: Erased) -> None:
    """Outside the database at once; without storage the hourly retention does it."""
    try:
        images.storage().put(erased.tombstone, b"", "application/octet-stream")
    except Unavailable:
        _log.warning("erasure_not_remembered")


def _consent(row: Any) -> pb.PersonConsent:
    return pb.PersonConsent(scope=row.scope, granted=row.granted, time=stamp(row.given_at), source=row.source)


def _message(row: Any) -> pb.PersonMessage:
    made = stamp(instant_of(row.batch_id))
    return pb.PersonMessage(message_id=f"{row.batch_id}-{row.position}", campaign=row.name, create_time=made)
