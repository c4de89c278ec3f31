"""Sender numbers as everybody of the workspace may see them, and entering one."""

from collections.abc import Sequence
from uuid import UUID

from jeondan.v1 import account_pb2 as pb

from core.db import accounts, senders
from core.db.session import Tx
from core.errors import InvalidInput, Violation
from core.rules.phone import normalise_sender
from core.rules.sender import notice
from server.convert import stamp
from server.errors import at
from server.rpc import Call


def all_of(tx: Tx) -> list[pb.SenderNumber]:
    """Oldest first, with where each may be used."""
    registered = senders.registrations(tx)
    return [
        pb.SenderNumber(
            id=str(row.id),
            number=row.number,
            active=row.active,
            notice=notice(row.number),
            registrations=[
                pb.SenderNumber.Registration(
                    provider_account_id=str(one.provider_account_id),
                    usable=one.refused_at is None,
                    words=one.words,
                    check_time=stamp(one.checked_at),
                    refuse_time=stamp(one.refused_at),
                )
                for one in registered
                if one.sender_number_id == row.id
            ],
        )
        for row in accounts.sender_numbers(tx)
    ]


def one(tx: Tx, number: UUID) -> pb.SenderNumber:
    """One of them."""
    return next(found for found in all_of(tx) if found.id == str(number))


def entered(call: Call, number: str, wanted: Sequence[UUID]) -> UUID:
    """A number in the form that R-SND-2 wants, registered at accounts of this workspace."""
    with at("number"):
        digits = normalise_sender(number)
    known = {row.id for row in accounts.provider_accounts(call.tx)}
    wrong = [
        Violation(f"provider_account_ids[{place}]", "이런 발송 계정이 없습니다.", "NOT_FOUND")
        for place, account in enumerate(wanted)
        if account not in known
    ]
    if wrong:
        raise InvalidInput("발송 계정을 확인해 주세요.", wrong)
    made = senders.enter(call.tx, call.workspace, digits, call.now)
    accounts.register_senders(call.tx, call.workspace, wanted, [made])
    return made
