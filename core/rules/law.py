"""May this message go to this person now: the law as one pure function, with everything national in a profile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from core.rules import night
from core.rules.night import Window

RULESET = "KR-2026-10-01"
_PATIENCE = timedelta(minutes=1)  # how long information waits for a law engine that is not well


class Medium(StrEnum):
    """What a yes or a no is about: consent and opt-outs know no finer distinction."""

    TEXT = "TEXT"
    KAKAO = "KAKAO"
    EMAIL = "EMAIL"


class Form(StrEnum):
    """How a message travels, as the law tells them apart; `Channel` has those that Jeondan sends."""

    SMS = "SMS"
    LMS = "LMS"
    MMS = "MMS"
    ALIMTALK = "ALIMTALK"
    BRAND = "BRAND"
    EMAIL = "EMAIL"

    @property
    def medium(self) -> Medium:
        """Whose consent it needs."""
        if self is Form.EMAIL:
            return Medium.EMAIL
        return Medium.KAKAO if self in (Form.ALIMTALK, Form.BRAND) else Medium.TEXT


class Reason(StrEnum):
    """Why somebody gets nothing, in the order of the law; faults of a text have the names of `rules.label`."""

    ENGINE_ERROR = "ENGINE_ERROR"
    BRAND_IS_AD_ONLY = "BRAND_IS_AD_ONLY"
    ALIMTALK_AD_FORBIDDEN = "ALIMTALK_AD_FORBIDDEN"
    PROHIBITED_GOODS = "PROHIBITED_GOODS"
    SENDER_NOT_REGISTERED = "SENDER_NOT_REGISTERED"
    GATEWAY_NOT_QUALIFIED = "GATEWAY_NOT_QUALIFIED"
    NO_OPTOUT_NUMBER = "NO_OPTOUT_NUMBER"
    ARCHIVED = "ARCHIVED"
    RESTRICTED = "RESTRICTED"
    NOT_ON_GUEST_LIST = "NOT_ON_GUEST_LIST"
    OPTED_OUT = "OPTED_OUT"
    NO_CONSENT = "NO_CONSENT"
    TXN_KIND_MISMATCH = "TXN_KIND_MISMATCH"
    TXN_EXPIRED = "TXN_EXPIRED"
    CONSENT_EVIDENCE_MISSING = "CONSENT_EVIDENCE_MISSING"
    RECONFIRM_OVERDUE = "RECONFIRM_OVERDUE"
    MINOR = "MINOR"
    NOT_AGE_VERIFIED = "NOT_AGE_VERIFIED"
    FREQUENCY_CAP = "FREQUENCY_CAP"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Profile:
    """The law of one jurisdiction."""

    ruleset: str
    zone: tzinfo | None  # None: where the receiver is
    quiet: Window | None  # for advertising, without consent to the night
    night_consent: bool  # the quiet hours can be opened by a consent of their own
    quiet_exempt: frozenset[Medium]
    closed: Mapping[Form, Window]  # these hours no consent opens
    info_only: frozenset[Form]
    ad_only: frozenset[Form]
    exemption_months: int  # buyers of the same goods need no consent for so long; 0: they do
    exemption_media: frozenset[Medium]
    reconfirm_months: int  # how often a consent has to be confirmed; 0: never
    guardian_until: int  # younger people need their guardian's consent; 0: none does
    certified_provider: bool
    optout_number: bool
    label: str
    optout_words: tuple[str, ...]  # an answer with one of these is a no
    optout_days: int  # by when it has to be obeyed; 0: at once
    result_days: int  # by when people are told that their yes or no was taken; 0: not at all


KR = Profile(
    ruleset=RULESET,
    zone=night.KST,
    quiet=night.DEFAULT,
    night_consent=True,
    quiet_exempt=frozenset({Medium.EMAIL}),
    closed={Form.BRAND: Window(time(20, 50), time(8))},
    info_only=frozenset({Form.ALIMTALK}),
    ad_only=frozenset({Form.BRAND}),
    exemption_months=6,
    exemption_media=frozenset({Medium.TEXT}),
    reconfirm_months=24,
    guardian_until=14,
    certified_provider=True,
    optout_number=True,
    label="(광고)",
    optout_words=(),
    optout_days=0,
    result_days=14,
)


@dataclass(frozen=True, slots=True)
class House:
    """What a merchant decided within the law."""

    quiet: Window | None = None  # None: as the law has it
    exemption: bool = False
    cap: int = 0
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message and the facts around it that are the same for everybody."""

    ad: bool
    form: Form
    goods: frozenset[str] = frozenset()  # the kinds that it is about
    adult: bool = False
    prohibited: bool = False
    faults: tuple[str, ...] = ()  # of its finished text: rules.label, rules.purpose
    sender_registered: bool = True
    certified: bool = True  # the provider that would carry it
    optout_number: bool = True
    expires_at: datetime | None = None
    house: House = field(default_factory=House)
    healthy: bool = True  # database, clock and rules are well


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes, with what proves it."""

    at: datetime | None = None
    source: str = ""
    confirmed_at: datetime | None = None
    night: bool = False


@dataclass(frozen=True, slots=True)
class Trade:
    """Something bought: its kind, and the day that the deal was done."""

    kind: str
    ended_on: date


@dataclass(frozen=True, slots=True)
class Person:
    """One receiver at one instant."""

    consents: Mapping[Medium, Consent] = field(default_factory=dict)
    opted_out: frozenset[Medium] = frozenset()
    trades: tuple[Trade, ...] = ()
    birth_year: int | None = None
    guardian_proof: str = ""
    adult: bool = False  # found to be of age
    archived: bool = False
    restricted: bool = False
    guest: bool = False
    recent_ads: int = 0  # of other campaigns, within the days of the cap
    brand_today: bool = False
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    """It may go now."""


@dataclass(frozen=True, slots=True)
class Defer:
    """It may go from this instant."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """It may not go. The first reason is the one that counts; the others would stand in the way as well."""

    reasons: tuple[str, ...]


Decision = Allow | Defer | Block


def decide(message: Message, person: Person, now: datetime, profile: Profile = KR) -> Decision:
    """May this message go to this person at this instant? What cannot be decided does not go."""
    try:
        return _decide(message, person, now, profile) if message.healthy else _unwell(message, now)
    except Exception:
        return _unwell(message, now)


def consent_until(consent: Consent, zone: tzinfo, months: int) -> date | None:
    """The last day of a consent that is not confirmed; None without a day it was given."""
    begun = consent.confirmed_at or consent.at
    return add_months(begun.astimezone(zone).date(), months) - timedelta(days=1) if consent.at and begun else None


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def _unwell(message: Message, now: datetime) -> Decision:
    return Block((Reason.ENGINE_ERROR,)) if message.ad else Defer(now + _PATIENCE)


def _decide(message: Message, person: Person, now: datetime, profile: Profile) -> Decision:
    zone = profile.zone or person.zone
    if zone is None:
        raise ValueError("nobody knows what time it is for this person")
    today = now.astimezone(zone).date()
    reasons = [*_of_message(message, profile), *_of_person(message, person)]
    if message.ad:
        reasons += [*_consent(message, person, today, profile, zone), *_protection(message, person, today, profile)]
    opens = _opens(message, person, now, profile, zone)
    if message.expires_at is not None and opens >= message.expires_at:
        reasons.append(Reason.EXPIRED)
    if reasons:
        return Block(tuple(reasons))
    return Defer(opens) if opens > now else Allow()


def _of_message(message: Message, profile: Profile) -> Iterator[str]:
    """Nobody gets it: R-PUR, R-KKO, R-PRO, R-LBL, R-SND."""
    if not message.ad and message.form in profile.ad_only:
        yield Reason.BRAND_IS_AD_ONLY
    if message.ad and message.form in profile.info_only:
        yield Reason.ALIMTALK_AD_FORBIDDEN
    if message.ad and message.prohibited:
        yield Reason.PROHIBITED_GOODS
    yield from message.faults
    if not message.sender_registered:
        yield Reason.SENDER_NOT_REGISTERED
    if message.ad and profile.certified_provider and not message.certified:
        yield Reason.GATEWAY_NOT_QUALIFIED
    if message.ad and profile.optout_number and not message.optout_number and message.form.medium is not Medium.EMAIL:
        yield Reason.NO_OPTOUT_NUMBER


def _of_person(message: Message, person: Person) -> Iterator[str]:
    """Whatever it says."""
    if person.archived:
        yield Reason.ARCHIVED
    if person.restricted:
        yield Reason.RESTRICTED
    if message.house.trial and not person.guest:
        yield Reason.NOT_ON_GUEST_LIST


def _consent(message: Message, person: Person, today: date, profile: Profile, zone: tzinfo) -> Iterator[str]:
    """R-CON-1, 3, 4 and 5, R-NTC-2."""
    medium = message.form.medium
    if medium in person.opted_out:
        yield Reason.OPTED_OUT
    consent = person.consents.get(medium)
    if consent is None:
        yield from _buyer(message, person, today, profile)
        return
    if consent.at is None or not consent.source:
        yield Reason.CONSENT_EVIDENCE_MISSING
    until = consent_until(consent, zone, profile.reconfirm_months) if profile.reconfirm_months else None
    if until is not None and until < today:
        yield Reason.RECONFIRM_OVERDUE


def _buyer(message: Message, person: Person, today: date, profile: Profile) -> Iterator[str]:
    """R-CON-3: every kind of goods that it is about was bought, the last time within the months of the exemption."""
    possible = message.house.exemption and profile.exemption_months and message.form.medium in profile.exemption_media
    if not possible or not message.goods or not person.trades:
        yield Reason.NO_CONSENT
        return
    fresh = {one.kind for one in person.trades if add_months(one.ended_on, profile.exemption_months) >= today}
    if not message.goods <= {one.kind for one in person.trades}:
        yield Reason.TXN_KIND_MISMATCH
    elif not message.goods <= fresh:
        yield Reason.TXN_EXPIRED


def _protection(message: Message, person: Person, today: date, profile: Profile) -> Iterator[str]:
    """R-CON-6, R-PRO-2, R-KKO-3, and what the merchant spares people. Who turns 14 this year may still be 13."""
    young = person.birth_year is not None and today.year - person.birth_year <= profile.guardian_until
    if profile.guardian_until and young and not person.guardian_proof:
        yield Reason.MINOR
    if message.adult and not person.adult:
        yield Reason.NOT_AGE_VERIFIED
    if 0 < message.house.cap <= person.recent_ads or (message.form is Form.BRAND and person.brand_today):
        yield Reason.FREQUENCY_CAP


def _opens(message: Message, person: Person, now: datetime, profile: Profile, zone: tzinfo) -> datetime:
    """R-NGT: the first instant, not before this one, at which no quiet hours stand in the way."""
    windows = [profile.closed[message.form]] if message.ad and message.form in profile.closed else []
    consent = person.consents.get(message.form.medium)
    agreed = profile.night_consent and consent is not None and consent.night
    if message.ad and profile.quiet and message.form.medium not in profile.quiet_exempt and not agreed:
        windows.append(message.house.quiet or profile.quiet)
    opens = now
    while (later := max((night.next_open(opens, one, zone) for one in windows), default=opens)) > opens:
        opens = later
    return opens
