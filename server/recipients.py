"""The people of a campaign as everybody may see them: from the ledger, or before a launch as they would be now."""

from collections.abc import Callable, Iterable
from typing import Any

from jeondan.v1 import report_pb2 as pb
from jeondan.v1 import send_pb2, types_pb2

from core.db import accounts, campaigns, recipients
from core.db.listing import Page
from core.db.recipients import Found, Recipient, Wish
from core.db.session import Row
from core.errors import InvalidInput
from core.rules.alimtalk import Notice
from core.rules.letter import Letter
from core.rules.personal import masked_name
from core.rules.personalise import MissingValue
from core.rules.phone import mask
from core.rules.reasons import why
from core.rules.states import CampaignState, MessageState
from server import preview
from server.convert import enum
from server.rpc import Call

CHUNK, ROUNDS = 1_000, 10  # of a dry run: written at once, and how often for one page
BEFORE_LAUNCH = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)


def is_before_launch(campaign: Row[Any]) -> bool:
    """Nothing is decided yet."""
    return campaign.state in BEFORE_LAUNCH


def page(call: Call, campaign: Row[Any], wish: Wish, wanted: Page) -> Found:
    """One page of them."""
    if is_before_launch(campaign):
        return _dry_run(call, campaign, wish, wanted)
    return recipients.page(call.tx, campaign.id, wish, wanted)


def letter_of(call: Call, campaign: Row[Any]) -> Letter | Notice:
    """The text as it would leave; an empty one as long as it cannot be finished."""
    try:
        return preview.letter_of(preview.draft_of(call.tx, campaign, call.now))
    except InvalidInput:
        return Letter("")


def judged(row: Row[Any], letter: Letter | Notice) -> tuple[MessageState, str]:
    """Where somebody of an audience would be, and why."""
    reason = row.reason
    if not reason:
        try:
            letter.write(row.name, row.attributes)
        except (MissingValue, InvalidInput) as refusal:
            reason = refusal.reason
    return (MessageState.EXCLUDED, reason) if reason else (MessageState.PLANNED, "")


def _dry_run(call: Call, campaign: Row[Any], wish: Wish, wanted: Page) -> Found:
    letter, found = letter_of(call, campaign), list[Recipient]()
    after = int(wanted.after[0]) if wanted.after else 0
    for _ in range(ROUNDS):
        rows = campaigns.audience(call.tx, campaign, after=after, people=CHUNK, keys=letter.keys)
        for row in rows:
            state, reason = judged(row, letter)
            if not wish.meets(state, reason):
                continue
            if len(found) == wanted.limit:
                return Found(found, found[-1].place)
            found.append(Recipient(row.id, state, reason, place=(str(row.id),)))
        if len(rows) < CHUNK:
            return Found(found)
        after = rows[-1].id
    return Found(found, (str(after),))


def shown(call: Call, people: Iterable[Recipient]) -> list[pb.Recipient]:
    """Recipients as everybody may see them."""
    found = list(people)
    known = recipients.people(call.tx, [one.contact for one in found])
    unseal = accounts.keys(call.tx, call.workspace).opener()
    return [message(one, known.get(one.contact), unseal) for one in found]


def message(one: Recipient, known: Row[Any] | None, unseal: Callable[[bytes], str]) -> pb.Recipient:
    """One of them."""
    return pb.Recipient(
        contact_id=str(one.contact),
        masked_name=masked_name(known.name) if known else "",
        masked_phone=mask(unseal(known.phone_sealed)) if known else "",
        state=enum(send_pb2.Message.State, "STATE", one.state.name),
        reason=reason_of(one.reason) if one.reason else None,
        message_id=f"{one.batch}-{one.position}" if one.batch else "",
    )


def reason_of(reason: str) -> types_pb2.Reason:
    """A reason with what it means."""
    known = why(reason)
    return types_pb2.Reason(reason=reason, label=known.label, rule=known.rule, sentence=known.sentence)
