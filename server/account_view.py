"""From rows to ProviderAccount messages; secrets never appear."""

from datetime import date
from typing import Any

from jeondan.v1 import account_pb2 as pb

from core import clock
from core.db import certificates
from core.db.session import Row
from core.rules.certificate import usable
from server.convert import enum, stamp


def provider_account(row: Row[Any]) -> pb.ProviderAccount:
    """An account as everybody of its workspace may see it."""
    return pb.ProviderAccount(
        id=str(row.id),
        provider=row.provider,
        state=enum(pb.ProviderAccount.State, "STATE", row.state),
        pause_reason=row.pause_reason,
        balance_sms=row.balance_sms or 0,
        balance_time=stamp(row.balance_at),
        test_mode=row.test_mode,
        priority=row.priority,
        share=row.share,
        most_calls=row.most_calls,
        calls_per_second=row.calls_per_second,
        breaker=enum(pb.ProviderAccount.Breaker, "BREAKER", row.breaker),
        sender_number_ids=[str(sender) for sender in row.senders or ()],
        certificate=_certificate(row),
        optout_number=row.optout_number,
    )


def _certificate(row: Row[Any]) -> pb.Certificate | None:
    found = certificates.of(row)
    if found is None:
        return None
    until = found.until.isoformat() if found.until else ""
    return pb.Certificate(
        number=found.number, check_date=found.checked_on.isoformat(), valid_until=until, usable=usable(found, today())
    )


def today() -> date:
    """The Korean day."""
    return clock.kst(clock.now()).date()
