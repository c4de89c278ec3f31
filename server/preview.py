"""The preview: the whole audience rendered with the code that sends, so that bytes, cost and exclusions are the real ones."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import clock
from core.db import accounts, campaigns, certificates, goods, pictures, provider_accounts, segments, templates
from core.db.session import Row, Tx
from core.errors import InvalidInput, Violation
from core.rules import draft as drafts
from core.rules import optout
from core.rules.alimtalk import Notice
from core.rules.certificate import usable
from core.rules.channel import Channel
from core.rules.goods import of_items
from core.rules.label import redirected
from core.rules.letter import Letter
from core.rules.personal import masked_name
from core.rules.personalise import MissingValue
from core.rules.phone import mask
from core.rules.price import PriceTable, table
from core.rules.routing import Route
from core.rules.schedule import Schedule
from core.settings import load
from server import routing

CHUNK = 10_000
FORECAST_PEOPLE = 5 * CHUNK  # rendered for the warning of a launch
MOST_PEOPLE = 10**9


@dataclass(frozen=True, slots=True)
class Shown:
    """What one person would get; name and number are masked."""

    contact: int
    name: str
    phone: str
    text: str
    size: int
    channel: Channel


@dataclass(slots=True)
class Preview:
    """The sums over the audience, and some people to look at; `longest` is the one with the most bytes."""

    selected: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    channels: Counter[Channel] = field(default_factory=Counter)
    night: Counter[Channel] = field(default_factory=Counter)  # of these, who agreed to the night
    longest: Shown | None = None
    samples: list[Shown] = field(default_factory=list)

    def cost(self, prices: PriceTable) -> Decimal:
        """Won, exact."""
        return sum((prices.cost(channel, people) for channel, people in self.channels.items()), Decimal(0))


def draft_of(tx: Tx, campaign: Row[Any], now: datetime) -> drafts.Draft:
    """The campaign with everything a launch depends on."""
    workspace = accounts.workspace_row(tx, campaign.workspace_id)
    flyer = pictures.flyer_state(tx, campaign.flyer_id) if campaign.flyer_id else None
    carriers = provider_accounts.standing(tx)
    candidates = provider_accounts.candidates(tx, campaign.sender_number_id)
    knows_sender, today = bool(candidates), clock.kst(now).date()
    return drafts.Draft(
        ad=campaign.purpose == "AD",
        body=campaign.body,
        subject=campaign.subject,
        shop=workspace.name,
        optout_number=workspace.optout_number,
        sender_active=sender_of(tx, campaign.sender_number_id) is not None and (knows_sender or not carriers),
        account_known=bool(carriers),
        certified=any(usable(certificates.of(one), today) for one in candidates),
        flyer_state=flyer,
        segment_archived=campaign.segment_id is not None and segments.get(tx, campaign.segment_id).archived_at is not None,
        too_late=campaign.expires_at is not None and campaign.expires_at <= now,
        schedule=schedule_of(tx, campaign, campaign.scheduled_at, now) if campaign.scheduled_at else None,
        notice=_notice_of(tx, campaign) if campaign.template_id else None,
        fallback=campaign.fallback_body,
        flyer=_shown(tx, campaign.flyer_id) if campaign.flyer_id else drafts.Flyer(),
        info_reason=campaign.info_reason,
        overruled=bool(campaign.purpose_agreed_by),
    )


def _shown(tx: Tx, flyer: UUID) -> drafts.Flyer:
    """What its picture offers, and what of that may not be offered."""
    return drafts.Flyer(goods.offers(tx, flyer), of_items(goods.items(tx, flyer)).prohibited)


def _notice_of(tx: Tx, campaign: Row[Any]) -> drafts.Notice:
    """Its template as it is now, and whether the account that has it may use the sender number."""
    row = templates.get(tx, campaign.template_id)
    if row is None or row.gone_at is not None:
        return drafts.Notice(None)
    known = {one.id for one in provider_accounts.candidates(tx, campaign.sender_number_id)}
    return drafts.Notice(templates.as_template(row), carried=row.provider_account_id in known)


def schedule_of(tx: Tx, campaign: Row[Any], at: datetime, now: datetime) -> Schedule:
    """The wish that this campaign starts then."""
    quiet = accounts.quiet_hours(tx, campaign.workspace_id)
    return Schedule(at, now, ad=campaign.purpose == "AD", expires_at=campaign.expires_at, quiet=quiet)


def sender_of(tx: Tx, sender_number: UUID | None) -> str | None:
    """The digits of a sender number that can be used now; None when there is no such one here."""
    return next((row.number for row in accounts.sender_numbers(tx) if row.id == sender_number and row.active), None)


def draft_preview(tx: Tx, campaign: Row[Any], draft: drafts.Draft, samples: int) -> Preview:
    """The audience rendered with the draft's text; a text that cannot be finished is shown as it was written."""
    try:
        letter = letter_of(draft, _own_number(tx, campaign, draft))
    except InvalidInput:
        return count(tx, campaign.workspace_id, campaign)
    return render(tx, campaign.workspace_id, campaign, letter, samples)


