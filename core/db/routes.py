"""By which accounts information may leave, in order, at today's prices."""

from uuid import UUID

from core.db import provider_accounts
from core.db.session import Tx
from core.rules.channel import Channel
from core.rules.price import table
from core.rules.routing import Policy, Route, planned


def of_information(tx: Tx, workspace: UUID, sender_number: UUID) -> tuple[Route, ...]:
    """The accounts that know the number; empty when there is none."""
    routes = [
        Route(row.id, row.provider, table(row.provider).prices, row.priority, row.share)
        for row in provider_accounts.candidates(tx, sender_number)
    ]
    return planned(routes, Policy(provider_accounts.routing(tx, workspace)), Channel.SMS)
