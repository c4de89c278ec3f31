"""Recipients: whom a batch goes to. Contacts of a campaign, or the numbers that SendService was given."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.db import accounts, direct, send
from core.db.session import Row, Tx
from core.rules import optout
from core.rules.label import redirected
from core.rules.letter import Letter, Person, Written
from core.settings import load

_WRITTEN = Written()


def letter(batch: Row[Any], optout_number: str = "") -> Letter:
    """How the texts of a batch are written; advertising with the free number of the account by which it leaves."""
    if batch.kind == "SEND":
        return _WRITTEN
    informs = batch.purpose == "INFO" and not batch.purpose_agreed_by
    return _letters(batch.frozen_body, bool(batch.image_object), optout_number, informs)


def people(tx: Tx, batch: Row[Any], now: datetime, keys: Sequence[str] | None = None) -> list[Person]:
    """Everybody by position, as they are at this instant; with the values of `keys`, by default those of the letter."""
    count = len(batch.states)
    if batch.kind == "SEND":
        guests_only = batch.trial and not batch.test  # what is rehearsed leaves by no provider
        return direct.recipients(tx, batch.id, count, accounts.keys(tx, batch.workspace_id), guests_only=guests_only)
    wanted = letter(batch).keys if keys is None else keys
    found = send.recipients(tx, batch, count, wanted, now)
    return _linked(tx, batch, found, wanted) if optout.VARIABLE in wanted else found


def numbers(tx: Tx, batch: Row[Any], positions: Collection[int]) -> dict[int, str]:
    """The numbers at these positions, in clear and in memory only; whoever is gone has none."""
    unseal = accounts.keys(tx, batch.workspace_id).opener()
    if batch.kind == "SEND":
        sealed = direct.phones(tx, batch.id)
    else:
        of_contact = send.phones(tx, [batch.contact_ids[position] for position in positions])
        sealed = {position: of_contact.get(batch.contact_ids[position], b"") for position in positions}
    return {position: unseal(sealed[position]) for position in positions if sealed.get(position)}


def _linked(tx: Tx, batch: Row[Any], people: Sequence[Person], keys: Sequence[str]) -> list[Person]:
    """Each with a link of their own by which they say no."""
    at, key, base = keys.index(optout.VARIABLE), accounts.keys(tx, batch.workspace_id).lookup_key, load().link_base_url

    def filled(position: int, values: Sequence[str]) -> Sequence[str]:
        return (*values[:at], optout.address(base, optout.code(batch.id, position, key)), *values[at + 1 :])

    return [(one[0], filled(position, one[1]), *one[2:]) for position, one in enumerate(people)]


@lru_cache(maxsize=64)
def _letters(body: str, has_image: bool, optout_number: str, informs: bool) -> Letter:
    return Letter(redirected(body, optout_number) if optout_number else body, has_image=has_image, informs=informs)
