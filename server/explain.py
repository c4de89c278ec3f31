"""Why one person got a campaign or did not: the record of the ledger, decided again with what was known then."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jeondan.v1 import report_pb2 as pb

from core.db import accounts, campaigns, evidence, law, recipients
from core.db.recipients import Recipient
from core.db.session import Row
from core.errors import InvalidInput, NotFound
from core.rules import phone
from core.rules.channel import Channel
from core.rules.evidence import Evidence, known_at, person
from core.rules.law import Decision, Form, House, Message, decide
from core.rules.letter import Letter, text_hash
from core.rules.night import Window
from core.rules.personal import masked_name
from core.rules.states import MessageState
from core.rules.verdict import ENDED, HANDED_OVER, Case, explain
from server import explanation_view as view
from server.errors import wrong
from server.recipients import is_before_launch, judged, letter_of
from server.rpc import Call


@dataclass(frozen=True, slots=True)
class Whom:
    """Who is asked about: `known` None when they are no customer (any more)."""

    contact: int
    known: Row[Any] | None
    phone_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Found:
    """Where they stand, when that was decided (None: nothing is, so it is now), and every time they were handed over."""

    case: Case
    at: datetime | None = None
    place: Row[Any] | None = None
    handovers: Sequence[Row[Any]] = ()
    text: str = ""


def explained(call: Call, campaign: Row[Any], request: pb.ExplainRecipientRequest) -> pb.Explanation:
    """The whole explanation."""
    whom = _whom(call, request)
    found = _before(call, campaign, whom) if is_before_launch(campaign) else _after(call, campaign, whom)
    at = found.at or call.now
    house = evidence.house(call.tx, call.workspace)
    said = known_at(evidence.of_person(call.tx, call.workspace, whom.known, whom.phone_hash), at)
    if house.ad_cap and whom.known:
        said = replace(said, recent_ads=evidence.recent_ads(call.tx, campaign, whom.contact, house.ad_cap_days, at))
    asked = law.of_campaign(call.tx, campaign, at)
    result = explain(found.case, _decided(campaign, house, asked, said, at))
    returned = evidence.results(call.tx, found.place.batch_id, found.place.position) if found.handovers and found.place else ()
    return pb.Explanation(
        campaign_id=str(campaign.id),
        recipient=view.recipient(call, whom.known, _recipient(whom, found)),
        **view.verdict(result, found.at, campaign.ruleset),
        inputs=view.inputs(said, asked["goods"], at),
        handovers=view.handovers(found.handovers, returned),
        text=found.text or _proven_text(campaign, whom, found),
    )


def _whom(call: Call, request: pb.ExplainRecipientRequest) -> Whom:
    if bool(request.contact_id) == bool(request.phone):
        raise wrong("contact_id", "고객과 전화번호 가운데 하나만 알려 주세요.", "EXPLAIN_WHOM")
    if request.phone:
        found = accounts.keys(call.tx, call.workspace).lookup(phone.normalise(request.phone))
        known = evidence.contact_by_hash(call.tx, call.workspace, found)
        return Whom(known.id if known else 0, known, found)
    contact = int(request.contact_id) if request.contact_id.isascii() and request.contact_id.isdigit() else 0
    known = evidence.contact(call.tx, contact) if contact < 1 << 63 else None
    return Whom(contact, known, known.phone_hash if known else None)


def _before(call: Call, campaign: Row[Any], whom: Whom) -> Found:
    """As it would be now, by the query that plans."""
    letter = letter_of(call, campaign)
    rows = campaigns.audience(call.tx, campaign, after=whom.contact - 1, people=1, keys=letter.keys) if whom.known else ()
    if not rows or rows[0].id != whom.contact:
        return Found(_not_selected(campaign, whom))
    state, reason = judged(rows[0], letter)
    text = "" if reason else letter.write(masked_name(rows[0].name), rows[0].attributes)[0]
    return Found(Case(state, reason, dry=True), text=text)


def _after(call: Call, campaign: Row[Any], whom: Whom) -> Found:
    """As the ledger has it."""
    place = recipients.place_of(call.tx, campaign.id, whom.contact) if whom.contact else None
    if place is None:
        return Found(_not_selected(campaign, whom))
    state = MessageState(place.state)
    tries = evidence.handovers(call.tx, place.batch_id, place.position) if place.batch_id else ()
    if state in HANDED_OVER and tries:
        silent = state is MessageState.ACCEPTED and tries[-1].outcome == "ACCEPTED" and tries[-1].poll_at is None
        return Found(Case(state, "NO_RESULT" if silent else place.reason), tries[-1].started_at, place, tries)
    return Found(Case(state, ENDED.get(state, place.reason)), _decided_at(campaign, state, place), place, tries)


def _decided_at(campaign: Row[Any], state: MessageState, place: Row[Any]) -> datetime | None:
    """When it was decided about somebody who was not handed over; None while they wait."""
    found: datetime | None
    match state:
        case MessageState.EXCLUDED:
            found = place.decided_at or campaign.launched_at
        case MessageState.CANCELLED:
            found = campaign.ended_at
        case MessageState.EXPIRED:
            found = campaign.expires_at
        case _:
            found = None
    return found


def _not_selected(campaign: Row[Any], whom: Whom) -> Case:
    """The likeliest reason why an audience has somebody not; who is nowhere at all is not found."""
    if whom.known is None:
        if whom.contact or whom.phone_hash is None:
            raise NotFound("이런 고객이 없습니다.")
        return Case(None, "NOT_A_CUSTOMER")
    if is_before_launch(campaign):
        return Case(None, "ARCHIVED" if whom.known.archived_at else "NOT_IN_AUDIENCE", dry=True)
    if campaign.launched_at is None:
        return Case(None, "NOT_LAUNCHED")
    if whom.known.created_at > campaign.launched_at:
        return Case(None, "ADDED_LATER")
    if not campaign.planned and campaign.plan_cursor < whom.contact <= campaign.plan_until:
        return Case(None, "NOT_PLANNED_YET")
    return Case(None, "ARCHIVED" if whom.known.archived_at else "NOT_IN_AUDIENCE")


def _decided(campaign: Row[Any], house: Row[Any], asked: dict[str, Any], said: Evidence, at: datetime) -> Decision:
    """The rules about this person at that instant. What is the same for everybody was checked at the launch."""
    pictured = bool(campaign.image_object or campaign.flyer_id)
    message = Message(
        ad=asked["ad"],
        form=Form.ALIMTALK if campaign.template_id else Form.MMS if pictured else Form.SMS,
        goods=frozenset(asked["goods"]),
        adult=asked["adult"],
        expires_at=campaign.expires_at,
        house=House(Window(house.quiet_from, house.quiet_until), house.trade_exemption, house.ad_cap, house.trial),
    )
    return decide(message, person(said, at), at)


def _recipient(whom: Whom, found: Found) -> Recipient | None:
    if found.case.state is None or not whom.contact:
        return None
    place = found.place if found.place and found.place.batch_id else None
    batch, position = (place.batch_id, place.position) if place else (None, 0)
    return Recipient(whom.contact, found.case.state, found.case.reason, batch, position)


def _proven_text(campaign: Row[Any], whom: Whom, found: Found) -> str:
    """What was sent, written again with today's values: shown only when its hash is that of the text that left."""
    if not found.handovers or whom.known is None:
        return ""
    last = found.handovers[-1]
    if last.channel == Channel.ALIMTALK:
        return ""  # a template's text is written by the provider's own words
    letter = Letter(campaign.frozen_fallback if campaign.template_id else campaign.frozen_body)
    values = [_value(whom.known.attributes.get(key, "")) for key in letter.keys]
    try:
        if text_hash(letter.text(whom.known.name, values)) != bytes(last.text_hash):
            return ""
        return letter.text(masked_name(whom.known.name), values)
    except InvalidInput:
        return ""


def _value(value: Any) -> str:
    """As PostgreSQL gives a value of an object as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
