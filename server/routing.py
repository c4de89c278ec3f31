"""By which accounts messages of a sender number may leave, in order, at today's prices: what a launch or a send freezes."""

from uuid import UUID

from core.db import provider_accounts
from core.db.session import Tx
from core.rules.channel import Channel
from core.rules.price import table
from core.rules.routing import Policy, Route, planned


def routes_of(tx: Tx, workspace: UUID, sender_number: UUID | None, channel: Channel) -> tuple[Route, ...]:
    """The accounts that know the number; `channel` is what most of it goes as. Empty when there is none."""
    routes = [
        Route(row.id, row.provider, table(row.provider).prices, row.priority, row.share)
        for row in provider_accounts.candidates(tx, sender_number)
    ]
    return planned(routes, Policy(provider_accounts.routing(tx, workspace)), channel)