def count(tx: Tx, workspace: UUID, campaign: Row[Any]) -> Preview:
    """Only who is selected and who is left out: there is no text to show or to price yet."""
    found = render(tx, workspace, campaign, Letter(""), 0)
    return Preview(found.selected, found.excluded)


def _own_number(tx: Tx, campaign: Row[Any], draft: drafts.Draft) -> str:
    """The 080 number of the account that would carry it, where it has one of its own: bytes are counted with it (R-LBL-7)."""
    return next((route.optout_number for route in routes_of(tx, campaign, draft)), "")


def prices_of(tx: Tx, campaign: Row[Any], draft: drafts.Draft) -> PriceTable:
    """The price list of the account that would carry it, or most of it."""
    found = routes_of(tx, campaign, draft)
    return table(found[0].provider if found else "aligo")


def routes_of(tx: Tx, campaign: Row[Any], draft: drafts.Draft) -> tuple[Route, ...]:
    """The accounts that may carry it, in order, at today's prices: for an Alimtalk only the one that has the template."""
    channel = drafts.likely_channel(draft)
    found = routing.routes_of(tx, campaign.workspace_id, campaign.sender_number_id, channel, ad=draft.ad)
    if campaign.template_id is None:
        return found
    row = templates.get(tx, campaign.template_id)
    return tuple(route for route in found if row and route.account == row.provider_account_id)


def forecast(tx: Tx, campaign: Row[Any], now: datetime) -> Decimal:
    """What the whole audience would cost, in won: exact for the first many, reckoned for those beyond."""
    draft = draft_of(tx, campaign, now)
    letter = letter_of(draft, _own_number(tx, campaign, draft))
    found = render(tx, campaign.workspace_id, campaign, letter, 0, most=FORECAST_PEOPLE)
    cost = found.cost(prices_of(tx, campaign, draft))
    if found.selected < FORECAST_PEOPLE:
        return cost
    return cost * campaigns.audience_end(tx, campaign)[1] / found.selected


def render(
    tx: Tx, workspace: UUID, campaign: Row[Any], letter: Letter | Notice, samples: int, *, most: int = MOST_PEOPLE
) -> Preview:
    """Write every text of the audience, or of the first `most`, in contact order, in flat memory."""
    preview = Preview()
    unseal = accounts.keys(tx, workspace).opener()
    after, rows = 0, campaigns.audience(tx, campaign, after=0, people=CHUNK, keys=letter.keys)
    while rows:
        for row in rows:
            _add(preview, row, letter, samples, unseal)
        after = rows[-1].id
        rows = (
            campaigns.audience(tx, campaign, after=after, people=CHUNK, keys=letter.keys)
            if len(rows) == CHUNK and preview.selected < most
            else ()
        )
    return preview


def _add(preview: Preview, row: Row[Any], letter: Letter | Notice, samples: int, unseal: Any) -> None:
    preview.selected += 1
    if row.reason:
        preview.excluded[row.reason] += 1
        return
    try:
        text, size, channel = letter.write(row.name, optout.sampled(letter.keys, row.attributes, load().link_base_url))
    except (MissingValue, InvalidInput) as refusal:
        preview.excluded[refusal.reason] += 1
        return
    preview.channels[channel] += 1
    preview.night[channel] += row.night
    is_longest = preview.longest is None or size > preview.longest.size
    if is_longest or len(preview.samples) < samples:
        shown = Shown(row.id, masked_name(row.name), mask(unseal(row.phone_sealed)), text, size, channel)
        if is_longest:
            preview.longest = shown
        if len(preview.samples) < samples:
            preview.samples.append(shown)


def problems(draft: drafts.Draft, preview: Preview | None) -> list[Violation]:
    """What stands in the way of a launch, the audience included."""
    found = list(drafts.problems(draft))
    if preview is not None and not found and not preview.channels:
        found.append(Violation("campaign.audience", "받을 수 있는 고객이 없습니다.", "EMPTY_AUDIENCE"))
    return found


def letter_of(draft: drafts.Draft, optout_number: str = "") -> Letter | Notice:
    """The finished text, ready to be written for people; with the account's own free number, where it has one."""
    if draft.notice and draft.notice.template:
        return Notice(draft.notice.template, draft.body, informs=not draft.overruled)
    informs = not draft.ad and not draft.overruled
    body = drafts.finished_body(draft)
    body = redirected(body, optout_number) if draft.ad and optout_number else body
    return Letter(body, has_image=draft.flyer_state is not None, informs=informs)
