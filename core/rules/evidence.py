"""What is kept about one person, and what was known at an earlier instant: the input of a decision, to be decided again."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol, TypeVar

from core.rules.law import Consent, Medium, Person, Trade

ADS, NIGHT = "ADS", "NIGHT"


@dataclass(frozen=True, slots=True)
class Said:
    """A yes or a no to advertising, as the ledger has it."""

    channel: str
    scope: str
    granted: bool
    given_at: datetime | None
    source: str
    recorded_at: datetime
    wording: str = ""
    proven: bool = False


@dataclass(frozen=True, slots=True)
class OptOut:
    """A no, by whichever way it came."""

    channel: str
    source: str
    said_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of the law."""

    kind: str
    state: str
    deadline_at: datetime
    recorded_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bought:
    """Something bought."""

    order_id: str
    kind: str
    ended_on: date
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """The customer's own row, as it is now."""

    ad_consent: bool = False
    night_consent: bool = False
    consent_at: datetime | None = None
    consent_source: str = ""
    confirmed_at: datetime | None = None
    birth_year: int | None = None
    guardian_proof: str = ""
    adult_at: datetime | None = None
    restricted_at: datetime | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is kept about a person and advertising; `before_ledger`: their consent is older than its ledger."""

    contact: Contact = field(default_factory=Contact)
    consents: tuple[Said, ...] = ()
    optouts: tuple[OptOut, ...] = ()
    notices: tuple[Notice, ...] = ()
    trades: tuple[Bought, ...] = ()
    suppressed_from: datetime | None = None  # where no opt-out tells
    suppressed_until: datetime | None = None
    optout_channels: frozenset[str] = frozenset({"TEXT"})  # who says no on one of these has said it on all of them
    guest_since: datetime | None = None
    recent_ads: int = 0
    before_ledger: bool = False


class _Recorded(Protocol):
    @property
    def recorded_at(self) -> datetime: ...


Record = TypeVar("Record", bound=_Recorded)


def known_at(evidence: Evidence, at: datetime) -> Evidence:
    """What was recorded until then."""
    return replace(
        evidence,
        consents=_until(evidence.consents, at),
        optouts=_until(evidence.optouts, at),
        notices=_until(evidence.notices, at),
        trades=_until(evidence.trades, at),
        before_ledger=not evidence.consents,
    )


def person(evidence: Evidence, at: datetime) -> Person:
    """The person as the rules see them, from what `known_at` that instant leaves."""
    contact = evidence.contact
    return Person(
        consents={medium: yes for medium in Medium if (yes := consent(evidence, medium, at))},
        opted_out=frozenset(medium for medium in Medium if opted_out(evidence, medium, at)),
        trades=tuple(Trade(one.kind, one.ended_on) for one in evidence.trades),
        birth_year=contact.birth_year,
        guardian_proof=contact.guardian_proof,
        adult=_since(contact.adult_at, at),
        archived=_since(contact.archived_at, at),
        restricted=_since(contact.restricted_at, at),
        guest=_since(evidence.guest_since, at),
        recent_ads=evidence.recent_ads,
    )


def consent(evidence: Evidence, medium: Medium, at: datetime) -> Consent | None:
    """The yes that was in force: the last word on it."""
    contact = evidence.contact
    confirmed = contact.confirmed_at if _since(contact.confirmed_at, at) else None
    if evidence.before_ledger:
        if medium is not Medium.TEXT or not contact.ad_consent:
            return None
        return Consent(contact.consent_at, contact.consent_source, confirmed, contact.night_consent)
    ads, night = _last(evidence.consents, medium, ADS), _last(evidence.consents, medium, NIGHT)
    if ads is None or not ads.granted:
        return None
    later = confirmed if confirmed and ads.given_at and confirmed > ads.given_at else None
    return Consent(ads.given_at, ads.source, later, night is not None and night.granted)


def opted_out(evidence: Evidence, medium: Medium, at: datetime) -> bool:
    """Whether a no was in force: one that no later yes with its proof has answered (R-CON-4)."""
    if not evidence.optouts:
        begun, ended = evidence.suppressed_from, evidence.suppressed_until
        mine = medium.value in evidence.optout_channels
        return mine and _since(begun, at) and not _since(ended, at)
    return any(
        _covers(evidence, one.channel, medium) and not _answered(evidence.consents, medium, one) for one in evidence.optouts
    )


def _covers(evidence: Evidence, channel: str, medium: Medium) -> bool:
    return channel == medium.value or {channel, medium.value} <= evidence.optout_channels


def _answered(consents: Iterable[Said], medium: Medium, no: OptOut) -> bool:
    """A yes that is newer than the no, recorded after it, with its proof."""
    return any(
        yes.granted and yes.proven and yes.channel == medium.value and yes.given_at is not None and yes.given_at > no.said_at
        for yes in consents
    )


def _last(consents: Iterable[Said], medium: Medium, scope: str) -> Said | None:
    mine = [one for one in consents if one.channel == medium.value and one.scope == scope]
    return mine[-1] if mine else None


def _until(records: Iterable[Record], at: datetime) -> tuple[Record, ...]:
    return tuple(one for one in records if one.recorded_at <= at)


def _since(begun: datetime | None, at: datetime) -> bool:
    return begun is not None and begun <= at
