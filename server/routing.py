"""By which accounts messages of a sender number may leave, in order, at today's prices: what a launch or a send freezes."""

from uuid import UUID

from core import clock
from core.db import certificates, provider_accounts
from core.db.session import Tx
from core.rules.certificate import usable
from core.rules.channel import Channel
from core.rules.price import table
from core.rules.routing import Policy, Route, planned


def routes_of(tx: Tx, workspace: UUID, sender_number: UUID | None, channel: Channel, *, ad: bool) -> tuple[Route, ...]:
    """The accounts that know the number, for advertising only certified ones; `channel` is what most of it goes as."""
    today = clock.kst(clock.now()).date()
    routes = [
        Route(row.id, row.provider, table(row.provider).prices, row.priority, row.share, row.optout_number if ad else "")
        for row in provider_accounts.candidates(tx, sender_number)
        if not ad or usable(certificates.of(row), today)
    ]
    return planned(routes, Policy(provider_accounts.routing(tx, workspace)), channel)
