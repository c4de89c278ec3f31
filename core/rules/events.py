"""What the outside is told: which change of state is an event, and how an event of a batch becomes one per message."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.rules.states import CampaignState, MessageState

MESSAGE_KINDS = {
    MessageState.ACCEPTED: "message.accepted",
    MessageState.DELIVERED: "message.delivered",
    MessageState.FAILED: "message.failed",
    MessageState.UNKNOWN: "message.unknown",
    MessageState.CANCELLED: "message.cancelled",
    MessageState.EXPIRED: "message.expired",
    MessageState.EXCLUDED: "message.excluded",
}
STARTED, PAUSED, RESUMED = "campaign.started", "campaign.paused", "campaign.resumed"
DONE, CANCELLED, FAILED = "campaign.done", "campaign.cancelled", "campaign.failed"
KINDS = (*MESSAGE_KINDS.values(), STARTED, PAUSED, RESUMED, DONE, CANCELLED, FAILED)
_RUNNING = (CampaignState.PLANNING, CampaignState.SENDING)
_ENDS = {
    CampaignState.PAUSED: PAUSED,
    CampaignState.DONE: DONE,
    CampaignState.CANCELLED: CANCELLED,
    CampaignState.FAILED: FAILED,
}

WHOLE: tuple[int, ...] = ()  # the positions of an event that is about its whole batch
EVERYBODY = "*"  # the position of a reason that everybody shares


@dataclass(frozen=True, slots=True)
class News:
    """One kind of event within a batch: whom it is about, and the reasons, as they are stored."""

    kind: str
    positions: Sequence[int]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody who follows the events has got to: so many (`done`) of what this row tells have been read."""

    transaction: int
    row: UUID
    done: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the outbox with what is needed to unfold it; without a batch it is about the campaign."""

    row: UUID
    transaction: int
    news: News
    time: datetime
    campaign: UUID | None
    batch: UUID | None
    batch_size: int
    direct: bool  # made by SendService: the campaign is nothing the outside knows
    test: bool

    @property
    def count(self) -> int:
        """How many events it is for the outside."""
        return 1 if self.batch is None else len(people(self.news.positions, self.batch_size))


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the outside sees it: about one message or one campaign, never with a number or a text."""

    id: str
    type: str
    time: datetime
    campaign_id: str = ""
    message_id: str = ""
    client_reference: str = ""
    reason: str = ""
    test: bool = False


def news(before: bytes, after: bytes, reasons: Mapping[str, str]) -> list[News]:
    """What is to be told about a batch whose states changed; `reasons` by position, of those who have one."""
    return [
        News(kind, positions, _told(reasons, positions if positions else range(len(after))))
        for state, kind in MESSAGE_KINDS.items()
        if (positions := _came(state, before, after)) is not None
    ]


def of_move(old: CampaignState, new: CampaignState) -> str:
    """What is told about a campaign that moves from one state to the other; empty when it is nothing for the outside."""
    if new in _RUNNING and old not in _RUNNING:
        return RESUMED if old is CampaignState.PAUSED else STARTED
    return _ENDS.get(new, "") if new is not old else ""


def people(positions: Sequence[int], batch_size: int) -> Sequence[int]:
    """The positions that an event is about."""
    return positions or range(batch_size)


def of_messages(event: UUID, news: News, batch_size: int, batch: UUID) -> Iterator[tuple[int, str, str, str]]:
    """(position, event id, message id, reason) of everybody: stable, because event and batch never change."""
    shared = news.reasons.get(EVERYBODY, "")
    for position in people(news.positions, batch_size):
        yield position, f"{event}-{position}", f"{batch}-{position}", news.reasons.get(str(position), shared)


def unfold(told: Told, references: Mapping[tuple[UUID, int], str]) -> list[Event]:
    """The events as the outside sees them, one per message; `references` are the client's own, by batch and position."""
    campaign = "" if told.direct or told.campaign is None else str(told.campaign)
    if told.batch is None:
        return [Event(str(told.row), told.news.kind, told.time, campaign, test=told.test)]
    return [
        Event(event, told.news.kind, told.time, campaign, message, references.get((told.batch, position), ""), reason, told.test)
        for position, event, message, reason in of_messages(told.row, told.news, told.batch_size, told.batch)
    ]


def _came(state: MessageState, before: bytes, after: bytes) -> Sequence[int] | None:
    """Who came into this state: WHOLE for everybody, None for nobody."""
    value, count = int(state), after.count(state)
    if not count or before == after:
        return None
    if count == len(after) and value not in before:
        return WHOLE
    return [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if new == value != old] or None


def _told(reasons: Mapping[str, str], positions: Sequence[int]) -> Mapping[str, str]:
    """The reasons of these people; one for everybody when they share it."""
    if not reasons:
        return {}
    known = {str(at): reasons[str(at)] for at in positions if str(at) in reasons}
    if len(known) == len(positions) and len(set(known.values())) == 1:
        return {EVERYBODY: next(iter(known.values()))}
    return known
