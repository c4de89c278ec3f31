"""After a machine was lost: calls of the last seconds, which no log carried away, as the provider's own list shows them.

Only for providers that have such a list (Aligo); a call that is found there and belongs to nobody here comes in as unknown.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.db import accounts, restored, send
from core.db.ids import new_id
from core.db.session import Row, Tx, database
from core.rules import ledger
from core.rules.channel import Channel
from core.rules.letter import SEALED, text_hash, text_hashes
from core.rules.routing import Route, thawed
from core.rules.states import MessageState
from workers import accounts as providers
from workers import recipients
from workers.ledger import move
from workers.providers import Sighting

APART = timedelta(seconds=60)  # how far the provider's clock and ours may differ


@dataclass(frozen=True, slots=True)
class Seen:
    """A call in the provider's list that no attempt of ours owns, and to whom it went."""

    account: UUID
    sender: str
    sighting: Sighting
    receivers: frozenset[str]


def come_in(moment: datetime, now: datetime) -> Counter[str]:
    """Every batch that would go on, held against what the provider has seen since the restored moment."""
    done: Counter[str] = Counter()
    with database().system() as tx:
        waiting = restored.ready_batches(tx)
    seen: dict[tuple[UUID, UUID, str], list[Seen]] = {}
    for row in waiting:
        for route in map(thawed, row.routes):
            where = row.workspace_id, route.account, row.sender
            if where not in seen:
                seen[where] = list(_seen(*where, moment - APART, now + APART))
            for one in seen[where]:
                with database().write(row.workspace_id) as tx:
                    done["lost call to ask about"] += _take(tx, row.id, route, one, now)
    return +done


def _seen(workspace: UUID, account: UUID, sender: str, since: datetime, until: datetime) -> Iterator[Seen]:
    with database().read(workspace) as tx:
        provider = providers.provider_of(tx, account)
    if provider.references_before_sending or provider.name == accounts.REHEARSAL:
        return
    for channel in (Channel.SMS, Channel.ALIMTALK):  # one list for all texts, and one of its own
        found = provider.sightings(sender=sender, since=since, until=until, channel=channel)
        with database().read(workspace) as tx:
            owned = send.owned_references(tx, account, [one.reference for one in found])
        for one in found:
            if one.reference not in owned:
                receivers = frozenset(result.receiver for result in provider.results(one.reference).results)
                yield Seen(account, sender, one, receivers)


def _take(tx: Tx, batch_id: UUID, route: Route, seen: Seen, now: datetime) -> int:
    """1 when this call went to people who wait in this batch, with a text of theirs."""
    batch = send.lock_batch(tx, batch_id, now)
    if batch is None:
        return 0
    states = bytes(batch.states)
    found = dict(_matching(tx, batch, ledger.at(states, MessageState.PLANNED, MessageState.HELD), route, seen, now))
    if not found or (not batch.template_id and text_hash(seen.sighting.text) not in map(text_hash, found.values())):
        return 0
    values = _attempt(batch, list(found), list(found.values()), route, seen)
    send.add_attempts(tx, [values])
    send.finish_attempt(tx, values["id"], {"outcome": "UNKNOWN", "words": "lost"})
    move(tx, batch, ledger.place(states, list(found), MessageState.UNKNOWN), due_at=now, extra={"attempt": batch.attempt + 1})
    return 1


def _matching(
    tx: Tx, batch: Row[Any], waiting: Sequence[int], route: Route, seen: Seen, now: datetime
) -> Iterator[tuple[int, str]]:
    people = recipients.people(tx, batch, now)
    unseal, letter = accounts.keys(tx, batch.workspace_id).opener(), recipients.letter(batch, route.optout_number)
    for position in waiting:
        name, attributes, *_ = people[position]
        sealed = people[position][SEALED]
        if sealed and unseal(sealed) in seen.receivers:
            yield position, seen.sighting.text if batch.template_id else letter.text(name, attributes)


def _attempt(batch: Row[Any], positions: Sequence[int], texts: Sequence[str], route: Route, seen: Seen) -> dict[str, Any]:
    return {
        "id": new_id(),
        "workspace_id": batch.workspace_id,
        "batch_id": batch.id,
        "campaign_id": batch.campaign_id,
        "number": batch.attempt + 1,
        "provider_account_id": seen.account,
        "provider": route.provider,
        "channel": seen.sighting.channel.value,
        "sender": seen.sender,
        "positions": f"{{{','.join(map(str, positions))}}}",
        "text_hashes": text_hashes(texts),
        "unit_price": route.prices[seen.sighting.channel],
        "started_at": seen.sighting.at,
    }
